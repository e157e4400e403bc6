//! A gateway, two providers, and the plan of one kind of traffic. Every deployment's price is one that can be reckoned
//! by hand; deadlines are short; what would turn later cases away because earlier ones failed (breakers, outliers,
//! budgets of retries) is out of reach, for in the matrix most things fail.

use std::collections::HashMap;
use std::sync::Arc;

use paceline_plan::document::{Deadlines, Deployment, Document, Fallback, Gateway, Hedge, Model, Provider, Rates};
use paceline_plan::sample;
use paceline_sim::{Truth, TruthLog};
use paceline_testkit::{SimProvider, TestGateway, until};
use paceline_types::Dialect;
use parking_lot::Mutex;
use serde_json::json;

use crate::case::{Case, Traffic};
use crate::reference::References;
use crate::witness::{Account, Witness};

/// The service all requests are made for.
const SERVICE: &str = "watcher";
/// Nothing is concluded from this few requests.
const NEVER: u32 = 1_000_000_000;
/// US dollars per million tokens: 1,000 and 8,000 billionths a token.
pub const INPUT_NANOUSD: u64 = 1000;
pub const OUTPUT_NANOUSD: u64 = 8000;

/// Where cases are played.
pub struct Stage {
    pub traffic: Traffic,
    pub gateway: TestGateway,
    /// In the plan's order of preference.
    pub providers: [SimProvider; 2],
    pub references: References,
    witness: Witness,
    /// Which case a tag names, and when it was over for its caller, on the providers' clock.
    played: Mutex<HashMap<String, Case>>,
}

/// Names of the providers, by place.
const PLACES: [&str; 2] = ["east", "west"];

impl Stage {
    /// Sets up everything for one kind of traffic and so many callers at once.
    #[must_use]
    pub fn start(traffic: Traffic, callers: usize) -> Self {
        let providers = PLACES.map(|place| provider_at(place, traffic));
        let document = document(traffic, callers, &providers);
        let gateway = TestGateway::start(&document);
        let logs = providers.iter().map(|provider| Arc::clone(provider.simulator().log())).collect();
        let witness = Witness::start(gateway.records(), logs);
        Self { traffic, gateway, providers, references: References::default(), witness, played: Mutex::default() }
    }

    /// The key that requests bear.
    #[must_use]
    pub fn key() -> String {
        sample::key_text(SERVICE)
    }

    /// The model of the first deployment, as its provider knows it.
    #[must_use]
    pub fn first_model(case: &Case) -> String {
        format!("{}-{}", PLACES[0], case.model())
    }

    /// The provider of a deployment, and its model there, by the deployment's name; the first for no name.
    #[must_use]
    pub fn answered_by(&self, deployment: Option<&str>, case: &Case) -> (&SimProvider, String) {
        let place = usize::from(deployment.is_some_and(|name| name.starts_with(PLACES[1])));
        (&self.providers[place], format!("{}-{}", PLACES[place], case.model()))
    }

    /// Notes which case was played under a tag.
    pub fn played(&self, tag: &str, case: Case) {
        self.played.lock().insert(tag.to_owned(), case);
    }

    /// Both sides' account of a request; `taken` when its caller heard something.
    pub async fn account(&self, tag: &str, taken: bool) -> Account {
        self.witness.account(tag, taken).await
    }

    /// The truth log's clock of the first provider; both run on the same machine's.
    #[must_use]
    pub fn log(&self) -> &TruthLog {
        self.providers[0].simulator().log()
    }

