//! Which headers cross the gateway, each way. To the provider: a short list that means something there, and what its
//! `forward_headers` add; never cookies, credentials or what belongs to one connection. To the caller: everything the
//! provider sent except what belongs to one connection, and its cookies. Header names are lower case throughout.

use bytes::Bytes;
use paceline_http::header::CONNECTION;
use paceline_http::{HeaderMap, HeaderName, HeaderValue};
use paceline_otlp::{Trace, Traceparent};
use paceline_plan::Provider;
use paceline_policy::Patient;
use paceline_types::Dialect;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// True for what belongs to one connection: RFC 9110 §7.6.1, and the older ones that still occur.
fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// True for what a provider may be told: what the SDKs say of a call and of themselves, and trace context.
fn crosses(name: &str) -> bool {
    matches!(
        name,
        "content-type"
            | "accept"
            | "user-agent"
            | "idempotency-key"
            | "traceparent"
            | "tracestate"
            | "x-request-id"
            | "x-client-request-id"
    ) || ["openai-", "anthropic-", "x-stainless-"].iter().any(|prefix| name.starts_with(prefix))
}

/// True for what a request must not take along to a provider.
pub(crate) fn stays(name: &str) -> bool {
    !crosses(name)
}

/// Never forwarded, whatever `forward_headers` say: framing is ours, credentials are swapped, and `x-paceline-` is
/// between the caller and us.
fn never_crosses(name: &str) -> bool {
    is_hop_by_hop(name)
        || matches!(
            name,
            "host"
                | "content-length"
                | "content-encoding"
                | "accept-encoding"
                | "expect"
                | "authorization"
                | "x-api-key"
                | "api-key"
                | "cookie"
        )
        || name.starts_with("x-paceline-")
}

/// The caller's headers that a provider's `forward_headers` let pass beyond the usual ones; `x-sim-*` names a prefix.
pub(crate) fn forwarded<'a>(
    headers: &'a HeaderMap,
    forward: &'a [String],
) -> impl Iterator<Item = (HeaderName, HeaderValue)> + 'a {
    let named = |name: &str| {
        forward.iter().any(|known| match known.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => known == name,
        })
    };
    let wanted = move |name: &str| !forward.is_empty() && named(name) && !crosses(name) && !never_crosses(name);
    headers.iter().filter(move |(name, _)| wanted(name.as_str())).map(|(name, value)| (name.clone(), value.clone()))
}

/// Removes what the caller said of a trace that we go on with: each attempt names a span of its own. Where the trace
/// begins here, no state can be of it.
pub(crate) fn strip_trace(headers: &mut HeaderMap, trace: &Trace) {
    headers.remove(TRACEPARENT);
    if trace.begins_here() {
        headers.remove(TRACESTATE);
    }
}

/// What a provider is told of the trace; nothing where it cannot be a header.
pub(crate) fn traceparent(told: Traceparent) -> Option<(HeaderName, HeaderValue)> {
    Some((TRACEPARENT, HeaderValue::from_maybe_shared(Bytes::from(told.to_string())).ok()?))
}

/// Removes the headers that `connection` names, beyond those that never cross anyway.
pub(crate) fn strip_named(headers: &mut HeaderMap) {
    let Some(named) = headers.get(CONNECTION) else { return };
    let usual = |name: &[u8]| [&b"keep-alive"[..], b"close"].iter().any(|usual| name.eq_ignore_ascii_case(usual));
    if usual(named.as_bytes()) {
        return;
    }
    let named = named.to_str().unwrap_or_default().to_owned();
    for name in named.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        headers.remove(name);
    }
}

/// Strips a provider's `headers` to what may reach the caller; `content-length` is set anew by the server. Looks at
/// the headers that are there, few, rather than up every name that might be.
pub(crate) fn strip_response(headers: &mut HeaderMap) {
    strip_named(headers);
    // A provider's cookies would bind callers to it under the gateway's own address.
    let unwanted =
        |name: &&HeaderName| is_hop_by_hop(name.as_str()) || matches!(name.as_str(), "content-length" | "set-cookie");
    while let Some(name) = headers.keys().find(unwanted).cloned() {
        headers.remove(name);
    }
}

/// What a caller says in its headers, found in one pass.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Said<'a> {
    pub key: Option<&'a [u8]>,
    pub service: Option<&'a str>,
    pub use_case: Option<&'a str>,
    pub session: Option<&'a str>,
    pub reason: Option<&'a str>,
    timeout_ms: Option<&'a str>,
    sdk_timeout: Option<&'a str>,
    sdk_read_timeout: Option<&'a str>,
    /// `no-cache`: no cached answer; `no-store`: this one is not kept.
    pub cache_control: Option<&'a str>,
}

