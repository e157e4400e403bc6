//! A streamed answer and a whole one are the same answer: the same seed gives the same text, counts and end.
#![allow(clippy::unwrap_used, clippy::panic)]

use paceline_testkit::{SimProvider, post};
use serde_json::{Value, json};

/// Both answers to the same request: the events' data, and the whole.
async fn both(sim: &SimProvider, path: &str, body: &Value, headers: &[(&str, &str)]) -> (Vec<Value>, Value) {
    let mut streamed = body.clone();
    streamed["stream"] = true.into();
    if path.ends_with("completions") {
        streamed["stream_options"] = json!({"include_usage": true});
    }
    let stream = post(sim.address(), path, headers, &streamed.to_string()).await;
    let events = stream.events().into_iter().filter_map(|event| serde_json::from_str(&event.data).ok());
    (events.collect(), post(sim.address(), path, headers, &body.to_string()).await.json())
}

/// Requests of every kind: plain, reasoned, with a tool, cut by the cap, filtered.
fn kinds() -> Vec<Vec<(&'static str, &'static str)>> {
    let seed = ("x-sim-seed", "7");
    vec![
        vec![seed, ("x-sim-output-tokens", "6")],
        vec![seed, ("x-sim-output-tokens", "9"), ("x-sim-reasoning", "4")],
        vec![seed, ("x-sim-output-tokens", "9"), ("x-sim-reasoning", "2"), ("x-sim-tools", "1")],
        vec![seed, ("x-sim-output-tokens", "60")],
        vec![seed, ("x-sim-output-tokens", "6"), ("x-sim-fault", "finish-filtered")],
    ]
}

fn text<'a>(events: &'a [Value], pointer: &'a str) -> String {
    events.iter().filter_map(|event| event.pointer(pointer)?.as_str()).collect()
}

#[tokio::test]
async fn chat() {
    let sim = SimProvider::instant();
    for headers in kinds() {
        let body = json!({"model": "m", "max_tokens": 20, "messages": [{"role": "user", "content": "Good morning"}]});
        let (events, whole) = both(&sim, "/v1/chat/completions", &body, &headers).await;
        let message = &whole["choices"][0]["message"];
        let content = text(&events, "/choices/0/delta/content");
        assert_eq!(message["content"].as_str().unwrap_or_default(), content, "{headers:?}");
        let reasoning = text(&events, "/choices/0/delta/reasoning_content");
        assert_eq!(message["reasoning_content"].as_str().unwrap_or_default(), reasoning, "{headers:?}");
        let arguments = text(&events, "/choices/0/delta/tool_calls/0/function/arguments");
        let called = message.pointer("/tool_calls/0/function/arguments").and_then(Value::as_str);
        assert_eq!(called.unwrap_or_default(), arguments, "{headers:?}");
        assert_eq!(whole["choices"][0]["finish_reason"], text(&events, "/choices/0/finish_reason"), "{headers:?}");
        assert_eq!(whole["usage"], events.last().unwrap()["usage"], "{headers:?}");
        for field in ["id", "created", "model", "system_fingerprint"] {
            assert_eq!(whole[field], events[0][field], "{headers:?}");
        }
    }
}

#[tokio::test]
async fn completions() {
    let sim = SimProvider::instant();
    for headers in kinds() {
        let body = json!({"model": "m", "max_tokens": 20, "prompt": "def f"});
        let (events, whole) = both(&sim, "/v1/completions", &body, &headers).await;
        assert_eq!(whole["choices"][0]["text"], text(&events, "/choices/0/text"), "{headers:?}");
        assert_eq!(whole["choices"][0]["finish_reason"], text(&events, "/choices/0/finish_reason"), "{headers:?}");
        assert_eq!(
            (&whole["usage"], &whole["id"]),
            (&events.last().unwrap()["usage"], &events[0]["id"]),
            "{headers:?}"
        );
    }
}

#[tokio::test]
async fn responses() {
    let sim = SimProvider::instant();
    for headers in kinds() {
        let body = json!({"model": "m", "max_output_tokens": 20, "input": "Good morning"});
        let (events, whole) = both(&sim, "/v1/responses", &body, &headers).await;
        assert_eq!(events.last().unwrap()["response"], whole, "{headers:?}");
        let told = text(&events, "/delta");
        let held: String =
            ["/output/0/summary/0/text", "/output/0/content/0/text", "/output/1/content/0/text", "/output/1/arguments"]
                .into_iter()
                .filter_map(|pointer| whole.pointer(pointer)?.as_str())
                .collect();
        assert_eq!(told, held, "{headers:?}");
    }
}

#[tokio::test]
async fn messages() {
    let sim = SimProvider::instant();
    for headers in kinds() {
        let body = json!({"model": "m", "max_tokens": 20, "messages": [{"role": "user", "content": "Good morning"}]});
        let (events, whole) = both(&sim, "/v1/messages", &body, &headers).await;
        let of = |field: &str| -> String {
            whole["content"].as_array().unwrap().iter().filter_map(|block| block[field].as_str()).collect()
        };
        assert_eq!(text(&events, "/delta/text"), of("text"), "{headers:?}");
        assert_eq!(text(&events, "/delta/thinking"), of("thinking"), "{headers:?}");
        assert_eq!(text(&events, "/delta/signature"), of("signature"), "{headers:?}");
        let input = text(&events, "/delta/partial_json");
        let called = whole["content"].as_array().unwrap().iter().find(|block| block["type"] == "tool_use");
        if let Some(called) = called {
            assert_eq!(serde_json::from_str::<Value>(&input).unwrap(), called["input"], "{headers:?}");
        }
        let last = events.iter().rev().find(|event| event["type"] == "message_delta").unwrap();
        assert_eq!(last["delta"]["stop_reason"], whole["stop_reason"], "{headers:?}");
        for count in ["input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"] {
            assert_eq!(last["usage"][count], whole["usage"][count], "{headers:?}");
        }
        assert_eq!(events[0]["message"]["id"], whole["id"]);
    }
}
