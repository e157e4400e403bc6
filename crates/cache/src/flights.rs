//! The flights under way, by key; bounded.

use std::sync::Arc;

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::flight::{Flight, Lead, Tail};
use crate::key::Key;

/// Flights at once; past it requests fly alone.
const FLIGHTS_MAX: usize = 16_384;

#[derive(Debug, Default)]
pub(crate) struct Flights {
    open: Mutex<FxHashMap<[u8; 32], Arc<Flight>>>,
}

/// What became of one who wanted to join.
pub(crate) enum Joined {
    Lead(Lead),
    Follow(Tail),
    Full,
}

impl Flights {
    /// A reading end of the flight with this key, if there is one.
    pub(crate) fn follow(&self, key: &Key) -> Option<Tail> {
        self.open.lock().get(&key.0)?.tail()
    }

    /// Joins the flight with this key, or leads one.
    pub(crate) fn join(self: &Arc<Self>, key: Key, bytes_max: usize) -> Joined {
        let mut open = self.open.lock();
        if let Some(tail) = open.get(&key.0).and_then(|flight| flight.tail()) {
            return Joined::Follow(tail);
        }
        if open.len() >= FLIGHTS_MAX {
            return Joined::Full;
        }
        let flight = Arc::new(Flight::default());
        open.insert(key.0, Arc::clone(&flight));
        Joined::Lead(Lead { flight, flights: Arc::clone(self), key, bytes_max })
    }

    /// Nobody joins this flight any more.
    pub(crate) fn close(&self, key: &Key, flight: &Arc<Flight>) {
        let mut open = self.open.lock();
        if open.get(&key.0).is_some_and(|known| Arc::ptr_eq(known, flight)) {
            open.remove(&key.0);
        }
    }

    /// Closes a flight that nobody reads; false when somebody has joined meanwhile.
    pub(crate) fn close_if_alone(&self, key: &Key, flight: &Arc<Flight>) -> bool {
        let mut open = self.open.lock();
        let alone = flight.is_alone();
        if alone && open.get(&key.0).is_some_and(|known| Arc::ptr_eq(known, flight)) {
            open.remove(&key.0);
        }
        alone
    }

    pub(crate) fn len(&self) -> usize {
        self.open.lock().len()
    }
}
