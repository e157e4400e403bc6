//! The queue in front of one deployment. With a bound on requests in flight, those beyond it wait here: bounded in
//! number, no longer than their first token could still be in time, in the order of `policy::lanes`. A slot that comes
//! free goes straight to the one whose turn it is. Without a bound a request costs two atomic adds.

mod line;
mod pass;
mod wait;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use paceline_plan::document::{Lane, Queue as Rule};
use paceline_policy::{Outlook, Patience, Place, Waiting, patience, place, starts_ahead};
use paceline_types::{Code, Failure};
use parking_lot::Mutex;
use tokio::time::Instant as Clock;

use self::line::{Ended, Line};
use self::wait::Waiter;

pub use self::pass::Pass;

/// No bound.
const NONE: u32 = u32::MAX;

/// The queue in front of one deployment.
#[derive(Debug)]
pub struct Queue {
    /// Requests in flight at most.
    in_flight_max: AtomicU32,
    /// Requests let through while there was no bound.
    free: AtomicU32,
    line: Mutex<Line>,
    full: AtomicU64,
    too_late: AtomicU64,
}

/// A request that wants to be sent.
#[derive(Clone, Copy, Debug)]
pub struct Enter {
    pub lane: Lane,
    /// Whose it is, for taking turns: the service's index. After a plan swap two services may share a turn until those
    /// that wait have gone.
    pub service: usize,
    /// When its first token (or its end) is due at the latest.
    pub deadline: Option<Instant>,
    /// What is usual for the deployment: `Health::first_token_p50_ns`.
    pub first_token_p50_ns: Option<u64>,
}

/// Why a request was not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// As many wait as may: in all, and of its lane.
    Full { waiting: u32, waiting_max: u32 },
    /// Its first token could not be in time any more: waited so far, and expected to wait in all.
    TooLate { waited: Duration, expected: Duration, retry_after: Duration },
}

/// What a queue shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueStatus {
    pub in_flight: u32,
    pub in_flight_max: Option<u32>,
    /// By lane, in the order of `Lane::ALL`.
    pub waiting: Waiting,
    /// Refused since the start, by reason.
    pub refused_full: u64,
    pub refused_too_late: u64,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            in_flight_max: AtomicU32::new(NONE),
            free: AtomicU32::new(0),
            line: Mutex::default(),
            full: AtomicU64::new(0),
            too_late: AtomicU64::new(0),
        }
    }
}

impl Queue {
    /// Sets the bounds, at a plan swap. Those that wait stay; a higher bound lets the next of them go at once, a lower
    /// one holds as soon as enough have left.
    pub fn configure(&self, in_flight_max: Option<u32>, rule: Rule) {
        let mut line = self.line.lock();
        line.rule = rule;
        self.in_flight_max.store(in_flight_max.unwrap_or(NONE), Ordering::SeqCst);
        self.advance(&mut line, Clock::now());
    }

