//! The process's own bounds: those that follow each plan, and those taken once at the start, which a later plan can
//! change only for the next start. Says which of the latter wait; must not let a change pass in silence.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use paceline_plan::document::Gateway;

pub(crate) struct Bounds {
    started_with: Gateway,
    drain_ms: AtomicU64,
    waiting: Mutex<Vec<&'static str>>,
}

impl Bounds {
    pub(crate) fn new(started_with: Gateway) -> Self {
        Self { drain_ms: AtomicU64::new(started_with.drain_ms), started_with, waiting: Mutex::new(Vec::new()) }
    }

    /// Takes over what a new plan can change; returns the keys of `gateway:` that differ and wait for a restart.
    pub(crate) fn follow(&self, plan: &Gateway) -> Vec<&'static str> {
        self.drain_ms.store(plan.drain_ms, Ordering::Relaxed);
        let start = &self.started_with;
        let differ = [
            ("tls", start.tls != plan.tls),
            ("head_bytes_max", start.head_bytes_max != plan.head_bytes_max),
            ("headers_max", start.headers_max != plan.headers_max),
            ("head_read", start.head_read_ms != plan.head_read_ms),
            ("connections_max", start.connections_max != plan.connections_max),
            ("connections_per_address_max", start.connections_per_address_max != plan.connections_per_address_max),
            ("journal.segment_bytes", start.journal.segment_bytes != plan.journal.segment_bytes),
        ];
        let waiting: Vec<_> = differ.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect();
        self.lock().clone_from(&waiting);
        waiting
    }

    /// Time for open answers to end at shutdown, by the plan in force.
    pub(crate) fn drain(&self) -> Duration {
        Duration::from_millis(self.drain_ms.load(Ordering::Relaxed))
    }

    /// What the plan in force wants and only a restart can give.
    pub(crate) fn waiting(&self) -> Vec<&'static str> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<&'static str>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_drain_follows_the_plan_and_the_listener_says_what_it_cannot_follow() {
        let bounds = Bounds::new(Gateway::default());
        assert_eq!(bounds.drain(), Duration::from_secs(30));
        let plan = Gateway { drain_ms: 5, head_read_ms: 7, body_read_ms: 7, ..Gateway::default() };
        assert_eq!(bounds.follow(&plan), ["head_read"]);
        assert_eq!(bounds.waiting(), ["head_read"]);
        assert_eq!(bounds.drain(), Duration::from_millis(5));
        assert!(bounds.follow(&Gateway::default()).is_empty());
        assert!(bounds.waiting().is_empty());
    }
}
