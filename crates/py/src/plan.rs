//! `check_plan()`: is this plan one the gateway would accept? Owns the conversion of the fault.

use pyo3::prelude::*;

use crate::faults;

/// Reads and compiles a plan; returns its hash. Raises `PlanFault` with the path of the first fault.
#[pyfunction]
fn check_plan(py: Python<'_>, plan: &[u8]) -> PyResult<String> {
    let _ = plan;
    Err(faults::plan_fault(py, "", "this build cannot check plans yet", "wait for the plan crate"))
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(check_plan, module)?)
}
