//! One spelling for requests that mean the same: sorted keys, no white space, strings and numbers in one form, without
//! the fields that change nothing in the answer. What the exact cache hashes.

use std::collections::BTreeMap;

use crate::cursor::{Cursor, Flaw};

/// Top-level fields that do not change what is answered. `stream` and its options are part of the cache's key apart.
const LEFT_OUT: [&[u8]; 8] = [
    b"stream",
    b"stream_options",
    b"user",
    b"metadata",
    b"safety_identifier",
    b"prompt_cache_key",
    b"prompt_cache_retention",
    b"priority",
];

/// The canonical form of a request body; none where it is no sound JSON object.
#[must_use]
pub fn canonical(body: &[u8]) -> Option<Vec<u8>> {
    let mut cursor = Cursor::new(body);
    let mut out = Vec::with_capacity(body.len());
    object(&mut cursor, body, &mut out, true).ok()?;
    cursor.peek().is_none().then_some(out)
}

fn object(cursor: &mut Cursor<'_>, body: &[u8], out: &mut Vec<u8>, top: bool) -> Result<(), Flaw> {
    let mut members: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    cursor.members(|cursor, key| {
        if top && LEFT_OUT.contains(&key) {
            return cursor.skip().map(drop);
        }
        let mut text = Vec::new();
        value(cursor, body, &mut text)?;
        // Of repeated keys the last one counts, as everywhere.
        members.insert(key.to_vec(), text);
        Ok(())
    })?;
    out.push(b'{');
    for (index, (key, value)) in members.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        string(&String::from_utf8_lossy(key), out);
        out.push(b':');
        out.extend_from_slice(value);
    }
    out.push(b'}');
    Ok(())
}

fn value(cursor: &mut Cursor<'_>, body: &[u8], out: &mut Vec<u8>) -> Result<(), Flaw> {
    match cursor.peek() {
        Some(b'{') => object(cursor, body, out, false),
        Some(b'[') => {
            let mut first = true;
            out.push(b'[');
            cursor.items(|cursor| {
                if !std::mem::take(&mut first) {
                    out.push(b',');
                }
                value(cursor, body, out)
            })?;
            out.push(b']');
            Ok(())
        }
        Some(b'"') => {
            let text = cursor.skip()?.of(body);
            match serde_json::from_slice::<String>(text) {
                Ok(plain) => string(&plain, out),
                // Half a surrogate pair: no string of ours, but the same bytes mean the same.
                Err(_) => out.extend_from_slice(text),
            }
            Ok(())
        }
        Some(b'-' | b'0'..=b'9') => {
            number(cursor.skip()?.of(body), out);
            Ok(())
        }
        _ => {
            out.extend_from_slice(cursor.skip()?.of(body));
            Ok(())
        }
    }
}

fn string(text: &str, out: &mut Vec<u8>) {
    // Writing to memory cannot fail.
    out.extend_from_slice(&serde_json::to_vec(text).unwrap_or_default());
}

/// A number as whole digits and a power of ten, exactly: `1.50` and `15e-1` are both `15e-1`, `-0.0` is `0`.
fn number(text: &[u8], out: &mut Vec<u8>) {
    let negative = text.first() == Some(&b'-');
    let split = text.iter().position(|byte| matches!(byte, b'e' | b'E')).unwrap_or(text.len());
    let (mantissa, power) = text.split_at(split);
    let point = mantissa.iter().position(|&byte| byte == b'.');
    let mut digits: Vec<u8> = mantissa.iter().copied().filter(u8::is_ascii_digit).collect();
    let fraction = point.map_or(0, |point| mantissa.len() - point - 1);
    let kept = digits.iter().rposition(|&digit| digit != b'0').map_or(0, |last| last + 1);
    let zeros = digits.len() - kept;
    digits.truncate(kept);
    let leading = digits.iter().position(|&digit| digit != b'0').unwrap_or(digits.len());
    digits.drain(..leading);
    if digits.is_empty() {
        return out.push(b'0');
    }
    let power = power.get(1..).map_or(Some(0), |power| std::str::from_utf8(power).ok()?.parse::<i64>().ok());
    let scale = |zeros: usize, fraction: usize| Some(i64::try_from(zeros).ok()? - i64::try_from(fraction).ok()?);
    let Some(power) = power.zip(scale(zeros, fraction)).and_then(|(power, scale)| power.checked_add(scale)) else {
        // A power no number type holds: its own spelling.
        return out.extend_from_slice(text);
    };
    if negative {
        out.push(b'-');
    }
    out.extend_from_slice(&digits);
    if power != 0 {
        out.push(b'e');
        out.extend_from_slice(itoa::Buffer::new().format(power).as_bytes());
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn text(body: &str) -> String {
        String::from_utf8(canonical(body.as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn spelling_does_not_matter() {
        assert_eq!(
            text(r#"{ "b" : [1.0, 1e0, 10E-1, -0.0, 0.50], "a":"\u0041\/" , "stream":true, "user":"u", "a":"x" }"#),
            r#"{"a":"x","b":[1,1,1,0,5e-1]}"#
        );
        assert_eq!(text(r#"{"n":{"user":"kept","stream":1}}"#), r#"{"n":{"stream":1,"user":"kept"}}"#);
        assert_eq!(text(r#"{"a":"\u00e9"}"#), text(r#"{"a":"é"}"#));
        assert_eq!(
            text(r#"{"a":12300,"b":0.00123,"c":1e999999999999999999}"#),
            r#"{"a":123e2,"b":123e-5,"c":1e999999999999999999}"#
        );
    }

    #[test]
    fn values_do() {
        for (one, other) in [
            (r#"{"a":1}"#, r#"{"a":"1"}"#),
            (r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#),
            (r#"{"a":0.1}"#, r#"{"a":0.10000000000000001}"#),
        ] {
            assert_ne!(text(one), text(other));
        }
        assert_eq!(canonical(b"[1]"), None);
        assert_eq!(canonical(b"{} x"), None);
    }

    fn json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "\\PC{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::btree_map("[a-d]{1,2}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_is_the_same_value_and_of_one_form(members in proptest::collection::btree_map("[a-d]{1,2}", json(), 0..5)) {
            let value = Value::Object(members.into_iter().collect());
            let plain = canonical(value.to_string().as_bytes()).unwrap();
            let pretty = canonical(serde_json::to_string_pretty(&value).unwrap().as_bytes()).unwrap();
            prop_assert_eq!(&plain, &pretty);
            prop_assert_eq!(canonical(&plain).unwrap(), plain, "applying it twice changes nothing");
        }
    }
}