    /// Waits until nothing is in flight any more, and says what is left behind all the same.
    pub async fn left_behind(&self) -> Vec<String> {
        let mut left = Vec::new();
        let quiet = || async {
            let status = self.gateway.gateway().status();
            let in_journal = self.gateway.gateway().journal().status().in_flight;
            let at_providers: usize =
                self.providers.iter().map(|provider| provider.simulator().log().sums().in_flight).sum();
            (status.in_flight == 0 && in_journal == 0 && at_providers == 0 && self.gateway.connections() == 0)
                .then_some(())
        };
        let waited = tokio::time::timeout(std::time::Duration::from_secs(10), until("quiet", quiet)).await;
        if waited.is_err() {
            left.push(format!(
                "in flight at the end: {} requests in the gateway, {} slots in the journal, {:?} at the providers, {} callers' connections",
                self.gateway.gateway().status().in_flight,
                self.gateway.gateway().journal().status().in_flight,
                self.providers.each_ref().map(|provider| provider.simulator().log().sums().in_flight),
                self.gateway.connections()
            ));
        }
        let dropped = self.gateway.gateway().journal().status().dropped;
        if dropped > 0 {
            left.push(format!("{dropped} usage records found no room"));
        }
        if self.traffic == Traffic::Limits {
            left.extend(self.unsettled());
        }
        for (tag, account) in self.witness.left_over().await {
            let played = self.played.lock().get(&tag).copied();
            // An attempt that its caller's leaving stopped may be told of when the account has been read. How soon it
            // stopped is judged where it was seen in time.
            let stopped = |case: Case| {
                let ended = |truth: &Truth| truth.cancelled_ns.or(truth.end_ns).is_some();
                !case.caller.stays() && account.truths.iter().all(ended)
            };
            if account.records.is_empty() && played.is_some_and(stopped) {
                continue;
            }
            let case = played.map_or(tag, |case| case.to_string());
            let (records, truths) = (account.records.len(), account.truths.len());
            left.push(format!("{case}: {records} records and {truths} truths after all was told"));
        }
        left
    }

    /// Reservations that did not come back, and money that the limits know otherwise than the records do.
    #[allow(clippy::cast_possible_truncation)]
    fn unsettled(&self) -> Vec<String> {
        let spent: i64 = self.gateway.records().more().iter().map(|record| record.cost_nanousd.max(0)).sum();
        let limits = self.gateway.gateway().status().limits;
        // Each of a key, a service, a use case and a team saw all requests; the others of their kind saw none.
        let money = limits.iter().filter(|limit| limit.limit == "usd_per_day" && !limit.name.contains('/'));
        let money: Vec<i64> = money.map(|limit| (limit.used * 1e9).round() as i64).filter(|used| *used != 0).collect();
        let mut left = Vec::new();
        if money != [spent; 4] {
            left.push(format!("the limits know of {money:?} spent, the records of {spent}"));
        }
        let held = limits.iter().filter(|limit| limit.limit == "requests_in_flight" && limit.used > 0.0);
        left.extend(
            held.map(|limit| format!("{} of {} still has {} requests in flight", limit.limit, limit.name, limit.used)),
        );
        left
    }

    /// Gives everything back.
    pub async fn stop(self) {
        drop(self.witness);
        self.gateway.stop().await;
        for provider in self.providers {
            provider.stop().await;
        }
    }
}

/// A provider with a model that hurries and one that takes its time.
fn provider_at(place: &str, traffic: Traffic) -> SimProvider {
    let recycles = matches!(traffic, Traffic::Plain | Traffic::Http2);
    SimProvider::start(&json!({
        "default_preset": "instant",
        "log_capacity": 16384,
        "h2_streams_max": if traffic == Traffic::Http2 { 4 } else { 256 },
        "requests_per_connection_max": recycles.then_some(97),
        "models": [
            {"name": format!("{place}-fast"), "preset": "instant"},
            {"name": format!("{place}-slow"), "preset": "paced", "token_ms": 2},
        ],
    }))
}

