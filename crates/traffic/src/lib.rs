//! What requests share while they run: the counters of limits, the queues in front of deployments, the health of
//! deployments. Outlives plans: state is kept by name and bound to a plan's indices at each swap. Rules live in
//! `policy` as pure functions of plain values and times handed in; this crate makes them exact under concurrency.
//! Does no I/O and reads no clock but through the times it is given (waiting in a queue is tokio's).

mod fleet;
mod health;
mod hedges;
mod limits;
mod made;
mod prefix;
mod queue;
mod sync;

pub use fleet::{DeploymentState, Fleet};
pub use health::{Admission, Health, HealthStatus, Order, PassedOver, Probe, Rest, Stands, order};
pub use hedges::HedgeBudget;
pub use limits::{Ask, Bound, LimitStatus, Limits, Now, RatesLeft, Reserved, Spent, TailSpent};
pub use made::Made;
pub use prefix::{Prefixes, Prompt};
pub use queue::{Enter, Pass, Queue, QueueStatus, Refusal};
