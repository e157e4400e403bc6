//! What a fold has counted, as Python tuples: one list a table. Owns their fields' order; requests are in `requests`.

use std::collections::HashMap;

use paceline_journal::fold::packed::{pack_limits, pack_measures};
use paceline_journal::fold::strata::Stratum;
use paceline_journal::fold::{EVENTS, Folded as Piece, MEASURES, Series};
use pyo3::BoundObject;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};

/// Builds tuples; names that repeat become one Python string each.
pub(crate) struct Rows<'py> {
    pub(crate) py: Python<'py>,
    known: HashMap<String, Bound<'py, PyString>>,
    plans: HashMap<u64, Bound<'py, PyString>>,
}

impl<'py> Rows<'py> {
    pub(crate) fn new(py: Python<'py>) -> Self {
        Self { py, known: HashMap::new(), plans: HashMap::new() }
    }

    pub(crate) fn series(&mut self, series: &[Series]) -> PyResult<Py<PyList>> {
        let list = PyList::empty(self.py);
        for one in series {
            let names = [&one.service, &one.use_case, &one.model, &one.deployment].map(|name| self.name(name));
            let row: Vec<_> = names.into_iter().chain([self.plan(one.plan)]).collect();
            list.append(PyTuple::new(self.py, row)?)?;
        }
        Ok(list.unbind())
    }

    pub(crate) fn minutes(&self, piece: &Piece) -> PyResult<Py<PyList>> {
        let list = PyList::empty(self.py);
        for minute in &piece.minutes {
            let mut row = vec![self.any(minute.series as u64)?, self.any(minute.minute)?];
            for counter in minute.counters {
                row.push(self.any(counter)?);
            }
            list.append(PyTuple::new(self.py, row)?)?;
        }
        Ok(list.unbind())
    }

    pub(crate) fn metrics(&mut self, piece: &Piece) -> PyResult<Py<PyList>> {
        let list = PyList::empty(self.py);
        for minute in &piece.minutes {
            for (cell, measure) in minute.cells.iter().zip(&MEASURES) {
                if cell.n + cell.n_failed == 0 {
                    continue;
                }
                let sketch = PyBytes::new(self.py, &cell.sketch.encode());
                let metric = self.name(measure.name);
                list.append((minute.series, minute.minute, metric, cell.n, cell.n_failed, cell.sum, sketch))?;
            }
        }
        Ok(list.unbind())
    }

    pub(crate) fn limits(&mut self, piece: &Piece) -> PyResult<Py<PyList>> {
        let list = PyList::empty(self.py);
        for minute in &piece.minutes {
            for (metric, percentile, count) in &minute.limits {
                let (metric, percentile) = (self.name(metric.name()), self.name(percentile.name()));
                list.append((minute.series, minute.minute, metric, percentile, count.n, count.over))?;
            }
        }
        Ok(list.unbind())
    }

    pub(crate) fn events(&mut self, piece: &Piece) -> PyResult<Py<PyList>> {
        let list = PyList::empty(self.py);
        for minute in &piece.minutes {
            for (event, count) in &minute.events {
                let event = self.name(EVENTS[*event].0);
                list.append((minute.series, minute.minute, event, count.n, count.nanousd))?;
            }
        }
        Ok(list.unbind())
    }

    pub(crate) fn strata(&self, strata: &[Stratum]) -> PyResult<Py<PyList>> {
        let list = PyList::empty(self.py);
        for stratum in strata {
            let key = &stratum.key;
            let mut row = vec![self.any(key.series as u64)?, self.any(key.minute)?];
            row.push(self.any(key.input_bucket)?);
            row.push(self.any(key.output_bucket)?);
            for counter in stratum.counters {
                row.push(self.any(counter)?);
            }
            row.push(PyBytes::new(self.py, &pack_limits(&stratum.limits)).into_any());
            row.push(PyBytes::new(self.py, &pack_measures(&stratum.cells)).into_any());
            list.append(PyTuple::new(self.py, row)?)?;
        }
        Ok(list.unbind())
    }

    pub(crate) fn spent(&mut self, piece: &Piece) -> PyResult<Py<PyList>> {
        let list = PyList::empty(self.py);
        for one in &piece.spent {
            let names = [&one.key, &one.service, &one.use_case, &one.deployment].map(|name| self.name(name));
            let [key, service, use_case, deployment] = names;
            list.append((one.day, key, service, use_case, deployment, self.plan(one.plan), one.nanousd))?;
        }
        Ok(list.unbind())
    }

    pub(crate) fn name(&mut self, name: &str) -> Bound<'py, PyAny> {
        if let Some(known) = self.known.get(name) {
            return known.clone().into_any();
        }
        let made = PyString::new(self.py, name);
        self.known.insert(name.to_owned(), made.clone());
        made.into_any()
    }

    /// The plan's first eight bytes as 16 hex digits, as the ledger's `plan.hash8` has them.
    pub(crate) fn plan(&mut self, plan: u64) -> Bound<'py, PyAny> {
        let known = self.plans.entry(plan).or_insert_with(|| PyString::new(self.py, &format!("{plan:016x}")));
        known.clone().into_any()
    }

    pub(crate) fn none(&self) -> Bound<'py, PyAny> {
        self.py.None().into_bound(self.py)
    }

    pub(crate) fn any<T>(&self, value: T) -> PyResult<Bound<'py, PyAny>>
    where
        T: IntoPyObject<'py>,
        PyErr: From<T::Error>,
    {
        Ok(value.into_pyobject(self.py)?.into_any().into_bound())
    }
}
