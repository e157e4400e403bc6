//! How many connections one upstream has open, pooled and busy, and what came of asking for one. A connection holds a
//! `Place` from before it is dialled until its socket is closed, whatever the way it ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// Connections of one upstream, at one moment and since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UpstreamStats {
    /// Open now, pooled and busy; one being dialled is among them.
    pub open: u32,
    /// Of these, waiting in the pool.
    pub idle: usize,
    /// Connections begun, well or not.
    pub dialled: u64,
    /// Requests sent on a connection from the pool.
    pub reused: u64,
    /// Requests refused since there were `connections_max` already.
    pub refused: u64,
}

pub(super) struct Count {
    /// Zero for no bound.
    connections_max: u32,
    open: AtomicU32,
    dialled: AtomicU64,
    reused: AtomicU64,
    refused: AtomicU64,
}

/// One connection's part in the count, given back when dropped.
pub(super) struct Place(Arc<Count>);

impl Count {
    pub(super) fn new(connections_max: u32) -> Self {
        Self {
            connections_max,
            open: AtomicU32::new(0),
            dialled: AtomicU64::new(0),
            reused: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// Room for one more connection, unless there are as many as there may be.
    pub(super) fn enter(self: &Arc<Self>) -> Option<Place> {
        let bound = if self.connections_max == 0 { u32::MAX } else { self.connections_max };
        let entered = self.open.fetch_update(Relaxed, Relaxed, |open| (open < bound).then(|| open + 1));
        if entered.is_err() {
            self.refused.fetch_add(1, Relaxed);
            return None;
        }
        self.dialled.fetch_add(1, Relaxed);
        Some(Place(Arc::clone(self)))
    }

    pub(super) fn on_reuse(&self) {
        self.reused.fetch_add(1, Relaxed);
    }

    pub(super) fn stats(&self, idle: usize) -> UpstreamStats {
        UpstreamStats {
            open: self.open.load(Relaxed),
            idle,
            dialled: self.dialled.load(Relaxed),
            reused: self.reused.load(Relaxed),
            refused: self.refused.load(Relaxed),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_holder_is_gone() {
        let count = Arc::new(Count::new(2));
        let (first, second) = (count.enter(), count.enter());
        assert!(first.is_some() && second.is_some() && count.enter().is_none());
        drop(first);
        assert!(count.enter().is_some());
        drop(second);
        assert_eq!(count.stats(0), UpstreamStats { open: 0, idle: 0, dialled: 3, reused: 0, refused: 1 });
    }

    #[test]
    fn without_a_bound_there_is_always_room() {
        let count = Arc::new(Count::new(0));
        let places: Vec<_> = (0..1000).map(|_| count.enter()).collect();
        assert!(places.iter().all(Option::is_some));
        assert_eq!(count.stats(0).open, 1000);
    }
}
