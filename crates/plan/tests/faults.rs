//! Every way a plan can be refused: where it points, what it says. And that no bytes make reading it panic.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use paceline_plan::document::{Document, Hedge, Limit};
use paceline_plan::{Plan, sample};
use paceline_types::{Metric, Percentile};
use proptest::prelude::*;

fn sound() -> Document {
    sample::document("http://127.0.0.1:4199/v1")
}

/// The fault of the sample plan after one change, as `path: message`.
fn fault(change: impl FnOnce(&mut Document)) -> String {
    let mut document = sound();
    change(&mut document);
    let fault = Plan::read(&sample::bytes(&document)).expect_err("the change must be refused");
    assert!(!fault.hint.is_empty(), "{fault}");
    format!("{}: {}", fault.path, fault.message)
}

#[test]
fn a_sound_plan_compiles_and_finds_everything_by_name() {
    let bytes = sample::bytes(&sound());
    let plan = Plan::read(&bytes).unwrap();
    assert_eq!(plan.hash.len(), 64);
    assert_eq!(format!("{:016x}", plan.hash8), plan.hash[..16]);
    let helpdesk = plan.service("helpdesk").unwrap();
    let triage = plan.use_case("triage").unwrap();
    assert!(plan.services[helpdesk].use_cases.contains(&triage));
    assert_eq!(plan.deployments_named("gpt-5.4"), plan.deployments_named("openai/gpt-5.4"));
    assert_eq!(plan.tasks[plan.task("reason").unwrap()].model, plan.model("claude").unwrap());
    assert!(plan.service("nobody").is_none() && plan.deployments_named("gpt-9").is_empty());
    let any = plan.keys.iter().find(|key| key.any_service).unwrap();
    assert!(any.may_act_for(helpdesk));
}

#[test]
fn references_lead_somewhere() {
    assert_eq!(
        fault(|plan| plan.deployments[1].provider = "acme".into()),
        "deployments[1].provider: there is no provider \"acme\""
    );
    assert_eq!(
        fault(|plan| plan.models[0].deployments[0] = "x/y".into()),
        "models[0].deployments[0]: there is no deployment \"x/y\""
    );
    assert_eq!(fault(|plan| plan.tasks[1].model = "huge".into()), "tasks[1].model: there is no model \"huge\"");
    assert_eq!(fault(|plan| plan.use_cases[2].model = "huge".into()), "use_cases[2].model: there is no model \"huge\"");
    assert_eq!(
        fault(|plan| plan.services[1].use_cases[1] = "x".into()),
        "services[1].use_cases[1]: there is no use case \"x\""
    );
    assert_eq!(fault(|plan| plan.keys[0].service = Some("x".into())), "keys[0].service: there is no service \"x\"");
}

#[test]
fn lists_hold_together() {
    assert_eq!(fault(|plan| plan.services[1].name = "watcher".into()), "services[1].name: \"watcher\" occurs twice");
    assert_eq!(
        fault(|plan| plan.models[0].name = String::new()),
        "models[0].name: empty, or holds a control character"
    );
    assert_eq!(fault(|plan| plan.services[0].name = "x".repeat(65)), "services[0].name: longer than 64 bytes");
    assert_eq!(fault(|plan| plan.models[0].deployments.clear()), "models[0].deployments: a model needs a deployment");
    assert_eq!(fault(|plan| plan.services[0].use_cases.clear()), "services[0].use_cases: a service needs a use case");
    assert_eq!(
        fault(|plan| plan.use_cases[0].models.clear()),
        "use_cases[0].models: the default model is not among them"
    );
    assert_eq!(
        fault(|plan| plan.services[0].default_use_case = Some("triage".into())),
        "services[0].default_use_case: not one of the service's"
    );
    assert_eq!(fault(|plan| plan.keys[0].service = None), "keys[0].service: the key may act for no service");
    assert_eq!(fault(|plan| plan.keys[1].sha256 = plan.keys[0].sha256.clone()), "keys[1].sha256: another key has it");
}

#[test]
fn values_mean_something() {
    assert_eq!(fault(|plan| plan.format = 1), "format: format 1 is not 3");
    assert_eq!(fault(|plan| plan.keys[0].sha256 = "12".into()), "keys[0].sha256: not 64 hex digits");
    assert_eq!(fault(|plan| plan.keys[0].sha256 = "\u{e9}".repeat(32)), "keys[0].sha256: not 64 hex digits");
    assert_eq!(fault(|plan| plan.keys[0].sha256 = "+f".repeat(32)), "keys[0].sha256: not 64 hex digits");
    for secret in ["sk-live-1", "env:", "file:", "ENV:X", ""] {
        // The whole of it: what stood there is not quoted.
        assert_eq!(
            fault(|plan| plan.providers[0].key = Some(secret.into())),
            "providers[0].key: not a reference to a secret"
        );
    }
    for url in ["", "ftp://x", "http://", "http://x/", "http:///v1", "https://user@host/v1", "http://x/v1?a=b"] {
        assert_eq!(
            fault(|plan| plan.providers[0].base_url = url.into()),
            "providers[0].base_url: not a base URL",
            "{url}"
        );
    }
    assert_eq!(
        fault(|plan| plan.deployments[0].bytes_per_token = 0.0),
        "deployments[0].bytes_per_token: must be above zero"
    );
    assert_eq!(
        fault(|plan| plan.deployments[0].price.as_mut().unwrap().cached = -1.0),
        "deployments[0].price.cached: not a price"
    );
    assert_eq!(
        fault(|plan| plan.use_cases[0].max_output_tokens = Some(0)),
        "use_cases[0].max_output_tokens: zero allows no answer"
    );
    assert_eq!(fault(|plan| plan.gateway.journal.bytes_max = 1), "gateway.journal.bytes_max: smaller than one segment");
    assert_eq!(fault(|plan| plan.gateway.connections_max = 0), "gateway.connections_max: 0 is too small");
}