    /// False when everybody goes at once: then nothing need be looked up for `Enter`.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        self.in_flight_max.load(Ordering::SeqCst) != NONE
    }

    /// Waits for a slot. Dropping the future leaves the queue, and hands on a slot that had just been given.
    ///
    /// # Errors
    /// When too many wait already, or the first token could not be in time any more.
    pub async fn enter(self: &Arc<Self>, enter: Enter) -> Result<Pass, Refusal> {
        if !self.is_bounded() {
            self.free.fetch_add(1, Ordering::SeqCst);
            return Ok(Pass::free(Arc::clone(self)));
        }
        match self.join(&enter)? {
            Joined::Through(pass) => Ok(pass),
            Joined::Waits(waiter) => waiter.wait().await,
        }
    }

    /// A slot at once, a place in the line, or neither.
    fn join(self: &Arc<Self>, enter: &Enter) -> Result<Joined, Refusal> {
        let now = Clock::now();
        let mut line = self.line.lock();
        if line.is_empty() && self.has_room(&line) {
            line.in_flight += 1;
            return Ok(Joined::Through(Pass::slot(Arc::clone(self), now, Duration::ZERO)));
        }
        let until = self.patience(&line, enter, now)?;
        match place(enter.lane, &line.waiting(), &line.rule) {
            Place::Free => {}
            Place::Instead(lane) => {
                line.refuse_youngest(lane);
                self.full.fetch_add(1, Ordering::Relaxed);
            }
            Place::Full => {
                self.full.fetch_add(1, Ordering::Relaxed);
                return Err(self.full(&line));
            }
        }
        let (number, slot) = line.join(enter.lane, enter.service, until);
        Ok(Joined::Waits(Waiter::new(Arc::clone(self), enter, number, slot, now, until)))
    }

    fn patience(&self, line: &Line, enter: &Enter, now: Clock) -> Result<Option<Clock>, Refusal> {
        let left = enter.deadline.map(|deadline| nanos(Clock::from_std(deadline).saturating_duration_since(now)));
        let mine = line.before(enter.lane, enter.service);
        let outlook = Outlook {
            ahead: starts_ahead(enter.lane, mine, &line.waiting(), &line.rule),
            held_ns: line.held_ns,
            in_flight_max: self.in_flight_max.load(Ordering::SeqCst),
        };
        match patience(&outlook, left, enter.first_token_p50_ns) {
            Patience::Wait { at_most_ns } => Ok(at_most_ns.map(|span| now + Duration::from_nanos(span))),
            Patience::TooLate { wait_ns, retry_after_ns } => {
                self.too_late.fetch_add(1, Ordering::Relaxed);
                let span = Duration::from_nanos;
                Err(Refusal::TooLate {
                    waited: Duration::ZERO,
                    expected: span(wait_ns),
                    retry_after: span(retry_after_ns),
                })
            }
        }
    }

    fn full(&self, line: &Line) -> Refusal {
        Refusal::Full { waiting: line.waiting().iter().sum(), waiting_max: line.rule.requests_max }
    }

    fn has_room(&self, line: &Line) -> bool {
        let taken = u64::from(line.in_flight) + u64::from(self.free.load(Ordering::SeqCst));
        taken < u64::from(self.in_flight_max.load(Ordering::SeqCst))
    }

    /// Gives slots to those whose turn it is, as many as there are.
    fn advance(&self, line: &mut Line, now: Clock) {
        while self.has_room(line) && line.start_next(now) {}
    }

    /// A slot comes back after use.
    fn leave(&self, now: Clock, held: Duration) {
        let mut line = self.line.lock();
        line.in_flight = line.in_flight.saturating_sub(1);
        line.held(nanos(held));
        self.advance(&mut line, now);
    }

    /// A slot comes back unused.
    fn hand_on(&self) {
        let mut line = self.line.lock();
        line.in_flight = line.in_flight.saturating_sub(1);
        self.advance(&mut line, Clock::now());
    }

    /// One that was let through without a bound goes.
    fn leave_free(&self) {
        self.free.fetch_sub(1, Ordering::SeqCst);
        // Either this sees a bound set meanwhile, or whoever waits under it sees that one fewer is in flight.
        if self.is_bounded() {
            self.advance(&mut self.line.lock(), Clock::now());
        }
    }

    #[must_use]
    pub fn status(&self) -> QueueStatus {
        let line = self.line.lock();
        let most = self.in_flight_max.load(Ordering::SeqCst);
        QueueStatus {
            in_flight: line.in_flight.saturating_add(self.free.load(Ordering::SeqCst)),
            in_flight_max: (most != NONE).then_some(most),
            waiting: line.waiting(),
            refused_full: self.full.load(Ordering::Relaxed),
            refused_too_late: self.too_late.load(Ordering::Relaxed),
        }
    }
}

enum Joined {
    Through(Pass),
    Waits(Waiter),
}

impl Refusal {
    /// For the caller, once no other deployment is left.
    #[must_use]
    pub fn failure(&self, deployment: &str) -> Failure {
        match *self {
            Self::Full { waiting, waiting_max } => {
                let what = format!("{waiting} of at most {waiting_max} requests wait for deployment {deployment}");
                Failure { retry_after_s: Some(1), ..Failure::new(Code::QueueFull, what) }
            }
            Self::TooLate { waited, expected, retry_after } => {
                let what = if waited.is_zero() {
                    format!(
                        "Deployment {deployment} is busy for another {} ms: too long for this class's first token",
                        expected.as_millis()
                    )
                } else {
                    format!(
                        "The request waited {} ms for deployment {deployment}: too late now for its class's first token",
                        waited.as_millis()
                    )
                };
                let whole = u32::try_from(retry_after.as_secs()).unwrap_or(u32::MAX - 1) + 1;
                Failure { retry_after_s: Some(whole), ..Failure::new(Code::QueueTooLate, what) }
            }
        }
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
