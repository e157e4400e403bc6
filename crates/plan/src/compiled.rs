//! The compiled plan. Everything refers by index into these vectors; names are kept for records and messages.

use std::sync::Arc;

use paceline_types::{Api, CapField, Dialect, Mode};
use rustc_hash::FxHashMap;

use crate::document::{
    self, CacheRule, Capture, Deadlines, Document, Fallback, Hedge, Lane, Limit, Price, PriorityOrder, PromptCache,
    Queue, Rates,
};
use crate::telemetry::{check_capture, check_telemetry};
use crate::{PlanFault, check, hash};

/// A plan ready to be run.
#[derive(Debug)]
pub struct Plan {
    /// Hex SHA-256.
    pub hash: String,
    /// Its first eight bytes, big-endian: what usage records carry.
    pub hash8: u64,
    pub organisation: String,
    pub gateway: document::Gateway,
    pub traffic: document::Traffic,
    pub telemetry: document::Telemetry,
    pub providers: Vec<Provider>,
    pub deployments: Vec<Deployment>,
    pub models: Vec<Model>,
    pub tasks: Vec<Task>,
    pub use_cases: Vec<UseCase>,
    pub teams: Vec<Team>,
    pub services: Vec<Service>,
    pub keys: Vec<Key>,
    key_of: FxHashMap<[u8; 32], usize>,
    service_of: FxHashMap<Arc<str>, usize>,
    use_case_of: FxHashMap<Arc<str>, usize>,
    model_of: FxHashMap<Arc<str>, usize>,
    task_of: FxHashMap<Arc<str>, usize>,
    /// By `PROVIDER/MODEL`, and by the provider's own model id, which may name several. A deployment's own name comes
    /// first: a router's model id may read like another provider's deployment.
    deployments_of: FxHashMap<Arc<str>, Vec<usize>>,
}

#[derive(Debug)]
pub struct Provider {
    pub name: Arc<str>,
    pub dialect: Dialect,
    pub base_url: String,
    pub key: Option<String>,
    pub apis: Vec<Api>,
    pub headers: Vec<(String, String)>,
    pub forward_headers: Vec<String>,
    pub passthrough: Vec<String>,
    pub addresses_allowed: Vec<String>,
    pub connections_max: u32,
    pub http2: bool,
}

#[derive(Debug)]
pub struct Deployment {
    pub name: Arc<str>,
    pub provider: usize,
    /// The provider's own model id.
    pub model: Arc<str>,
    pub chat_cap_field: CapField,
    pub price: Option<Price>,
    pub bytes_per_token: f64,
    pub rates: Rates,
    pub queue: Queue,
    pub priority: PriorityOrder,
    pub prompt_cache: PromptCache,
    pub prompt_cache_tokens_min: u32,
}

#[derive(Debug)]
pub struct Model {
    pub name: Arc<str>,
    /// In order of preference.
    pub deployments: Vec<usize>,
}

#[derive(Debug)]
pub struct Task {
    pub name: Arc<str>,
    pub model: usize,
}

#[derive(Debug)]
pub struct UseCase {
    pub name: Arc<str>,
    pub class: Arc<str>,
    /// The default.
    pub model: usize,
    /// Allowed models, the default among them.
    pub models: Vec<usize>,
    pub max_output_tokens: Option<u32>,
    pub cap_learned: bool,
    pub deadlines: Deadlines,
    pub limits: Vec<Limit>,
    pub lane: Lane,
    pub rates: Rates,
    pub fallback: Fallback,
    pub hedge: Option<Hedge>,
    pub cache: Option<CacheRule>,
    pub prompt_cache: bool,
    pub stream_upstream: bool,
    pub capture: Option<Capture>,
}

#[derive(Debug)]
pub struct Team {
    pub name: Arc<str>,
    pub rates: Rates,
}

