//! The provider over real sockets: answers, the truth log, callers that leave, keys, and the engine behind it.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::Instant;

use paceline_testkit::{Connection, SimProvider, get, post, request, until};
use serde_json::{Value, json};

fn ask(path: &str, stream: bool) -> String {
    let mut body = json!({"model": "m", "stream": stream, "max_tokens": 500});
    let field = match path {
        "/v1/completions" => "prompt",
        "/v1/responses" | "/v1/embeddings" => "input",
        _ => "messages",
    };
    body[field] =
        if field == "messages" { json!([{"role": "user", "content": "Good morning"}]) } else { json!("Good morning") };
    body.to_string()
}

#[tokio::test]
async fn the_truth_is_exact_for_every_generating_api() {
    let sim = SimProvider::start(
        &json!({"default_preset": "paced", "models": [{"name": "m", "preset": "paced", "token_ms": 1}]}),
    );
    for path in ["/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages"] {
        let (before, id) = (Instant::now(), path);
        let headers = [("x-sim-output-tokens", "9"), ("x-sim-reasoning", "4"), ("x-request-id", id)];
        let answer = post(sim.address(), path, &headers, &ask(path, true)).await;
        let truth = sim.truth(id).await;
        let reasoning = if path == "/v1/completions" { 0 } else { 4 };
        assert_eq!((truth.output_tokens, truth.planned_tokens, truth.reasoning_tokens), (9, 9, reasoning), "{path}");
        assert_eq!((truth.events, truth.frames as usize), (9, answer.events().len()), "{path}");
        assert_eq!((truth.bytes, truth.prompt_tokens), (answer.body.len() as u64, 3), "{path}");
        assert!(answer.complete && truth.streamed && truth.finish == "stop" && truth.cancelled_ns.is_none());
        let clock = sim.simulator().log().clock;
        let order = [
            clock.unix_ns(before),
            truth.received_ns,
            truth.head_ns.unwrap(),
            truth.first_ns.unwrap(),
            truth.visible_ns.unwrap(),
            truth.last_ns.unwrap(),
            truth.end_ns.unwrap(),
        ];
        assert!(order.is_sorted(), "{path}: {order:?}");
        let gaps = truth.last_ns.unwrap() - truth.first_ns.unwrap();
        assert!(truth.stall_ns * 8 >= gaps && truth.stall_ns <= gaps, "{path}");
        let last_token = answer
            .events()
            .iter()
            .rev()
            .find(|event| event.data.contains("delta") || path == "/v1/completions")
            .unwrap()
            .at;
        assert!(truth.first_ns.unwrap() < clock.unix_ns(last_token), "sent before it was received");
    }
}

#[tokio::test]
async fn whole_answers_have_counts_and_no_events() {
    let sim = SimProvider::instant();
    for path in ["/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages", "/v1/embeddings"] {
        let answer =
            post(sim.address(), path, &[("x-sim-output-tokens", "9"), ("x-request-id", path)], &ask(path, false)).await;
        let truth = sim.truth(path).await;
        let output = if path == "/v1/embeddings" { 0 } else { 9 };
        assert_eq!((answer.status, truth.output_tokens, truth.events), (200, output, 0), "{path}");
        assert_eq!((truth.bytes, truth.streamed), (answer.body.len() as u64, false), "{path}");
    }
    let counted = post(sim.address(), "/v1/messages/count_tokens", &[], &ask("/v1/messages", false)).await;
    assert_eq!(counted.json(), json!({"input_tokens": 3}));
}

