//! The plan in force: compiled standards plus what a process adds to them (connection pools, provider keys read from
//! the environment). Swapped whole; requests under way keep the one they began with.

use std::sync::Arc;
use std::time::Duration;

use paceline_cache::Cache;
use paceline_http::{
    AddressRule, ClientTls, HeaderName, HeaderValue, Proxies, Upstream, UpstreamFault, UpstreamOptions,
};
use paceline_otlp::{Counts, Exporter, StartError, Surroundings, Telemetry};
use paceline_plan::{Plan, PlanFault};
use paceline_traffic::{Bound, DeploymentState, Fleet, HedgeBudget, Limits, Made, Now, Prefixes};

use crate::{cache, headers};

/// Why a plan was not taken.
#[derive(Debug)]
pub enum ApplyError {
    /// The plan itself is at fault.
    Fault(PlanFault),
    /// The system's trust store could not be read.
    Trust(String),
}

/// One provider as this process reaches it.
pub(crate) struct Provider {
    pub upstream: Arc<Upstream>,
    pub credential: Credential,
    pub fixed: Vec<(HeaderName, HeaderValue)>,
}

/// The key a provider wants.
#[derive(Clone)]
pub(crate) enum Credential {
    /// It wants none.
    Free,
    Header(HeaderName, HeaderValue),
    /// The plan names a key that this process does not have: where it looked.
    Missing(String),
}

/// A plan with its pools and credentials.
pub struct Running {
    pub(crate) plan: Plan,
    pub(crate) providers: Vec<Provider>,
    /// Names of models and deployments as header values, by index.
    pub(crate) models: Vec<Option<HeaderValue>>,
    pub(crate) deployments: Vec<Option<HeaderValue>>,
    /// What is shared with requests under other plans, by this plan's indices.
    pub(crate) limits: Bound,
    pub(crate) deployment_states: Vec<Arc<DeploymentState>>,
    pub(crate) hedges: Vec<Arc<HedgeBudget>>,
    pub(crate) cache: Option<(paceline_cache::Options, Arc<Cache>)>,
    /// None where nothing is exported.
    pub(crate) telemetry: Option<Telemetry>,
}

/// How this process reaches out: whom it trusts, and by which proxies it goes.
pub(crate) struct Outward {
    pub tls: ClientTls,
    pub proxies: Arc<Proxies>,
}

/// What requests share and plans come and go over.
#[derive(Default)]
pub(crate) struct Shared {
    pub limits: Limits,
    pub fleet: Fleet,
    pub prefixes: Prefixes,
    pub made: Made,
    pub exported: Arc<Counts>,
}

impl Running {
    /// Readies `plan` for requests. Pools of providers whose address and bounds did not change are carried over from
    /// `before`, so that a new key or a new limit costs no connection.
    ///
    /// # Errors
    /// When a base URL cannot be used, or the system's trust store cannot be read.
    pub(crate) fn new(
        plan: Plan,
        outward: &Outward,
        shared: &Shared,
        now: Now,
        before: Option<&Self>,
    ) -> Result<Self, ApplyError> {
        let mut providers = Vec::with_capacity(plan.providers.len());
        for (index, provider) in plan.providers.iter().enumerate() {
            let upstream = match before.and_then(|before| before.pool_for(&plan, provider)) {
                Some(upstream) => upstream,
                None => Arc::new(open(&plan, index, outward)?),
            };
            let credential = credential(provider.dialect, provider.key.as_deref());
            let fixed = headers::fixed(provider);
            providers.push(Provider { upstream, credential, fixed });
        }
        let value = |name: &str| HeaderValue::from_str(name).ok();
        let models = plan.models.iter().map(|model| value(&model.name)).collect();
        let deployments = plan.deployments.iter().map(|deployment| value(&deployment.name)).collect();
        let limits = shared.limits.bind(&plan, now);
        let deployment_states = shared.fleet.bind(&plan);
        let hedges = shared.fleet.hedges(&plan);
        let cache_before = before.and_then(|before| before.cache.as_ref());
        let cache = cache::of_plan(&plan, cache_before.map(|(options, cache)| (options, cache)));
        let telemetry = telemetry(&plan, outward, shared, before)?;
        Ok(Self { plan, providers, models, deployments, limits, deployment_states, hedges, cache, telemetry })
    }

    /// The pool of the provider of that name, if `plan` reaches it in the very same way.
    fn pool_for(&self, plan: &Plan, provider: &paceline_plan::Provider) -> Option<Arc<Upstream>> {
        let same = |old: &&paceline_plan::Provider| {
            old.name == provider.name
                && old.base_url == provider.base_url
                && old.http2 == provider.http2
                && old.connections_max == provider.connections_max
                && old.addresses_allowed == provider.addresses_allowed
        };
        let mut pairs = self.plan.providers.iter().zip(&self.providers);
        let found = pairs.find(|(old, _)| same(old)).filter(|_| same_bounds(&self.plan, plan));
        found.map(|(_, pool)| Arc::clone(&pool.upstream))
    }

