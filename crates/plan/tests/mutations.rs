//! Plans made or changed elsewhere: one that Python wrote, and ones whose values were exchanged and hashed anew, so
//! that they get past the hash and meet every check behind it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use paceline_plan::{Plan, sample};
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// `json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)`, with numbers that Python and Rust
/// write differently (`1e-05`, `1e+16`), escapes and characters beyond ASCII.
const BY_PYTHON: &str = include_str!("by_python.json");

#[test]
fn a_plan_that_python_hashed_is_taken() {
    for written in ["1e-05", "1e+16", "1.5e-07", "0.30000000000000004", "Ümläut"] {
        assert!(BY_PYTHON.contains(written), "{written}");
    }
    let plan = Plan::read(BY_PYTHON.as_bytes()).unwrap();
    assert_eq!(plan.organisation, "Ümläut & Söhne \"\\");
    assert_eq!(plan.deployments[0].price.as_ref().unwrap().input, 1e-5);
    // Rust would write the same numbers in other digits: it must not be asked to.
    let rewritten: Value = serde_json::from_str(BY_PYTHON).unwrap();
    assert!(Plan::read(rewritten.to_string().as_bytes()).is_err());
}

#[test]
fn a_member_that_only_reads_as_hash_changes_nothing() {
    let text = String::from_utf8(sample::bytes(&sample::document("http://127.0.0.1:4199/v1"))).unwrap();
    for twice in [text.replacen('{', "{\"hash\":\"x\",", 1), text.replace("\"hash\"", "\"h\\u0061sh\"")] {
        assert!(!Plan::read(twice.as_bytes()).unwrap_err().message.is_empty());
    }
}

/// JSON pointers of every value below `value`.
fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let at = format!("{at}/{index}");
                pointers(item, &at, found);
                found.push(at);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let at = format!("{at}/{name}");
                pointers(member, &at, found);
                found.push(at);
            }
        }
        _ => {}
    }
}

fn hashed(mut document: Value) -> Vec<u8> {
    let members = document.as_object_mut().unwrap();
    members.remove("hash");
    let digest = Sha256::digest(Value::Object(members.clone()).to_string().as_bytes());
    members.insert("hash".into(), digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into());
    document.to_string().into_bytes()
}

fn values() -> impl Strategy<Value = Value> {
    let odd = [json!(null), json!([]), json!({}), json!(true), json!(0), json!(-1), json!(1e308), json!(u64::MAX)];
    let names = ["", "x", "\u{e9}\0", "small", "support-chat", "helpdesk", "p95", "env:", "http://x/"];
    proptest::sample::select(odd.into_iter().chain(names.map(Value::from)).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]
    #[test]
    fn exchanged_values_are_taken_or_refused_with_a_hint(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), values()), 1..4)
    ) {
        let mut document = serde_json::from_slice(&sample::bytes(&sample::document("http://127.0.0.1:4199/v1"))).unwrap();
        for (index, value) in changes {
            let mut found = Vec::new();
            pointers(&document, "", &mut found);
            let place: &String = index.get(&found);
            *document.pointer_mut(place).unwrap() = value;
        }
        if let Err(fault) = Plan::read(&hashed(document)) {
            prop_assert!(!fault.message.is_empty() && !fault.hint.is_empty(), "{fault:?}");
        }
    }
}
