//! `check_plan()`: is this plan one the gateway would accept? Owns the conversion of the fault.

use paceline_plan::Plan;
use pyo3::prelude::*;

use crate::boundary::detached;
use crate::faults;

/// Reads and compiles a plan; returns its hash. Raises `PlanFault` with the path of the first fault.
#[pyfunction]
fn check_plan(py: Python<'_>, plan: &[u8]) -> PyResult<String> {
    detached(py, || Plan::read(plan).map(|plan| plan.hash))?
        .map_err(|fault| faults::plan_fault(py, &fault.path, &fault.message, &fault.hint))
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(check_plan, module)?)
}