#[test]
fn rules_of_traffic_mean_something() {
    for (refused, wanted) in [
        (
            fault(|plan| plan.keys[1].rates.requests_per_minute = Some(0)),
            "keys[1].rates.requests_per_minute: zero lets nothing through",
        ),
        (
            fault(|plan| plan.teams[0].rates.usd_per_day = Some(-1.0)),
            "teams[0].rates.usd_per_day: not an amount of money",
        ),
        (
            fault(|plan| plan.deployments[0].queue.batch_floor = 0.8),
            "deployments[0].queue.batch_floor: the floors take nearly everything",
        ),
        (
            fault(|plan| plan.deployments[0].queue.standard_floor = 1.5),
            "deployments[0].queue.standard_floor: 1.5 is not a share",
        ),
        (
            fault(|plan| {
                plan.use_cases[0].hedge =
                    Some(Hedge { floor_ms: 200, ceiling_ms: 100, requests_share: 0.02, cost_share: 0.02 });
            }),
            "use_cases[0].hedge.floor_ms: the delay has no room",
        ),
        (fault(|plan| plan.traffic.retry.share = 1.1), "traffic.retry.share: 1.1 is not a share"),
        (fault(|plan| plan.traffic.breaker.window_ms = 0), "traffic.breaker.window_ms: zero means nothing here"),
        (
            fault(|plan| plan.traffic.outlier.slower_factor = 1.0),
            "traffic.outlier.slower_factor: not a factor above one",
        ),
        (
            fault(|plan| plan.traffic.cache.url = Some("redis://secret@host".into())),
            "traffic.cache.url: not a reference to a secret",
        ),
    ] {
        assert_eq!(refused, wanted);
    }
}

#[test]
fn limits_are_one_a_metric_and_percentile_with_shares_at_the_mean() {
    let limit = |metric, percentile, value| Limit { metric, percentile, value };
    let add = |new: Limit| fault(|plan| plan.use_cases[0].limits.push(new));
    assert_eq!(
        add(limit(Metric::TtftMs, Percentile::P95, 5.0)),
        "use_cases[0].limits[3]: ttft_ms p95 is limited twice"
    );
    assert_eq!(
        add(limit(Metric::TpotMs, Percentile::Mean, 5.0)),
        "use_cases[0].limits[3].percentile: does not fit the metric"
    );
    assert_eq!(add(limit(Metric::TpotMs, Percentile::P50, -5.0)), "use_cases[0].limits[3].value: not a limit");
}

#[test]
fn the_hash_covers_every_byte() {
    let bytes = sample::bytes(&sound());
    let text = String::from_utf8(bytes).unwrap();
    let fault = |text: &str| Plan::read(text.as_bytes()).unwrap_err().message;
    let changed = text.replace("\"max_output_tokens\":300", "\"max_output_tokens\":301");
    assert_eq!(fault(&changed), "the document was changed after it was hashed");
    assert_eq!(fault(&text.replace(",\"keys\"", ", \"keys\"")), "the document was changed after it was hashed");
    assert_eq!(fault(&text.replace("\"hash\":", "\"hash\": ")), "the document is not canonical JSON");
}

#[test]
fn unknown_missing_and_trailing_parts_are_refused_with_their_place() {
    let text = String::from_utf8(sample::bytes(&sound())).unwrap();
    let fault = |text: &str| Plan::read(text.as_bytes()).unwrap_err();
    let unknown = fault(&text.replace("\"owner\":\"support\"", "\"owner\":\"support\",\"ownr\":1"));
    assert_eq!(unknown.path, "services[0].ownr");
    let missing = fault(&text.replace("\"organisation\":\"Sample\",", ""));
    assert!(missing.message.contains("organisation"), "{missing}");
    let wrong = fault(&text.replace("\"mode\":\"observe\"", "\"mode\":\"obey\""));
    assert_eq!(wrong.path, "services[0].mode");
    assert_eq!(fault(&format!("{text}x")).hint, "send one JSON document");
    assert!(fault("").message.contains("EOF"));
}

proptest! {
    #[test]
    fn no_bytes_make_reading_panic(at in 0_usize..6000, with in proptest::collection::vec(any::<u8>(), 0..8)) {
        let mut bytes = sample::bytes(&sound());
        let at = at.min(bytes.len());
        let end = (at + with.len()).min(bytes.len());
        bytes.splice(at..end, with);
        let _ = Plan::read(&bytes);
    }
}