/// The plan: the sample's, with our providers and the means of this traffic, for so many callers at once.
#[must_use]
pub fn document(traffic: Traffic, callers: usize, providers: &[SimProvider; 2]) -> Document {
    let mut document = sample::document("http://127.0.0.1:1/v1");
    document.gateway = Gateway { connections_max: 20_000, ..document.gateway };
    document.traffic.retry.attempts_max = if matches!(traffic, Traffic::Retry | Traffic::Fallback) { 3 } else { 1 };
    document.traffic.retry.share = 1.0;
    document.traffic.retry.floor = NEVER;
    document.traffic.retry.backoff_ms = 2;
    document.traffic.retry.backoff_max_ms = 10;
    document.traffic.breaker.requests_min = NEVER;
    document.traffic.outlier.requests_min = NEVER;
    // Room for every answer of the longest run: what is not kept for want of room is no finding.
    document.traffic.cache.bytes_max = 4 << 30;
    let places = if matches!(traffic, Traffic::Fallback | Traffic::Hedge) { 2 } else { 1 };
    let (template, template_at) = (document.providers[0].clone(), document.deployments[0].clone());
    document.providers.clear();
    document.deployments.clear();
    let mut names = [Vec::new(), Vec::new()];
    for (place, sim) in PLACES.iter().zip(providers).take(places) {
        for dialect in [Dialect::OpenAi, Dialect::Anthropic] {
            let provider =
                Provider { http2: traffic == Traffic::Http2, ..provider(&template, place, dialect, &sim.base_url()) };
            for (names, model) in names.iter_mut().zip(["fast", "slow"]) {
                let deployment = deployment(&template_at, &provider.name, &format!("{place}-{model}"));
                names.push(deployment.name.clone());
                document.deployments.push(deployment);
            }
            document.providers.push(provider);
        }
    }
    let models = ["fast", "slow"].into_iter().zip(names);
    document.models = models.map(|(name, deployments)| Model { name: name.into(), deployments }).collect();
    for task in &mut document.tasks {
        task.model = "fast".into();
    }
    for use_case in &mut document.use_cases {
        use_case.model = "fast".into();
        use_case.models = vec!["fast".into(), "slow".into()];
        use_case.deadlines = Deadlines { connect_ms: 2000, first_token_ms: 1500, stall_ms: 1500, total_ms: 4500 };
        use_case.fallback = if places > 1 { Fallback::Any } else { Fallback::None };
        use_case.stream_upstream = traffic == Traffic::Assembled;
        use_case.hedge = (traffic == Traffic::Hedge).then_some(Hedge {
            floor_ms: 100,
            ceiling_ms: 200,
            requests_share: 1.0,
            cost_share: 1.0,
        });
        use_case.cache = (traffic == Traffic::Cache).then_some(paceline_plan::document::CacheRule {
            ttl_ms: 60_000,
            stale_if_error_ms: 0,
            scope: paceline_plan::document::CacheScope::Service,
            temperature_zero: false,
            tool_calls: false,
        });
    }
    if traffic == Traffic::Limits {
        limit(&mut document, callers);
    }
    document
}

/// Room for the callers there are and not many more: reservations that do not come back would be felt.
fn limit(document: &mut Document, callers: usize) {
    let at_once = u32::try_from(callers + 8).unwrap_or(u32::MAX);
    let rates = Rates {
        requests_per_minute: Some(NEVER),
        tokens_per_minute: Some(u64::from(NEVER)),
        requests_in_flight: Some(at_once),
        usd_per_day: Some(1e6),
        usd_per_month: Some(1e6),
    };
    document.keys.iter_mut().for_each(|key| key.rates = rates);
    document.services.iter_mut().for_each(|service| service.rates = rates);
    document.use_cases.iter_mut().for_each(|use_case| use_case.rates = rates);
    document.teams.iter_mut().for_each(|team| team.rates = rates);
    document.deployments.iter_mut().for_each(|deployment| deployment.rates = rates);
}

fn provider(template: &Provider, place: &str, dialect: Dialect, base_url: &str) -> Provider {
    use paceline_types::Api;
    let apis = match dialect {
        Dialect::OpenAi => vec![Api::Chat, Api::Completions, Api::Embeddings, Api::Responses],
        Dialect::Anthropic => vec![Api::Messages, Api::CountTokens],
    };
    let name = format!("{place}-{}", dialect.name());
    Provider { name, dialect, apis, base_url: base_url.into(), ..template.clone() }
}

fn deployment(template: &Deployment, provider: &str, model: &str) -> Deployment {
    let mut deployment = template.clone();
    deployment.name = format!("{provider}/{model}");
    deployment.provider = provider.into();
    deployment.model = model.into();
    if let Some(price) = &mut deployment.price {
        (price.input, price.output, price.cached, price.cache_write) = (1.0, 8.0, 1.0, 1.0);
    }
    deployment
}
