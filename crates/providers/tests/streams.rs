//! Streams as providers send them, under `golden/streams`: facts against snapshots, and exactness under any cut.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};

use bytes::Bytes;
use paceline_providers::{StreamFacts, StreamWatch};
use paceline_types::Api;
use proptest::prelude::*;

fn golden() -> Vec<(String, Api, Bytes)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/streams");
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "sse"));
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let api = Api::ALL.into_iter().find(|api| name.starts_with(&format!("{}.", api.name()))).unwrap();
            (name, api, Bytes::from(std::fs::read(path).unwrap()))
        })
        .collect()
}

/// The stream's events with their blank lines.
fn events(stream: &Bytes) -> Vec<Bytes> {
    let text = std::str::from_utf8(stream).unwrap();
    let separator = if text.contains('\r') { "\r\n\r\n" } else { "\n\n" };
    text.split_inclusive(separator).map(|event| stream.slice_ref(event.as_bytes())).collect()
}

/// What should leave when usage is withheld, found the slow way.
fn without_usage(stream: &Bytes) -> Vec<u8> {
    let is_extra = |event: &Bytes| {
        let text = std::str::from_utf8(event).unwrap().trim_start_matches('\u{feff}');
        let data: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("data:")).collect();
        let value: serde_json::Value = serde_json::from_str(&data.join("\n")).unwrap_or_default();
        value["choices"].as_array().is_some_and(Vec::is_empty) && value["usage"].is_object()
    };
    events(stream).into_iter().filter(|event| !is_extra(event)).flatten().collect()
}

fn run<'a>(api: Api, withhold: bool, chunks: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, StreamFacts) {
    let mut watch = StreamWatch::new(api, withhold);
    let mut out = Vec::new();
    for chunk in chunks {
        out.extend_from_slice(&watch.push(Bytes::copy_from_slice(chunk), 7));
    }
    out.extend_from_slice(&watch.end());
    (out, watch.facts().clone())
}

fn pieces<'a>(stream: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
    cuts.sort_unstable();
    cuts.push(stream.len());
    let mut start = 0;
    cuts.into_iter().map(|cut| &stream[std::mem::replace(&mut start, cut)..cut]).collect()
}

#[test]
fn facts_are_those_of_the_golden_streams() {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("golden/streams");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for (name, api, stream) in golden() {
        let mut watch = StreamWatch::new(api, false);
        for (index, event) in events(&stream).into_iter().enumerate() {
            let now = 1000 * (index as u64 + 1);
            assert_eq!(watch.push(event.clone(), now), event);
        }
        assert_eq!(watch.end(), Bytes::new());
        settings.bind(|| insta::assert_debug_snapshot!(name, watch.facts()));
    }
}

#[test]
fn a_chunk_leaves_as_the_very_bytes_it_came_in() {
    let event = Bytes::from_static(b"data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n");
    for withhold in [false, true] {
        let out = StreamWatch::new(Api::Chat, withhold).push(event.clone(), 1);
        assert_eq!(out.as_ptr(), event.as_ptr());
    }
}

#[test]
fn every_cut_in_two_and_every_single_byte_give_the_same() {
    for (name, api, stream) in golden() {
        for withhold in [false, true] {
            let whole = run(api, withhold, std::iter::once(&stream[..]));
            let expected = if withhold && api != Api::Messages && api != Api::Responses {
                without_usage(&stream)
            } else {
                stream.to_vec()
            };
            assert_eq!(whole.0, expected, "{name}");
            assert_eq!(run(api, withhold, stream.chunks(1)), whole, "{name} by bytes");
            for cut in 0..=stream.len() {
                let (left, right) = stream.split_at(cut);
                assert_eq!(run(api, withhold, [left, right].into_iter()), whole, "{name} cut at {cut}");
            }
        }
    }
}

#[test]
fn withheld_streams_leave_in_whole_events() {
    for (name, api, stream) in golden().into_iter().filter(|(_, api, _)| *api == Api::Chat) {
        let kept = Bytes::from(without_usage(&stream));
        let mut ends = vec![0];
        for event in events(&kept) {
            ends.push(ends[ends.len() - 1] + event.len());
        }
        let mut watch = StreamWatch::new(api, true);
        let mut out = Vec::new();
        for byte in stream.chunks(1) {
            out.extend_from_slice(&watch.push(Bytes::copy_from_slice(byte), 1));
            // A blank line's carriage return ends the event; its line feed follows when it comes.
            let crlf = stream.contains(&b'\r');
            assert!(ends.contains(&out.len()) || (crlf && ends.contains(&(out.len() + 1))), "{name}");
            assert!(watch.is_between_events());
        }
        assert_eq!(out, kept, "{name}");
    }
}

