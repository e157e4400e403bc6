//! The simulated provider: wire-faithful answers, batch-step latency, faults, true instants.

pub mod ask;
pub mod engine;
pub mod fault;
pub mod params;
pub mod prefix;
pub mod script;
pub mod seed;
pub mod simulation;
pub mod wire;