    /// The plan's whole hash, hex.
    #[must_use]
    pub fn hash(&self) -> &str {
        &self.plan.hash
    }

    /// The bounds the plan sets for the process.
    #[must_use]
    pub fn gateway(&self) -> &paceline_plan::document::Gateway {
        &self.plan.gateway
    }

    /// Providers that want a key this process does not have: (provider, where it looked).
    #[must_use]
    pub fn keys_missing(&self) -> Vec<(String, String)> {
        let missing = |(index, provider): (usize, &Provider)| match &provider.credential {
            Credential::Missing(place) => Some((self.plan.providers[index].name.to_string(), place.clone())),
            _ => None,
        };
        self.providers.iter().enumerate().filter_map(missing).collect()
    }
}

fn same_bounds(old: &Plan, new: &Plan) -> bool {
    old.gateway.idle_connections_per_provider_max == new.gateway.idle_connections_per_provider_max
        && old.gateway.idle_connection_ms == new.gateway.idle_connection_ms
        && old.gateway.connection_age_max_ms == new.gateway.connection_age_max_ms
        && old.gateway.head_bytes_max == new.gateway.head_bytes_max
}

fn open(plan: &Plan, index: usize, outward: &Outward) -> Result<Upstream, ApplyError> {
    let provider = &plan.providers[index];
    let fault = |key: &str, message: String, hint: &str| {
        ApplyError::Fault(PlanFault { path: format!("providers[{index}].{key}"), message, hint: hint.into() })
    };
    let addresses = AddressRule::new(&provider.addresses_allowed).map_err(|message| {
        fault("addresses_allowed", message, "list addresses, networks (169.254.7.0/24) and host names")
    })?;
    let options = UpstreamOptions {
        idle_max: plan.gateway.idle_connections_per_provider_max as usize,
        idle_for: Duration::from_millis(plan.gateway.idle_connection_ms),
        head_bytes_max: usize::try_from(plan.gateway.head_bytes_max).unwrap_or(usize::MAX),
        connection_age_max: Duration::from_millis(plan.gateway.connection_age_max_ms),
        connections_max: provider.connections_max,
        http2: provider.http2,
        tls: outward.tls.clone(),
        addresses,
        proxies: Arc::clone(&outward.proxies),
    };
    Upstream::new(&provider.base_url, options).map_err(|error| {
        let hint = match error {
            UpstreamFault::Address => "list the address under addresses_allowed if it is meant",
            _ => "write it as https://HOST[:PORT]/PREFIX",
        };
        fault("base_url", error.to_string(), hint)
    })
}

/// The export that the plan asks for; the one before goes on where nothing of it changes.
fn telemetry(
    plan: &Plan,
    outward: &Outward,
    shared: &Shared,
    before: Option<&Running>,
) -> Result<Option<Telemetry>, ApplyError> {
    let Some(otlp) = &plan.telemetry.otlp else { return Ok(None) };
    let before = before.and_then(|before| before.telemetry.as_ref()).map(Telemetry::exporter);
    if let Some(same) = before.filter(|exporter| exporter.serves(otlp, secret)) {
        return Ok(Some(Telemetry::new(Arc::clone(same), plan)));
    }
    let around = Surroundings {
        tls: &outward.tls,
        proxies: &outward.proxies,
        counts: &shared.exported,
        random: crate::ident::random,
        log: |line| eprintln!("paceline gateway: {line}"),
    };
    let fault = |path: &str, message: String, hint: &str| {
        ApplyError::Fault(PlanFault { path: path.into(), message, hint: hint.into() })
    };
    let exporter = Exporter::start(otlp, secret, &around).map_err(|error| match error {
        StartError::Endpoint(error) => {
            let hint = match error {
                UpstreamFault::Address => "name the collector by an address of its own",
                _ => "write it as https://HOST[:PORT]",
            };
            fault("telemetry.otlp.endpoint", error.to_string(), hint)
        }
        StartError::Thread(error) => {
            fault("telemetry.otlp", format!("no thread for it: {error}"), "raise the process's bound on threads")
        }
    })?;
    Ok(Some(Telemetry::new(Arc::new(exporter), plan)))
}

