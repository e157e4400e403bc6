//! The packed columns of stratum rows, added up and read. Owns the names and bounds that Python sees; the form is
//! `paceline_journal::fold::packed`'s.

use paceline_journal::fold::packed::{PackedError, pack_limits, pack_measures, unpack_limits, unpack_measures};
use paceline_journal::fold::strata::{
    INPUT_BOUNDS, OUTPUT_BOUNDS, STRATUM_COUNTERS, STRATUM_MEASURES, STRATUM_MINUTES,
};
use paceline_journal::fold::strata_of;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

use crate::records;
use crate::rows::Rows;

/// A measure as Python has it: name, values, failed requests beside them, sum of the values, sketch.
type Measured<'py> = (&'static str, u64, u64, f64, Bound<'py, PyBytes>);

/// A limit as Python has it: metric, percentile, requests judged, of them over.
type Judged = (&'static str, &'static str, u64, u64);

/// Rows of requests counted into strata: series, and strata as `Folded` has them.
#[pyfunction]
fn strata<'py>(py: Python<'py>, requests: Vec<Bound<'py, PyTuple>>) -> PyResult<(Py<PyList>, Py<PyList>)> {
    let records = requests.iter().map(records::record).collect::<PyResult<Vec<_>>>()?;
    let (series, strata) = strata_of(records);
    let mut rows = Rows::new(py);
    Ok((rows.series(&series)?, rows.strata(&strata)?))
}

/// The packed measures of several rows added up.
#[pyfunction]
fn merge_measures<'py>(py: Python<'py>, rows: Vec<Vec<u8>>) -> PyResult<Bound<'py, PyBytes>> {
    let sum = unpack_measures(rows.iter().map(Vec::as_slice)).map_err(unreadable)?;
    Ok(PyBytes::new(py, &pack_measures(&sum)))
}

/// The packed limits of several rows added up.
#[pyfunction]
fn merge_limits<'py>(py: Python<'py>, rows: Vec<Vec<u8>>) -> PyResult<Bound<'py, PyBytes>> {
    let sum = unpack_limits(rows.iter().map(Vec::as_slice)).map_err(unreadable)?;
    Ok(PyBytes::new(py, &pack_limits(&sum)))
}

/// The measures that packed bytes hold.
#[pyfunction]
#[allow(clippy::cast_precision_loss)]
fn measures<'py>(py: Python<'py>, packed: Vec<u8>) -> PyResult<Vec<Measured<'py>>> {
    let cells = unpack_measures([packed.as_slice()]).map_err(unreadable)?;
    Ok(cells
        .iter()
        .zip(&STRATUM_MEASURES)
        .map(|(cell, (measure, units))| (measure.name, cell, cell.sketch.count(), units))
        .filter(|(_, cell, n, _)| n + cell.n_failed > 0)
        .map(|(name, cell, n, units)| {
            (name, n, cell.n_failed, cell.total as f64 / units, PyBytes::new(py, &cell.sketch.encode()))
        })
        .collect())
}

/// The limits that packed bytes hold.
#[pyfunction]
fn limits(packed: Vec<u8>) -> PyResult<Vec<Judged>> {
    let limits = unpack_limits([packed.as_slice()]).map_err(unreadable)?;
    Ok(limits
        .into_iter()
        .map(|(metric, percentile, count)| (metric.name(), percentile.name(), count.n, count.over))
        .collect())
}

fn unreadable(error: PackedError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("STRATUM_MINUTES", STRATUM_MINUTES)?;
    module.add("STRATUM_COUNTERS", PyTuple::new(py, STRATUM_COUNTERS.map(|(name, _)| name))?)?;
    module.add("STRATUM_MEASURES", PyTuple::new(py, STRATUM_MEASURES.map(|(measure, _)| measure.name))?)?;
    module.add("INPUT_BOUNDS", PyTuple::new(py, INPUT_BOUNDS)?)?;
    module.add("OUTPUT_BOUNDS", PyTuple::new(py, OUTPUT_BOUNDS)?)?;
    module.add("STRATUM_REQUEST_COLUMNS", PyTuple::new(py, records::STRATUM_REQUEST_COLUMNS)?)?;
    module.add_function(wrap_pyfunction!(strata, module)?)?;
    module.add_function(wrap_pyfunction!(merge_measures, module)?)?;
    module.add_function(wrap_pyfunction!(merge_limits, module)?)?;
    module.add_function(wrap_pyfunction!(measures, module)?)?;
    module.add_function(wrap_pyfunction!(limits, module)?)
}
