//! Request rows of the ledger read back as usage records, as far as strata need them. Owns the columns and their order.

use paceline_types::{
    Api, CacheUse, Flags, LimitMask, Outcome, RequestId, TokenSource, Tokens, UNDEFINED, UsageRecord,
};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// Columns of the ledger's `request` table that `strata` takes, in their order.
pub(crate) const STRATUM_REQUEST_COLUMNS: [&str; 27] = [
    "start_us",
    "plan",
    "api",
    "outcome",
    "token_source",
    "cache",
    "flags",
    "attempts",
    "ttft_us",
    "ttfv_us",
    "tpot_ns",
    "stall_us",
    "total_us",
    "tokens_input",
    "tokens_cached",
    "tokens_cache_write",
    "tokens_output",
    "tokens_reasoning",
    "request_bytes",
    "cost_nanousd",
    "other_cost_nanousd",
    "judged",
    "over_limit",
    "service",
    "use_case",
    "model",
    "deployment",
];

/// Reads one row.
pub(crate) fn record(row: &Bound<'_, PyTuple>) -> PyResult<UsageRecord> {
    let mut eye = Eye { row, at: 0 };
    let start_us = eye.take()?;
    let plan: String = eye.take()?;
    let api = eye.named(|number| Api::from_number(number).map(|api| (api, api.name())))?;
    let mut record = UsageRecord::begin(RequestId::default(), start_us, api);
    record.plan = u64::from_str_radix(&plan, 16).map_err(|_| unreadable("plan"))?;
    record.outcome = eye.named(|number| Outcome::from_number(number).map(|outcome| (outcome, outcome.name())))?;
    record.token_source = eye.named(|number| {
        let all = [TokenSource::None, TokenSource::Provider, TokenSource::Estimated];
        all.get(usize::from(number)).map(|source| (*source, source.name()))
    })?;
    record.cache = eye.named(|number| CacheUse::from_number(number).map(|cache| (cache, cache.name())))?;
    record.flags = Flags(eye.take()?);
    record.attempts = eye.take()?;
    for time in
        [&mut record.ttft_us, &mut record.ttfv_us, &mut record.tpot_ns, &mut record.stall_us, &mut record.total_us]
    {
        *time = eye.take::<Option<u32>>()?.unwrap_or(UNDEFINED);
    }
    record.tokens = Tokens {
        input: eye.take()?,
        cached: eye.take()?,
        cache_write: eye.take()?,
        output: eye.take()?,
        reasoning: eye.take()?,
    };
    record.request_bytes = eye.take()?;
    record.cost_nanousd = eye.take::<Option<i64>>()?.unwrap_or(-1);
    record.other_cost_nanousd = eye.take()?;
    record.judged = LimitMask(eye.take()?);
    record.over = LimitMask(eye.take()?);
    for name in [&mut record.service, &mut record.use_case, &mut record.model, &mut record.deployment] {
        *name = eye.take()?;
    }
    Ok(record)
}

struct Eye<'a, 'py> {
    row: &'a Bound<'py, PyTuple>,
    at: usize,
}

impl<'py> Eye<'_, 'py> {
    fn take<T>(&mut self) -> PyResult<T>
    where
        T: for<'a> FromPyObject<'a, 'py, Error: Into<PyErr>>,
    {
        self.at += 1;
        self.row.get_item(self.at - 1)?.extract().map_err(Into::into)
    }

    /// Reads a name; `of` lists the values that have one, by their stored number.
    fn named<T>(&mut self, of: impl Fn(u8) -> Option<(T, &'static str)>) -> PyResult<T> {
        let at = self.at;
        let wanted: String = self.take()?;
        (0..=u8::MAX)
            .map_while(of)
            .find(|(_, name)| *name == wanted)
            .map(|(value, _)| value)
            .ok_or_else(|| unreadable(STRATUM_REQUEST_COLUMNS[at]))
    }
}

fn unreadable(column: &str) -> PyErr {
    PyValueError::new_err(format!("not a row of requests: {column}"))
}