#[derive(Debug)]
pub struct Service {
    pub name: Arc<str>,
    pub owner: Option<Arc<str>>,
    /// The owner's limits; none where the owner has no entry of its own.
    pub team: Option<usize>,
    pub mode: Mode,
    pub use_cases: Vec<usize>,
    pub default_use_case: Option<usize>,
    pub rates: Rates,
}

/// A virtual key.
#[derive(Debug)]
pub struct Key {
    pub id: Arc<str>,
    pub digest: [u8; 32],
    pub service: Option<usize>,
    pub services: Vec<usize>,
    pub any_service: bool,
    pub use_case: Option<usize>,
    pub rates: Rates,
}

impl Key {
    /// True when the key may act for `service`.
    #[must_use]
    pub fn may_act_for(&self, service: usize) -> bool {
        self.any_service || self.service == Some(service) || self.services.contains(&service)
    }
}

impl Plan {
    /// Reads, checks and compiles a plan.
    ///
    /// # Errors
    /// With the path of the first fault.
    pub fn read(bytes: &[u8]) -> Result<Self, PlanFault> {
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let document: Document = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let path = error.path().to_string();
            let path = if path == "." { String::new() } else { path };
            PlanFault::new(
                path,
                error.into_inner().to_string(),
                "the plan's form is that of another version, or it was edited by hand",
            )
        })?;
        reader.end().map_err(|error| PlanFault::new("", error.to_string(), "send one JSON document"))?;
        if document.format != document::FORMAT {
            let message = format!("format {} is not {}", document.format, document::FORMAT);
            return Err(PlanFault::new("format", message, "run gateway and control processes of one version"));
        }
        let hash8 = hash::verify(bytes, &document.hash)?;
        Self::compile(document, hash8)
    }

    fn compile(document: Document, hash8: u64) -> Result<Self, PlanFault> {
        check::bounds(&document.gateway)?;
        check::traffic(&document.traffic)?;
        check_telemetry(&document.telemetry)?;
        let provider_of = check::names("providers", document.providers.iter().map(|each| &*each.name))?;
        let deployment_of = check::names("deployments", document.deployments.iter().map(|each| &*each.name))?;
        let model_of = check::names("models", document.models.iter().map(|each| &*each.name))?;
        let task_of = check::names("tasks", document.tasks.iter().map(|each| &*each.name))?;
        let use_case_of = check::names("use_cases", document.use_cases.iter().map(|each| &*each.name))?;
        let team_of = check::names("teams", document.teams.iter().map(|each| &*each.name))?;
        let service_of = check::names("services", document.services.iter().map(|each| &*each.name))?;
        check::names("keys", document.keys.iter().map(|each| &*each.id))?;

        let deployments = each(document.deployments, "deployments", |deployment, path| {
            compile_deployment(deployment, &provider_of, path)
        })?;
        let models = each(document.models, "models", |model, path| {
            let found = check::all(&deployment_of, &model.deployments, &format!("{path}.deployments"), "deployment")?;
            check::some(&found, &format!("{path}.deployments"), "a model needs a deployment")?;
            Ok(Model { name: model.name.into(), deployments: found })
        })?;
        let tasks = each(document.tasks, "tasks", |task, path| {
            let model = check::one(&model_of, &task.model, &format!("{path}.model"), "model")?;
            Ok(Task { name: task.name.into(), model })
        })?;
        let use_cases =
            each(document.use_cases, "use_cases", |use_case, path| compile_use_case(use_case, &model_of, path))?;
        let teams = each(document.teams, "teams", |team, path| {
            check::rates(&team.rates, path)?;
            Ok(Team { name: team.name.into(), rates: team.rates })
        })?;
        let services = each(document.services, "services", |service, path| {
            compile_service(service, &use_case_of, &team_of, path)
        })?;
        let keys = each(document.keys, "keys", |key, path| compile_key(key, &service_of, &use_case_of, path))?;
        let providers = each(document.providers, "providers", compile_provider)?;
        let key_of = digests(&keys)?;
        let deployments_of = names_of_deployments(&deployments);
        Ok(Self {
            hash: document.hash,
            hash8,
            organisation: document.organisation,
            gateway: document.gateway,
            traffic: document.traffic,
            telemetry: document.telemetry,
            providers,
            deployments,
            models,
            tasks,
            use_cases,
            teams,
            services,
            keys,
            key_of,
            service_of,
            use_case_of,
            model_of,
            task_of,
            deployments_of,
        })
    }

    /// The key with this SHA-256.
    #[must_use]
    pub fn key(&self, digest: &[u8; 32]) -> Option<usize> {
        self.key_of.get(digest).copied()
    }

    #[must_use]
    pub fn service(&self, name: &str) -> Option<usize> {
        self.service_of.get(name).copied()
    }

    #[must_use]
    pub fn use_case(&self, name: &str) -> Option<usize> {
        self.use_case_of.get(name).copied()
    }

    #[must_use]
    pub fn model(&self, name: &str) -> Option<usize> {
        self.model_of.get(name).copied()
    }

    #[must_use]
    pub fn task(&self, name: &str) -> Option<usize> {
        self.task_of.get(name).copied()
    }

    /// Deployments by `PROVIDER/MODEL` or by a provider's own model id.
    #[must_use]
    pub fn deployments_named(&self, name: &str) -> &[usize] {
        self.deployments_of.get(name).map_or(&[], Vec::as_slice)
    }
}

