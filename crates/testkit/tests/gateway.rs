//! A gateway and its providers in one process: answers, records, callers that leave, and everything given back.
#![cfg(feature = "gateway")]
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use paceline_plan::sample;
use paceline_testkit::{End, Held, Leave, SimProvider, TestGateway, call, until};
use paceline_types::Outcome;

fn request(key: &str, tag: &str) -> Vec<u8> {
    let body = r#"{"model":"small","stream":true,"messages":[{"role":"user","content":"Good morning"}]}"#;
    format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\nx-sim-tag: {tag}\r\nx-sim-output-tokens: 40\r\nx-paceline-session: {tag}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

#[tokio::test]
async fn what_was_asked_is_recorded_and_all_is_given_back() {
    let before = Held::now();
    let paced = serde_json::json!({"default_preset": "paced"});
    let sim = SimProvider::start(&paced);
    let gateway = TestGateway::start(&sample::document(&sim.base_url()));
    let key = sample::key_text("watcher");
    let whole = call(gateway.address(), &request(&key, "stays"), Leave::Stays, false).await;
    assert_eq!((whole.status, whole.end), (200, End::Whole));
    assert!(whole.body.ends_with(b"data: [DONE]\n\n") && whole.first.unwrap() <= whole.ended);
    for (tag, leave) in [("byte", Leave::AtByte(900)), ("moment", Leave::After(Duration::from_millis(20)))] {
        let left = call(gateway.address(), &request(&key, tag), leave, tag == "byte").await;
        assert_eq!(left.end, End::Left);
    }
    let status = || async { (gateway.gateway().status().in_flight == 0).then_some(()) };
    until("nothing in flight", status).await;
    let mut records = gateway.records();
    let outcome = |tag: &str, records: &[paceline_types::UsageRecord]| {
        records.iter().find(|record| record.session == tag).map(|record| record.outcome)
    };
    let all = records.more();
    assert_eq!(all.len(), 3);
    assert_eq!(outcome("stays", &all), Some(Outcome::Ok));
    assert_eq!(outcome("byte", &all), Some(Outcome::Cancelled));
    assert_eq!(outcome("moment", &all), Some(Outcome::Cancelled));
    assert!(records.more().is_empty(), "each is read once");
    let truths = sim.truths().await;
    let ended = |tag: &str| truths.iter().find(|truth| truth.tag == tag).unwrap().ended;
    assert_eq!((ended("stays"), ended("byte"), ended("moment")), ("finished", "caller_closed", "caller_closed"));
    gateway.stop().await;
    sim.stop().await;
    let after = before.returned().await;
    assert!(after.tasks <= before.tasks && after.open_files <= before.open_files, "{before:?} → {after:?}");
}
