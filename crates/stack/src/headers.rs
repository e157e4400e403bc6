//! Which headers cross the gateway, each way. To the provider: everything the caller sent except what belongs to one
//! connection, to the caller's credentials, or to us. To the caller: everything the provider sent except what belongs
//! to one connection. Header names are lower case throughout.

use paceline_http::header::CONNECTION;
use paceline_http::{HeaderMap, HeaderName, HeaderValue};
use paceline_plan::Provider;
use paceline_types::Dialect;

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

/// True for what stops here on the way in: framing is ours, credentials are swapped, compressed answers would only cost
/// time to meter, and `x-paceline-` is between the caller and us.
fn stops_here(name: &str) -> bool {
    matches!(name, "host" | "content-length" | "accept-encoding" | "expect" | "authorization" | "x-api-key" | "api-key")
        || name.starts_with("x-paceline-")
}

/// Strips `headers` to what may reach a provider.
pub(crate) fn strip_request(headers: &mut HeaderMap) {
    strip(headers, |name| is_hop_by_hop(name) || stops_here(name));
}

/// Strips a provider's `headers` to what may reach the caller; `content-length` is set anew by the server.
pub(crate) fn strip_response(headers: &mut HeaderMap) {
    strip(headers, |name| is_hop_by_hop(name) || name == "content-length");
}

/// Removes what `unwanted` says and what `connection` names. Looks at the headers that are there, few, rather than up
/// every name that might be.
fn strip(headers: &mut HeaderMap, unwanted: impl Fn(&str) -> bool) {
    if let Some(named) = headers.get(CONNECTION).cloned() {
        for name in named.to_str().unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty()) {
            headers.remove(name);
        }
    }
    let found: Vec<HeaderName> = headers.keys().filter(|name| unwanted(name.as_str())).cloned().collect();
    for name in found {
        headers.remove(name);
    }
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
            ("x-custom", "kept"),
        ]);
        strip_request(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["openai-beta", "x-custom"]);
    }

    #[test]
    fn a_credential_is_never_printed() {
        let printed = format!("{:?}", credential(Dialect::OpenAi, "sk-real"));
        assert!(!printed.contains("sk-real"), "{printed}");
        assert!(credential(Dialect::Anthropic, "line\nbreak").is_none());
    }
}
