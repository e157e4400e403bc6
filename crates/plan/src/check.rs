//! What must hold before a plan is run. Each check names the path of what it refuses and how to mend it.

use std::sync::Arc;

use paceline_types::{Metric, Percentile};
use rustc_hash::FxHashMap;

use crate::PlanFault;
use crate::document::{Gateway, Hedge, Limit, Price, Queue, Rates, Traffic};

type Names = FxHashMap<Arc<str>, usize>;

/// Longest name taken; usage records cut names past this.
const NAME_BYTES_MAX: usize = 64;

/// Names of one list by their index; refuses empty, long and repeated ones.
pub(crate) fn names<'a>(what: &str, all: impl Iterator<Item = &'a str>) -> Result<Names, PlanFault> {
    let mut found = Names::default();
    for (index, name) in all.enumerate() {
        let path = || format!("{what}[{index}].name");
        if name.is_empty() || name.chars().any(char::is_control) {
            return Err(PlanFault::new(path(), "empty, or holds a control character", "give it a plain name"));
        }
        if name.len() > NAME_BYTES_MAX && what != "deployments" {
            return Err(PlanFault::new(path(), format!("longer than {NAME_BYTES_MAX} bytes"), "shorten it"));
        }
        if found.insert(name.into(), index).is_some() {
            return Err(PlanFault::new(path(), format!("{name:?} occurs twice"), "names are unique"));
        }
    }
    Ok(found)
}

pub(crate) fn one(known: &Names, name: &str, path: &str, what: &str) -> Result<usize, PlanFault> {
    let unknown =
        || PlanFault::new(path, format!("there is no {what} {name:?}"), format!("define the {what}, or name another"));
    known.get(name).copied().ok_or_else(unknown)
}

pub(crate) fn all(known: &Names, names: &[String], path: &str, what: &str) -> Result<Vec<usize>, PlanFault> {
    names.iter().enumerate().map(|(index, name)| one(known, name, &format!("{path}[{index}]"), what)).collect()
}

pub(crate) fn optional(known: &Names, name: Option<&str>, path: &str) -> Result<Option<usize>, PlanFault> {
    name.map(|name| one(known, name, path, "use case")).transpose()
}

pub(crate) fn some(found: &[usize], path: &str, message: &str) -> Result<(), PlanFault> {
    if found.is_empty() { Err(PlanFault::new(path, message, "name at least one")) } else { Ok(()) }
}

pub(crate) fn url(text: &str, path: &str) -> Result<(), PlanFault> {
    let sound = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).is_some_and(|rest| {
        !rest.is_empty()
            && !rest.starts_with('/')
            && !rest.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '@'))
    });
    if sound && !text.ends_with('/') {
        return Ok(());
    }
    Err(PlanFault::new(path, "not a base URL", "write https://HOST[:PORT]/PREFIX without a trailing slash"))
}

/// A secret is a reference; what stands there instead is never quoted, since it may be the secret.
pub(crate) fn secret(reference: Option<&str>, path: &str) -> Result<(), PlanFault> {
    let named =
        |text: &str| ["env:", "file:"].iter().any(|kind| text.strip_prefix(kind).is_some_and(|at| !at.is_empty()));
    if reference.is_none_or(named) {
        return Ok(());
    }
    Err(PlanFault::new(path, "not a reference to a secret", "write env:NAME or file:PATH, never the secret itself"))
}

pub(crate) fn digest(hex: &str, path: &str) -> Result<[u8; 32], PlanFault> {
    let fault = || PlanFault::new(path, "not 64 hex digits", "store the SHA-256 of the key's text");
    let mut digest = [0; 32];
    if hex.len() != 64 || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(fault());
    }
    for (byte, pair) in digest.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
        let text = std::str::from_utf8(pair).map_err(|_| fault())?;
        *byte = u8::from_str_radix(text, 16).map_err(|_| fault())?;
    }
    Ok(digest)
}

pub(crate) fn price(price: &Price, path: &str) -> Result<(), PlanFault> {
    for (name, value) in
        [("input", price.input), ("output", price.output), ("cached", price.cached), ("cache_write", price.cache_write)]
    {
        if !(value.is_finite() && value >= 0.0) {
            let hint = "write US dollars per million tokens, or null for an unknown price";
            return Err(PlanFault::new(format!("{path}.{name}"), "not a price", hint));
        }
    }
    Ok(())
}

/// Limits of one use case: sound values, one a (metric, percentile), shares at the mean and nothing else there.
pub(crate) fn limits(limits: &[Limit], path: &str) -> Result<(), PlanFault> {
    for (index, limit) in limits.iter().enumerate() {
        let path = format!("{path}.limits[{index}]");
        if !(limit.value.is_finite() && limit.value >= 0.0) {
            return Err(PlanFault::new(format!("{path}.value"), "not a limit", "write a number of zero or more"));
        }
        if (limit.metric == Metric::ErrorShare) != (limit.percentile == Percentile::Mean) {
            let hint = "error_share is limited at its mean, every other metric at a percentile";
            return Err(PlanFault::new(format!("{path}.percentile"), "does not fit the metric", hint));
        }
        let same = |other: &Limit| (other.metric, other.percentile) == (limit.metric, limit.percentile);
        if limits[..index].iter().any(same) {
            let message = format!("{} {} is limited twice", limit.metric.name(), limit.percentile.name());
            return Err(PlanFault::new(path, message, "keep one"));
        }
    }
    Ok(())
}

