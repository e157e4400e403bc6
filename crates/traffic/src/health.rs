//! The health of one deployment: its breaker, its ejection as an outlier, its retry budget, what is usual for its first
//! token. With the breaker closed a request touches atomic words only; the lock is for the time after failures.

mod latencies;
mod order;
mod tallies;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use paceline_plan::document::{Breaker, Retry, Traffic};
use paceline_policy::{
    Admit, Circuit, Count, MEDIAN_OF_MIN, Need, P95_OF_MIN, Peer, Trial, Verdict, half_of, may_retry, trips,
};
use parking_lot::Mutex;

use self::latencies::Latencies;
use self::tallies::Tallies;

pub use self::order::{Order, PassedOver, Rest, Stands, order};

/// How far back the learned first token looks: long enough for a p95 of little traffic.
const LEARNED_WINDOW_MS: u64 = 300_000;

/// What is known of one deployment.
#[derive(Debug, Default)]
pub struct Health {
    /// Requests and failures in the breaker's window.
    recent: Tallies,
    /// The same in the window of the comparison with peers.
    compared: Tallies,
    /// Requests and retries in the retry budget's window.
    retries: Tallies,
    /// First tokens, for the comparison, and for hedges and queues.
    compared_first_token: Latencies,
    first_token: Latencies,
    /// The circuit is not closed: look under the lock.
    rests: AtomicBool,
    circuit: Mutex<Circuit>,
    ejected_until_ns: AtomicU64,
    /// The provider asked to be left alone until then.
    asked_until_ns: AtomicU64,
    /// When peers are next compared.
    compare_ns: AtomicU64,
    opened: AtomicU64,
    ejected: AtomicU64,
    retried: AtomicU64,
    retries_refused: AtomicU64,
}

/// What a deployment's health shows; counts since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthStatus {
    pub stands: Stands,
    /// Times its breaker opened, trials that failed included.
    pub opened: u64,
    pub ejected: u64,
    pub retried: u64,
    /// Retries for which the budget had no room.
    pub retries_refused: u64,
    pub first_token_p50_ns: Option<u64>,
    pub first_token_p95_ns: Option<u64>,
}

/// Whether a request may be sent.
#[derive(Debug)]
pub enum Admission {
    Yes,
    /// As one of the few that try a resting deployment.
    Probe(Probe),
    No {
        until_ns: u64,
    },
}

/// One of the few that try a resting deployment; hand it to `Health::ended`. Dropped before, it makes room for another.
#[derive(Debug)]
pub struct Probe {
    health: Arc<Health>,
    trial: Option<Trial>,
}

impl Drop for Probe {
    fn drop(&mut self) {
        if let Some(trial) = self.trial.take() {
            // Neither for nor against: no rule and no time is needed.
            let rule = Traffic::default().breaker;
            self.health.circuit.lock().tried(0, &rule, trial, Verdict::Neither);
        }
    }
}

impl Health {
    /// May a request be sent there now? `need` is what `order` said.
    #[must_use]
    pub fn admit(self: &Arc<Self>, now_ns: u64, rule: &Breaker, need: Need) -> Admission {
        if !self.rests.load(Ordering::Acquire) {
            return Admission::Yes;
        }
        match self.circuit.lock().admit(now_ns, rule, need) {
            Admit::Yes => Admission::Yes,
            Admit::Probe(trial) => Admission::Probe(Probe { health: Arc::clone(self), trial: Some(trial) }),
            Admit::No { until_ns } => Admission::No { until_ns },
        }
    }

    /// An attempt came to its first token, or to its end before that. One that fails after its first token counts once
    /// more, as failed: a deployment that cuts every stream fails half its requests.
    pub fn ended(&self, now_ns: u64, rules: &Traffic, verdict: Verdict, probe: Option<Probe>) {
        if let Some(trial) = probe.and_then(|mut probe| probe.trial.take()) {
            let mut circuit = self.circuit.lock();
            if circuit.tried(now_ns, &rules.breaker, trial, verdict) {
                self.opened.fetch_add(1, Ordering::Relaxed);
            }
            if circuit.is_closed() {
                // What it did before its rest is not held against it again.
                self.recent.clear();
                self.rests.store(false, Ordering::Release);
            }
        }
        let count = match verdict {
            Verdict::Neither => return,
            Verdict::Failed => Count::ONE_MARKED,
            Verdict::Good { first_token_ns } => {
                if let Some(ns) = first_token_ns {
                    self.learn(now_ns, rules, ns);
                }
                Count::ONE
            }
        };
        self.compared.add(half_of(now_ns, rules.outlier.window_ms), count);
        if self.rests.load(Ordering::Acquire) {
            return;
        }
        let recent = self.recent.add(half_of(now_ns, rules.breaker.window_ms), count);
        if count.marked > 0 && trips(&rules.breaker, recent) {
            let mut circuit = self.circuit.lock();
            if circuit.open(now_ns, &rules.breaker, recent) {
                self.opened.fetch_add(1, Ordering::Relaxed);
            }
            self.rests.store(true, Ordering::Release);
        }
    }

