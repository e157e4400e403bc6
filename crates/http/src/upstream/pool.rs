//! The idle connections of one origin: last in, first out, so that few stay warm and the rest age away; bounded in
//! number, in idleness and in age.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::UpstreamOptions;
use super::wire::Wire;

pub(super) struct Pool {
    idle: Mutex<VecDeque<Wire>>,
    idle_max: usize,
    idle_for: Duration,
    connection_age_max: Duration,
}

impl Pool {
    pub(super) fn new(options: &UpstreamOptions) -> Self {
        Self {
            idle: Mutex::default(),
            idle_max: options.idle_max,
            idle_for: options.idle_for,
            connection_age_max: options.connection_age_max,
        }
    }

    /// The connection used last, if it is young enough and nothing was heard from it.
    pub(super) fn take(&self) -> Option<Wire> {
        loop {
            let mut wire = self.idle.lock().pop_back()?;
            let now = Instant::now();
            let rested = wire.idle_since.is_some_and(|since| now.saturating_duration_since(since) < self.idle_for);
            if rested && !self.is_over_age(&wire, now) && wire.is_quiet() {
                return Some(wire);
            }
        }
    }

    /// Keeps a connection for the next request. `now` is any recent instant.
    pub(super) fn put(&self, mut wire: Wire, now: Instant) {
        if self.is_over_age(&wire, now) {
            return;
        }
        wire.idle_since = Some(now);
        let aged = {
            let mut idle = self.idle.lock();
            let old =
                |wire: &Wire| wire.idle_since.is_some_and(|since| now.saturating_duration_since(since) > self.idle_for);
            let aged =
                if idle.front().is_some_and(old) || idle.len() >= self.idle_max { idle.pop_front() } else { None };
            if idle.len() < self.idle_max {
                idle.push_back(wire);
            }
            aged
        };
        // Closed outside the lock.
        drop(aged);
    }

    fn is_over_age(&self, wire: &Wire, now: Instant) -> bool {
        now.saturating_duration_since(wire.opened) >= self.connection_age_max
    }

    pub(super) fn len(&self) -> usize {
        self.idle.lock().len()
    }
}
