//! One request's wait. A guard: wherever its future is dropped, the place in the line is given up, or the slot that had
//! been given to it goes to the next.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use paceline_plan::document::Lane;
use tokio::sync::oneshot;
use tokio::time::{Instant as Clock, timeout_at};

use super::{Ended, Enter, Pass, Queue, Refusal};

pub(super) struct Waiter {
    queue: Arc<Queue>,
    lane: Lane,
    service: usize,
    number: u64,
    told: oneshot::Receiver<Ended>,
    joined: Clock,
    until: Option<Clock>,
    /// Nothing is left to give up.
    done: bool,
}

impl Waiter {
    pub(super) fn new(
        queue: Arc<Queue>,
        enter: &Enter,
        number: u64,
        told: oneshot::Receiver<Ended>,
        joined: Clock,
        until: Option<Clock>,
    ) -> Self {
        Self { queue, lane: enter.lane, service: enter.service, number, told, joined, until, done: false }
    }

    pub(super) async fn wait(mut self) -> Result<Pass, Refusal> {
        let told = match self.until {
            None => (&mut self.told).await.ok(),
            Some(until) => timeout_at(until, &mut self.told).await.ok().and_then(Result::ok),
        };
        let now = Clock::now();
        let waited = now.saturating_duration_since(self.joined);
        match told.or_else(|| self.give_up()) {
            Some(Ended::Started) => {
                self.done = true;
                Ok(Pass::slot(Arc::clone(&self.queue), now, waited))
            }
            Some(Ended::Displaced) => {
                self.done = true;
                Err(self.queue.full(&self.queue.line.lock()))
            }
            Some(Ended::TooLate) | None => {
                self.done = true;
                self.queue.too_late.fetch_add(1, Ordering::Relaxed);
                Err(Refusal::TooLate { waited, expected: waited, retry_after: Duration::ZERO })
            }
        }
    }

    /// Leaves the line; if it was too late for that, what it was told.
    fn give_up(&mut self) -> Option<Ended> {
        let left = self.queue.line.lock().leave(self.lane, self.service, self.number);
        if left { None } else { self.told.try_recv().ok() }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if !self.done && self.give_up() == Some(Ended::Started) {
            self.queue.hand_on();
        }
    }
}
