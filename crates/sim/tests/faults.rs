//! Every fault over a real socket, as the caller sees it and as the truth log has it.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::Read;

use paceline_sim::Truth;
use paceline_sim::fault::Fault;
use paceline_testkit::{Answer, SimProvider, post, request};
use serde_json::json;

const CHAT: &str = r#"{"model":"m","messages":[{"role":"user","content":"Good morning"}]}"#;
const STREAM: &str = r#"{"model":"m","messages":[{"role":"user","content":"Good morning"}],"stream":true,"stream_options":{"include_usage":true}}"#;
const MESSAGES: &str =
    r#"{"model":"m","max_tokens":99,"messages":[{"role":"user","content":"Good morning"}],"stream":true}"#;

async fn with(fault: &str, path: &str, body: &str) -> (Option<Answer>, Truth) {
    let sim = SimProvider::instant();
    let headers = [("x-sim-fault", fault), ("x-sim-output-tokens", "6"), ("x-paceline-request-id", "id-1")];
    let answer = request(sim.address(), "POST", path, &headers, body).await;
    let truth = sim.truth("id-1").await;
    assert_eq!(truth.fault, Some(fault.parse::<Fault>().unwrap().to_string()));
    (answer, truth)
}

async fn chat(fault: &str, body: &str) -> (Answer, Truth) {
    let (answer, truth) = with(fault, "/v1/chat/completions", body).await;
    (answer.unwrap(), truth)
}

#[tokio::test]
async fn a_status_comes_with_its_error_body_and_retry_after() {
    let (answer, truth) = chat("status=429;retry-after=2", STREAM).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("2")));
    assert_eq!(answer.json()["error"]["code"], "rate_limit_exceeded");
    assert_eq!(answer.header("x-request-id"), Some("id-1"));
    assert_eq!((truth.status, truth.output_tokens, truth.bytes), (429, 0, answer.body.len() as u64));
    let (answer, _) = with("status=529", "/v1/messages", MESSAGES).await;
    let answer = answer.unwrap();
    assert_eq!((answer.status, &answer.json()["error"]["type"]), (529, &json!("overloaded_error")));
    assert_eq!(answer.header("request-id"), Some("id-1"));
}

#[tokio::test]
async fn a_delay_comes_before_the_head() {
    let (_, truth) = chat("delay=60", CHAT).await;
    assert!(truth.head_ns.unwrap() - truth.received_ns >= 60_000_000, "never early");
}

#[tokio::test]
async fn a_stall_is_a_gap_at_its_token() {
    let sim = SimProvider::instant();
    for (body, id) in [(STREAM, "stream"), (CHAT, "whole")] {
        let headers = [
            ("x-sim-fault", "stall=80@3"),
            ("x-sim-output-tokens", "6"),
            ("x-sim-reasoning", "3"),
            ("x-request-id", id),
        ];
        let answer = post(sim.address(), "/v1/chat/completions", &headers, body).await;
        let truth = sim.truth(id).await;
        assert!(answer.complete && truth.stall_ns >= 80_000_000, "never shorter");
        assert!(truth.visible_ns.unwrap() - truth.first_ns.unwrap() >= 80_000_000, "between the third and the fourth");
    }
}

#[tokio::test]
async fn a_cut_lets_exactly_that_many_bytes_out() {
    for bytes in [0, 1, 700] {
        let (answer, truth) = chat(&format!("cut={bytes}"), STREAM).await;
        assert_eq!((answer.complete, answer.body.len(), truth.bytes), (false, bytes, bytes as u64));
        assert!(truth.cancelled_ns.is_none() && truth.end_ns.is_some());
    }
    let (answer, _) = chat("cut=20", CHAT).await;
    assert!(!answer.complete && answer.body.len() == 20);
    assert!(answer.header("content-length").unwrap().parse::<usize>().unwrap() > 20, "the whole length is promised");
    let (answer, truth) = chat("cut=100000", STREAM).await;
    assert!(answer.complete && answer.text().ends_with("[DONE]\n\n"), "a cut beyond the end cuts nothing");
    assert_eq!(truth.bytes, answer.body.len() as u64);
    let last = answer.body.len() - 1;
    let (answer, _) = chat(&format!("cut={last}"), STREAM).await;
    assert!(!answer.complete && answer.body.len() == last, "within the last piece");
    let (whole, _) = chat("cut=100000", CHAT).await;
    let (answer, truth) = chat(&format!("cut={}", whole.body.len()), CHAT).await;
    assert!(answer.complete && truth.end_ns.is_some() && truth.cancelled_ns.is_none(), "nor does one at the end");
}

