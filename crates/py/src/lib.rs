//! The Python boundary, `paceline._core`: serve, check a plan, fold a journal, add sketches and strata up, simulate,
//! version, codes.
//! Owns argument conversion, the exceptions and the module's list of functions; holds no logic, and is the only crate
//! that knows PyO3. Whatever may take longer than a millisecond runs detached from the interpreter (see `boundary`).

mod boundary;
mod codes;
mod faults;
mod fold;
mod plan;
mod records;
mod requests;
mod rows;
mod serve;
mod simulate;
mod sketches;
mod strata;

use pyo3::prelude::*;

/// Version of the package and of everything in the workspace.
#[pyfunction]
fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// No state lives in this module and every function takes only what it is handed, so no lock is needed around it.
#[pymodule(gil_used = false)]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(version, module)?)?;
    faults::register(module)?;
    codes::register(module)?;
    plan::register(module)?;
    serve::register(module)?;
    fold::register(module)?;
    sketches::register(module)?;
    strata::register(module)?;
    simulate::register(module)
}
