//! The way over the language boundary for long calls. Owns two guarantees: the interpreter is free meanwhile, and a
//! panic becomes an ordinary Python exception (PyO3's own `PanicException` is a `BaseException`: `except Exception`
//! would not see it). Must not know what the call does.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::prelude::*;

use crate::faults;

/// Runs `work` detached from the interpreter and turns a panic into `PanicFault`.
pub(crate) fn detached<T, F>(py: Python<'_>, work: F) -> PyResult<T>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    // Unwind safety: whatever `work` borrowed is gone or unused after a panic, for the caller gets an exception only.
    py.detach(|| catch_unwind(AssertUnwindSafe(work))).map_err(|payload| faults::panicked(payload.as_ref()))
}
