//! One request's guard: its usage record in the making, its clock, its slot among the requests in flight. Whatever way
//! the request leaves (answered, refused, cut, cancelled, a panic of its task) the record is written exactly once:
//! by `finish`, or by `Drop` as cancelled.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::Bytes;
use paceline_http::HeaderMap;
use paceline_journal::Slot;
use paceline_otlp::Trace;
use paceline_policy::{CacheControl, Patient, Verdict};
use paceline_traffic::{DeploymentState, Reserved};
use paceline_types::{Api, Flags, Outcome, PrefixUse, Tokens, UNDEFINED, UsageRecord};

use crate::cache::Spare;
use crate::gateway::Gateway;
use crate::limits::Left;
use crate::running::Running;
use crate::send::GivenUp;
use crate::{account, ident};

/// Boxed wherever it travels: it is large, and futures and bodies that hold it are moved about.
pub(crate) struct Life {
    gateway: Arc<Gateway>,
    /// When the request's head had been read: zero of every time in the record.
    pub began: Instant,
    pub record: UsageRecord,
    pub scene: Scene,
    /// What the limits hold for it: given back when the record is written.
    pub reserved: Option<Reserved>,
    /// The deployment whose answer this is, to be told how it went.
    pub served_by: Option<Arc<DeploymentState>>,
    /// What its spans will say; none where none are exported.
    pub trace: Option<Box<Trace>>,
    slot: Option<Slot>,
    done: bool,
}

/// What accounting needs to know beyond the record: filled in by the steps as they learn it.
#[derive(Clone, Default)]
pub(crate) struct Scene {
    pub running: Option<Arc<Running>>,
    pub use_case: Option<usize>,
    pub deployment: Option<usize>,
    /// The provider of a request that is only passed through.
    pub provider: Option<usize>,
    /// The standards' model; none for a deployment asked for by its own id.
    pub model: Option<usize>,
    /// The use case's default, when the caller asked for something off the standards.
    pub default_deployment: Option<usize>,
    /// Tokens the first event carried, when known.
    pub first_event_tokens: Option<u32>,
    /// Bytes of generated text seen, for estimates.
    pub text_bytes: u64,
    /// Counts as far as a stream told them before it was cut.
    pub tokens_so_far: Option<Tokens>,
    /// The caller's last byte in.
    pub body_at: Option<Instant>,
    /// How long the caller waits: tightens the class's deadlines.
    pub patient: Patient,
    /// Deployments asked beside the one that answered, which may bill for it.
    pub others: Vec<usize>,
    /// Why the provider's prompt cache missed, if it turns out that it did.
    pub prefix_miss: PrefixUse,
    /// Who shares the answer of this request wants to know how it ended.
    pub ending: Option<Arc<OnceLock<Ending>>>,
    /// What is left of the limits, for the headers of a refusal.
    pub rates: Option<Left>,
    /// The caller's word on caches.
    pub cache_control: CacheControl,
    /// What an answer from the cache cost the first time.
    pub saved_nanousd: Option<i64>,
    /// Where an earlier answer may lie, should no attempt get one.
    pub spare: Option<Spare>,
    /// How the last attempt ended after which no other was made.
    pub given_up: Option<GivenUp>,
    /// The caller has left though the request goes on for those who share it.
    pub left: Option<Arc<AtomicBool>>,
    /// Tokens mean nothing for this API's answer (a list of models, a token count).
    pub free: bool,
}

/// How a request ended, for those who share its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    pub outcome: Outcome,
    pub tokens: Tokens,
    pub cost_nanousd: i64,
    pub flags: Flags,
}

impl Life {
    pub(crate) fn begin(gateway: &Arc<Gateway>, api: Api, began: Instant) -> Box<Self> {
        gateway.in_flight.fetch_add(1, Ordering::Relaxed);
        let (id, unix_us) = ident::next();
        let record = UsageRecord::begin(id, unix_us, api);
        Box::new(Self {
            gateway: Arc::clone(gateway),
            began,
            record,
            scene: Scene::default(),
            reserved: None,
            served_by: None,
            trace: None,
            slot: None,
            done: false,
        })
    }

    /// The request runs under this plan from here on, and its trace begins if the plan exports any.
    pub(crate) fn under(&mut self, running: &Arc<Running>, headers: &HeaderMap) {
        self.scene.running = Some(Arc::clone(running));
        self.trace = running.telemetry.as_ref().and_then(|telemetry| telemetry.begin(headers, ident::random));
    }

