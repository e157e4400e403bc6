//! The way over the language boundary for long calls. Owns two guarantees: the interpreter is free meanwhile, and a
//! panic becomes an ordinary Python exception (PyO3's own `PanicException` is a `BaseException`: `except Exception`
//! would not see it). Must not know what the call does.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::prelude::*;

use crate::faults::PanicFault;

/// Runs `work` detached from the interpreter and turns a panic into `PanicFault`.
pub(crate) fn detached<T, F>(py: Python<'_>, work: F) -> PyResult<T>
where
    F: FnOnce() -> T + Send,
    T: Send,
{
    py.detach(|| caught(work)).map_err(|message| PanicFault::new_err(format!("panic in the native module: {message}")))
}

/// Unwind safety: whatever `work` borrowed is gone or unused after a panic, for the caller gets an exception only.
fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| message(payload.as_ref()))
}

fn message(payload: &(dyn Any + Send)) -> String {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        return (*text).to_owned();
    }
    payload.downcast_ref::<String>().cloned().unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::caught;

    #[test]
    fn a_panic_keeps_its_message() {
        assert_eq!(caught(|| 7), Ok(7));
        assert_eq!(caught::<()>(|| panic!("plain")), Err("plain".into()));
        assert_eq!(caught::<()>(|| panic!("number {}", 3)), Err("number 3".into()));
        assert_eq!(caught::<()>(|| std::panic::panic_any(3_u8)), Err("no message".into()));
    }
}
