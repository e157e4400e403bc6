//! What must hold before a plan is run. Each check names the path of what it refuses and how to mend it.

use std::sync::Arc;

use paceline_types::{Metric, Percentile};
use rustc_hash::FxHashMap;

use crate::PlanFault;
use crate::document::{Gateway, Limit, Price};

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
