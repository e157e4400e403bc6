//! `fold`: journal segments as rows ready for `executemany`.
//! Owns the order of the request tuple's fields (`REQUEST_COLUMNS`); what is counted is `paceline_journal::fold`'s.

use std::collections::HashMap;
use std::path::PathBuf;

use paceline_journal::fold::packed::{pack_limits, pack_measures};
use paceline_journal::fold::strata::Stratum;
use paceline_journal::fold::{COUNTERS, EVENTS, Folded as Piece, MEASURES, Series};
use paceline_types::{UNDEFINED, UsageRecord};
use pyo3::BoundObject;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};

use crate::boundary::detached;
use crate::faults::JournalFault;

/// The fields of a request tuple in their order; the ledger's `request` table has the same columns.
const REQUEST_COLUMNS: [&str; 56] = [
    "id",
    "start_us",
    "plan",
    "api",
    "outcome",
    "mode",
    "token_source",
    "flags",
    "code",
    "status",
    "provider_status",
    "attempts",
    "body_us",
    "sent_us",
    "headers_us",
    "first_us",
    "visible_us",
    "last_us",
    "end_us",
    "ttft_us",
    "ttfv_us",
    "tpot_ns",
    "stall_us",
    "total_us",
    "overhead_in_ns",
    "overhead_back_ns",
    "connect_us",
    "events",
    "tokens_input",
    "tokens_cached",
    "tokens_cache_write",
    "tokens_output",
    "tokens_reasoning",
    "request_bytes",
    "response_bytes",
    "cap_tokens",
    "cost_nanousd",
    "default_cost_nanousd",
    "judged",
    "over_limit",
    "service",
    "use_case",
    "deployment",
    "model",
    "key_id",
    "model_asked",
    "session",
    "reason",
    "model_served",
    "provider_request",
    "lane",
    "cache",
    "prefix",
    "queue_us",
    "retry_us",
    "other_cost_nanousd",
];

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

/// Builds tuples; names that repeat become one Python string each.
pub(crate) struct Rows<'py> {
    py: Python<'py>,
    known: HashMap<String, Bound<'py, PyString>>,
    plans: HashMap<u64, Bound<'py, PyString>>,
}

impl<'py> Rows<'py> {
    pub(crate) fn new(py: Python<'py>) -> Self {
        Self { py, known: HashMap::new(), plans: HashMap::new() }
    }

    fn requests(&mut self, piece: &Piece) -> PyResult<Py<PyList>> {
        let list = PyList::empty(self.py);
        let mut row = Vec::with_capacity(REQUEST_COLUMNS.len());
        for record in &piece.records {
            self.head(record, &mut row)?;
            self.times(record, &mut row)?;
            self.counts(record, &mut row)?;
            self.names(record, &mut row);
            self.traffic(record, &mut row)?;
            list.append(PyTuple::new(self.py, row.drain(..))?)?;
        }
        Ok(list.unbind())
    }

    fn head(&mut self, record: &UsageRecord, row: &mut Vec<Bound<'py, PyAny>>) -> PyResult<()> {
        row.push(PyBytes::new(self.py, &record.id.0).into_any());
        row.push(self.any(record.start_unix_us)?);
        row.push(self.plan(record.plan));
        for name in [record.api.name(), record.outcome.name(), record.mode.name(), record.token_source.name()] {
            row.push(self.name(name));
        }
        row.push(self.any(record.flags.0)?);
        for number in [record.code, record.status, record.provider_status, u16::from(record.attempts)] {
            row.push(self.any(number)?);
        }
        Ok(())
    }

    fn times(&self, record: &UsageRecord, row: &mut Vec<Bound<'py, PyAny>>) -> PyResult<()> {
        for time in [
            record.body_us,
            record.sent_us,
            record.headers_us,
            record.first_us,
            record.visible_us,
            record.last_us,
            record.end_us,
            record.ttft_us,
            record.ttfv_us,
            record.tpot_ns,
            record.stall_us,
            record.total_us,
            record.overhead_in_ns,
            record.overhead_back_ns,
            record.connect_us,
        ] {
            row.push(if time == UNDEFINED { self.none() } else { self.any(time)? });
        }
        Ok(())
    }

