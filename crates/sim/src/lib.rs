//! The simulated provider: wire-faithful answers, batch-step latency, faults, true instants.

pub mod engine;
pub mod params;
pub mod prefix;
pub mod seed;
pub mod simulation;
