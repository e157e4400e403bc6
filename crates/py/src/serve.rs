//! `serve()`: runs a gateway in this process until it is told to stop. Owns the conversion of arguments and faults;
//! signals are the server crate's.

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

use crate::boundary;

/// Blocks, detached from the interpreter, until the gateway has drained; returns its exit code.
#[pyfunction]
#[pyo3(signature = (data_dir, listen, *, threads = None))]
fn serve(py: Python<'_>, data_dir: String, listen: String, threads: Option<usize>) -> PyResult<i32> {
    boundary::detached(py, move || {
        drop((data_dir, listen, threads));
        Err(PyOSError::new_err("this build has no gateway yet"))
    })?
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(serve, module)?)
}
