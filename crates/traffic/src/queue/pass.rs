//! The pass of one request: its slot, given back when it is dropped.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant as Clock;

use super::Queue;

/// Leave to send. Dropping it lets the next one go.
#[derive(Debug)]
pub struct Pass {
    queue: Arc<Queue>,
    /// When the slot was taken; none without a bound.
    since: Option<Clock>,
    waited: Duration,
}

impl Pass {
    pub(super) fn free(queue: Arc<Queue>) -> Self {
        Self { queue, since: None, waited: Duration::ZERO }
    }

    pub(super) fn slot(queue: Arc<Queue>, since: Clock, waited: Duration) -> Self {
        Self { queue, since: Some(since), waited }
    }

    /// How long the request waited for it.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.waited
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        match self.since {
            Some(since) => {
                let now = Clock::now();
                self.queue.leave(now, now.saturating_duration_since(since));
            }
            None => self.queue.leave_free(),
        }
    }
}
