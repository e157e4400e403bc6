//! The exact cache and shared flights on real sockets: what is served, what it costs, what the records say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use paceline_plan::document::{CacheRule, CacheScope, Document};
use paceline_plan::sample;
use paceline_testkit::{Answer, Connection, SimProvider, TestGateway, post, until};
use paceline_types::{CacheUse, Outcome, TokenSource};
use serde_json::json;

const RULE: CacheRule = CacheRule {
    ttl_ms: 60_000,
    stale_if_error_ms: 0,
    scope: CacheScope::Service,
    temperature_zero: true,
    tool_calls: false,
};
const ZERO: &str = r#"{"model":"small","temperature":0,"messages":[{"role":"user","content":"hi"}]}"#;

fn provider() -> SimProvider {
    SimProvider::start(&json!({"default_preset": "instant", "models": [
        {"name": "gpt-5.4-mini", "preset": "paced", "token_ms": 5},
        {"name": "claude-haiku-4-5", "preset": "instant"},
        {"name": "gpt-5.4", "preset": "instant"},
    ]}))
}

fn start(provider: &SimProvider, change: impl Fn(&mut Document)) -> TestGateway {
    let mut document = sample::document(&provider.base_url());
    for use_case in &mut document.use_cases {
        use_case.cache = Some(RULE);
    }
    change(&mut document);
    TestGateway::start(&document)
}

