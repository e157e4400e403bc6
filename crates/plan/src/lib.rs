//! The plan: what the data plane runs. `document` is the form that crosses the boundary, `check` refuses one that does
//! not hold together, `compiled` is the form a request meets: indices instead of names, everything resolved, nothing
//! optional that policy would have to guess.

mod check;
mod compiled;
pub mod document;
mod hash;
pub mod sample;
mod telemetry;
mod traffic;

use std::fmt;

pub use compiled::{Deployment, Key, Model, Plan, Provider, Service, Task, Team, UseCase};

/// Why a plan was refused: where, what, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanFault {
    /// Such as `services[2].owner`; empty for the document as a whole.
    pub path: String,
    pub message: String,
    pub hint: String,
}

impl PlanFault {
    pub(crate) fn new(path: impl Into<String>, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), hint: hint.into() }
    }
}

impl fmt::Display for PlanFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.path.is_empty() { "plan" } else { &self.path };
        write!(formatter, "{place}: {} ({})", self.message, self.hint)
    }
}

impl std::error::Error for PlanFault {}
