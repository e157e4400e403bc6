//! `quantiles`, `merge`, `buckets`: the arithmetic of stored sketches, which is `paceline_types::Sketch`'s.

use paceline_types::Sketch;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Quantiles of the merged sketches, where `n_failed` further values count as infinite. `None` where there is nothing
/// or where the rank falls among the failed.
#[pyfunction]
#[pyo3(signature = (sketches, qs, n_failed = 0))]
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn quantiles(sketches: Vec<Vec<u8>>, qs: Vec<f64>, n_failed: u64) -> PyResult<Vec<Option<f64>>> {
    let merged = merged(&sketches)?;
    let n = merged.count();
    let rank = |q: f64| ((q.clamp(0.0, 1.0) * (n + n_failed) as f64).ceil() as u64).max(1);
    Ok(qs
        .into_iter()
        .map(|q| match rank(q) {
            rank if rank > n => None,
            rank => merged.quantile((rank as f64 - 0.5) / n as f64),
        })
        .collect())
}

/// The sketches added up.
#[pyfunction]
fn merge(py: Python<'_>, sketches: Vec<Vec<u8>>) -> PyResult<Bound<'_, PyBytes>> {
    Ok(PyBytes::new(py, &merged(&sketches)?.encode()))
}

fn merged(sketches: &[Vec<u8>]) -> PyResult<Sketch> {
    let mut sum = Sketch::default();
    for bytes in sketches {
        sum.merge(&Sketch::decode(bytes).map_err(|error| PyValueError::new_err(error.to_string()))?);
    }
    Ok(sum)
}

/// The merged sketches as counts: values of zero and less, then index and count of every bucket that has values. Bucket
/// `i` holds values in `(2^(i/32), 2^((i+1)/32)]`.
#[pyfunction]
fn buckets(sketches: Vec<Vec<u8>>) -> PyResult<(u64, Vec<i32>, Vec<u64>)> {
    let merged = merged(&sketches)?;
    let (indices, counts) = merged.buckets().unzip();
    Ok((merged.zeros(), indices, counts))
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(quantiles, module)?)?;
    module.add_function(wrap_pyfunction!(merge, module)?)?;
    module.add_function(wrap_pyfunction!(buckets, module)?)
}
