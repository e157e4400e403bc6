//! The hedge budget of one use case: `policy::HedgeUse` under a lock. Only use cases that hedge come here.

use std::sync::atomic::{AtomicU64, Ordering};

use paceline_plan::document::Hedge;
use paceline_policy::HedgeUse;
use parking_lot::Mutex;

/// What a use case hedged and spent lately.
#[derive(Debug, Default)]
pub struct HedgeBudget {
    used: Mutex<HedgeUse>,
    taken: AtomicU64,
    refused: AtomicU64,
}

impl HedgeBudget {
    /// A request of the use case begins.
    pub fn request(&self, now_ns: u64) {
        self.used.lock().request(now_ns);
    }

    /// Takes one hedge, if there is one.
    #[must_use]
    pub fn take(&self, now_ns: u64, rule: &Hedge) -> bool {
        let taken = self.used.lock().take(now_ns, rule);
        if taken { &self.taken } else { &self.refused }.fetch_add(1, Ordering::Relaxed);
        taken
    }

    /// Hedges since the start, and those for which the budget had no room.
    #[must_use]
    pub fn counts(&self) -> (u64, u64) {
        (self.taken.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed))
    }

    /// What a request cost in all, and what of that its losing copy did.
    pub fn cost(&self, now_ns: u64, nanousd: u64, hedge_nanousd: u64) {
        self.used.lock().cost(now_ns, nanousd, hedge_nanousd);
    }
}