    /// A hedge answered in its place: its first token would have taken this long at least. Left out, the slow ones would
    /// be missing from what is usual, and ever more would be hedged.
    pub fn outrun(&self, now_ns: u64, rules: &Traffic, waited_ns: u64) {
        self.learn(now_ns, rules, waited_ns);
    }

    fn learn(&self, now_ns: u64, rules: &Traffic, first_token_ns: u64) {
        self.first_token.add(half_of(now_ns, LEARNED_WINDOW_MS), first_token_ns);
        self.compared_first_token.add(half_of(now_ns, rules.outlier.window_ms), first_token_ns);
    }

    /// A request begins its first attempt there: what retries are a share of.
    pub fn request(&self, now_ns: u64, rule: &Retry) {
        self.retries.add(half_of(now_ns, rule.window_ms), Count::ONE);
    }

    /// Takes one retry of a request that failed there, if there is one.
    #[must_use]
    pub fn may_retry(&self, now_ns: u64, rule: &Retry) -> bool {
        let one = Count { all: 0, marked: 1 };
        let taken = self.retries.add_if(half_of(now_ns, rule.window_ms), one, |count| may_retry(rule, count));
        if taken { &self.retried } else { &self.retries_refused }.fetch_add(1, Ordering::Relaxed);
        taken
    }

    /// The provider asked to be left alone for a while; never longer than a breaker would at most.
    pub fn asked_to_wait(&self, now_ns: u64, span_ns: u64, rule: &Breaker) {
        let span_ns = span_ns.min(rule.open_max_ms.saturating_mul(1_000_000));
        self.asked_until_ns.fetch_max(now_ns.saturating_add(span_ns), Ordering::Relaxed);
    }

    /// Usual time to the first token lately.
    #[must_use]
    pub fn first_token_p50_ns(&self, now_ns: u64) -> Option<u64> {
        self.first_token.quantile(half_of(now_ns, LEARNED_WINDOW_MS), 0.5, MEDIAN_OF_MIN)
    }

    /// What 95 of 100 first tokens stayed within lately.
    #[must_use]
    pub fn first_token_p95_ns(&self, now_ns: u64) -> Option<u64> {
        self.first_token.quantile(half_of(now_ns, LEARNED_WINDOW_MS), 0.95, P95_OF_MIN)
    }

    /// How it stands now. Takes no probe.
    #[must_use]
    pub fn stands(&self, now_ns: u64, rules: &Traffic) -> Stands {
        let circuit = self.rests.load(Ordering::Acquire).then(|| *self.circuit.lock());
        let circuit = circuit.filter(|circuit| !circuit.is_closed());
        if let Some(open) = circuit.filter(|circuit| !circuit.would_admit(now_ns, &rules.breaker, Need::Usual)) {
            let rest = if open.is_dead() { Rest::Dead } else { Rest::Open };
            return Stands::Rests { rest, until_ns: open.until_ns().unwrap_or(now_ns).max(now_ns) };
        }
        let until = |word: &AtomicU64, rest| {
            let until_ns = word.load(Ordering::Relaxed);
            (now_ns < until_ns).then_some(Stands::Rests { rest, until_ns })
        };
        until(&self.ejected_until_ns, Rest::Ejected)
            .or_else(|| until(&self.asked_until_ns, Rest::Asked))
            .or_else(|| circuit.map(|circuit| Stands::Tried { dead: circuit.is_dead() }))
            .unwrap_or(Stands::Well)
    }

    #[must_use]
    pub fn status(&self, now_ns: u64, rules: &Traffic) -> HealthStatus {
        let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
        HealthStatus {
            stands: self.stands(now_ns, rules),
            opened: count(&self.opened),
            ejected: count(&self.ejected),
            retried: count(&self.retried),
            retries_refused: count(&self.retries_refused),
            first_token_p50_ns: self.first_token_p50_ns(now_ns),
            first_token_p95_ns: self.first_token_p95_ns(now_ns),
        }
    }

    fn peer(&self, now_ns: u64, rules: &Traffic) -> Peer {
        let half = half_of(now_ns, rules.outlier.window_ms);
        // One that asked for a pause still serves as a measure.
        let rests = !matches!(self.stands(now_ns, rules), Stands::Well | Stands::Rests { rest: Rest::Asked, .. });
        let (first_tokens, first_token_p50_ns) = self.compared_first_token.median(half);
        Peer { count: self.compared.sum(half), first_tokens, first_token_p50_ns, rests }
    }

    fn eject(&self, now_ns: u64, rules: &Traffic) {
        let span_ns = rules.outlier.eject_ms.saturating_mul(1_000_000);
        self.ejected_until_ns.store(now_ns.saturating_add(span_ns), Ordering::Relaxed);
        self.ejected.fetch_add(1, Ordering::Relaxed);
        // It comes back with a clean sheet, or the same figures would eject it at once.
        self.compared.clear();
        self.compared_first_token.clear();
    }

    /// True once a second at most: comparing costs more than sending.
    fn is_time_to_compare(&self, now_ns: u64) -> bool {
        let due = self.compare_ns.load(Ordering::Relaxed);
        let next = now_ns.saturating_add(1_000_000_000);
        now_ns >= due && self.compare_ns.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}
