//! What a request asks of the simulator itself, by header, and who it says it is.

use std::str::FromStr;

use http::HeaderMap;

use crate::fault::Faults;
use crate::script::Wishes;
use crate::wire::refusal::Refusal;

/// The `x-sim-…` headers.
pub(crate) struct Asked {
    pub(crate) wishes: Wishes,
    pub(crate) faults: Option<Faults>,
    pub(crate) tag: String,
}

impl Asked {
    pub(crate) fn read(headers: &HeaderMap) -> Result<Self, Refusal> {
        let faults = text(headers, "x-sim-fault").map(Faults::from_str).transpose();
        let wishes = Wishes {
            output_tokens: number(headers, "x-sim-output-tokens")?,
            reasoning_tokens: number(headers, "x-sim-reasoning")?.unwrap_or(0),
            tools: number(headers, "x-sim-tools")?.unwrap_or(0) > 0,
            cached_tokens: number(headers, "x-sim-cached-tokens")?,
            tokens_per_event: number(headers, "x-sim-tokens-per-event")?.unwrap_or(1),
            seed: number(headers, "x-sim-seed")?.map(u64::from),
        };
        let tag = text(headers, "x-sim-tag").map(|tag| tag.chars().take(128).collect()).unwrap_or_default();
        let faults = faults.map_err(|error| Refusal::new(400, format!("x-sim-fault: {error}")))?;
        Ok(Self { wishes, faults, tag })
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn number(headers: &HeaderMap, name: &str) -> Result<Option<u32>, Refusal> {
    text(headers, name)
        .map(|value| value.trim().parse().map_err(|_| Refusal::new(400, format!("{name}: must be a whole number"))))
        .transpose()
}

/// The caller's name for the request, else one of our own.
pub(crate) fn request_id(headers: &HeaderMap, number: u64) -> String {
    text(headers, "x-paceline-request-id")
        .or_else(|| text(headers, "x-request-id"))
        .map_or_else(|| format!("req_{number:024x}"), |id| id.chars().take(128).collect())
}

/// True when the request bears one of these keys, or none is asked for.
pub(crate) fn bears_key(headers: &HeaderMap, keys: &[String]) -> bool {
    let bearer = text(headers, "authorization").map(|value| value.strip_prefix("Bearer ").unwrap_or(value));
    let given = [bearer, text(headers, "x-api-key"), text(headers, "api-key")];
    keys.is_empty() || given.into_iter().flatten().any(|key| keys.iter().any(|own| own == key))
}
