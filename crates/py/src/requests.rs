//! Requests as Python tuples. Owns the order of their fields (`REQUEST_COLUMNS`).

use paceline_journal::fold::Folded as Piece;
use paceline_types::{UNDEFINED, UsageRecord};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyString, PyTuple};

use crate::rows::Rows;

/// The fields of a request tuple in their order; the ledger's `request` table has the same columns.
pub(crate) const REQUEST_COLUMNS: [&str; 56] = [
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

impl<'py> Rows<'py> {
    pub(crate) fn requests(&mut self, piece: &Piece) -> PyResult<Py<PyList>> {
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
}
