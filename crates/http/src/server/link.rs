//! What the parts of one caller's connection tell each other: socket, requests, answers and the task that drives
//! them. Holds the one deadline that is running, so that one lazily armed timer per connection serves them all.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::head_check::HeadCheck;

/// Time limits of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// For a head, from its first byte (of the first head: from the connection's beginning).
    pub head_read: Duration,
    /// Between two requests.
    pub idle: Duration,
    /// After our answer, for a caller that is still sending.
    pub linger: Duration,
}

/// What the connection is waiting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// Between requests, nothing heard.
    Quiet = 0,
    /// A head has begun.
    Head = 1,
    /// At least one request is with the handler or being answered.
    Busy = 2,
    /// Answered for good; reading away what the caller still sends.
    Lingering = 3,
}

/// What the driver does about a deadline that passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expiry {
    Close,
    WindDown,
    PollAgain,
}

const NONE: u64 = u64::MAX;

pub(crate) struct Link {
    epoch: Instant,
    pub(super) limits: Limits,
    phase: AtomicU8,
    /// Nanoseconds since `epoch`.
    deadline: AtomicU64,
    requests: AtomicU32,
    h2: AtomicBool,
    reset: AtomicBool,
    unread: AtomicBool,
    heard: AtomicBool,
    late: AtomicBool,
    pub(super) check: Mutex<HeadCheck>,
}

impl Link {
    pub(super) fn new(limits: Limits) -> Self {
        let link = Self {
            epoch: Instant::now(),
            limits,
            phase: AtomicU8::new(Phase::Quiet as u8),
            deadline: AtomicU64::new(NONE),
            requests: AtomicU32::new(0),
            h2: AtomicBool::new(false),
            reset: AtomicBool::new(false),
            unread: AtomicBool::new(false),
            heard: AtomicBool::new(false),
            late: AtomicBool::new(false),
            check: Mutex::default(),
        };
        link.set_deadline(Some(link.epoch + limits.head_read));
        link
    }

    /// The caller speaks HTTP/2: no heads to be timed, only silence.
    pub(super) fn set_h2(&self) {
        self.h2.store(true, Ordering::Relaxed);
        self.enter(Phase::Quiet, Some(Instant::now() + self.limits.idle));
    }

    pub(super) fn is_h2(&self) -> bool {
        self.h2.load(Ordering::Relaxed)
    }

    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Quiet,
            1 => Phase::Head,
            2 => Phase::Busy,
            _ => Phase::Lingering,
        }
    }

    fn enter(&self, phase: Phase, deadline: Option<Instant>) {
        self.phase.store(phase as u8, Ordering::Relaxed);
        self.set_deadline(deadline);
    }

    pub(super) fn set_deadline(&self, deadline: Option<Instant>) {
        let nanos = deadline.map_or(NONE, |deadline| {
            u64::try_from(deadline.saturating_duration_since(self.epoch).as_nanos()).unwrap_or(NONE)
        });
        self.deadline.store(nanos, Ordering::Relaxed);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.deadline.load(Ordering::Relaxed) {
            NONE => None,
            nanos => Some(self.epoch + Duration::from_nanos(nanos)),
        }
    }

    /// The socket read something while no request was running: a head begins.
    pub(super) fn head_begins(&self) {
        let first = !self.heard.swap(true, Ordering::Relaxed);
        *self.check.lock() = HeadCheck::default();
        // The first head's time already runs, since the connection was made.
        let deadline = if first { self.deadline() } else { Some(Instant::now() + self.limits.head_read) };
        self.enter(Phase::Head, deadline);
    }

    /// A request was handed to the handler.
    fn asked(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.enter(Phase::Busy, None);
    }

    /// An answer is over, whichever way.
    fn answered(&self) {
        if self.requests.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.enter(Phase::Quiet, Some(Instant::now() + self.limits.idle));
        }
    }

    /// When the driver must look again.
    pub(super) fn waits_until(&self) -> Option<Instant> {
        // HTTP/2 answers end in tasks of their own, which do not wake the driver: it looks again by itself.
        self.deadline().or_else(|| self.is_h2().then(|| Instant::now() + self.limits.idle))
    }

    /// The deadline has passed.
    pub(super) fn expire(&self) -> Expiry {
        match self.phase() {
            Phase::Busy => {
                // Whoever set it looks at the clock itself.
                self.set_deadline(None);
                Expiry::PollAgain
            }
            Phase::Quiet if self.is_h2() => {
                self.linger();
                Expiry::WindDown
            }
            Phase::Head => {
                self.late.store(true, Ordering::Relaxed);
                Expiry::Close
            }
            Phase::Quiet | Phase::Lingering => Expiry::Close,
        }
    }

    /// The connection ends because a head did not come in time.
    pub(super) fn is_late(&self) -> bool {
        self.late.load(Ordering::Relaxed)
    }

    /// The head just read could be framed in two ways. (Not told of a connection on which a body was left unread: what
    /// passed there was not all heads. hyper's own reading, transfer-encoding before length, then close, is safe.)
    pub(super) fn is_suspicious(&self) -> bool {
        !self.is_h2() && !self.is_unread() && self.check.lock().is_suspicious()
    }

    pub(super) fn linger(&self) {
        self.enter(Phase::Lingering, Some(Instant::now() + self.limits.linger));
    }

    /// A request's body was not read to its end: closing now could destroy the answer on its way.
    pub(super) fn leave_unread(&self) {
        self.unread.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_unread(&self) -> bool {
        self.unread.load(Ordering::Relaxed)
    }

    pub(super) fn reset_on_close(&self) {
        self.reset.store(true, Ordering::Relaxed);
    }

    pub(super) fn must_reset(&self) -> bool {
        self.reset.load(Ordering::Relaxed)
    }
}