fn names_of_deployments(deployments: &[Deployment]) -> FxHashMap<Arc<str>, Vec<usize>> {
    let mut by_name: FxHashMap<Arc<str>, Vec<usize>> = FxHashMap::default();
    for (index, deployment) in deployments.iter().enumerate() {
        by_name.entry(Arc::clone(&deployment.model)).or_default().push(index);
    }
    for (index, deployment) in deployments.iter().enumerate() {
        by_name.insert(Arc::clone(&deployment.name), vec![index]);
    }
    by_name
}

type Names = FxHashMap<Arc<str>, usize>;

fn each<F, T>(from: Vec<F>, what: &str, make: impl Fn(F, &str) -> Result<T, PlanFault>) -> Result<Vec<T>, PlanFault> {
    from.into_iter().enumerate().map(|(index, one)| make(one, &format!("{what}[{index}]"))).collect()
}

fn compile_provider(from: document::Provider, path: &str) -> Result<Provider, PlanFault> {
    check::url(&from.base_url, &format!("{path}.base_url"))?;
    check::secret(from.key.as_deref(), &format!("{path}.key"))?;
    Ok(Provider {
        name: from.name.into(),
        dialect: from.dialect,
        base_url: from.base_url,
        key: from.key,
        apis: from.apis,
        headers: from.headers,
        forward_headers: from.forward_headers,
        passthrough: from.passthrough,
        addresses_allowed: from.addresses_allowed,
        connections_max: from.connections_max,
        http2: from.http2,
    })
}

/// Keys by their digest.
fn digests(keys: &[Key]) -> Result<FxHashMap<[u8; 32], usize>, PlanFault> {
    let mut key_of = FxHashMap::default();
    for (index, key) in keys.iter().enumerate() {
        if key_of.insert(key.digest, index).is_some() {
            return Err(PlanFault::new(format!("keys[{index}].sha256"), "another key has it", "make a new key"));
        }
    }
    Ok(key_of)
}

