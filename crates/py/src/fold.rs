//! `fold`: journal segments as rows ready for `executemany`. What is counted is `paceline_journal::fold`'s.

use std::path::PathBuf;

use paceline_journal::fold::{COUNTERS, EVENTS, MEASURES};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};

use crate::boundary::detached;
use crate::faults::JournalFault;
use crate::requests::REQUEST_COLUMNS;
use crate::rows::Rows;

/// A piece of one segment as rows. Series are numbered by their place in `series`.
#[pyclass(frozen, get_all, module = "paceline._core")]
struct Folded {
    gateway: Py<PyString>,
    segment: u64,
    created_us: u64,
    next_slot: u32,
    sealed: bool,
    complete: bool,
    voids: u64,
    damaged: u64,
    requests: Py<PyList>,
    series: Py<PyList>,
    minutes: Py<PyList>,
    metrics: Py<PyList>,
    limits: Py<PyList>,
    events: Py<PyList>,
    strata: Py<PyList>,
    spent: Py<PyList>,
}

/// Folds the settled slots of one segment file from `slot` on, at most `slots_max` of them.
#[pyfunction]
#[pyo3(signature = (path, slot, slots_max = 10_000))]
fn fold(py: Python<'_>, path: PathBuf, slot: u32, slots_max: u32) -> PyResult<Folded> {
    let piece = detached(py, || paceline_journal::fold::fold(&path, slot, slots_max))?
        .map_err(|error| JournalFault::new_err(error.to_string()))?;
    let hex: String = piece.gateway.iter().map(|byte| format!("{byte:02x}")).collect();
    let gateway = PyString::new(py, &hex);
    let mut rows = Rows::new(py);
    Ok(Folded {
        requests: rows.requests(&piece)?,
        series: rows.series(&piece.series)?,
        minutes: rows.minutes(&piece)?,
        metrics: rows.metrics(&piece)?,
        limits: rows.limits(&piece)?,
        events: rows.events(&piece)?,
        strata: rows.strata(&piece.strata)?,
        spent: rows.spent(&piece)?,
        gateway: gateway.unbind(),
        segment: piece.segment,
        created_us: piece.created_unix_us,
        next_slot: piece.next_slot,
        sealed: piece.sealed,
        complete: piece.complete,
        voids: piece.voids,
        damaged: piece.damaged,
    })
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add_class::<Folded>()?;
    module.add("REQUEST_COLUMNS", PyTuple::new(py, REQUEST_COLUMNS)?)?;
    module.add("MINUTE_COUNTERS", PyTuple::new(py, COUNTERS.map(|(name, _)| name))?)?;
    module.add("MINUTE_EVENTS", PyTuple::new(py, EVENTS.map(|(name, _)| name))?)?;
    module.add("MEASURES", PyTuple::new(py, MEASURES.each_ref().map(|measure| measure.name))?)?;
    module.add_function(wrap_pyfunction!(fold, module)?)
}
