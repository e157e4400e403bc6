//! Pure decisions of (plan, request facts). No I/O, no clock, no state: the same arguments give the same answer.
//! One file a decision; `crates/policy/scenarios` holds them as tables a person can read.

mod cap;
mod identify;
mod judge;
mod near;
mod price;
mod resolve;

pub use cap::cap;
pub use identify::{Asked, Caller, Partial, identify};
pub use judge::{Measured, judge};
pub use price::cost_nanousd;
pub use resolve::{Choice, resolve};

use paceline_plan::Plan;
use paceline_plan::document::Deadlines;

/// The deadlines of a caller's use case.
#[must_use]
pub fn deadlines(plan: &Plan, caller: &Caller) -> Deadlines {
    plan.use_cases[caller.use_case].deadlines
}
