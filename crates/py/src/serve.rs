//! `serve()`: runs a gateway in this process until it is told to stop. Owns the conversion of arguments and faults;
//! signals are the server crate's.

use std::net::SocketAddr;

use paceline_server::{ServeConfig, ServeError};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;

use crate::{boundary, faults};

/// Blocks, detached from the interpreter, until the gateway has drained; returns its exit code.
#[pyfunction]
#[pyo3(signature = (data_dir, listen, *, threads = None, takeover = false))]
fn serve(py: Python<'_>, data_dir: String, listen: String, threads: Option<usize>, takeover: bool) -> PyResult<i32> {
    let listen: SocketAddr = listen
        .parse()
        .map_err(|_| PyValueError::new_err(format!("{listen:?} is not an address like 127.0.0.1:4100")))?;
    let config = ServeConfig { data_dir: data_dir.into(), listen, threads, takeover };
    boundary::detached(py, move || paceline_server::run(&config))?.map_err(|error| refusal(py, &error))
}

fn refusal(py: Python<'_>, error: &ServeError) -> PyErr {
    let message = error.to_string();
    match error {
        ServeError::Bind { source, .. }
        | ServeError::Takeover { source, .. }
        | ServeError::Data { source, .. }
        | ServeError::Runtime(source) => PyOSError::new_err((source.raw_os_error(), message)),
        ServeError::Journal(_) => faults::JournalFault::new_err(message),
        ServeError::Tls(_) => faults::plan_fault(py, "gateway.tls", &message, "check the files it names"),
        ServeError::Environment(_) => {
            faults::plan_fault(py, "environment", &message, "correct the variable or unset it")
        }
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(serve, module)?)
}
