//! Drain: one handle that tells a server and all its connections to come to an end, by when, and counts them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Waker;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// Time for connections to be closed when a handover has taken too long.
const CLOSING: Duration = Duration::from_millis(100);

/// Told to start, it lets running requests finish up to a limit. Cheap to clone; one per server.
#[derive(Clone, Default)]
pub struct Drain(Arc<Inner>);

#[derive(Default)]
struct Inner {
    started: AtomicBool,
    handing_over: AtomicBool,
    cut: AtomicBool,
    connections: AtomicUsize,
    cutoff: Mutex<Option<Instant>>,
    wakers: Mutex<Wakers>,
    /// Start, a sooner cutoff, or a connection that ended.
    changed: Notify,
}

/// The tasks to be told, by slot.
#[derive(Default)]
struct Wakers {
    slots: Vec<Option<Waker>>,
    free: Vec<usize>,
}

impl std::fmt::Debug for Drain {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Drain({} connections)", self.connections())
    }
}

impl Drain {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// No new connections from now on; running requests may go on for `limit`, then they are cut. Called again, the
    /// sooner limit holds.
    pub fn start(&self, limit: Duration) {
        self.stop(limit, &self.0.started);
    }

    fn stop(&self, limit: Duration, how: &AtomicBool) {
        {
            let mut cutoff = self.0.cutoff.lock();
            let asked = Instant::now() + limit;
            *cutoff = Some(cutoff.map_or(asked, |earlier| earlier.min(asked)));
        }
        how.store(true, Ordering::Release);
        self.0.changed.notify_waiters();
        self.wake_all();
    }

    /// No new connections from now on, another process accepting from the same socket; who is connected is answered
    /// and told with the answer to come back on another connection (HTTP/1: `connection: close`; HTTP/2: GOAWAY).
    /// Unlike after `start`, nobody's idle connection is closed while a request may be on its way on it; that happens
    /// when `limit` has passed, at which running requests are cut too, a tenth of a second later.
    pub fn hand_over(&self, limit: Duration) {
        self.stop(limit, &self.0.handing_over);
    }

    /// True once `hand_over` was called.
    #[must_use]
    pub fn is_handing_over(&self) -> bool {
        self.0.handing_over.load(Ordering::Acquire)
    }

    /// Connections open now.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.0.connections.load(Ordering::Relaxed)
    }

    /// True once `start` was called.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.0.started.load(Ordering::Acquire)
    }

    pub(super) fn is_cut(&self) -> bool {
        self.0.cut.load(Ordering::Acquire)
    }

    /// Waits for `start` or `hand_over`.
    pub async fn stopped(&self) {
        loop {
            let changed = self.0.changed.notified();
            if self.is_started() || self.is_handing_over() {
                return;
            }
            changed.await;
        }
    }

    /// Waits until every connection has ended, cutting them off at the limit. Returns how many were cut.
    pub(super) async fn finished(&self) -> usize {
        let mut cut = 0;
        loop {
            let changed = self.0.changed.notified();
            if self.connections() == 0 {
                return cut;
            }
            let cutoff = *self.0.cutoff.lock();
            match cutoff {
                Some(cutoff) if !self.is_cut() => {
                    let in_time = tokio::time::timeout_at(cutoff.into(), changed).await.is_ok();
                    if !in_time && !self.is_started() {
                        self.end_idle();
                    } else if !in_time {
                        cut = self.connections();
                        self.0.cut.store(true, Ordering::Release);
                        self.wake_all();
                    }
                }
                _ => changed.await,
            }
        }
    }

    /// The time for a handover is over: idle connections are closed, and what they need for it is given.
    fn end_idle(&self) {
        *self.0.cutoff.lock() = Some(Instant::now() + CLOSING);
        self.0.started.store(true, Ordering::Release);
        self.wake_all();
    }

    /// Counts a connection in; the guard counts it out.
    pub(super) fn enter(&self) -> Place {
        self.0.connections.fetch_add(1, Ordering::Relaxed);
        Place { drain: self.clone(), slot: None }
    }

    fn wake_all(&self) {
        for waker in self.0.wakers.lock().slots.iter().flatten() {
            waker.wake_by_ref();
        }
    }
}

/// One connection's place among those to be told.
pub(super) struct Place {
    drain: Drain,
    slot: Option<usize>,
}

impl Place {
    /// Registers the task to be woken when something is to be told. Call it once, from the connection's own task,
    /// before looking at the flags.
    pub(super) fn listen(&mut self, waker: &Waker) {
        if self.slot.is_some() {
            return;
        }
        let mut wakers = self.drain.0.wakers.lock();
        let slot = match wakers.free.pop() {
            Some(slot) => slot,
            None => {
                wakers.slots.push(None);
                wakers.slots.len() - 1
            }
        };
        wakers.slots[slot] = Some(waker.clone());
        self.slot = Some(slot);
    }

    pub(super) fn drain(&self) -> &Drain {
        &self.drain
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(slot) = self.slot {
            let mut wakers = self.drain.0.wakers.lock();
            wakers.slots[slot] = None;
            wakers.free.push(slot);
        }
        self.drain.0.connections.fetch_sub(1, Ordering::Release);
        self.drain.0.changed.notify_waiters();
    }
}