    /// Keeps the request's bytes for its span, where its use case has leave to and that has not ended.
    pub(crate) fn capture(&mut self, running: &Running, body: &Bytes) {
        let capture = self.scene.use_case.and_then(|index| running.plan.use_cases[index].capture.as_ref());
        if let (Some(trace), Some(capture)) = (&mut self.trace, capture)
            && ident::unix_s() < capture.until_unix_s
        {
            trace.capture(capture.until_unix_s, capture.bytes_max, body);
        }
    }

    /// Keeps some of the answer, where the request's bytes are kept.
    pub(crate) fn keep(&mut self, part: &Bytes) {
        if let Some(trace) = &mut self.trace {
            trace.answer(part);
        }
    }

    /// Writes the request into the table of those in flight; from here on a kill leaves a trace of it.
    pub(crate) fn sent(&mut self) {
        self.slot = self.gateway.journal.begin(&self.record);
    }

    /// Microseconds from the beginning to `at`.
    pub(crate) fn micros(&self, at: Instant) -> u32 {
        let micros = at.saturating_duration_since(self.began).as_micros();
        u32::try_from(micros).unwrap_or(UNDEFINED - 1).min(UNDEFINED - 1)
    }

    /// Nanoseconds from the beginning to `at`.
    pub(crate) fn nanos(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.began).as_nanos()).unwrap_or(u64::MAX)
    }

    pub(crate) fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    pub(crate) fn is_done(&self) -> bool {
        self.done
    }

    /// How a request ended that is dropped before its end: its task panicked, or its caller left.
    pub(crate) fn left() -> Outcome {
        if std::thread::panicking() { Outcome::GatewayError } else { Outcome::Cancelled }
    }

    /// Writes the usage record. Called before the last byte of the answer leaves; later calls do nothing.
    pub(crate) fn finish(&mut self, outcome: Outcome) {
        if self.done {
            return;
        }
        self.done = true;
        let now = Instant::now();
        let left = self.scene.left.as_ref().is_some_and(|left| left.load(Ordering::Relaxed));
        self.record.outcome = if left && outcome == Outcome::Ok { Outcome::Cancelled } else { outcome };
        if self.record.end_us == UNDEFINED {
            self.record.end_us = self.micros(now);
        }
        account::settle(&mut self.record, &self.scene);
        self.settle_shared(now, outcome);
        self.gateway.journal.finish(self.slot.take(), &self.record);
        self.gateway.metrics.record(&self.record);
        if let Some(running) = &self.scene.running
            && let Some(telemetry) = &running.telemetry
        {
            let places = (self.scene.use_case, self.scene.deployment);
            telemetry.finished(&running.plan, &self.record, self.began, self.trace.take(), places);
        }
    }

    /// Tells limits, the deployment and those who share the answer how it ended.
    fn settle_shared(&mut self, now: Instant, outcome: Outcome) {
        let record = &self.record;
        if let Some(mut reserved) = self.reserved.take() {
            let tokens = u64::from(record.tokens.input) + u64::from(record.tokens.output);
            let cost = (record.cost_nanousd >= 0).then_some(record.cost_nanousd);
            reserved.settle(self.gateway.now(now), tokens, cost, record.other_cost_nanousd);
        }
        let broke_off = outcome.is_failure() && record.provider_status / 100 == 2;
        if let (Some(served_by), Some(running)) = (self.served_by.take(), &self.scene.running)
            && broke_off
        {
            // Its first token spoke for it; what came after speaks against it.
            served_by.health.ended(self.gateway.mono_ns(now), &running.plan.traffic, Verdict::Failed, None);
        }
        if let (Some(running), Some(use_case)) = (&self.scene.running, self.scene.use_case)
            && running.plan.use_cases[use_case].hedge.is_some()
        {
            let nanousd = |cost: i64| u64::try_from(cost).unwrap_or(0);
            let (cost, other) = (nanousd(record.cost_nanousd), nanousd(record.other_cost_nanousd));
            running.hedges[use_case].cost(self.gateway.mono_ns(now), cost, other);
        }
        if let Some(ending) = &self.scene.ending {
            let _ = ending.set(Ending {
                outcome,
                tokens: record.tokens,
                cost_nanousd: record.cost_nanousd,
                flags: record.flags,
            });
        }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.finish(Self::left());
        self.gateway.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
