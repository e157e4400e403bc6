//! The gateway: its state, and the life of a request as one list (`Gateway::steps`).

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use paceline_cache::CacheStatus;
use paceline_http::{Body, ClientTls, Handler, HeaderValue, Proxies, Request, Response, StatusCode};
use paceline_journal::Journal;
use paceline_otlp::ExportStatus;
use paceline_plan::Plan;
use paceline_policy::Subject;
use paceline_policy::{Asked, CacheControl, Caller, Choice, identify, resolve};
use paceline_telemetry::{Boundaries, Metrics};
use paceline_traffic::{DeploymentState, HealthStatus, LimitStatus, Now, QueueStatus, Spent, Stands, TailSpent};
use paceline_types::{Api, Code, Dialect, Failure, Flags, Outcome};

use crate::cache::{self, Cached, Looked};
use crate::headers::Said;
use crate::ident;
use crate::life::Life;
use crate::limits;
use crate::passthrough;
use crate::prefix;
use crate::prepare::{Prepared, prepare};
use crate::read;
use crate::refuse;
use crate::relay;
use crate::route::{self, Call, Passed, Route};
use crate::running::{ApplyError, Outward, Running, Shared};
use crate::send::{self, Sent};

/// Everything that outlives a request.
pub struct Gateway {
    running: ArcSwapOption<Running>,
    outward: Outward,
    pub(crate) journal: Journal,
    pub(crate) metrics: Metrics,
    pub(crate) shared: Shared,
    pub(crate) in_flight: AtomicU32,
    draining: AtomicBool,
    /// Zero of the monotonic clock that policy counts by.
    began: Instant,
}

/// What `GET /status` tells.
#[derive(Debug, Clone)]
pub struct Status {
    pub plan: Option<String>,
    pub draining: bool,
    pub in_flight: u32,
    pub keys_missing: Vec<(String, String)>,
    pub limits: Vec<LimitStatus>,
    pub deployments: Vec<DeploymentStatus>,
    /// None where no use case has a cache.
    pub cache: Option<CacheStatus>,
    /// None where nothing is exported.
    pub export: Option<ExportStatus>,
}

/// One deployment of the plan in force.
#[derive(Debug, Clone)]
pub struct DeploymentStatus {
    pub name: Arc<str>,
    pub health: HealthStatus,
    /// Why it is passed over at present.
    pub rests: Option<&'static str>,
    pub queue: QueueStatus,
}

/// What the provider sent, or what we answer ourselves.
enum Answered {
    Provider(Box<Sent>),
    Models(bytes::Bytes),
    Cached(Cached),
}

impl Gateway {
    /// A gateway without a plan. It reaches providers with `tls`, and by `proxies` where there are any.
    #[must_use]
    pub fn new(journal: Journal, metrics: Metrics, tls: ClientTls, proxies: Proxies) -> Arc<Self> {
        Arc::new(Self {
            running: ArcSwapOption::empty(),
            outward: Outward { tls, proxies: Arc::new(proxies) },
            journal,
            metrics,
            shared: Shared::default(),
            in_flight: AtomicU32::new(0),
            draining: AtomicBool::new(false),
            began: Instant::now(),
        })
    }

