//! One request's guard: its usage record in the making, its clock, its slot among the requests in flight. Whatever way
//! the request leaves (answered, refused, cut, cancelled, a panic of its task) the record is written exactly once:
//! by `finish`, or by `Drop` as cancelled.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use paceline_journal::Slot;
use paceline_types::{Api, Outcome, Tokens, UNDEFINED, UsageRecord};

use crate::gateway::Gateway;
use crate::running::Running;
use crate::{account, ident};

/// Boxed wherever it travels: it is large, and futures and bodies that hold it are moved about.
pub(crate) struct Life {
    gateway: Arc<Gateway>,
    /// When the request's head had been read: zero of every time in the record.
    pub began: Instant,
    pub record: UsageRecord,
    pub scene: Scene,
    slot: Option<Slot>,
    done: bool,
}

/// What accounting needs to know beyond the record: filled in by the steps as they learn it.
#[derive(Clone, Default)]
pub(crate) struct Scene {
    pub running: Option<Arc<Running>>,
    pub use_case: Option<usize>,
    pub deployment: Option<usize>,
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
    /// The caller's own deadline: tightens the class's.
    pub timeout_ms: Option<u64>,
    /// Tokens mean nothing for this API's answer (a list of models, a token count).
    pub free: bool,
}

impl Life {
    pub(crate) fn begin(gateway: &Arc<Gateway>, api: Api, began: Instant) -> Box<Self> {
        gateway.in_flight.fetch_add(1, Ordering::Relaxed);
        let (id, unix_us) = ident::next();
        let record = UsageRecord::begin(id, unix_us, api);
        Box::new(Self { gateway: Arc::clone(gateway), began, record, scene: Scene::default(), slot: None, done: false })
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

    pub(crate) fn is_done(&self) -> bool {
        self.done
    }

    /// Writes the usage record. Called before the last byte of the answer leaves; later calls do nothing.
    pub(crate) fn finish(&mut self, outcome: Outcome) {
        if self.done {
            return;
        }
        self.done = true;
        self.record.outcome = outcome;
        if self.record.end_us == UNDEFINED {
            self.record.end_us = self.micros(Instant::now());
        }
        account::settle(&mut self.record, &self.scene);
        self.gateway.journal.finish(self.slot.take(), &self.record);
        self.gateway.metrics.record(&self.record);
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.finish(if std::thread::panicking() { Outcome::GatewayError } else { Outcome::Cancelled });
        self.gateway.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