fn compile_deployment(from: document::Deployment, providers: &Names, path: &str) -> Result<Deployment, PlanFault> {
    let provider = check::one(providers, &from.provider, &format!("{path}.provider"), "provider")?;
    if !(from.bytes_per_token.is_finite() && from.bytes_per_token > 0.0) {
        return Err(PlanFault::new(format!("{path}.bytes_per_token"), "must be above zero", "4 is usual"));
    }
    if let Some(price) = &from.price {
        check::price(price, &format!("{path}.price"))?;
    }
    check::rates(&from.rates, path)?;
    check::queue(&from.queue, path)?;
    Ok(Deployment {
        name: from.name.into(),
        provider,
        model: from.model.into(),
        chat_cap_field: from.chat_cap_field,
        price: from.price,
        bytes_per_token: from.bytes_per_token,
        rates: from.rates,
        queue: from.queue,
        priority: from.priority,
        prompt_cache: from.prompt_cache,
        prompt_cache_tokens_min: from.prompt_cache_tokens_min,
    })
}

fn compile_use_case(from: document::UseCase, models: &Names, path: &str) -> Result<UseCase, PlanFault> {
    let model = check::one(models, &from.model, &format!("{path}.model"), "model")?;
    let allowed = check::all(models, &from.models, &format!("{path}.models"), "model")?;
    if !allowed.contains(&model) {
        return Err(PlanFault::new(format!("{path}.models"), "the default model is not among them", "add it"));
    }
    if from.max_output_tokens == Some(0) {
        return Err(PlanFault::new(
            format!("{path}.max_output_tokens"),
            "zero allows no answer",
            "write null for no cap",
        ));
    }
    check::limits(&from.limits, path)?;
    check::rates(&from.rates, path)?;
    if let Some(hedge) = &from.hedge {
        check::hedge(hedge, &format!("{path}.hedge"))?;
    }
    if let Some(capture) = &from.capture {
        check_capture(capture, path)?;
    }
    Ok(UseCase {
        name: from.name.into(),
        class: from.class.into(),
        model,
        models: allowed,
        max_output_tokens: from.max_output_tokens,
        cap_learned: from.cap_learned,
        deadlines: from.deadlines,
        limits: from.limits,
        lane: from.lane,
        rates: from.rates,
        fallback: from.fallback,
        hedge: from.hedge,
        cache: from.cache,
        prompt_cache: from.prompt_cache,
        stream_upstream: from.stream_upstream,
        capture: from.capture,
    })
}

fn compile_service(
    from: document::Service,
    use_cases: &Names,
    teams: &Names,
    path: &str,
) -> Result<Service, PlanFault> {
    check::rates(&from.rates, path)?;
    let found = check::all(use_cases, &from.use_cases, &format!("{path}.use_cases"), "use case")?;
    check::some(&found, &format!("{path}.use_cases"), "a service needs a use case")?;
    let default = check::optional(use_cases, from.default_use_case.as_deref(), &format!("{path}.default_use_case"))?;
    if default.is_some_and(|default| !found.contains(&default)) {
        return Err(PlanFault::new(
            format!("{path}.default_use_case"),
            "not one of the service's",
            "add it to use_cases",
        ));
    }
    Ok(Service {
        name: from.name.into(),
        team: from.owner.as_deref().and_then(|owner| teams.get(owner).copied()),
        owner: from.owner.map(Arc::from),
        mode: from.mode,
        use_cases: found,
        default_use_case: default,
        rates: from.rates,
    })
}

fn compile_key(from: document::Key, services: &Names, use_cases: &Names, path: &str) -> Result<Key, PlanFault> {
    let service = match from.service.as_deref() {
        None => None,
        Some(name) => Some(check::one(services, name, &format!("{path}.service"), "service")?),
    };
    let further = check::all(services, &from.services, &format!("{path}.services"), "service")?;
    if service.is_none() && further.is_empty() && !from.any_service {
        return Err(PlanFault::new(format!("{path}.service"), "the key may act for no service", "name one"));
    }
    check::rates(&from.rates, path)?;
    Ok(Key {
        id: from.id.into(),
        digest: check::digest(&from.sha256, &format!("{path}.sha256"))?,
        service,
        services: further,
        any_service: from.any_service,
        use_case: check::optional(use_cases, from.use_case.as_deref(), &format!("{path}.use_case"))?,
        rates: from.rates,
    })
}
