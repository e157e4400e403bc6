//! The simulated provider: wire-faithful answers, batch-step latency, faults, true instants.
