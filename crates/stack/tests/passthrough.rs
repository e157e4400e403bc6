//! Other paths of a provider, relayed as they come: bodies both ways, who may, whom, and what the records say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use paceline_plan::document::{Document, Provider};
use paceline_plan::sample;
use paceline_testkit::{Answer, SimProvider, TestGateway, request, until};
use paceline_types::{Api, Outcome, UsageRecord};

fn start(providers: &[SimProvider; 2]) -> TestGateway {
    let mut document: Document = sample::document(&providers[0].base_url());
    document.providers[0].passthrough = ["/files", "/images", "/responses"].map(String::from).to_vec();
    let west = Provider { name: "west".into(), base_url: providers[1].base_url(), ..document.providers[0].clone() };
    document.providers.push(west);
    TestGateway::start(&document)
}

async fn ask(gateway: &TestGateway, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let bearer = format!("Bearer {}", sample::key_text("helpdesk"));
    let mut all = vec![("authorization", &*bearer), ("x-paceline-use-case", "support-chat")];
    all.extend(headers);
    request(gateway.address(), method, path, &all, body).await.expect("an answer")
}

async fn records(gateway: &TestGateway, count: usize) -> Vec<UsageRecord> {
    let mut reader = gateway.records();
    let mut all = Vec::new();
    until("the records", || {
        all.extend(reader.more());
        let there = (all.len() >= count).then(|| all.clone());
        async move { there }
    })
    .await
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
    let records = records(&gateway, 3).await;
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
    let records = records(&gateway, 1).await;
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
