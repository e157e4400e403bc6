//! The fleet: what is known of every deployment, and of every use case's hedges, kept by name while plans come and go.
//! A plan binds to it once, when it is put in force; requests then reach the state by the plan's own indices.
//!
//! A request's way through it: `order` its candidates; then for each attempt `health.admit` (no: the next candidate),
//! `queue.enter` (refused: `History::ended(Queue)`, then `decide`), send, `health.ended` with the probe if it is one,
//! drop the pass. Its first attempt calls `health.request`; `decide` asks `health.may_retry` of the one that failed.

use std::sync::Arc;

use paceline_plan::Plan;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::health::Health;
use crate::hedges::HedgeBudget;
use crate::queue::Queue;

type Kept<T> = Mutex<FxHashMap<Arc<str>, Arc<T>>>;

/// Everything deployments and hedges share, by name.
#[derive(Debug, Default)]
pub struct Fleet {
    deployments: Kept<DeploymentState>,
    hedges: Kept<HedgeBudget>,
}

/// One deployment as this process knows it.
#[derive(Debug)]
pub struct DeploymentState {
    pub name: Arc<str>,
    pub health: Arc<Health>,
    pub queue: Arc<Queue>,
}

impl Fleet {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The states of the plan's deployments, by its indices. Bounds of queues are the plan's from now on, also for
    /// requests that run under an older one.
    pub fn bind(&self, plan: &Plan) -> Vec<Arc<DeploymentState>> {
        let names = plan.deployments.iter().map(|deployment| &deployment.name);
        let bound = keep(&self.deployments, names, |name| DeploymentState {
            name: Arc::clone(name),
            health: Arc::new(Health::default()),
            queue: Arc::new(Queue::default()),
        });
        for (state, deployment) in bound.iter().zip(&plan.deployments) {
            state.queue.configure(deployment.rates.requests_in_flight, deployment.queue);
        }
        bound
    }

    /// The hedge budgets of the plan's use cases, by its indices.
    pub fn hedges(&self, plan: &Plan) -> Vec<Arc<HedgeBudget>> {
        keep(&self.hedges, plan.use_cases.iter().map(|use_case| &use_case.name), |_| HedgeBudget::default())
    }
}

/// The states of these names, new where there was none. States of other names go when the last plan that bound them
/// has no request left.
fn keep<'a, T>(kept: &Kept<T>, names: impl Iterator<Item = &'a Arc<str>>, new: impl Fn(&Arc<str>) -> T) -> Vec<Arc<T>> {
    let mut kept = kept.lock();
    let bound =
        names.map(|name| Arc::clone(kept.entry(Arc::clone(name)).or_insert_with(|| Arc::new(new(name))))).collect();
    kept.retain(|_, state| Arc::strong_count(state) > 1);
    bound
}