#[tokio::test]
async fn a_cut_may_be_a_reset() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let sim = SimProvider::instant();
    let mut stream = tokio::net::TcpStream::connect(sim.address()).await.unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-sim-fault: cut=300;rst\r\ncontent-length: {}\r\n\r\n{CHAT}",
        CHAT.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let error = stream.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn an_early_end_looks_like_one() {
    let (answer, truth) = chat("end=700", STREAM).await;
    assert_eq!((answer.complete, answer.body.len(), truth.ended), (true, 700, "broken_off"));
}

#[tokio::test]
async fn a_stream_without_its_terminal_event_ends_cleanly() {
    let (answer, truth) = chat("no-terminal", STREAM).await;
    assert!(
        answer.complete && !answer.text().contains("[DONE]") && answer.text().contains("\"finish_reason\":\"stop\"")
    );
    assert_eq!(truth.output_tokens, 6);
    let (answer, _) = with("no-terminal", "/v1/messages", MESSAGES).await;
    let answer = answer.unwrap();
    assert!(answer.complete && !answer.text().contains("message_stop"));
}

#[tokio::test]
async fn usage_may_be_missing_or_on_every_chunk() {
    let (answer, _) = chat("no-usage", STREAM).await;
    assert!(!answer.text().contains("total_tokens") && answer.text().ends_with("[DONE]\n\n"));
    let (answer, _) = chat("no-usage", CHAT).await;
    assert!(answer.json().get("usage").is_none());
    let (answer, _) = chat("usage-every-chunk", STREAM).await;
    let counts: Vec<u64> = answer
        .events()
        .iter()
        .filter_map(|event| serde_json::from_str::<serde_json::Value>(&event.data).ok())
        .map(|chunk| chunk["usage"]["completion_tokens"].as_u64().unwrap())
        .collect();
    assert_eq!(counts, [0, 1, 2, 3, 4, 5, 6, 6, 6]);
}

#[tokio::test]
async fn a_compressed_body_is_the_same_body() {
    for body in [STREAM, CHAT] {
        let (answer, truth) = chat("gzip", body).await;
        assert_eq!(answer.header("content-encoding"), Some("gzip"));
        assert_eq!(truth.bytes, answer.body.len() as u64);
        let mut text = String::new();
        flate2::read::GzDecoder::new(answer.body.as_slice()).read_to_string(&mut text).unwrap();
        assert!(text.contains("\"completion_tokens\":6"), "{text}");
    }
}

#[tokio::test]
async fn a_trickle_loses_nothing_and_comes_in_pieces() {
    let (answer, truth) = chat("trickle=150/3", CHAT).await;
    assert_eq!(answer.json()["usage"]["completion_tokens"], 6);
    assert_eq!(answer.header("content-length").unwrap(), truth.bytes.to_string());
    let pieces = truth.bytes.div_ceil(150);
    assert!(truth.end_ns.unwrap() - truth.head_ns.unwrap() >= (pieces - 1) * 3_000_000, "never faster");
    let (answer, _) = chat("trickle=100/1", STREAM).await;
    assert!(answer.complete && answer.text().ends_with("[DONE]\n\n"));
}

#[tokio::test]
async fn a_reset_gives_no_byte() {
    for body in [STREAM, CHAT] {
        let (answer, truth) = with("reset", "/v1/chat/completions", body).await;
        assert!(answer.is_none());
        assert_eq!((truth.bytes, truth.output_tokens * u32::from(truth.streamed)), (0, 0));
    }
}

#[tokio::test]
async fn an_error_event_ends_the_stream_after_its_token() {
    let (answer, truth) = chat("error-event=2", STREAM).await;
    let events = answer.events();
    assert_eq!((events.len(), truth.events, truth.output_tokens), (4, 2, 2));
    assert!(events[3].data.contains("server_error") && answer.complete);
    let (answer, _) = with("error-event=0", "/v1/messages", MESSAGES).await;
    assert_eq!(answer.unwrap().events().last().unwrap().name.as_deref(), Some("error"));
}

#[tokio::test]
async fn parts_combine() {
    let (answer, _) = chat("cut=90;gzip;trickle=10/1;delay=1", STREAM).await;
    assert!(!answer.complete && answer.body.len() == 90);
}

#[tokio::test]
async fn what_is_not_a_fault_is_a_bad_request() {
    let sim = SimProvider::instant();
    let answer = post(sim.address(), "/v1/chat/completions", &[("x-sim-fault", "boom")], CHAT).await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("stall=MS@TOKEN"));
}

