//! The truth log: for each request the true instants and counts, so that meters can be checked against them. Bounded:
//! the oldest leave. It never holds text.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use serde::Serialize;

use crate::script::{End, Script};

/// One request as it really was. Instants are unix nanoseconds of the moment the bytes were handed to the socket.
#[derive(Clone, Debug, Default, Serialize, PartialEq)]
pub struct Truth {
    /// Position in the log, from 1.
    pub seq: u64,
    /// `x-paceline-request-id`, else `x-request-id`, else one of our own.
    pub request_id: String,
    pub model: String,
    pub api: &'static str,
    pub streamed: bool,
    pub status: u16,
    /// `x-sim-tag`: what the caller calls the request, unlike its id the same through everything in between.
    pub tag: String,
    /// How the answer was to end: `stop`, `length`, `tool_calls`, `content_filter`; empty when there was none.
    pub finish: &'static str,
    pub prompt_tokens: u32,
    pub cached_tokens: u32,
    /// Output tokens sent, reasoning included; of a whole answer, those generated.
    pub output_tokens: u32,
    pub reasoning_tokens: u32,
    /// Output tokens that an undisturbed answer has.
    pub planned_tokens: u32,
    /// Head of the request read.
    pub received_ns: u64,
    /// Answer's head handed over.
    pub head_ns: Option<u64>,
    /// First event with a token; of a whole answer, first token generated.
    pub first_ns: Option<u64>,
    /// First that is not reasoning.
    pub visible_ns: Option<u64>,
    pub last_ns: Option<u64>,
    pub end_ns: Option<u64>,
    /// Largest gap between two events with tokens.
    pub stall_ns: u64,
    /// Events with tokens.
    pub events: u32,
    /// All events.
    pub frames: u32,
    /// Bytes of the request's body.
    pub request_bytes: u64,
    /// Bytes of body, as they went out.
    pub bytes: u64,
    /// When the caller was seen to have left.
    pub cancelled_ns: Option<u64>,
    /// How it ended as the provider saw it: `finished`, `broken_off` by a fault, `caller_closed`; the instant is
    /// `end_ns`, or `cancelled_ns` for the last.
    pub ended: &'static str,
    /// The fault that was applied, in its own grammar.
    pub fault: Option<String>,
}

/// Monotonic instants as unix nanoseconds.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    instant: Instant,
    unix_ns: u64,
}

impl Clock {
    #[must_use]
    pub fn start() -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { instant: Instant::now(), unix_ns: u64::try_from(unix.as_nanos()).unwrap_or(u64::MAX) }
    }

    /// Unix nanoseconds of an instant.
    #[must_use]
    pub fn unix_ns(&self, at: Instant) -> u64 {
        let nanos = |duration: std::time::Duration| u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        match at.checked_duration_since(self.instant) {
            Some(after) => self.unix_ns.saturating_add(nanos(after)),
            None => self.unix_ns.saturating_sub(nanos(self.instant.duration_since(at))),
        }
    }
}

/// The log, and the totals since the start.
#[derive(Debug)]
pub struct TruthLog {
    pub clock: Clock,
    capacity: usize,
    ring: Mutex<Ring>,
    in_flight: AtomicUsize,
    in_flight_most: AtomicUsize,
    totals: Totals,
}

#[derive(Debug, Default)]
struct Ring {
    rows: VecDeque<Truth>,
    seq: u64,
}

#[derive(Debug, Default)]
struct Totals {
    requests: AtomicU64,
    output_tokens: AtomicU64,
    cancelled: AtomicU64,
    faults: AtomicU64,
}

/// A page of the log.
#[derive(Debug, Serialize)]
pub struct Page {
    /// Pass it as `since` to go on.
    pub next: u64,
    pub requests: Vec<Truth>,
}

/// Totals since the start.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct Sums {
    pub requests: u64,
    pub in_flight: usize,
    /// The most there were at once.
    pub in_flight_most: usize,
    pub logged: usize,
    pub output_tokens: u64,
    pub cancelled: u64,
    pub faults: u64,
}