    /// An instant as policy counts it.
    pub(crate) fn mono_ns(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.began).as_nanos()).unwrap_or(u64::MAX)
    }

    /// An instant as limits count it: with the calendar.
    pub(crate) fn now(&self, at: Instant) -> Now {
        Now { mono_ns: self.mono_ns(at), unix_s: ident::unix_s() }
    }

    /// Puts a plan in force for requests that begin from now on.
    ///
    /// # Errors
    /// When the plan cannot be run here; the one in force stays.
    pub fn apply(&self, plan: Plan) -> Result<Arc<Running>, ApplyError> {
        let before = self.running.load_full();
        let now = self.now(Instant::now());
        let running = Arc::new(Running::new(plan, &self.outward, &self.shared, now, before.as_deref())?);
        self.metrics.set_label_sets_max(running.gateway().label_sets_max as usize);
        let limits = running.plan.use_cases.iter().flat_map(|use_case| &use_case.limits);
        self.metrics.set_boundaries(Boundaries::of(limits.map(|limit| (limit.metric, limit.value))));
        self.running.store(Some(Arc::clone(&running)));
        Ok(running)
    }

    /// New requests are refused from now on.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Exports what waits, once; gives up after `most`. Blocks: for the end of a process, when no request is left.
    pub fn finish_export(&self, most: Duration) {
        if let Some(running) = self.running.load_full()
            && let Some(telemetry) = &running.telemetry
        {
            telemetry.exporter().finish(most);
        }
    }

    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    #[must_use]
    pub fn status(&self) -> Status {
        let running = self.running.load();
        Status {
            plan: running.as_ref().map(|running| running.hash().to_owned()),
            draining: self.draining.load(Ordering::Relaxed),
            in_flight: self.in_flight.load(Ordering::Relaxed),
            keys_missing: running.as_ref().map(|running| running.keys_missing()).unwrap_or_default(),
            limits: running.as_ref().map(|running| running.limits.status(self.now(Instant::now()))).unwrap_or_default(),
            deployments: running.as_ref().map(|running| self.deployments(running)).unwrap_or_default(),
            cache: running.as_ref().and_then(|running| Some(running.cache.as_ref()?.1.status())),
            export: running.as_ref().and_then(|running| Some(running.telemetry.as_ref()?.exporter().status())),
        }
    }

    fn deployments(&self, running: &Running) -> Vec<DeploymentStatus> {
        let now_ns = self.mono_ns(Instant::now());
        let one = |state: &Arc<DeploymentState>| {
            let health = state.health.status(now_ns, &running.plan.traffic);
            let rests = match health.stands {
                Stands::Rests { rest, .. } => Some(rest.text()),
                Stands::Well | Stands::Tried { .. } => None,
            };
            DeploymentStatus { name: Arc::clone(&state.name), health, rests, queue: state.queue.status() }
        };
        running.deployment_states.iter().map(one).collect()
    }

    /// Begins the count of money: what the ledger knows, and what stands in the journals behind it.
    pub fn start_spent<'a>(&self, spent: &Spent, tail: impl Iterator<Item = TailSpent<'a>>) {
        self.shared.limits.start_spent(spent, tail, self.now(Instant::now()));
    }

    /// Takes over what other gateways of the same ledger spent. `tail` sums up what our own journals hold behind the
    /// ledger's positions; it is asked only when there are others.
    pub fn follow_spent(
        &self,
        spent: &Spent,
        tail: impl FnOnce(Option<&Plan>, Now) -> HashMap<(Subject, String), [i64; 2]>,
    ) {
        if spent.positions.len() < 2 {
            return;
        }
        let now = self.now(Instant::now());
        let running = self.running.load();
        let sums = tail(running.as_ref().map(|running| &running.plan), now);
        let of = |subject: Subject, name: &str| sums.get(&(subject, name.to_owned())).copied().unwrap_or_default();
        self.shared.limits.follow_spent(spent, of, now);
    }

    /// The life of a request. Each line is a step; each step is a file.
    async fn steps(
        self: &Arc<Self>,
        life: &mut Life,
        call: Call<'_>,
        request: &mut Request,
    ) -> Result<Answered, Failure> {
        let running = self.admit()?;
        life.under(&running, &request.headers);
        let caller = Self::identify(&running, life, call, request)?;
        if call.api == Api::Models {
            return Ok(Answered::Models(read::models(&running.plan, request)));
        }
        let body = read::body(&running.plan, life, request).await?;
        life.capture(&running, &body);
        let facts = read::facts(life, call.api, &body)?;
        let choice = Self::resolve(&running, life, &caller, facts.model.as_deref(), call.api)?;
        let prepared = prepare(&running, life, caller, choice, facts, body, request)?;
        let mut prepared = match cache::look(self, &running, life, prepared).await {
            Looked::Found(cached) => return Ok(Answered::Cached(cached)),
            Looked::Ask(prepared) => prepared,
        };
        let served = self.serve(&running, life, &mut prepared).await;
        match cache::instead(life).await {
            Some(entry) => Ok(Answered::Cached(Cached::Stale(entry, prepared))),
            None => served.map(Answered::Provider),
        }
    }

    /// The part of a life that costs money: limits, then attempts at deployments until one answers.
    pub(crate) async fn serve(
        &self,
        running: &Arc<Running>,
        life: &mut Life,
        prepared: &mut Prepared,
    ) -> Result<Box<Sent>, Failure> {
        limits::reserve(self, running, life, prepared)?;
        prefix::note(self, running, life, prepared);
        send::send(self, running, life, prepared).await.map(Box::new)
    }

    /// Is there a plan, and room?
    fn admit(&self) -> Result<Arc<Running>, Failure> {
        if self.draining.load(Ordering::Relaxed) {
            return Err(Failure::new(Code::Draining, "The gateway is shutting down"));
        }
        let running =
            self.running.load_full().ok_or_else(|| Failure::new(Code::PlanMissing, "The gateway has no plan"))?;
        let gateway = running.gateway();
        let most = gateway.requests_in_flight_max;
        let refused_by_journal =
            gateway.journal.when_full == paceline_plan::document::WhenFull::Refuse && self.journal.is_full();
        if refused_by_journal || self.in_flight.load(Ordering::Relaxed) > most {
            self.metrics.process.overloaded.inc();
            let what = if refused_by_journal {
                "The usage journal is at its disk bound".to_owned()
            } else {
                format!("The gateway's bound of {most} requests in flight is reached")
            };
            return Err(Failure::new(Code::Overloaded, what));
        }
        Ok(running)
    }

    /// Whose request is it, and of which use case?
    fn identify(running: &Running, life: &mut Life, call: Call<'_>, request: &Request) -> Result<Caller, Failure> {
        let said = Said::read(&request.headers);
        let asked =
            Asked { key: said.key, path_tag: call.tag, header_service: said.service, header_use_case: said.use_case };
        said.session.unwrap_or_default().clone_into(&mut life.record.session);
        said.reason.unwrap_or_default().clone_into(&mut life.record.reason);
        life.scene.patient = said.patient();
        life.scene.cache_control = CacheControl::read(said.cache_control);
        let plan = &running.plan;
        life.record.plan = plan.hash8;
        let caller = identify(plan, &asked).map_err(|refused| {
            let (failure, partial) = *refused;
            if let Some(key) = partial.key {
                life.record.key = plan.keys[key].id.to_string();
            }
            if let Some(service) = partial.service {
                life.record.service = plan.services[service].name.to_string();
            }
            failure
        })?;
        life.record.mode = caller.mode;
        life.record.key = plan.keys[caller.key].id.to_string();
        life.record.service = plan.services[caller.service].name.to_string();
        life.record.use_case = plan.use_cases[caller.use_case].name.to_string();
        life.record.lane = plan.use_cases[caller.use_case].lane;
        life.scene.use_case = Some(caller.use_case);
        if caller.untagged {
            life.record.flags.set(Flags::UNTAGGED);
        }
        if caller.tag_refused {
            life.record.flags.set(Flags::TAG_REFUSED);
        }
        Ok(caller)
    }

    /// Which model, at which deployments?
    fn resolve(
        running: &Running,
        life: &mut Life,
        caller: &Caller,
        asked: Option<&str>,
        api: Api,
    ) -> Result<Choice, Failure> {
        let plan = &running.plan;
        asked.unwrap_or_default().clone_into(&mut life.record.model_asked);
        let choice = resolve(plan, caller, asked, api)?;
        life.scene.model = choice.model;
        if let Some(model) = choice.model {
            life.record.model = plan.models[model].name.to_string();
        }
        if choice.off_standard {
            life.record.flags.set(Flags::OFF_STANDARD);
            life.scene.default_deployment = choice.default_deployment;
        }
        Ok(choice)
    }

    /// True for a path that some provider takes as it comes.
    fn takes(&self, path: &str) -> bool {
        self.running.load().as_ref().is_some_and(|running| passthrough::is_listed(&running.plan, path))
    }

    /// Relays a request for any other path of a provider.
    async fn pass(self: &Arc<Self>, passed: Passed<'_>, request: &mut Request) -> Response {
        let mut life = Life::begin(self, Api::Passthrough, request.received);
        let sent = async {
            let running = self.admit()?;
            life.under(&running, &request.headers);
            let call = Call { api: Api::Passthrough, tag: passed.tag };
            let caller = Self::identify(&running, &mut life, call, request)?;
            passthrough::send(self, &running, &mut life, &caller, passed, request).await
        };
        match sent.await {
            Ok(sent) => relay::respond(life, sent).await,
            Err(failure) => refuse::refuse(life, &failure),
        }
    }

    /// Refuses an address nobody serves; it has no usage record.
    fn unrouted(&self, path: &str, failure: &Failure) -> Response {
        self.metrics.process.unrouted.inc();
        let dialect = if route::speaks_anthropic(path) { Dialect::Anthropic } else { Dialect::OpenAi };
        refuse::response(dialect, failure, "")
    }

    fn ready(&self) -> Response {
        let failure = if self.draining.load(Ordering::Relaxed) {
            Failure::new(Code::Draining, "The gateway is shutting down")
        } else if self.running.load().is_none() {
            Failure::new(Code::PlanMissing, "The gateway has no plan")
        } else {
            return plain(StatusCode::OK, "ready\n");
        };
        refuse::response(Dialect::OpenAi, &failure, "")
    }
}