/// One request between the handler's first look and the answer's end, whichever way that comes.
pub(crate) struct Answering {
    pub(super) link: Arc<Link>,
}

impl Answering {
    pub(super) fn begin(link: &Arc<Link>) -> Self {
        link.asked();
        Self { link: Arc::clone(link) }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.link.answered();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits =
        Limits { head_read: Duration::from_secs(10), idle: Duration::from_secs(100), linger: Duration::from_secs(1) };

    fn left(link: &Link) -> Option<u64> {
        link.deadline().map(|deadline| deadline.saturating_duration_since(Instant::now()).as_secs_f64().ceil() as u64)
    }

    #[test]
    fn each_phase_has_its_own_deadline_and_its_own_end() {
        let link = Arc::new(Link::new(LIMITS));
        assert_eq!((link.phase(), left(&link)), (Phase::Quiet, Some(10)), "the first head's time runs from the start");
        assert_eq!(link.expire(), Expiry::Close);
        assert!(!link.is_late(), "nothing was said, nothing is answered");
        link.head_begins();
        assert_eq!((link.phase(), left(&link)), (Phase::Head, Some(10)));
        let answering = Answering::begin(&link);
        assert_eq!((link.phase(), left(&link)), (Phase::Busy, None), "an answer takes the time it takes");
        link.set_deadline(Some(Instant::now()));
        assert_eq!(link.expire(), Expiry::PollAgain, "a body's deadline is its reader's to judge");
        assert_eq!(link.waits_until(), None);
        drop(answering);
        assert_eq!((link.phase(), left(&link)), (Phase::Quiet, Some(100)));
        link.head_begins();
        assert_eq!(left(&link), Some(10), "a later head has its own time");
        assert_eq!(link.expire(), Expiry::Close);
        assert!(link.is_late());
        link.linger();
        assert_eq!((link.expire(), left(&link)), (Expiry::Close, Some(1)));
    }

    #[test]
    fn http_2_is_quiet_only_when_its_last_answer_is_over_and_is_wound_down_first() {
        let link = Arc::new(Link::new(LIMITS));
        link.set_h2();
        assert_eq!(left(&link), Some(100));
        let (one, other) = (Answering::begin(&link), Answering::begin(&link));
        drop(one);
        assert_eq!((link.phase(), link.deadline()), (Phase::Busy, None));
        assert!(link.waits_until().is_some(), "the driver looks again by itself");
        drop(other);
        assert_eq!(link.phase(), Phase::Quiet);
        assert_eq!(link.expire(), Expiry::WindDown);
        assert_eq!((link.expire(), left(&link)), (Expiry::Close, Some(1)));
    }
}