impl TruthLog {
    #[must_use]
    pub fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self {
            clock: Clock::start(),
            capacity,
            ring: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            in_flight_most: AtomicUsize::new(0),
            totals: Totals::default(),
        })
    }

    /// Begins a record; it enters the log when it is dropped.
    #[must_use]
    pub fn begin(self: &Arc<Self>, received: Instant) -> Recorder {
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.in_flight_most.fetch_max(before + 1, Ordering::Relaxed);
        let truth = Truth { received_ns: self.clock.unix_ns(received), ..Truth::default() };
        Recorder { log: Arc::clone(self), truth, last: None, ended: false }
    }

    /// Records after position `since`, at most `limit`, with this request id when one is given.
    #[must_use]
    pub fn page(&self, since: u64, limit: usize, request_id: Option<&str>) -> Page {
        let ring = self.ring.lock();
        let from = ring.rows.partition_point(|row| row.seq <= since);
        let wanted = |row: &&Truth| request_id.is_none_or(|id| row.request_id == id);
        let requests: Vec<Truth> = ring.rows.range(from..).filter(wanted).take(limit).cloned().collect();
        let next = requests.last().map_or(since, |row| row.seq);
        Page { next, requests }
    }

    /// Forgets all records; positions go on.
    pub fn clear(&self) {
        self.ring.lock().rows.clear();
    }

    /// Totals since the start.
    #[must_use]
    pub fn sums(&self) -> Sums {
        let read = |total: &AtomicU64| total.load(Ordering::Relaxed);
        Sums {
            requests: read(&self.totals.requests),
            in_flight: self.in_flight.load(Ordering::Relaxed),
            in_flight_most: self.in_flight_most.load(Ordering::Relaxed),
            logged: self.ring.lock().rows.len(),
            output_tokens: read(&self.totals.output_tokens),
            cancelled: read(&self.totals.cancelled),
            faults: read(&self.totals.faults),
        }
    }

    fn push(&self, mut truth: Truth) {
        self.totals.requests.fetch_add(1, Ordering::Relaxed);
        self.totals.output_tokens.fetch_add(u64::from(truth.output_tokens), Ordering::Relaxed);
        self.totals.cancelled.fetch_add(u64::from(truth.cancelled_ns.is_some()), Ordering::Relaxed);
        self.totals.faults.fetch_add(u64::from(truth.fault.is_some()), Ordering::Relaxed);
        let mut ring = self.ring.lock();
        ring.seq += 1;
        truth.seq = ring.seq;
        while ring.rows.len() >= self.capacity.max(1) {
            ring.rows.pop_front();
        }
        ring.rows.push_back(truth);
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One record in the making. Dropped before `end`, it says that the caller left.
#[derive(Debug)]
pub struct Recorder {
    log: Arc<TruthLog>,
    pub truth: Truth,
    last: Option<Instant>,
    ended: bool,
}

impl Recorder {
    /// The answer's head is handed over.
    pub fn head(&mut self, status: u16) {
        self.truth.status = status;
        self.truth.head_ns = Some(self.log.clock.unix_ns(Instant::now()));
    }

    /// What the answer will be when nothing disturbs it.
    pub fn plan(&mut self, script: &Script) {
        self.truth.cached_tokens = script.cached_tokens;
        self.truth.planned_tokens = script.output_tokens(script.total());
        self.truth.finish = match script.end {
            End::Stop => "stop",
            End::Length => "length",
            End::ToolCalls => "tool_calls",
            End::Filtered => "content_filter",
        };
    }

    /// `tokens` of output exist now; reasoning is not visible.
    pub fn tokens(&mut self, tokens: u32, visible: bool) {
        let now = Instant::now();
        let at = self.log.clock.unix_ns(now);
        self.truth.first_ns.get_or_insert(at);
        if visible {
            self.truth.visible_ns.get_or_insert(at);
        } else {
            self.truth.reasoning_tokens += tokens;
        }
        if let Some(last) = self.last.replace(now) {
            let gap = u64::try_from(now.duration_since(last).as_nanos()).unwrap_or(u64::MAX);
            self.truth.stall_ns = self.truth.stall_ns.max(gap);
        }
        self.truth.last_ns = Some(at);
        self.truth.output_tokens += tokens;
    }

    /// The answer is over.
    pub fn end(&mut self) {
        self.end_as("finished");
    }

    /// A fault broke the answer off.
    pub fn break_off(&mut self) {
        self.end_as("broken_off");
    }

    fn end_as(&mut self, how: &'static str) {
        if !self.ended {
            self.ended = true;
            self.truth.ended = how;
            self.truth.end_ns = Some(self.log.clock.unix_ns(Instant::now()));
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if !self.ended {
            self.truth.ended = "caller_closed";
            self.truth.cancelled_ns = Some(self.log.clock.unix_ns(Instant::now()));
        }
        self.log.push(std::mem::take(&mut self.truth));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_record_dropped_before_its_end_was_left_by_its_caller() {
        let log = TruthLog::new(10);
        let mut left = log.begin(Instant::now());
        left.tokens(1, true);
        assert_eq!(log.sums().in_flight, 1);
        drop(left);
        log.begin(Instant::now()).end();
        let page = log.page(0, 10, None);
        assert!(page.requests[0].cancelled_ns.is_some() && page.requests[0].end_ns.is_none());
        assert!(page.requests[1].cancelled_ns.is_none() && page.requests[1].end_ns.is_some());
        let sums = log.sums();
        assert_eq!((sums.requests, sums.in_flight, sums.cancelled, sums.output_tokens), (2, 0, 1, 1));
    }

    #[test]
    fn the_log_is_bounded_and_pages_follow_on() {
        let log = TruthLog::new(3);
        for index in 0..5 {
            let mut record = log.begin(Instant::now());
            record.truth.request_id = format!("r{index}");
            record.end();
        }
        let page = log.page(0, 2, None);
        assert_eq!(page.requests.iter().map(|row| row.seq).collect::<Vec<_>>(), [3, 4]);
        assert_eq!(log.page(page.next, 10, None).requests.len(), 1);
        assert_eq!(log.page(0, 10, Some("r3")).requests[0].seq, 4);
        log.clear();
        assert_eq!(log.page(0, 10, None).requests.len(), 0);
    }

    #[test]
    fn the_clock_goes_both_ways_from_its_start() {
        let clock = Clock::start();
        let later = clock.instant + std::time::Duration::from_nanos(5);
        assert_eq!(clock.unix_ns(later), clock.unix_ns + 5);
        let before = clock.instant.checked_sub(std::time::Duration::from_nanos(7)).unwrap();
        assert_eq!(clock.unix_ns(before), clock.unix_ns - 7);
    }
}
