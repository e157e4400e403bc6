//! The APIs around generation over a real socket: what is made can be asked for again, here and nowhere else.
#![allow(clippy::unwrap_used, clippy::panic)]

use paceline_testkit::{Answer, SimProvider, get, post, request};
use serde_json::json;

const FORM: &str = "multipart/form-data; boundary=b1";

/// A form with a file and one field.
async fn upload(sim: &SimProvider, path: &str, field: (&str, &str), content: &str) -> Answer {
    let body = format!(
        "--b1\r\ncontent-disposition: form-data; name=\"{}\"\r\n\r\n{}\r\n--b1\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.jsonl\"\r\ncontent-type: application/octet-stream\r\n\r\n{content}\r\n--b1--\r\n",
        field.0, field.1
    );
    let mut connection = paceline_testkit::Connection::open(sim.address()).await;
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nx-sim-tag: form\r\ncontent-type: {FORM}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    connection.send(format!("{head}{body}").as_bytes()).await;
    connection.read_answer().await.unwrap()
}

#[tokio::test]
async fn files_and_batches_live_where_they_were_made() {
    let (sim, other) = (SimProvider::instant(), SimProvider::instant());
    let file = upload(&sim, "/v1/files", ("purpose", "batch"), "line one\r\nline two").await.json();
    assert_eq!((&file["object"], &file["bytes"], &file["filename"]), (&json!("file"), &json!(18), &json!("a.jsonl")));
    let at = format!("/v1/files/{}", file["id"].as_str().unwrap());
    assert_eq!(get(sim.address(), &at).await.json(), file);
    assert_eq!(get(sim.address(), &format!("{at}/content")).await.text(), "line one\r\nline two");
    assert_eq!(get(other.address(), &at).await.status, 404);
    let batch = json!({"input_file_id": file["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"});
    assert_eq!(post(other.address(), "/v1/batches", &[], &batch.to_string()).await.status, 400);
    let batch = post(sim.address(), "/v1/batches", &[], &batch.to_string()).await.json();
    let batch_at = format!("/v1/batches/{}", batch["id"].as_str().unwrap());
    assert_eq!(get(sim.address(), &batch_at).await.json()["status"], "validating");
    assert_eq!(post(sim.address(), &format!("{batch_at}/cancel"), &[], "{}").await.json()["status"], "cancelling");
    assert_eq!(get(sim.address(), "/v1/files").await.json()["data"][0], file);
    let deleted = request(sim.address(), "DELETE", &at, &[], "").await.unwrap();
    assert_eq!(deleted.json(), json!({"id": file["id"], "object": "file", "deleted": true}));
    assert_eq!(get(sim.address(), &at).await.status, 404);
}

#[tokio::test]
async fn a_response_can_be_had_again_and_deleted_unless_it_was_not_to_be_stored() {
    let sim = SimProvider::instant();
    for stream in [false, true] {
        let body = json!({"model": "m", "input": "Good morning", "stream": stream}).to_string();
        let headers = [("x-sim-seed", "5"), ("x-sim-output-tokens", "3")];
        let answer = post(sim.address(), "/v1/responses", &headers, &body).await;
        let made = match stream {
            false => answer.json(),
            true => {
                serde_json::from_str::<serde_json::Value>(&answer.events().last().unwrap().data).unwrap()["response"]
                    .clone()
            }
        };
        let at = format!("/v1/responses/{}", made["id"].as_str().unwrap());
        assert_eq!(get(sim.address(), &at).await.json(), made);
        assert_eq!(request(sim.address(), "DELETE", &at, &[], "").await.unwrap().json()["deleted"], true);
        assert_eq!(get(sim.address(), &at).await.status, 404);
    }
    let body = json!({"model": "m", "input": "Good morning", "store": false}).to_string();
    let made = post(sim.address(), "/v1/responses", &[], &body).await.json();
    assert_eq!(made["store"], false);
    assert_eq!(get(sim.address(), &format!("/v1/responses/{}", made["id"].as_str().unwrap())).await.status, 404);
}

#[tokio::test]
async fn forms_come_in_and_binary_goes_out() {
    let sim = SimProvider::instant();
    let heard = upload(&sim, "/v1/audio/transcriptions", ("model", "whisper"), &"x".repeat(2500)).await;
    assert_eq!((heard.status, &heard.json()["usage"]["input_tokens"]), (200, &json!(3)));
    let truths = sim.truths().await;
    assert_eq!(
        (truths[0].model.as_str(), truths[0].api, truths[0].tag.as_str()),
        ("whisper", "transcriptions", "form")
    );
    assert!(truths[0].request_bytes > 2500);
    let speech = json!({"model": "tts", "input": "Good morning", "voice": "alloy"}).to_string();
    let spoken = post(sim.address(), "/v1/audio/speech", &[("x-sim-output-tokens", "8")], &speech).await;
    assert_eq!((spoken.header("content-type"), spoken.body.len()), (Some("audio/mpeg"), 2000));
    assert_eq!((spoken.header("content-length"), spoken.complete), (None, true));
    let cut = [("x-sim-output-tokens", "8"), ("x-sim-fault", "cut=700")];
    let cut = post(sim.address(), "/v1/audio/speech", &cut, &speech).await;
    assert_eq!((cut.complete, cut.body.len()), (false, 700));
    assert_eq!(upload(&sim, "/v1/moderations", ("model", "m"), "x").await.status, 200);
}

#[tokio::test]
async fn images_reranking_moderation_and_batches_of_messages() {
    let sim = SimProvider::instant();
    let ask =
        async |path: &str, body: serde_json::Value| post(sim.address(), path, &[], &body.to_string()).await.json();
    let images = ask("/v1/images/generations", json!({"model": "i", "prompt": "a lighthouse", "n": 2})).await;
    assert_eq!((images["data"].as_array().unwrap().len(), &images["usage"]["output_tokens"]), (2, &json!(2112)));
    let body = json!({"model": "i", "prompt": "a lighthouse", "stream": true, "partial_images": 2}).to_string();
    let streamed = post(sim.address(), "/v1/images/generations", &[], &body).await;
    assert_eq!(streamed.header("content-type"), Some("text/event-stream; charset=utf-8"));
    let names: Vec<_> = streamed.events().into_iter().filter_map(|event| event.name).collect();
    let partial = "image_generation.partial_image";
    assert_eq!(names, [partial, partial, "image_generation.completed"]);
    assert!(streamed.text().contains(r#""output_tokens":3168"#));
    let ranked = ask("/v1/rerank", json!({"model": "r", "query": "who", "documents": ["a", "b", "c"]})).await;
    assert_eq!((ranked["results"].as_array().unwrap().len(), &ranked["usage"]["total_tokens"]), (3, &json!(2)));
    assert_eq!(ask("/v1/moderations", json!({"input": "Good morning"})).await["results"][0]["flagged"], false);
    let made = ask("/v1/messages/batches", json!({"requests": [{"custom_id": "a"}, {"custom_id": "b"}]})).await;
    assert_eq!(made["request_counts"]["processing"], 2);
    let at = format!("/v1/messages/batches/{}", made["id"].as_str().unwrap());
    assert_eq!(get(sim.address(), &at).await.json(), made);
    assert_eq!(get(sim.address(), "/v1/messages/batches").await.json()["first_id"], made["id"]);
    let refused = post(sim.address(), "/v1/rerank", &[("x-sim-fault", "status=503")], "{}").await;
    assert_eq!(refused.status, 503);
    assert_eq!(get(sim.address(), "/v1/rerank").await.status, 405);
}
