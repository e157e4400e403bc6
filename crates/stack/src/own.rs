//! What the gateway says of a request in the headers of its answer: id, model, deployment, overhead, advice, cache, cost,
//! and what is left of the limits. All values of an answer share one allocation.

use std::sync::LazyLock;

use bytes::Bytes;
use paceline_http::{HeaderMap, HeaderName, HeaderValue};
use paceline_providers::{RATE_HEADERS, rate_values};
use paceline_types::{CacheUse, Dialect, UNDEFINED};

use crate::life::Life;
use crate::limits::Left;
use crate::running::Running;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-paceline-request-id");
const MODEL: HeaderName = HeaderName::from_static("x-paceline-model");
const DEPLOYMENT: HeaderName = HeaderName::from_static("x-paceline-deployment");
const OVERHEAD_US: HeaderName = HeaderName::from_static("x-paceline-overhead-us");
const ADVICE: HeaderName = HeaderName::from_static("x-paceline-advice");
const COST_USD: HeaderName = HeaderName::from_static("x-paceline-cost-usd");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");
pub(crate) const CACHE: HeaderName = HeaderName::from_static("x-paceline-cache");

/// By dialect.
static RATES: LazyLock<[[HeaderName; 6]; 2]> =
    LazyLock::new(|| RATE_HEADERS.map(|names| names.map(HeaderName::from_static)));

/// Adds what we say of a request. The cost is there where it was settled before the head leaves.
pub(crate) fn add(life: &Life, headers: &mut HeaderMap, advice: Option<&str>, rates: Option<&Left>) {
    let record = &life.record;
    let running = life.scene.running.as_deref();
    let known = |values: fn(&Running) -> &Vec<Option<HeaderValue>>, index: Option<usize>| {
        running.and_then(|running| values(running).get(index?)?.clone())
    };
    let known_ns = |ns: u32| if ns == UNDEFINED { 0 } else { ns };
    let overhead_us = known_ns(record.overhead_in_ns) / 1000;
    let provider_us = if record.sent_us == UNDEFINED { 0 } else { record.headers_us.saturating_sub(record.sent_us) };
    let mut values = Values::new();
    if let Some(rates) = rates {
        values.put_rates(record.api.dialect(), rates);
    }
    values.put(&REQUEST_ID, |out| out.extend_from_slice(&record.id.hex()));
    match known(|running| &running.models, life.scene.model) {
        Some(model) => drop(headers.insert(MODEL, model)),
        None => values.put(&MODEL, |out| out.extend_from_slice(record.model_asked.as_bytes())),
    }
    if let Some(deployment) = known(|running| &running.deployments, life.scene.deployment) {
        headers.insert(DEPLOYMENT, deployment);
    }
    values.put(&OVERHEAD_US, |out| put_number(out, overhead_us.into()));
    values.put(&SERVER_TIMING, |out| put_server_timing(out, overhead_us, provider_us));
    if let Some(advice) = advice {
        values.put(&ADVICE, |out| out.extend_from_slice(advice.as_bytes()));
    }
    if record.cache != CacheUse::None {
        headers.insert(CACHE, HeaderValue::from_static(record.cache.name()));
    }
    if let Ok(nanousd) = u64::try_from(record.cost_nanousd)
        && record.status / 100 == 2
        && !life.scene.free
    {
        values.put(&COST_USD, |out| put_usd(out, nanousd));
    }
    values.add_to(headers);
}

/// Adds what is left of the limits, in the caller's own dialect.
pub(crate) fn add_rates(dialect: Dialect, headers: &mut HeaderMap, rates: &Left) {
    let mut values = Values::new();
    values.put_rates(dialect, rates);
    values.add_to(headers);
}

/// Headers whose values are being written one behind the other.
struct Values {
    text: Vec<u8>,
    /// Each header, and where its value ends.
    ends: Vec<(HeaderName, usize)>,
}

impl Values {
    fn new() -> Self {
        Self { text: Vec::with_capacity(256), ends: Vec::with_capacity(16) }
    }

    fn put(&mut self, name: &HeaderName, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.text);
        self.ends.push((name.clone(), self.text.len()));
    }

    fn put_rates(&mut self, dialect: Dialect, rates: &Left) {
        let names = &RATES[dialect as usize];
        rate_values(dialect, &rates.view, rates.unix_s, |index, value| {
            self.put(&names[index], |out| out.extend_from_slice(value));
        });
    }

    fn add_to(self, headers: &mut HeaderMap) {
        let text = Bytes::from(self.text);
        let mut at = 0;
        for (name, end) in self.ends {
            // What is not a header value, such as a model's name with a line break, is left out.
            if let Ok(value) = HeaderValue::from_maybe_shared(text.slice(at..end)) {
                headers.insert(name, value);
            }
            at = end;
        }
    }
}

fn put_number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// A number with so many decimals, by whole numbers: formatting floats is slower than the rest of the head.
fn put_decimal(out: &mut Vec<u8>, number: u64, digits: u32) {
    let one = 10_u64.pow(digits);
    put_number(out, number / one);
    out.push(b'.');
    let mut place = one / 10;
    while place > 0 {
        out.push(b'0' + u8::try_from(number / place % 10).unwrap_or_default());
        place /= 10;
    }
}

fn put_usd(out: &mut Vec<u8>, nanousd: u64) {
    put_decimal(out, nanousd, 9);
}

/// Milliseconds with three decimals.
fn put_server_timing(out: &mut Vec<u8>, ours_us: u32, theirs_us: u32) {
    for (name, us) in [("paceline;dur=", ours_us), (", provider;dur=", theirs_us)] {
        out.extend_from_slice(name.as_bytes());
        put_decimal(out, us.into(), 3);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn numbers_are_written_with_all_their_decimals() {
        assert_eq!(written(|out| put_usd(out, 0)), "0.000000000");
        assert_eq!(written(|out| put_usd(out, 12_000_000_034)), "12.000000034");
        assert_eq!(written(|out| put_server_timing(out, 45, 1_020_300)), "paceline;dur=0.045, provider;dur=1020.300");
    }

    #[test]
    fn values_share_their_memory_and_what_is_no_header_value_is_left_out() {
        let mut values = Values::new();
        values.put(&MODEL, |out| out.extend_from_slice(b"two\nlines"));
        values.put(&OVERHEAD_US, |out| put_number(out, 7));
        values.put(&COST_USD, |out| put_usd(out, 1));
        let mut headers = HeaderMap::new();
        values.add_to(&mut headers);
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        assert_eq!((text(&MODEL), text(&OVERHEAD_US), text(&COST_USD)), (None, Some("7"), Some("0.000000001")));
    }
}