/// The gateway as a server's handler.
#[derive(Clone)]
pub struct Edge(pub Arc<Gateway>);

impl Handler for Edge {
    async fn handle(&self, mut request: Request) -> Response {
        let gateway = &self.0;
        let uri = request.uri.clone();
        let path = uri.path();
        let call = match route::find(&request.method, path) {
            Ok(Route::Health) => return plain(StatusCode::OK, "ok\n"),
            Ok(Route::Ready) => return gateway.ready(),
            Ok(Route::Call(call)) => call,
            Ok(Route::Passed(passed)) if gateway.takes(passed.path) => {
                return gateway.pass(passed, &mut request).await;
            }
            Ok(Route::Passed(_)) => {
                let what = "This address is not served, nor on any provider's passthrough list";
                return gateway.unrouted(path, &Failure::new(Code::RouteUnknown, what));
            }
            Err(failure) => return gateway.unrouted(path, &failure),
        };
        let mut life = Life::begin(gateway, call.api, request.received);
        match gateway.steps(&mut life, call, &mut request).await {
            Ok(Answered::Provider(sent)) => relay::respond(life, sent).await,
            Ok(Answered::Models(body)) => own_answer(life, body),
            Ok(Answered::Cached(cached)) => cached.respond(life).await,
            Err(failure) => refuse::refuse(life, &failure),
        }
    }
}

/// An answer we give ourselves.
fn own_answer(mut life: Box<Life>, body: bytes::Bytes) -> Response {
    life.record.status = 200;
    life.scene.free = true;
    life.finish(Outcome::Ok);
    let mut response = Response::new(Body::Full(body));
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    response
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    let mut response = Response::new(Body::Full(bytes::Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", HeaderValue::from_static("text/plain"));
    response
}