#[tokio::test]
async fn a_caller_that_leaves_is_noticed_and_frees_its_seat() {
    let slow = json!({"models": [{"name": "m", "step_ms": 20, "overhead_ms": 0, "jitter": 0, "max_running": 1}]});
    let sim = SimProvider::start(&slow);
    let body = ask("/v1/chat/completions", true);
    let head = |id: &str| {
        format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-request-id: {id}\r\nx-sim-output-tokens: 400\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let mut leaving = Connection::open(sim.address()).await;
    leaving.send(head("leaves").as_bytes()).await;
    assert!(leaving.read_more().await);
    let mut waiting = Connection::open(sim.address()).await;
    waiting.send(head("waits").as_bytes()).await;
    until("the second to wait", || async { (sim.simulator().models().stats()[0].engine.waiting == 1).then_some(()) })
        .await;
    drop(leaving);
    let truth = sim.truth("leaves").await;
    assert!(truth.cancelled_ns.is_some() && truth.end_ns.is_none() && truth.output_tokens < 400);
    assert!(waiting.read_more().await, "the seat is free");
    drop(waiting);
    assert!(sim.truth("waits").await.cancelled_ns.is_some());
    until("an empty engine", || async { (sim.simulator().models().stats()[0].engine.running == 0).then_some(()) })
        .await;
}

#[tokio::test]
async fn a_caller_that_leaves_before_a_whole_answer_is_noticed_too() {
    let sim = SimProvider::start(&json!({"models": [{"name": "m", "step_ms": 20}]}));
    let body = ask("/v1/chat/completions", false);
    let mut leaving = Connection::open(sim.address()).await;
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-request-id: a\r\nx-sim-output-tokens: 500\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    leaving.send(head.as_bytes()).await;
    until("the request to run", || async { (sim.simulator().models().stats()[0].engine.running == 1).then_some(()) })
        .await;
    drop(leaving);
    assert!(sim.truth("a").await.cancelled_ns.is_some());
}

#[tokio::test]
async fn the_engine_reports_what_its_prefix_cache_held() {
    let sim = SimProvider::start(&json!({"speed": 50}));
    let text = "x".repeat(1024);
    let body = json!({"model": "m", "messages": [{"role": "user", "content": text}, {"role": "user", "content": "and so on"}]});
    let cached = |answer: &Value| answer["usage"]["prompt_tokens_details"]["cached_tokens"].as_u64();
    let headers = [("x-sim-output-tokens", "2")];
    let first = post(sim.address(), "/v1/chat/completions", &headers, &body.to_string()).await;
    let second = post(sim.address(), "/v1/chat/completions", &headers, &body.to_string()).await;
    assert_eq!((cached(&first.json()), cached(&second.json())), (Some(0), Some(256)));
    let told = [("x-sim-output-tokens", "2"), ("x-sim-cached-tokens", "7")];
    assert_eq!(cached(&post(sim.address(), "/v1/chat/completions", &told, &body.to_string()).await.json()), Some(7));
}

#[tokio::test]
async fn several_tokens_may_come_in_one_event() {
    let sim = SimProvider::instant();
    let headers = [
        ("x-sim-output-tokens", "10"),
        ("x-sim-tokens-per-event", "4"),
        ("x-sim-reasoning", "2"),
        ("x-request-id", "a"),
    ];
    post(sim.address(), "/v1/chat/completions", &headers, &ask("/v1/chat/completions", true)).await;
    let truth = sim.truth("a").await;
    assert_eq!((truth.events, truth.output_tokens, truth.reasoning_tokens), (3, 10, 2), "2, then 4 and 4");
}

#[tokio::test]
async fn the_same_request_has_the_same_words() {
    let sim = SimProvider::instant();
    let mut texts = Vec::new();
    for _ in 0..2 {
        let answer = post(sim.address(), "/v1/chat/completions", &[], &ask("/v1/chat/completions", false)).await;
        texts.push(answer.json()["choices"][0]["message"]["content"].clone());
    }
    assert_eq!(texts[0], texts[1]);
}

#[tokio::test]
async fn a_full_queue_is_an_overload_in_the_dialect() {
    let sim = SimProvider::start(&json!({"models": [{"name": "m", "max_waiting": 0}]}));
    let chat = post(sim.address(), "/v1/chat/completions", &[], &ask("/v1/chat/completions", true)).await;
    assert_eq!((chat.status, &chat.json()["error"]["code"]), (503, &json!("overloaded")));
    let messages = post(sim.address(), "/v1/messages", &[], &ask("/v1/messages", true)).await;
    assert_eq!((messages.status, &messages.json()["error"]["type"]), (529, &json!("overloaded_error")));
}

#[tokio::test]
async fn keys_models_and_bad_requests() {
    let config =
        json!({"default_preset": "instant", "keys": ["sk-1"], "strict_models": true, "models": [{"name": "m"}]});
    let sim = SimProvider::start(&config);
    let chat = ask("/v1/chat/completions", false);
    let status = async |headers: &[(&str, &str)], body: &str| {
        post(sim.address(), "/v1/chat/completions", headers, body).await.status
    };
    assert_eq!(status(&[], &chat).await, 401);
    assert_eq!(status(&[("authorization", "Bearer sk-2")], &chat).await, 401);
    for header in [("authorization", "Bearer sk-1"), ("x-api-key", "sk-1"), ("api-key", "sk-1")] {
        assert_eq!(status(&[header], &chat).await, 200);
    }
    let key = [("api-key", "sk-1")];
    assert_eq!(status(&key, &chat.replace("\"m\"", "\"n\"")).await, 404);
    assert_eq!(status(&key, "{\"model\":").await, 400);
    assert_eq!(status(&[("api-key", "sk-1"), ("x-sim-output-tokens", "x")], &chat).await, 400);
    let list = request(sim.address(), "GET", "/v1/models", &key, "").await.unwrap();
    assert_eq!(list.json()["data"][0]["id"], "m");
    assert_eq!(get(sim.address(), "/v1/nonsense").await.status, 404);
    assert_eq!(get(sim.address(), "/v1/messages").await.status, 405);
}

#[tokio::test]
async fn the_log_can_be_read_page_by_page_and_cleared() {
    let sim = SimProvider::instant();
    for id in ["a", "b", "c"] {
        post(
            sim.address(),
            "/v1/chat/completions",
            &[("x-paceline-request-id", id)],
            &ask("/v1/chat/completions", false),
        )
        .await;
    }
    let page = get(sim.address(), "/sim/requests?since=1&limit=1").await.json();
    assert_eq!((&page["next"], &page["requests"][0]["request_id"]), (&json!(2), &json!("b")));
    assert_eq!(get(sim.address(), "/sim/requests?request_id=c").await.json()["requests"][0]["seq"], 3);
    let stats = get(sim.address(), "/sim/stats").await.json();
    assert_eq!((&stats["requests"], &stats["in_flight"], &stats["logged"]), (&json!(3), &json!(0), &json!(3)));
    request(sim.address(), "DELETE", "/sim/requests", &[], "").await.unwrap();
    assert_eq!(get(sim.address(), "/sim/requests").await.json(), json!({"next": 0, "requests": []}));
    sim.stop().await;
}

#[tokio::test]
async fn a_connection_may_take_so_many_requests_and_no_more() {
    let sim = SimProvider::start(&json!({"default_preset": "instant", "requests_per_connection_max": 2}));
    let mut connection = Connection::open(sim.address()).await;
    let request = b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n";
    for _ in 0..2 {
        connection.send(request).await;
        assert_eq!(connection.read_answer().await.unwrap().status, 200);
    }
    assert!(!connection.read_more().await, "closed after the second");
}
