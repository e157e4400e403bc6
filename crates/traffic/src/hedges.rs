//! The hedge budget of one use case: `policy::HedgeUse` under a lock. Only use cases that hedge come here.

use paceline_plan::document::Hedge;
use paceline_policy::HedgeUse;
use parking_lot::Mutex;

/// What a use case hedged and spent lately.
#[derive(Debug, Default)]
pub struct HedgeBudget(Mutex<HedgeUse>);

impl HedgeBudget {
    /// A request of the use case begins.
    pub fn request(&self, now_ns: u64) {
        self.0.lock().request(now_ns);
    }

    /// Takes one hedge, if there is one.
    #[must_use]
    pub fn take(&self, now_ns: u64, rule: &Hedge) -> bool {
        self.0.lock().take(now_ns, rule)
    }

    /// What a request cost in all, and what of that its losing copy did.
    pub fn cost(&self, now_ns: u64, nanousd: u64, hedge_nanousd: u64) {
        self.0.lock().cost(now_ns, nanousd, hedge_nanousd);
    }
}