/// Reads a reference to a secret, `env:NAME` or `file:PATH`; none where there is nothing.
pub(crate) fn secret(reference: &str) -> Option<String> {
    let text = match reference.split_once(':') {
        Some(("env", name)) => std::env::var(name).ok(),
        Some(("file", path)) => std::fs::read_to_string(path).ok(),
        _ => None,
    };
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// The key a provider wants, as a header.
fn credential(dialect: paceline_types::Dialect, reference: Option<&str>) -> Credential {
    let Some(reference) = reference else { return Credential::Free };
    match secret(reference).and_then(|key| headers::credential(dialect, &key)) {
        Some((name, value)) => Credential::Header(name, value),
        None => Credential::Missing(reference.to_owned()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use paceline_plan::document::Document;
    use paceline_plan::sample;
    use paceline_types::Dialect;

    use super::*;

    fn running(change: impl FnOnce(&mut Document), before: Option<&Running>) -> Result<Running, ApplyError> {
        let mut document = sample::document("http://127.0.0.1:9/v1");
        change(&mut document);
        let proxies = Arc::new(Proxies::new(Some("http://u:p@proxy.test:1"), None, "").unwrap());
        let outward = Outward { tls: paceline_http::client_tls().unwrap(), proxies };
        let now = Now { mono_ns: 0, unix_s: 0 };
        Running::new(Plan::read(&sample::bytes(&document)).unwrap(), &outward, &Shared::default(), now, before)
    }

    #[test]
    fn a_pool_is_kept_until_the_way_to_its_provider_changes() {
        let first = running(|_| {}, None).unwrap();
        let kept = |change: fn(&mut Document)| {
            let next = running(change, Some(&first)).unwrap();
            let same = |(old, new): (&Provider, &Provider)| Arc::ptr_eq(&old.upstream, &new.upstream);
            first.providers.iter().zip(&next.providers).map(same).collect::<Vec<_>>()
        };
        assert_eq!(kept(|_| {}), [true, true]);
        assert_eq!(kept(|plan| plan.providers[0].key = Some("env:NONE".into())), [true, true]);
        assert_eq!(kept(|plan| plan.providers[0].connections_max = 3), [false, true]);
        assert_eq!(kept(|plan| plan.providers[1].addresses_allowed = vec!["169.254.7.1".into()]), [true, false]);
        assert_eq!(kept(|plan| plan.providers[1].base_url = "http://127.0.0.1:8/v1".into()), [true, false]);
        assert_eq!(kept(|plan| plan.gateway.connection_age_max_ms = 7), [false, false]);
    }

    #[test]
    fn a_refused_address_and_an_exception_that_is_none_are_faults_by_their_path() {
        let fault = |change: fn(&mut Document)| match running(change, None) {
            Err(ApplyError::Fault(fault)) => fault,
            _ => unreachable!("the plan is at fault"),
        };
        let refused = fault(|plan| plan.providers[1].base_url = "http://169.254.169.254/v1".into());
        assert_eq!(refused.path, "providers[1].base_url");
        assert!(refused.hint.contains("addresses_allowed"), "{}", refused.hint);
        let exception = fault(|plan| plan.providers[1].addresses_allowed = vec!["169.254.0.0/99".into()]);
        assert_eq!(exception.path, "providers[1].addresses_allowed");
        assert!(exception.message.contains("169.254.0.0/99"), "{}", exception.message);
        let allowed = |plan: &mut Document| {
            plan.providers[1].base_url = "http://169.254.169.254/v1".into();
            plan.providers[1].addresses_allowed = vec!["169.254.169.254".into()];
        };
        assert!(running(allowed, None).is_ok());
    }

    #[tokio::test]
    async fn providers_are_reached_by_the_proxies_of_the_process() {
        // Nobody listens there any more.
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let url = format!("http://u:p@{gone}");
        let outward = Outward {
            tls: paceline_http::client_tls().unwrap(),
            proxies: Arc::new(Proxies::new(None, Some(&url), "").unwrap()),
        };
        let plan = Plan::read(&sample::bytes(&sample::document("https://provider.test/v1"))).unwrap();
        let upstream = open(&plan, 0, &outward).map_err(|_| "a fault").unwrap();
        let error = upstream.get("/models").await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("proxy {gone} cannot be reached")), "{error}");
    }

    #[test]
    fn a_key_is_read_from_a_file_trimmed_or_reported_missing_by_its_place() {
        let path = std::env::temp_dir().join(format!("paceline-key-{}", std::process::id()));
        assert!(std::fs::write(&path, "sk-1\n").is_ok());
        let reference = format!("file:{}", path.display());
        let Credential::Header(name, value) = credential(Dialect::Anthropic, Some(&reference)) else {
            unreachable!("the file holds a key")
        };
        assert_eq!((name.as_str(), value.as_bytes()), ("x-api-key", &b"sk-1"[..]));
        assert!(std::fs::remove_file(&path).is_ok());
        assert!(
            matches!(credential(Dialect::OpenAi, Some(&reference)), Credential::Missing(place) if place == reference)
        );
        assert!(matches!(credential(Dialect::OpenAi, None), Credential::Free));
    }
}