/// One generated chunk and what it should count for.
#[derive(Clone, Debug)]
struct Made {
    json: serde_json::Value,
    text: u64,
    hidden: u64,
}

fn made() -> impl Strategy<Value = Made> {
    let text = prop_oneof![
        Just(String::new()),
        Just(r#"","usage":{"prompt_tokens":1},"x":""#.to_owned()),
        Just("\\\"finish_reason\":\"stop\"\\".to_owned()),
        "\\PC{0,40}",
        "[\\\\\"\n\t{}a]{0,30}",
    ];
    (text.clone(), text, 0_u8..4, any::<bool>()).prop_map(|(content, thought, shape, nulls)| {
        let mut delta = serde_json::json!({});
        let (mut seen, mut hidden) = (0, 0);
        if shape != 1 {
            seen += content.len() as u64;
            delta["content"] = content.clone().into();
        }
        if shape == 2 {
            hidden += thought.len() as u64;
            delta["reasoning_content"] = thought.into();
        }
        if shape == 3 {
            seen += content.len() as u64;
            delta["tool_calls"] = serde_json::json!([{"index": 0, "function": {"name": "f", "arguments": content}}]);
        }
        let mut json = serde_json::json!({"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta}]});
        if nulls {
            json["usage"] = serde_json::Value::Null;
            json["choices"][0]["finish_reason"] = serde_json::Value::Null;
        }
        Made { json, text: seen, hidden }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_partition_gives_the_same(cuts in proptest::collection::vec(any::<usize>(), 0..40), withhold: bool) {
        for (_, api, stream) in golden() {
            let whole = run(api, withhold, std::iter::once(&stream[..]));
            prop_assert_eq!(run(api, withhold, pieces(&stream, &cuts).into_iter()), whole);
        }
    }

    #[test]
    fn any_line_endings_and_any_partition_give_the_same(
        lines in proptest::collection::vec(prop_oneof![
            Just(""), Just(""), Just(": c"), Just("event: error"), Just("data"), Just("data: [DONE]"), Just("id: 4"),
            Just("data:{\"choices\":[{\"delta\":{\"content\":\"x\"}}]}"),
            Just("data: {\"choices\":[],"), Just("data: \"usage\":{\"prompt_tokens\":1}}"),
        ], 0..14),
        endings in proptest::collection::vec(prop_oneof![Just("\n"), Just("\r\n"), Just("\r")], 14),
        cuts in proptest::collection::vec(any::<usize>(), 0..12),
        withhold: bool,
    ) {
        let stream: String = lines.iter().zip(&endings).flat_map(|(line, ending)| [*line, *ending]).collect();
        let whole = run(Api::Chat, withhold, std::iter::once(stream.as_bytes()));
        prop_assert_eq!(&run(Api::Chat, withhold, pieces(stream.as_bytes(), &cuts).into_iter()), &whole);
        prop_assert_eq!(&run(Api::Chat, withhold, stream.as_bytes().chunks(1)), &whole);
        if !withhold {
            prop_assert_eq!(&whole.0, stream.as_bytes());
        }
    }

    #[test]
    fn noise_passes_unchanged_and_never_panics(
        noise in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'\n'), Just(b'\r'), Just(b'{'), Just(b'"')], 0..300),
        cuts in proptest::collection::vec(any::<usize>(), 0..5),
    ) {
        for api in Api::ALL {
            for withhold in [false, true] {
                let framed = [b"data: ", noise.as_slice()].concat();
                let (out, facts) = run(api, withhold, pieces(&framed, &cuts).into_iter());
                prop_assert_eq!(&out, &framed);
                prop_assert_eq!((out, facts), run(api, withhold, std::iter::once(&framed[..])));
            }
        }
    }

    #[test]
    fn generated_chunks_count_as_they_were_made(
        chunks in proptest::collection::vec(made(), 0..12), cuts in proptest::collection::vec(any::<usize>(), 0..12)
    ) {
        let stream: String = chunks.iter().map(|chunk| format!("data: {}\n\n", chunk.json)).collect();
        let (_, facts) = run(Api::Chat, false, pieces(stream.as_bytes(), &cuts).into_iter());
        let tokens = chunks.iter().filter(|chunk| chunk.text + chunk.hidden > 0).count();
        prop_assert_eq!(facts.events as usize, tokens);
        prop_assert_eq!(facts.visible_ns.is_some(), chunks.iter().any(|chunk| chunk.text > 0));
        prop_assert_eq!(facts.text_bytes, chunks.iter().map(|chunk| chunk.text + chunk.hidden).sum::<u64>());
        prop_assert_eq!(facts.usage, None);
        prop_assert!(!facts.terminal && !facts.provider_error);
    }
}

#[test]
fn times_are_those_of_events_with_tokens() {
    let chunk = |delta: &str| Bytes::from(format!("data: {{\"choices\":[{{\"delta\":{delta}}}]}}\n\n"));
    let mut watch = StreamWatch::new(Api::Chat, false);
    for (now, delta) in [
        (10, r#"{"role":"assistant","content":""}"#),
        (20, r#"{"reasoning":"a"}"#),
        (50, r#"{"reasoning":"b"}"#),
        (60, r#"{"content":"c"}"#),
        (90, r#"{"content":null}"#),
        (99, r#"{"content":"d"}"#),
        (500, "{}"),
    ] {
        watch.push(chunk(delta), now);
    }
    let facts = watch.facts();
    assert_eq!((facts.first_ns, facts.visible_ns, facts.last_ns), (Some(20), Some(60), Some(99)));
    assert_eq!((facts.stall_ns, facts.events), (39, 4));
}

#[test]
fn an_event_without_its_blank_line_is_read_at_the_end_if_it_is_whole() {
    for (tail, terminal) in
        [("data: [DONE]", true), ("data: [DONE]\n", true), ("data: [DON", false), ("data: [DONE", false)]
    {
        let (out, facts) = run(Api::Chat, true, std::iter::once(tail.as_bytes()));
        assert_eq!((out.as_slice(), facts.terminal), (tail.as_bytes(), terminal), "{tail}");
    }
    let usage = r#"data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;
    let (out, facts) = run(Api::Chat, true, std::iter::once(usage.as_bytes()));
    assert!(out.is_empty() && facts.usage.is_some());
    let (out, facts) = run(Api::Chat, true, std::iter::once(&usage.as_bytes()[..50]));
    assert!(out.len() == 50 && facts.usage.is_none());
}

#[test]
fn whether_an_error_event_may_follow_is_known() {
    for withhold in [false, true] {
        let mut watch = StreamWatch::new(Api::Chat, withhold);
        assert!(watch.is_between_events());
        watch.push(Bytes::from_static(b"data: {\"cho"), 1);
        assert_eq!(watch.is_between_events(), withhold);
        watch.push(Bytes::from_static(b"ices\":[]}\n\n"), 1);
        assert!(watch.is_between_events());
        watch.push(Bytes::from_static(b"data: {"), 1);
        assert_eq!(watch.end().is_empty(), !withhold);
        assert_eq!(watch.is_between_events(), withhold);
    }
}

#[test]
fn text_beside_a_delta_counts_in_every_chunk() {
    let chunk = Bytes::from_static(
        b"data: {\"model\":\"m\",\"choices\":[{\"text\":\"abc\",\"delta\":{\"content\":\"d\"}}]}\n\n",
    );
    let mut watch = StreamWatch::new(Api::Chat, false);
    for _ in 0..5 {
        watch.push(chunk.clone(), 1);
    }
    assert_eq!(watch.facts().text_bytes, 20);
}

#[test]
fn the_number_of_the_event_that_would_come_next_is_known() {
    let mut watch = StreamWatch::new(Api::Responses, false);
    assert_eq!(watch.next_number(), 0);
    let event = |number: u32| {
        let data = format!(r#"{{"type":"response.output_text.delta","delta":"x","sequence_number":{number}}}"#);
        Bytes::from(format!("event: response.output_text.delta\ndata: {data}\n\n"))
    };
    for number in 0..5 {
        watch.push(event(number), 1);
        assert_eq!(watch.next_number(), number + 1);
    }
    watch.push(Bytes::from_static(b"data: {\"type\":\"keepalive\"}\n\n"), 1);
    watch.push(event(u32::MAX), 1);
    assert_eq!(watch.next_number(), u32::MAX);
}
