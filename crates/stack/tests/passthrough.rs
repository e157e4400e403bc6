//! Other paths of a provider, relayed as they come: bodies both ways, who may, whom, and what the records say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use paceline_plan::document::{Document, Provider};
use paceline_plan::sample;
use paceline_testkit::{Answer, Connection, SimProvider, TestGateway, request, until};
use paceline_types::{Api, Outcome, TokenSource};
use serde_json::json;

fn start(providers: &[SimProvider; 2]) -> TestGateway {
    let mut document: Document = sample::document(&providers[0].base_url());
    document.providers[0].passthrough = ["/batches", "/files", "/images", "/responses"].map(String::from).to_vec();
    let west = Provider { name: "west".into(), base_url: providers[1].base_url(), ..document.providers[0].clone() };
    document.providers[1].passthrough = vec!["/messages/batches".into()];
    let south = Provider { name: "south".into(), base_url: providers[1].base_url(), ..document.providers[1].clone() };
    document.providers.extend([west, south]);
    TestGateway::start(&document)
}

async fn ask(gateway: &TestGateway, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let bearer = format!("Bearer {}", sample::key_text("helpdesk"));
    let mut all = vec![("authorization", &*bearer), ("x-paceline-use-case", "support-chat")];
    all.extend(headers);
    request(gateway.address(), method, path, &all, body).await.expect("an answer")
}

fn two() -> [SimProvider; 2] {
    [SimProvider::instant(), SimProvider::instant()]
}

