//! `simulate()`: runs the simulated provider in this process until it is told to stop. Owns the conversion of the
//! configuration's faults; signals are the simulator crate's.

use paceline_sim::{Config, SimError, run};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;

use crate::boundary;

/// Blocks, detached from the interpreter, until SIGTERM or SIGINT; returns the exit code 0. A configuration that
/// cannot be run is a `ValueError` which names the field, an address that cannot be had an `OSError`.
#[pyfunction]
fn simulate(py: Python<'_>, config: String) -> PyResult<i32> {
    let config = Config::read(&config).map_err(|fault| PyValueError::new_err(fault.to_string()))?;
    boundary::detached(py, move || run(config))?.map_err(|error| refusal(&error)).map(|()| 0)
}

fn refusal(error: &SimError) -> PyErr {
    let message = error.to_string();
    match error {
        SimError::Config(_) => PyValueError::new_err(message),
        SimError::Bind { source, .. } | SimError::Runtime(source) => {
            PyOSError::new_err((source.raw_os_error(), message))
        }
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(simulate, module)?)
}
