//! The gateway process: listeners, admin endpoint, plan swap, drain.