const FILE: &str = "--x\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.jsonl\"\r\n\r\n{}\r\n--x--\r\n";
const MULTIPART: (&str, &str) = ("content-type", "multipart/form-data; boundary=x");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_provider_made_is_asked_of_that_provider() {
    let providers = two();
    let gateway = start(&providers);
    let made = ask(&gateway, "POST", "/v1/files", &[MULTIPART, ("x-paceline-provider", "west")], FILE).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let found = ask(&gateway, "GET", &format!("/v1/files/{id}"), &[], "").await;
    assert_eq!((found.status, found.json()["id"].as_str()), (200, Some(&*id)), "of the one that made it");
    let elsewhere = [("x-paceline-provider", "openai")];
    assert_eq!(ask(&gateway, "GET", &format!("/v1/files/{id}"), &elsewhere, "").await.status, 404);
    let records = gateway.recorded(3).await;
    assert!(records.iter().all(|record| record.api == Api::Passthrough));
    assert_eq!((&*records[0].deployment, &*records[0].model_asked), ("west/files", "/files"));
    assert_eq!(records[0].request_bytes as usize, FILE.len());
    assert_eq!((records[1].outcome, records[1].cost_nanousd), (Outcome::Ok, 0), "reading costs nothing");
    assert_eq!(records[0].cost_nanousd, -1, "nobody knows what making it cost");
    assert_eq!(records[2].outcome, Outcome::CallerError);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn usage_is_read_where_it_is_told() {
    let providers = two();
    let gateway = start(&providers);
    let body = r#"{"model":"gpt-image-1","prompt":"a clock"}"#;
    let answer = ask(&gateway, "POST", "/v1/images/generations", &[], body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let told = answer.json()["usage"]["output_tokens"].as_u64();
    let records = gateway.recorded(1).await;
    assert_eq!(Some(u64::from(records[0].tokens.output)), told.or(Some(0)));
    assert_eq!(records[0].service, "helpdesk");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_listed_paths_and_named_providers_are_reached() {
    let providers = two();
    let gateway = start(&providers);
    let unlisted = ask(&gateway, "POST", "/v1/moderations", &[], "{}").await;
    assert_eq!((unlisted.status, unlisted.header("x-paceline-code")), (404, Some("G306")));
    let stranger = ask(&gateway, "GET", "/v1/files", &[("x-paceline-provider", "north")], "").await;
    assert_eq!((stranger.status, stranger.header("x-paceline-code")), (404, Some("G208")));
    assert!(stranger.text().contains("openai, west"), "{}", stranger.text());
    let nobody = request(gateway.address(), "GET", "/v1/files", &[], "").await.expect("an answer");
    assert_eq!((nobody.status, nobody.header("x-paceline-code")), (401, Some("G101")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_followed_at_the_deployment_that_made_it() {
    let providers = two();
    let gateway = start(&providers);
    let west = ("x-paceline-provider", "west");
    let file = ask(&gateway, "POST", "/v1/files", &[MULTIPART, west], FILE).await.json()["id"].clone();
    let body =
        json!({"input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h"}).to_string();
    let elsewhere = ask(&gateway, "POST", "/v1/batches", &[("x-paceline-provider", "openai")], &body).await;
    assert_eq!(elsewhere.status, 400, "the file is not there: {}", elsewhere.text());
    let made = ask(&gateway, "POST", "/v1/batches", &[west], &body).await;
    assert_eq!((made.status, made.json()["status"].as_str()), (200, Some("validating")), "{}", made.text());
    let at = format!("/v1/batches/{}", made.json()["id"].as_str().unwrap());
    assert_eq!(ask(&gateway, "GET", &at, &[], "").await.json(), made.json(), "of the one that made it");
    let cancelled = ask(&gateway, "POST", &format!("{at}/cancel"), &[], "").await;
    assert_eq!((cancelled.status, cancelled.json()["status"].as_str()), (200, Some("cancelling")));
    let records = gateway.recorded(5).await;
    let seen: Vec<_> = records.iter().map(|record| (&*record.deployment, &*record.model_asked)).collect();
    let cancel = format!("/batches/{}/cancel", made.json()["id"].as_str().unwrap());
    assert_eq!(seen[1..3], [("openai/batches", "/batches"), ("west/batches", "/batches")]);
    assert_eq!((seen[3].0, seen[4]), ("west/batches", ("west/batches", &*cancel)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_messages_is_followed_where_it_was_made() {
    let providers = two();
    let gateway = start(&providers);
    let version = ("anthropic-version", "2023-06-01");
    let body = r#"{"requests":[{"custom_id":"a","params":{"model":"claude-haiku-4-5","max_tokens":9,"messages":[]}}]}"#;
    for (provider, index) in [("anthropic", 0), ("south", 1)] {
        let named = [version, ("x-paceline-provider", provider)];
        let made = ask(&gateway, "POST", "/v1/messages/batches", &named, body).await;
        assert_eq!((made.status, made.json()["type"].as_str()), (200, Some("message_batch")), "{}", made.text());
        let at = format!("/v1/messages/batches/{}", made.json()["id"].as_str().unwrap());
        let found = ask(&gateway, "GET", &at, &[version], "").await;
        assert_eq!(found.json(), made.json());
        assert_eq!(providers[index].truths().await.last().unwrap().api, "message_batches");
    }
    assert_eq!((providers[0].truths().await.len(), providers[1].truths().await.len()), (2, 2));
    // Without a name the caller's dialect tells which provider is meant.
    assert_eq!(ask(&gateway, "GET", "/v1/messages/batches", &[version], "").await.status, 200);
    assert_eq!(providers[0].truths().await.len(), 3);
    let records = gateway.recorded(5).await;
    let deployments: Vec<_> = records.iter().map(|record| &*record.deployment).collect();
    let (anthropic, south) = ("anthropic/messages/batches", "south/messages/batches");
    assert_eq!(deployments, [anthropic, anthropic, south, south, anthropic]);
    assert!(records.iter().all(|record| (record.api, record.outcome) == (Api::Passthrough, Outcome::Ok)));
}

const EVENTS: &str = r#"{"model":"gpt-image-1","prompt":"a clock","stream":true,"partial_images":2}"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_in_events_is_relayed_as_it_comes_and_its_usage_read() {
    let providers = two();
    let gateway = start(&providers);
    let seed = ("x-sim-seed", "7");
    let direct = request(providers[0].address(), "POST", "/v1/images/generations", &[seed], EVENTS).await.unwrap();
    let whole = ask(&gateway, "POST", "/v1/images/generations", &[seed], EVENTS).await;
    assert_eq!(whole.header("content-type"), direct.header("content-type"));
    assert!(whole.complete && whole.body == direct.body, "byte for byte");
    // A caller that leaves after the first event has had it long before the provider would have ended.
    let bearer = format!("Bearer {}", sample::key_text("helpdesk"));
    let mut leaver = Connection::open(gateway.address()).await;
    let head = format!(
        "POST /v1/images/generations HTTP/1.1\r\nhost: x\r\nauthorization: {bearer}\r\nx-paceline-use-case: support-chat\r\nx-sim-fault: trickle=4096/100\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{EVENTS}",
        EVENTS.len()
    );
    leaver.send(head.as_bytes()).await;
    leaver.read_more().await;
    drop(leaver);
    let cut = ask(&gateway, "POST", "/v1/images/generations", &[("x-sim-fault", "cut=40000")], EVENTS).await;
    assert!(!cut.complete, "never a false end");
    let records = gateway.recorded(3).await;
    let of = |outcome| records.iter().find(|record| record.outcome == outcome).expect("one of each");
    let (ok, cancelled, truncated) = (of(Outcome::Ok), of(Outcome::Cancelled), of(Outcome::Truncated));
    assert_eq!((ok.tokens.input, ok.tokens.output, ok.token_source), (2, 3168, TokenSource::Provider));
    assert_eq!(ok.response_bytes as usize, whole.body.len());
    assert!((cancelled.response_bytes as usize) < whole.body.len() / 2, "{}", cancelled.response_bytes);
    assert_eq!(truncated.response_bytes as usize, 40_000);
    until("the provider was left", || async { (providers[0].connections() <= 1).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_only_read_again_is_not_counted_twice() {
    let providers = two();
    let gateway = start(&providers);
    let body = r#"{"model":"auto","input":"hello"}"#;
    let made = ask(&gateway, "POST", "/v1/responses", &[], body).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let again = ask(&gateway, "GET", &format!("/v1/responses/{}", made.json()["id"].as_str().unwrap()), &[], "").await;
    assert_eq!(again.json()["usage"], made.json()["usage"]);
    let records = gateway.recorded(2).await;
    assert!(records[0].tokens.output > 0);
    assert_eq!((records[1].tokens.output, records[1].token_source), (0, TokenSource::None));
}
