//! The exceptions of `paceline._core` as one tree. Owns their names and attributes; the messages come from the crates
//! that failed. `CoreError` ← `PlanFault(path, message, hint)`, `JournalFault`, `PanicFault`.

use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

create_exception!(paceline._core, CoreError, PyException, "Something the native module refused or could not do.");
create_exception!(
    paceline._core,
    PlanFault,
    CoreError,
    "A plan was refused. Attributes: `path` (of the first fault), `message`, `hint`."
);
create_exception!(paceline._core, JournalFault, CoreError, "A journal could not be opened or read.");
create_exception!(paceline._core, PanicFault, CoreError, "A defect in the native module; please report it.");

/// A `PlanFault` with its three attributes set.
pub(crate) fn plan_fault(py: Python<'_>, path: &str, message: &str, hint: &str) -> PyErr {
    let text = if path.is_empty() { message.to_owned() } else { format!("{path}: {message}") };
    let error = PlanFault::new_err(text);
    let value = error.value(py);
    let set = value
        .setattr("path", path)
        .and_then(|()| value.setattr("message", message))
        .and_then(|()| value.setattr("hint", hint));
    match set {
        Ok(()) => error,
        Err(other) => other,
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("CoreError", py.get_type::<CoreError>())?;
    module.add("PlanFault", py.get_type::<PlanFault>())?;
    module.add("JournalFault", py.get_type::<JournalFault>())?;
    module.add("PanicFault", py.get_type::<PanicFault>())
}