async fn ask(gateway: &TestGateway, service: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let bearer = format!("Bearer {}", sample::key_text(service));
    let mut all = vec![("authorization", &*bearer), ("x-paceline-use-case", "support-chat")];
    all.extend(headers);
    post(gateway.address(), "/v1/chat/completions", &all, body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_answer_is_the_first_one_again_and_costs_nothing() {
    let provider = provider();
    let gateway = start(&provider, |_| {});
    let respelt =
        r#"{ "temperature":0.0, "messages":[{"content":"h\u0069","role":"user"}], "user":"u", "model":"small"}"#;
    for (first, second) in [
        (ZERO.to_owned(), respelt.to_owned()),
        (
            ZERO.replace("\"temperature\"", "\"stream\":true,\"temperature\""),
            respelt.replace("\"model\"", "\"stream\":true,\"model\""),
        ),
    ] {
        let miss = ask(&gateway, "helpdesk", &[], &first).await;
        let hit = ask(&gateway, "helpdesk", &[], &second).await;
        assert_eq!((miss.status, miss.header("x-paceline-cache")), (200, Some("miss")));
        assert_eq!((hit.status, hit.header("x-paceline-cache")), (200, Some("hit")));
        assert_eq!(hit.header("x-paceline-cost-usd"), Some("0.000000000"));
        assert_eq!((hit.text(), hit.header("content-type")), (miss.text(), miss.header("content-type")));
        assert_ne!(hit.header("x-paceline-request-id"), miss.header("x-paceline-request-id"));
    }
    assert_eq!(provider.truths().await.len(), 2);
    let records = gateway.recorded(4).await;
    let hits: Vec<_> = records.iter().filter(|record| record.cache == CacheUse::Hit).collect();
    assert_eq!(hits.len(), 2);
    for hit in hits {
        assert_eq!(
            (hit.outcome, hit.attempts, hit.cost_nanousd, hit.token_source),
            (Outcome::Ok, 0, 0, TokenSource::None)
        );
        assert!(hit.default_cost_nanousd > 0, "what it cost the first time");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn identical_requests_at_once_are_asked_once_and_leaving_disturbs_nobody() {
    let provider = provider();
    let gateway = start(&provider, |_| {});
    let body = ZERO.replace("\"temperature\"", "\"stream\":true,\"temperature\"");
    let slow = [("x-sim-output-tokens", "40")];
    let bearer = format!("Bearer {}", sample::key_text("helpdesk"));
    let mut leaver = Connection::open(gateway.address()).await;
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: {bearer}\r\nx-paceline-use-case: support-chat\r\nx-sim-output-tokens: 40\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    leaver.send(head.as_bytes()).await;
    leaver.read_more().await;
    let (one, two, three) =
        tokio::join!(ask(&gateway, "helpdesk", &slow, &body), ask(&gateway, "helpdesk", &slow, &body), async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            drop(leaver);
            ask(&gateway, "helpdesk", &slow, &body).await
        });
    assert!(one.text().ends_with("data: [DONE]\n\n"));
    assert_eq!((one.text(), one.text()), (two.text(), three.text()));
    let truths = provider.truths().await;
    assert_eq!(truths.len(), 1, "one flight for all");
    let records = gateway.recorded(4).await;
    let mut seen: Vec<_> =
        records.iter().map(|record| (record.cache, record.outcome, record.cost_nanousd > 0)).collect();
    seen.sort_by_key(|(cache, ..)| *cache as u8);
    let shared = (CacheUse::Shared, Outcome::Ok, false);
    assert_eq!(seen, [(CacheUse::Miss, Outcome::Cancelled, true), shared, shared, shared]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_everybody_has_left_the_provider_is_told_to_stop() {
    let provider = provider();
    let gateway = start(&provider, |_| {});
    let body = ZERO.replace("\"temperature\"", "\"stream\":true,\"temperature\"");
    let bearer = format!("Bearer {}", sample::key_text("helpdesk"));
    let mut leaver = Connection::open(gateway.address()).await;
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: {bearer}\r\nx-paceline-use-case: support-chat\r\nx-sim-output-tokens: 2000\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    leaver.send(head.as_bytes()).await;
    leaver.read_more().await;
    drop(leaver);
    let records = gateway.recorded(1).await;
    assert_eq!((records[0].outcome, records[0].cache), (Outcome::Cancelled, CacheUse::Miss));
    until("the provider was left", || async { (provider.connections() == 0).then_some(()) }).await;
    let again = ask(&gateway, "helpdesk", &[("x-sim-output-tokens", "4")], ZERO).await;
    assert_eq!(again.header("x-paceline-cache"), Some("miss"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_must_not_be_cached_is_not() {
    let provider = provider();
    let gateway = start(&provider, |_| {});
    let fault = [("x-sim-fault", "status=500")];
    for (headers, body) in [
        (&[][..], ZERO.replace(":0,", ":0.7,")),
        (&[("cache-control", "no-store")][..], ZERO.to_owned()),
        (&[("cache-control", "no-cache")][..], ZERO.to_owned()),
        (&[][..], ZERO.replace("{\"model\"", "{\"n\":2,\"model\"")),
        (
            &[][..],
            ZERO.replace("{\"model\"", "{\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"model\""),
        ),
        (&[("x-sim-output-tokens", "50")][..], ZERO.replace("{\"model\"", "{\"max_completion_tokens\":3,\"model\"")),
        (&fault[..], ZERO.replace("hi", "fails")),
    ] {
        let before = provider.truths().await.len();
        for _ in 0..2 {
            let short = [("x-sim-output-tokens", "4")];
            let headers = [headers, &short[..usize::from(headers.is_empty())]].concat();
            let answer = ask(&gateway, "helpdesk", &headers, &body).await;
            assert_ne!(answer.header("x-paceline-cache"), Some("hit"), "{body}");
        }
        assert!(provider.truths().await.len() >= before + 2, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_leaks_from_service_to_service_unless_the_standards_say_so() {
    let provider = provider();
    for (scope, wanted) in [(CacheScope::Service, "miss"), (CacheScope::Organisation, "hit")] {
        let gateway = start(&provider, |document| {
            for use_case in &mut document.use_cases {
                use_case.cache = Some(CacheRule { scope, ..RULE });
            }
            // The same mode, so that the same rules applied to both.
            document.services[0].mode = document.services[1].mode;
        });
        ask(&gateway, "helpdesk", &[("x-sim-output-tokens", "4")], ZERO).await;
        assert_eq!(ask(&gateway, "watcher", &[], ZERO).await.header("x-paceline-cache"), Some(wanted));
    }
}

/// Answers that are past their time at once, and stand in for a minute.
const OLD: CacheRule = CacheRule { ttl_ms: 0, stale_if_error_ms: 60_000, ..RULE };

fn start_old(provider: &SimProvider, rule: CacheRule, attempts_max: u32) -> TestGateway {
    start(provider, |document| {
        for use_case in &mut document.use_cases {
            use_case.cache = Some(rule);
            (use_case.deadlines.first_token_ms, use_case.deadlines.total_ms) = (400, 1500);
        }
        document.traffic.retry.attempts_max = attempts_max;
        document.traffic.breaker.requests_min = 1000;
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_answer_stands_in_where_every_attempt_failed_before_the_first_byte() {
    let provider = provider();
    let streamed = ZERO.replace("\"temperature\"", "\"stream\":true,\"temperature\"");
    for attempts_max in [1, 2] {
        let gateway = start_old(&provider, OLD, attempts_max);
        let mut firsts = Vec::new();
        for body in [ZERO, &streamed] {
            firsts.push((body, ask(&gateway, "helpdesk", &[("x-sim-output-tokens", "4")], body).await));
        }
        let faults = ["status=500", "status=429;retry-after=60", "reset", "delay=3000", "cut=0"];
        for fault in faults {
            for (body, first) in &firsts {
                let old = ask(&gateway, "helpdesk", &[("x-sim-fault", fault)], body).await;
                let said = (old.status, old.header("x-paceline-cache"), old.header("x-paceline-cost-usd"));
                assert_eq!(said, (200, Some("stale"), Some("0.000000000")), "{fault} {}", old.text());
                assert_eq!((old.text(), old.header("content-type")), (first.text(), first.header("content-type")));
                assert_eq!((old.header("x-paceline-deployment"), old.header("x-paceline-code")), (None, None));
            }
        }
        let records = gateway.recorded(2 + 2 * faults.len()).await;
        let stale: Vec<_> = records.iter().filter(|record| record.cache == CacheUse::Stale).collect();
        assert_eq!(stale.len(), 2 * faults.len());
        for record in stale {
            assert_eq!((record.outcome, record.status, record.code), (Outcome::Ok, 200, 0));
            assert_eq!((record.cost_nanousd, record.token_source), (0, TokenSource::None));
            assert!(record.attempts > 0 && record.default_cost_nanousd > 0);
            // What the provider began to work on it may bill: it stands apart.
            assert_eq!(record.other_cost_nanousd > 0, !matches!(record.provider_status, 429 | 500), "{record:?}");
        }
        // It did not become fresh by being served.
        assert_eq!(ask(&gateway, "helpdesk", &[], ZERO).await.header("x-paceline-cache"), Some("miss"));
    }
}

type Headers = &'static [(&'static str, &'static str)];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_old_is_served_to_whom_it_is_not_for() {
    let provider = provider();
    const FAILS: (&str, &str) = ("x-sim-fault", "status=500");
    let never = CacheRule { stale_if_error_ms: 0, ..OLD };
    let cases: [(CacheRule, &str, Headers, u16); 6] = [
        (OLD, "helpdesk", &[FAILS, ("cache-control", "no-cache")], 500),
        (OLD, "helpdesk", &[FAILS, ("cache-control", "no-store")], 500),
        // The request is at fault, not the provider.
        (OLD, "helpdesk", &[("x-sim-fault", "status=400")], 400),
        (OLD, "watcher", &[FAILS], 500),
        // The caller's own hurry says nothing of the provider.
        (OLD, "helpdesk", &[("x-sim-fault", "delay=5000"), ("x-paceline-timeout-ms", "50")], 504),
        (never, "helpdesk", &[FAILS], 500),
    ];
    for (rule, service, headers, status) in cases {
        let gateway = start_old(&provider, rule, 1);
        ask(&gateway, "helpdesk", &[("x-sim-output-tokens", "4")], ZERO).await;
        let answer = ask(&gateway, service, headers, ZERO).await;
        assert_eq!(answer.status, status, "{headers:?} {}", answer.text());
        assert_ne!(answer.header("x-paceline-cache"), Some("stale"), "{headers:?}");
    }
    // An answer that was cut short by its cap was never kept.
    let gateway = start_old(&provider, OLD, 1);
    let cut = ZERO.replace("{\"model\"", "{\"max_completion_tokens\":3,\"model\"");
    assert_eq!(ask(&gateway, "helpdesk", &[("x-sim-output-tokens", "50")], &cut).await.status, 200);
    assert_eq!(ask(&gateway, "helpdesk", &[FAILS], &cut).await.status, 500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_who_waited_for_a_flight_that_failed_gets_the_old_answer() {
    let provider = provider();
    let gateway = start_old(&provider, OLD, 1);
    ask(&gateway, "helpdesk", &[("x-sim-output-tokens", "4")], ZERO).await;
    let fails = [("x-sim-fault", "delay=100;status=503")];
    let asked = || ask(&gateway, "helpdesk", &fails, ZERO);
    let answers = tokio::join!(asked(), asked(), asked(), asked());
    for answer in [answers.0, answers.1, answers.2, answers.3] {
        assert_eq!((answer.status, answer.header("x-paceline-cache")), (200, Some("stale")));
    }
    let records = gateway.recorded(5).await;
    assert_eq!(records.iter().filter(|record| record.cache == CacheUse::Stale).count(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flight_that_is_tried_again_answers_everybody_who_waited() {
    let provider = provider();
    let gateway = start(&provider, |_| {});
    for body in [ZERO.to_owned(), ZERO.replace("\"temperature\"", "\"stream\":true,\"temperature\"")] {
        let before = provider.truths().await.len();
        // The first attempt takes long enough for the others to come, and fails.
        let fault = [("x-sim-output-tokens", "4"), ("x-sim-fault", "delay=400;status=503;times=1")];
        let asked = || ask(&gateway, "helpdesk", &fault, &body);
        let (one, two, three) = tokio::join!(asked(), asked(), asked());
        assert_eq!((one.status, one.text()), (200, two.text()), "{}", one.text());
        assert_eq!((three.status, three.text()), (200, two.text()));
        assert_eq!(provider.truths().await.len(), before + 2, "one flight, two attempts");
    }
    let mut seen: Vec<_> = gateway.recorded(6).await.iter().map(|record| (record.cache, record.attempts)).collect();
    seen.sort_by_key(|(cache, _)| *cache as u8);
    assert_eq!(seen[..2], [(CacheUse::Miss, 2); 2]);
    assert_eq!(seen[2..], [(CacheUse::Shared, 0); 4]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_old_is_served_while_another_deployment_can_answer() {
    let provider = provider();
    let gateway = start(&provider, |document| {
        document.use_cases.iter_mut().for_each(|use_case| use_case.cache = Some(OLD));
        let small = document.models.iter_mut().find(|model| model.name == "small").expect("the model");
        small.deployments = vec!["openai/gpt-5.4-mini".into(), "openai/gpt-5.4".into()];
    });
    let said = async |fault: &str| {
        let answer = ask(&gateway, "helpdesk", &[("x-sim-output-tokens", "4"), ("x-sim-fault", fault)], ZERO).await;
        let header = |name| answer.header(name).unwrap_or("-").to_owned();
        (answer.status, header("x-paceline-cache"), header("x-paceline-deployment"))
    };
    let by = |cache: &str, deployment: &str| (200, cache.to_owned(), deployment.to_owned());
    assert_eq!(said("").await, by("miss", "openai/gpt-5.4-mini"));
    assert_eq!(said("status=503;at=gpt-5.4-mini").await, by("miss", "openai/gpt-5.4"));
    assert_eq!(said("status=503").await, by("stale", "-"));
    // Elsewhere the request itself is found at fault: then it is its own fault.
    let (status, cache, _) = said("status=503;at=gpt-5.4-mini | context-too-long;at=gpt-5.4").await;
    assert_eq!((status, &*cache), (400, "miss"));
}