    fn counts(&self, record: &UsageRecord, row: &mut Vec<Bound<'py, PyAny>>) -> PyResult<()> {
        let tokens = &record.tokens;
        for count in [
            record.events,
            tokens.input,
            tokens.cached,
            tokens.cache_write,
            tokens.output,
            tokens.reasoning,
            record.request_bytes,
            record.response_bytes,
            record.cap_tokens,
        ] {
            row.push(self.any(count)?);
        }
        for cost in [record.cost_nanousd, record.default_cost_nanousd] {
            row.push(if cost < 0 { self.none() } else { self.any(cost)? });
        }
        row.push(self.any(record.judged.0)?);
        row.push(self.any(record.over.0)?);
        Ok(())
    }

    fn names(&mut self, record: &UsageRecord, row: &mut Vec<Bound<'py, PyAny>>) {
        for name in
            [&record.service, &record.use_case, &record.deployment, &record.model, &record.key, &record.model_asked]
        {
            row.push(self.name(name));
        }
        row.push(PyString::new(self.py, &record.session).into_any());
        row.push(PyString::new(self.py, &record.reason).into_any());
        row.push(self.name(&record.model_served));
        row.push(PyString::new(self.py, &record.provider_request).into_any());
    }

    fn traffic(&mut self, record: &UsageRecord, row: &mut Vec<Bound<'py, PyAny>>) -> PyResult<()> {
        for name in [record.lane.name(), record.cache.name(), record.prefix.name()] {
            row.push(self.name(name));
        }
        for time in [record.queue_us, record.retry_us] {
            row.push(if time == UNDEFINED { self.none() } else { self.any(time)? });
        }
        row.push(self.any(record.other_cost_nanousd)?);
        Ok(())
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

    fn minutes(&self, piece: &Piece) -> PyResult<Py<PyList>> {
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

    fn metrics(&mut self, piece: &Piece) -> PyResult<Py<PyList>> {
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

    fn limits(&mut self, piece: &Piece) -> PyResult<Py<PyList>> {
        let list = PyList::empty(self.py);
        for minute in &piece.minutes {
            for (metric, percentile, count) in &minute.limits {
                let (metric, percentile) = (self.name(metric.name()), self.name(percentile.name()));
                list.append((minute.series, minute.minute, metric, percentile, count.n, count.over))?;
            }
        }
        Ok(list.unbind())
    }

    fn events(&mut self, piece: &Piece) -> PyResult<Py<PyList>> {
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

    fn spent(&mut self, piece: &Piece) -> PyResult<Py<PyList>> {
        let list = PyList::empty(self.py);
        for one in &piece.spent {
            let names = [&one.key, &one.service, &one.use_case, &one.deployment].map(|name| self.name(name));
            let [key, service, use_case, deployment] = names;
            list.append((one.day, key, service, use_case, deployment, self.plan(one.plan), one.nanousd))?;
        }
        Ok(list.unbind())
    }

    fn name(&mut self, name: &str) -> Bound<'py, PyAny> {
        if let Some(known) = self.known.get(name) {
            return known.clone().into_any();
        }
        let made = PyString::new(self.py, name);
        self.known.insert(name.to_owned(), made.clone());
        made.into_any()
    }

    /// The plan's first eight bytes as 16 hex digits, as the ledger's `plan.hash8` has them.
    fn plan(&mut self, plan: u64) -> Bound<'py, PyAny> {
        let known = self.plans.entry(plan).or_insert_with(|| PyString::new(self.py, &format!("{plan:016x}")));
        known.clone().into_any()
    }

    fn none(&self) -> Bound<'py, PyAny> {
        self.py.None().into_bound(self.py)
    }

    fn any<T>(&self, value: T) -> PyResult<Bound<'py, PyAny>>
    where
        T: IntoPyObject<'py>,
        PyErr: From<T::Error>,
    {
        Ok(value.into_pyobject(self.py)?.into_any().into_bound())
    }
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