#[tokio::test]
async fn default_faults_befall_the_model_they_are_meant_for() {
    let sim = SimProvider::instant();
    let rule = json!({"fault": "status=503", "model": "m", "count": 1}).to_string();
    assert_eq!(post(sim.address(), "/sim/fault", &[], &rule).await.json()[0]["fault"], "status=503");
    let other = CHAT.replace("\"m\"", "\"n\"");
    let mut statuses = Vec::new();
    for body in [&other, CHAT, CHAT] {
        statuses.push(post(sim.address(), "/v1/chat/completions", &[], body).await.status);
    }
    assert_eq!(statuses, [200, 503, 200]);
    assert_eq!(post(sim.address(), "/sim/fault", &[], r#"{"fault":"boom"}"#).await.status, 400);
    let gone = request(sim.address(), "DELETE", "/sim/fault", &[], "").await.unwrap();
    assert_eq!(gone.status, 200);
}

#[tokio::test]
async fn a_prompt_may_be_turned_away_as_the_providers_do() {
    let (long, _) = chat("context-too-long", CHAT).await;
    assert_eq!((long.status, &long.json()["error"]["code"]), (400, &json!("context_length_exceeded")));
    let (filtered, truth) = chat("content-filtered", STREAM).await;
    assert_eq!((filtered.status, &filtered.json()["error"]["code"]), (400, &json!("content_filter")));
    assert!(filtered.json()["error"]["innererror"]["content_filter_result"].is_object());
    assert_eq!((truth.output_tokens, truth.ended), (0, "finished"));
    let (long, _) = with("context-too-long", "/v1/messages", MESSAGES).await;
    assert!(long.unwrap().text().contains("prompt is too long: "));
}

#[tokio::test]
async fn an_answer_may_end_by_a_filter() {
    let (answer, truth) = chat("finish-filtered", STREAM).await;
    assert!(answer.text().contains(r#""finish_reason":"content_filter""#) && truth.finish == "content_filter");
    let (answer, _) = with("finish-filtered", "/v1/messages", MESSAGES).await;
    assert!(answer.unwrap().text().contains(r#""stop_reason":"refusal""#));
}

#[tokio::test]
async fn counts_may_come_twice() {
    let (answer, _) = chat("usage-doubled", STREAM).await;
    assert_eq!(answer.text().matches("\"total_tokens\"").count(), 2);
    let (answer, _) = chat("usage-doubled", CHAT).await;
    assert_eq!(
        (answer.text().matches("\"usage\"").count(), &answer.json()["usage"]["completion_tokens"]),
        (2, &json!(6))
    );
    let (answer, _) = with("usage-doubled", "/v1/messages", MESSAGES).await;
    assert_eq!(answer.unwrap().text().matches("message_delta\ndata").count(), 2);
}

#[tokio::test]
async fn heads_may_lead_elsewhere_or_be_too_large() {
    let (answer, _) = chat("redirect", CHAT).await;
    assert_eq!((answer.status, answer.header("location")), (302, Some("http://169.254.169.254/latest/meta-data/")));
    let (answer, _) = chat("big-head=90000", CHAT).await;
    assert_eq!((answer.status, answer.header("x-filler").unwrap().len()), (200, 90_000));
}

#[tokio::test]
async fn a_fault_may_be_for_one_model_and_the_first_attempts() {
    let sim = SimProvider::instant();
    let fault = [("x-sim-fault", "status=503;times=1;at=m | status=429;at=n"), ("x-paceline-request-id", "id-1")];
    let other = CHAT.replace("\"m\"", "\"n\"");
    let mut statuses = Vec::new();
    for body in [CHAT, CHAT, &other, &other] {
        statuses.push(post(sim.address(), "/v1/chat/completions", &fault, body).await.status);
    }
    assert_eq!(statuses, [503, 200, 429, 429]);
}

#[tokio::test]
async fn the_same_seed_gives_the_same_bytes() {
    let sim = SimProvider::instant();
    let headers = [("x-sim-seed", "3"), ("x-sim-output-tokens", "4")];
    let mut bodies = Vec::new();
    for headers in [&headers[..], &headers[..], &headers[1..]] {
        bodies.push(post(sim.address(), "/v1/chat/completions", headers, STREAM).await.body);
    }
    assert_eq!(bodies[0], bodies[1]);
    assert_ne!(bodies[0], bodies[2]);
}
