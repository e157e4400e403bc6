//! `codes()`: the gateway's stable codes for `paceline explain` and the docs. Owns nothing but the conversion.

use paceline_types::{CODES, Fault};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

/// Every code as a dict: number, code, name, status, fault, retryable, advice.
#[pyfunction]
fn codes(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let list = PyList::empty(py);
    for (code, row) in CODES {
        let item = PyDict::new(py);
        item.set_item("number", *code as u16)?;
        item.set_item("code", row.code)?;
        item.set_item("name", row.name)?;
        item.set_item("status", row.status)?;
        item.set_item("fault", fault_name(row.fault))?;
        item.set_item("retryable", row.retryable)?;
        item.set_item("advice", row.advice)?;
        list.append(item)?;
    }
    Ok(list)
}

fn fault_name(fault: Fault) -> &'static str {
    match fault {
        Fault::Caller => "caller",
        Fault::Standards => "standards",
        Fault::Provider => "provider",
        Fault::Gateway => "gateway",
    }
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(codes, module)?)
}