impl<'a> Said<'a> {
    pub(crate) fn read(headers: &'a HeaderMap) -> Self {
        let mut said = Self::default();
        let mut bearer = None;
        for (name, value) in headers {
            let text = || value.to_str().ok();
            match name.as_str() {
                "authorization" => bearer = bearer_token(value.as_bytes()),
                "x-api-key" | "api-key" => said.key = said.key.or(Some(value.as_bytes().trim_ascii())),
                "x-paceline-service" => said.service = text(),
                "x-paceline-use-case" => said.use_case = text(),
                "x-paceline-session" => said.session = text(),
                "x-paceline-reason" => said.reason = text(),
                "x-paceline-timeout-ms" => said.timeout_ms = text(),
                "x-stainless-timeout" => said.sdk_timeout = text(),
                "x-stainless-read-timeout" => said.sdk_read_timeout = text(),
                "cache-control" => said.cache_control = text(),
                _ => {}
            }
        }
        said.key = bearer.or(said.key);
        said
    }

    /// How long the caller waits.
    pub(crate) fn patient(&self) -> Patient {
        Patient::read(self.timeout_ms, self.sdk_timeout, self.sdk_read_timeout)
    }
}

fn bearer_token(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

/// The credential header of a dialect; its value is marked sensitive so that no Debug output shows it.
pub(crate) fn credential(dialect: Dialect, key: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, text) = match dialect {
        Dialect::OpenAi => ("authorization", format!("Bearer {key}")),
        Dialect::Anthropic => ("x-api-key", key.to_owned()),
    };
    let mut value = HeaderValue::from_str(&text).ok()?;
    value.set_sensitive(true);
    Some((HeaderName::from_static(name), value))
}

/// A provider's fixed headers, compiled once.
pub(crate) fn fixed(provider: &Provider) -> Vec<(HeaderName, HeaderValue)> {
    let parse = |(name, value): &(String, String)| Some((name.parse().ok()?, HeaderValue::from_str(value).ok()?));
    provider.headers.iter().filter_map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn credentials_framing_and_our_own_headers_stop_here() {
        let mut headers = map(&[
            ("authorization", "Bearer pk-secret"),
            ("x-api-key", "pk-secret"),
            ("api-key", "pk-secret"),
            ("host", "gateway"),
            ("content-length", "3"),
            ("transfer-encoding", "chunked"),
            ("connection", "keep-alive, x-private"),
            ("x-private", "1"),
            ("x-paceline-use-case", "chat"),
            ("openai-beta", "assistants=v2"),
            ("cookie", "session=1"),
            ("x-forwarded-for", "10.0.0.1"),
            ("x-custom", "kept back"),
            ("x-sim-fault", "cut=3"),
        ]);
        strip_named(&mut headers);
        let left: Vec<_> = headers.keys().map(HeaderName::as_str).filter(|name| !stays(name)).collect();
        assert_eq!(left, ["openai-beta"]);
        let asked = ["x-sim-*", "cookie", "authorization", "x-paceline-use-case", "openai-beta"].map(String::from);
        let more: Vec<_> = forwarded(&headers, &asked).map(|(name, _)| name.to_string()).collect();
        assert_eq!(more, ["x-sim-fault"], "what never crosses cannot be asked for");
    }

    #[test]
    fn every_sdk_s_way_of_sending_a_key_is_understood() {
        for (name, value) in [
            ("authorization", "Bearer pk-1"),
            ("authorization", "bearer  pk-1 "),
            ("x-api-key", "pk-1"),
            ("api-key", "pk-1"),
        ] {
            assert_eq!(Said::read(&map(&[(name, value)])).key, Some(&b"pk-1"[..]), "{name}: {value}");
        }
        assert_eq!(Said::read(&map(&[("authorization", "Basic pk-1")])).key, None);
        assert_eq!(Said::read(&map(&[("x-api-key", "b"), ("authorization", "Bearer a")])).key, Some(&b"a"[..]));
    }

    #[test]
    fn a_credential_is_never_printed() {
        let printed = format!("{:?}", credential(Dialect::OpenAi, "sk-real"));
        assert!(!printed.contains("sk-real"), "{printed}");
        assert!(credential(Dialect::Anthropic, "line\nbreak").is_none());
    }
}
