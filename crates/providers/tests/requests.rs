//! Request bodies: what the scan takes, what it refuses, and splices compared byte for byte.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use bytes::Bytes;
use paceline_providers::{Edits, RequestFacts, ScanError, scan};
use paceline_types::Api;
use proptest::prelude::*;

fn facts(api: Api, body: &str) -> RequestFacts {
    scan(api, body.as_bytes()).unwrap_or_else(|error| panic!("{body}: {error}"))
}

fn refused(api: Api, body: impl AsRef<[u8]>) -> ScanError {
    scan(api, body.as_ref()).unwrap_err()
}

fn edited(api: Api, body: &str, edit: impl for<'e, 'b> FnOnce(&'e mut Edits<'b>) -> &'e mut Edits<'b>) -> String {
    let body = Bytes::copy_from_slice(body.as_bytes());
    let facts = scan(api, &body).unwrap();
    let mut edits = Edits::new(body, &facts);
    edit(&mut edits);
    String::from_utf8(edits.into_parts().concat()).unwrap()
}

#[test]
fn known_fields_are_read() {
    let chat = facts(
        Api::Chat,
        r#"{"model":"small","messages":[{"role":"user","content":"\"model\":\"x\""}],"stream":true,"n":2,
            "max_tokens":10,"max_completion_tokens":20,"stream_options":{"include_usage":false}}"#,
    );
    assert_eq!(chat.model.as_deref(), Some("small"));
    assert_eq!((chat.stream, chat.cap, chat.cap_set, chat.choices), (true, Some(20), true, 2));
    assert_eq!(chat.include_usage, Some(false));
    assert_eq!(facts(Api::Responses, r#"{"max_output_tokens":7,"max_tokens":9}"#).cap, Some(7));
    assert_eq!(facts(Api::Messages, r#"{"max_tokens":1024.0}"#).cap, Some(1024));
    assert_eq!(facts(Api::Completions, r#"{"max_tokens":1e3}"#).cap, Some(1000));
}

#[test]
fn fields_of_other_apis_mean_nothing() {
    let embeddings = facts(Api::Embeddings, r#"{"model":"e","stream":"x","max_tokens":"y","n":{},"stream_options":1}"#);
    assert_eq!((embeddings.stream, embeddings.cap_set, embeddings.choices), (false, false, 1));
    assert!(!facts(Api::CountTokens, r#"{"max_tokens":5}"#).cap_set);
    assert!(!facts(Api::Messages, r#"{"max_completion_tokens":5}"#).cap_set);
    assert_eq!(facts(Api::Responses, r#"{"stream_options":{"include_obfuscation":false}}"#).include_usage, None);
}

#[test]
fn nulls_count_as_absent() {
    let none = facts(
        Api::Chat,
        r#"{"model":null,"stream":null,"max_tokens":null,"max_completion_tokens":null,"stream_options":null,"n":null}"#,
    );
    assert_eq!((none.model, none.stream, none.cap, none.cap_set), (None, false, None, false));
    assert_eq!((none.include_usage, none.choices), (None, 1));
    assert_eq!(facts(Api::Chat, r#"{"stream_options":{"include_usage":null}}"#).include_usage, None);
}

#[test]
fn a_cap_that_is_no_whole_number_is_the_callers_own() {
    for cap in ["-1", "1.5", "1e400", "99999999999999999999999"] {
        let facts = facts(Api::Chat, &format!(r#"{{"max_tokens":{cap}}}"#));
        assert!(facts.cap_set && facts.cap.is_none(), "{cap}");
    }
}

#[test]
fn escaped_keys_and_the_last_of_repeated_keys_count() {
    let facts = facts(Api::Chat, r#"{"mod\u0065l":"\u0061\"b","m\u0061x_tokens":3}"#);
    assert_eq!(facts.model.as_deref(), Some("a\"b"));
    assert_eq!(facts.cap, Some(3));
    let facts = self::facts(Api::Chat, r#"{"model":5,"stream":true,"model":"b","stream":false}"#);
    assert_eq!((facts.model.as_deref(), facts.stream), (Some("b"), false));
}

#[test]
fn wrong_types_name_the_field() {
    for (api, body, field, wanted) in [
        (Api::Chat, r#"{"model":5}"#, "model", "a string"),
        (Api::Embeddings, r#"{"model":["a"]}"#, "model", "a string"),
        (Api::Chat, r#"{"stream":"yes"}"#, "stream", "true or false"),
        (Api::Messages, r#"{"stream":1}"#, "stream", "true or false"),
        (Api::Messages, r#"{"max_tokens":"many"}"#, "max_tokens", "a whole number"),
        (Api::Responses, r#"{"max_output_tokens":{}}"#, "max_output_tokens", "a whole number"),
        (Api::Chat, r#"{"max_completion_tokens":true}"#, "max_completion_tokens", "a whole number"),
        (Api::Chat, r#"{"stream_options":[]}"#, "stream_options", "an object"),
        (Api::Chat, r#"{"stream_options":{"include_usage":1}}"#, "stream_options.include_usage", "true or false"),
    ] {
        assert_eq!(refused(api, body), ScanError::WrongType { field, wanted }, "{body}");
    }
    assert_eq!(refused(Api::Chat, r#"{"stream":"yes"}"#).to_string(), "`stream` must be true or false");
}

#[test]
fn what_is_no_object_is_refused() {
    for body in ["", " ", "\r\n\t "] {
        assert_eq!(refused(Api::Chat, body), ScanError::Empty);
    }
    for body in ["[]", "\"a\"", "1", "true", "null", "[{\"model\":\"a\"}]"] {
        assert_eq!(refused(Api::Chat, body), ScanError::NotObject, "{body}");
    }
    assert_eq!(refused(Api::Chat, b"{\"a\":\"\xff\"}"), ScanError::NotUtf8);
    assert_eq!(refused(Api::Chat, b"{\"a\":\"\xed\xa0\x80\"}"), ScanError::NotUtf8);
}

#[test]
fn malformed_bodies_are_refused_with_their_place() {
    for (body, at) in [
        ("{", 1),
        ("{}x", 2),
        ("{} {}", 3),
        ("{\"a\":1,}", 7),
        ("{\"a\" 1}", 5),
        ("{\"a\":}", 5),
        ("{a:1}", 1),
        ("{'a':1}", 1),
        ("{\"a\":[1,]}", 8),
        ("{\"a\":[1}", 7),
        ("{\"a\":{]}", 6),
        ("{\"a\":[}]", 6),
        ("{\"a\":tru}", 5),
        ("{\"a\":nulll}", 9),
        ("{\"a\":-}", 6),
        ("{\"a\":\"b}", 8),
        ("{\"a\":\"b\\\"}", 10),
        ("\u{feff}{}", 0),
        ("model=x", 0),
    ] {
        assert_eq!(refused(Api::Chat, body), ScanError::Malformed { at }, "{body}");
    }
}

#[test]
fn depth_has_a_bound() {
    let nested = |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    assert!(scan(Api::Chat, nested(127).as_bytes()).is_ok());
    assert_eq!(refused(Api::Chat, nested(128)), ScanError::TooDeep);
    assert_eq!(refused(Api::Chat, "{\"a\":".repeat(100_000)), ScanError::TooDeep);
    assert_eq!(refused(Api::Chat, format!("{{\"a\":{}", "[".repeat(1_000_000))), ScanError::TooDeep);
}

#[test]
fn a_known_field_repeated_without_end_is_refused() {
    let body = format!("{{{}\"n\":1}}", "\"n\":1,".repeat(10_000));
    assert!(matches!(refused(Api::Chat, body), ScanError::Malformed { .. }));
}

#[test]
fn no_edits_leave_one_part_the_original() {
    let body = Bytes::from_static(b" { \"model\" : \"a\" , \"stream_options\":{\"include_usage\":true}} ");
    let facts = scan(Api::Chat, &body).unwrap();
    let mut edits = Edits::new(body.clone(), &facts);
    edits.model("a").include_usage();
    let parts = edits.into_parts();
    assert_eq!(parts.len(), 1);
    assert_eq!((parts[0].as_ptr(), parts[0].len()), (body.as_ptr(), body.len()));
}

#[test]
fn values_are_replaced_where_they_stand() {
    for (body, expected) in [
        (r#"{"model":"a","x":1}"#, r#"{"model":"b/\"c","x":1}"#),
        (
            "{\n\t\"z\" : 1e5 ,\r\n \"model\"\t:\n\"a\\u0062\" , \"é\":\"\\ud83d\" }",
            "{\n\t\"z\" : 1e5 ,\r\n \"model\"\t:\n\"b/\\\"c\" , \"é\":\"\\ud83d\" }",
        ),
        (r#"{"model":null}"#, r#"{"model":"b/\"c"}"#),
        (r#"{"mod\u0065l":"a","model":7,"model":"a"}"#, r#"{"mod\u0065l":"b/\"c","model":"b/\"c","model":"b/\"c"}"#),
        ("{}", r#"{"model":"b/\"c"}"#),
        (" { } ", r#" {"model":"b/\"c" } "#),
        (r#"{ "a":1}"#, r#"{"model":"b/\"c", "a":1}"#),
    ] {
        assert_eq!(edited(Api::Chat, body, |edits| edits.model("b/\"c")), expected);
    }
}

#[test]
fn caps_go_in_under_the_field_asked_for() {
    for (api, field, body, expected) in [
        (Api::Chat, "max_tokens", r#"{"a":1}"#, r#"{"max_tokens":800,"a":1}"#),
        (
            Api::Chat,
            "max_completion_tokens",
            r#"{"max_tokens":null}"#,
            r#"{"max_completion_tokens":800,"max_tokens":null}"#,
        ),
        (Api::Chat, "max_tokens", r#"{"max_tokens": null ,"b":2}"#, r#"{"max_tokens": 800 ,"b":2}"#),
        (Api::Chat, "max_tokens", r#"{"max_tokens":9,"max_tokens":null}"#, r#"{"max_tokens":800,"max_tokens":800}"#),
        (Api::Responses, "max_output_tokens", "{}", r#"{"max_output_tokens":800}"#),
        (Api::Messages, "max_tokens", r#"{"model":"m"}"#, r#"{"max_tokens":800,"model":"m"}"#),
    ] {
        assert_eq!(edited(api, body, |edits| edits.cap(field, 800)), expected);
    }
}

#[test]
fn usage_is_asked_for_in_every_form_of_stream_options() {
    for (body, expected) in [
        (r#"{"a":1}"#, r#"{"stream_options":{"include_usage":true},"a":1}"#),
        ("{}", r#"{"stream_options":{"include_usage":true}}"#),
        (r#"{"stream_options":null}"#, r#"{"stream_options":{"include_usage":true}}"#),
        (r#"{"stream_options" : { } }"#, r#"{"stream_options" : {"include_usage":true } }"#),
        (r#"{"stream_options":{"x":[1]}}"#, r#"{"stream_options":{"include_usage":true,"x":[1]}}"#),
        (
            r#"{"stream_options":{"include_usage": false ,"x":0}}"#,
            r#"{"stream_options":{"include_usage": true ,"x":0}}"#,
        ),
        (r#"{"stream_options":{"include_usage":null}}"#, r#"{"stream_options":{"include_usage":true}}"#),
        (r#"{"stream_options":{"include\u005fusage":false}}"#, r#"{"stream_options":{"include\u005fusage":true}}"#),
        (
            r#"{"stream_options":[],"stream_options":{}}"#,
            r#"{"stream_options":{"include_usage":true},"stream_options":{"include_usage":true}}"#,
        ),
    ] {
        assert_eq!(edited(Api::Chat, body, |edits| edits.include_usage()), expected);
    }
}

#[test]
fn all_edits_together_keep_key_order_and_unknown_fields() {
    let body = "{\"z_unknown\": {\"k\":[1, 2 ]},\r\n\"model\":\"auto\",\"a\" :1.0e0,\"dup\":1,\"dup\":2,\"stream\":true,\"messages\":[ ]}";
    let all = edited(Api::Chat, body, |edits| edits.model("gpt").cap("max_completion_tokens", 5).include_usage());
    assert_eq!(
        all,
        "{\"max_completion_tokens\":5,\"stream_options\":{\"include_usage\":true},\"z_unknown\": {\"k\":[1, 2 ]},\r\n\
         \"model\":\"gpt\",\"a\" :1.0e0,\"dup\":1,\"dup\":2,\"stream\":true,\"messages\":[ ]}"
    );
}

#[test]
fn five_megabytes_pass_untouched_around_the_splices() {
    for text in ["plain words ", r#"\"key\": \"value\", \n"#, "\u{65e5}\u{672c} ", r"\\\\\\"] {
        let text = text.repeat(5_000_000 / text.len());
        let (head, tail) = (format!("{{\"messages\":[{{\"content\":\"{text}\"}}],\"model\":"), ",\"stream\":true}");
        let body = Bytes::from(format!("{head}\"auto\"{tail}"));
        let facts = scan(Api::Chat, &body).unwrap();
        let mut edits = Edits::new(body.clone(), &facts);
        edits.model("m").cap("max_tokens", 9);
        let parts = edits.into_parts();
        assert!(parts.iter().any(|part| part.as_ptr() == body[1..].as_ptr()), "large parts are not copied");
        assert!(parts.concat() == format!("{{\"max_tokens\":9,{}\"m\"{tail}", &head[1..]).into_bytes());
        assert_eq!(facts.text_bytes, body.len());
    }
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        (-1e9_f64..1e9).prop_map(Into::into),
        "\\PC{0,12}".prop_map(Into::into),
        "[\\\\\"\u{0}-\u{1f}x]{0,80}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 30, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            proptest::collection::btree_map("\\PC{0,6}", inner, 0..5)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

fn member() -> impl Strategy<Value = (String, String)> {
    let text = |value: serde_json::Value| value.to_string();
    prop_oneof![
        4 => ("\\PC{0,6}", value()).prop_map(move |(key, value)| (key, text(value))),
        1 => ("\\PC{0,6}", prop_oneof![Just(None), Just(Some("auto"))]).prop_map(|(_, model)| {
            ("model".to_owned(), model.map_or("null".to_owned(), |name| format!("\"{name}\"")))
        }),
        1 => Just(("max_tokens".to_owned(), "null".to_owned())),
        1 => value().prop_map(move |value| {
            ("stream_options".to_owned(), serde_json::json!({"include_usage": false, "x": value}).to_string())
        }),
    ]
}

fn spaced(members: &[(String, String)], space: &str) -> String {
    let members: Vec<String> = members
        .iter()
        .map(|(key, value)| format!("{space}{}{space}:{space}{value}{space}", serde_json::to_string(key).unwrap()))
        .collect();
    format!("{space}{{{}}}{space}", members.join(","))
}

proptest! {
    #[test]
    fn edits_change_their_fields_and_nothing_else(
        members in proptest::collection::vec(member(), 0..8), space in "[ \n\r\t]{0,3}"
    ) {
        let body = spaced(&members, &space);
        let all = edited(Api::Chat, &body, |edits| edits.model("m").cap("max_tokens", 5).include_usage());
        let mut expected: serde_json::Value = serde_json::from_str(&body).unwrap();
        expected["model"] = "m".into();
        expected["max_tokens"] = 5.into();
        if expected["stream_options"].is_null() {
            expected["stream_options"] = serde_json::json!({});
        }
        expected["stream_options"]["include_usage"] = true.into();
        prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&all).unwrap(), expected);
        // Every member that is not ours stands in the new body as it stood in the old, in the same order.
        let mut at = 0;
        for (key, value) in members.iter().filter(|(key, _)| !["model", "max_tokens", "stream_options"].contains(&key.as_str())) {
            let text = format!("{space}{}{space}:{space}{value}{space}", serde_json::to_string(key).unwrap());
            at += all[at..].find(&text).expect("an untouched member") + text.len();
        }
    }

    #[test]
    fn a_cut_body_is_refused_at_every_byte(members in proptest::collection::vec(member(), 0..6), space in "[ \n]{0,2}") {
        let body = spaced(&members, &space);
        prop_assert!(scan(Api::Chat, body.as_bytes()).is_ok());
        for cut in 0..body.trim_end().len() {
            prop_assert!(scan(Api::Chat, &body.as_bytes()[..cut]).is_err(), "{cut}");
        }
    }

    #[test]
    fn what_serde_refuses_is_refused_and_noise_never_panics(
        members in proptest::collection::vec(member(), 0..5),
        hits in proptest::collection::vec((any::<usize>(), prop_oneof![any::<u8>(), proptest::sample::select(b"{}[],:\"\\ 1etn".to_vec())]), 1..4),
    ) {
        let mut body = spaced(&members, "").into_bytes();
        for (at, byte) in hits {
            let at = at % body.len();
            body[at] = byte;
        }
        let serde = serde_json::from_slice::<serde_json::Value>(&body);
        for api in Api::ALL {
            // Ours is laxer inside strings only, and takes numbers of any size.
            match (scan(api, &body), &serde) {
                (Err(ScanError::Malformed { .. } | ScanError::NotUtf8), Ok(value)) => prop_assert!(!value.is_object()),
                (Ok(_), Err(error)) => {
                    let text = error.to_string();
                    prop_assert!(
                        ["number out of range", "control character", "escape", "surrogate"]
                            .iter().any(|known| text.contains(known)), "{text}"
                    );
                }
                _ => {}
            }
        }
    }
}
