//! The plan: what the data plane runs, checked whole and compiled once.