/// Bounds of the process: nothing zero that would stop it from serving.
pub(crate) fn bounds(gateway: &Gateway) -> Result<(), PlanFault> {
    let at_least: [(&str, u64, u64); 9] = [
        ("body_bytes_max", gateway.body_bytes_max, 1024),
        ("head_bytes_max", gateway.head_bytes_max, 1024),
        ("headers_max", gateway.headers_max.into(), 8),
        ("head_read_ms", gateway.head_read_ms, 1),
        ("body_read_ms", gateway.body_read_ms, 1),
        ("connections_max", gateway.connections_max.into(), 1),
        ("requests_in_flight_max", gateway.requests_in_flight_max.into(), 1),
        ("journal.segment_bytes", gateway.journal.segment_bytes, 64 * 1024),
        ("journal.sync_ms", gateway.journal.sync_ms, 1),
    ];
    for (name, value, least) in at_least {
        if value < least {
            let path = format!("gateway.{name}");
            return Err(PlanFault::new(path, format!("{value} is too small"), format!("at least {least}")));
        }
    }
    if gateway.journal.bytes_max < gateway.journal.segment_bytes {
        let hint = "allow at least one segment (segment_bytes)";
        return Err(PlanFault::new("gateway.journal.bytes_max", "smaller than one segment", hint));
    }
    Ok(())
}

/// Limits of one subject: nothing zero, since a limit of nothing is a subject that should not be there.
pub(crate) fn rates(rates: &Rates, path: &str) -> Result<(), PlanFault> {
    let path = |name: &str| format!("{path}.rates.{name}");
    let counts = [
        ("requests_per_minute", rates.requests_per_minute.map(u64::from)),
        ("tokens_per_minute", rates.tokens_per_minute),
        ("requests_in_flight", rates.requests_in_flight.map(u64::from)),
    ];
    if let Some((name, _)) = counts.iter().find(|(_, count)| *count == Some(0)) {
        return Err(PlanFault::new(path(name), "zero lets nothing through", "write null for no limit"));
    }
    for (name, usd) in [("usd_per_day", rates.usd_per_day), ("usd_per_month", rates.usd_per_month)] {
        if usd.is_some_and(|usd| !(usd.is_finite() && usd > 0.0 && usd < 1e9)) {
            return Err(PlanFault::new(path(name), "not an amount of money", "write US dollars, or null for no limit"));
        }
    }
    Ok(())
}

pub(crate) fn queue(queue: &Queue, path: &str) -> Result<(), PlanFault> {
    share(queue.standard_floor, &format!("{path}.queue.standard_floor"))?;
    share(queue.batch_floor, &format!("{path}.queue.batch_floor"))?;
    if queue.standard_floor + queue.batch_floor > 0.9 {
        let hint = "leave the interactive lane a tenth of the starts";
        return Err(PlanFault::new(format!("{path}.queue.batch_floor"), "the floors take nearly everything", hint));
    }
    Ok(())
}

pub(crate) fn hedge(hedge: &Hedge, path: &str) -> Result<(), PlanFault> {
    share(hedge.requests_share, &format!("{path}.requests_share"))?;
    share(hedge.cost_share, &format!("{path}.cost_share"))?;
    if hedge.floor_ms == 0 || hedge.ceiling_ms < hedge.floor_ms {
        let hint = "write a floor above zero and a ceiling of at least the floor";
        return Err(PlanFault::new(format!("{path}.floor_ms"), "the delay has no room", hint));
    }
    Ok(())
}

/// What holds for all traffic: shares are shares, spans are not nothing.
pub(crate) fn traffic(traffic: &Traffic) -> Result<(), PlanFault> {
    let Traffic { retry, breaker, outlier, cache, .. } = traffic;
    share(traffic.warn_share, "traffic.warn_share")?;
    share(retry.share, "traffic.retry.share")?;
    share(breaker.failed_share, "traffic.breaker.failed_share")?;
    share(outlier.failed_share_above, "traffic.outlier.failed_share_above")?;
    secret(cache.url.as_deref(), "traffic.cache.url")?;
    if !(outlier.slower_factor.is_finite() && outlier.slower_factor > 1.0) {
        let path = "traffic.outlier.slower_factor";
        return Err(PlanFault::new(path, "not a factor above one", "3 is usual"));
    }
    let at_least_one = [
        ("retry.attempts_max", u64::from(retry.attempts_max)),
        ("retry.window_ms", retry.window_ms),
        ("breaker.window_ms", breaker.window_ms),
        ("breaker.requests_min", breaker.requests_min.into()),
        ("breaker.open_ms", breaker.open_ms),
        ("breaker.probes", breaker.probes.into()),
        ("outlier.window_ms", outlier.window_ms),
        ("outlier.requests_min", outlier.requests_min.into()),
    ];
    match at_least_one.iter().find(|(_, value)| *value == 0) {
        Some((name, _)) => Err(PlanFault::new(format!("traffic.{name}"), "zero means nothing here", "at least 1")),
        None => Ok(()),
    }
}

fn share(value: f64, path: &str) -> Result<(), PlanFault> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(PlanFault::new(path, format!("{value} is not a share"), "write a number from 0 to 1"))
}
