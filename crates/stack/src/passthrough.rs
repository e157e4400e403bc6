//! Passthrough: any other path of a provider, relayed as it comes in both directions: tagged, limited and recorded by
//! bytes and time, and by usage where the answer tells it. A provider's own list says which paths; nothing is retried,
//! edited or cached. What one provider made (a file, a batch, a stored response) is asked of that provider again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use paceline_http::{Deadlines, HeaderMap, HeaderValue, Method, Request, RequestHead};
use paceline_plan::Plan;
use paceline_policy::Caller;
use paceline_types::{Api, Code, Dialect, Failure};

use crate::attempt;
use crate::clock::Clock;
use crate::edit;
use crate::gateway::Gateway;
use crate::headers;
use crate::life::Life;
use crate::limits;
use crate::route::Passed;
use crate::running::{Credential, Running};
use crate::send::Sent;

/// A provider may think this long, and pause this long in its answer.
const PATIENCE: Duration = Duration::from_secs(600);
const STALL: Duration = Duration::from_secs(120);

/// True when some provider of the plan takes this path.
pub(crate) fn is_listed(plan: &Plan, path: &str) -> bool {
    plan.providers.iter().any(|provider| prefix(&provider.passthrough, path).is_some())
}

/// The listed path that this one lies under.
fn prefix<'a>(listed: &'a [String], path: &str) -> Option<&'a str> {
    let under = |prefix: &&String| {
        path.strip_prefix(prefix.as_str()).is_some_and(|rest| matches!(rest.bytes().next(), None | Some(b'/')))
    };
    listed.iter().filter(under).map(String::as_str).max_by_key(|prefix| prefix.len())
}

/// Relays one request.
pub(crate) async fn send(
    gateway: &Gateway,
    running: &Arc<Running>,
    life: &mut Life,
    caller: &Caller,
    passed: Passed<'_>,
    request: &mut Request,
) -> Result<Box<Sent>, Failure> {
    let provider = choose(gateway, running, passed.path, &request.headers)?;
    let plan = &running.plan;
    let named = &plan.providers[provider];
    let bodiless = matches!(request.method, Method::GET | Method::HEAD | Method::DELETE | Method::OPTIONS);
    let listed = prefix(&named.passthrough, passed.path).unwrap_or_default();
    life.record.deployment = format!("{}{listed}", named.name);
    passed.path.clone_into(&mut life.record.model_asked);
    life.scene.free = bodiless;
    let length = request.headers.get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
    life.record.request_bytes = length.unwrap_or_default();
    limits::reserve_plain(gateway, running, life, caller)?;
    let mut headers = std::mem::take(&mut request.headers);
    headers::strip_named(&mut headers);
    let id = HeaderValue::from_bytes(&life.record.id.hex())
        .map_err(|_| Failure::new(Code::Internal, "A request id was not a header value"))?;
    let mut more = edit::own_headers(running, provider, &headers, &id);
    if let Some(trace) = &life.trace {
        headers::strip_trace(&mut headers, trace);
        more.extend(headers::traceparent(trace.traceparent()));
    }
    let path = match request.uri.query() {
        Some(query) => format!("{}?{query}", passed.path),
        None => passed.path.to_owned(),
    };
    let method = request.method.clone();
    let head = RequestHead { leave_out: headers::stays, more: &more, ..RequestHead::new(&method, &path, &headers) };
    let began = Instant::now();
    let deadlines = Deadlines { connect: Some(began + Duration::from_secs(10)), head: Some(began + PATIENCE) };
    life.record.attempts = 1;
    life.sent();
    let upstream = &running.providers[provider].upstream;
    let sent = if bodiless {
        upstream.send(head, Vec::new(), deadlines).await
    } else {
        let idle = Duration::from_millis(plan.gateway.body_read_ms);
        let body = request.take_body(plan.gateway.body_bytes_max, idle);
        upstream.send_stream(head, body, deadlines).await
    };
    let answer = sent.map_err(|error| {
        let missed = attempt::unsent(&life.record.deployment, &error, Code::ProviderTimeoutTotal);
        if !missed.sent {
            life.record.attempts = 0;
        }
        missed.failure
    })?;
    life.scene.provider = Some(provider);
    crate::send::note(life, &answer, began, began, Duration::ZERO);
    let clock = Clock { first_token: None, stall: Some(STALL), total: Some(began + PATIENCE) };
    Ok(Box::new(Sent::plain(answer, clock, limits::left(gateway, life), caller.advice.clone())))
}

/// The provider: the one that made what the path names, the one the caller names, else the first that takes the path,
/// of the caller's dialect if there is one.
fn choose(gateway: &Gateway, running: &Running, path: &str, headers: &HeaderMap) -> Result<usize, Failure> {
    let plan = &running.plan;
    let takes = |&provider: &usize| prefix(&plan.providers[provider].passthrough, path).is_some();
    let all: Vec<usize> = (0..plan.providers.len()).filter(takes).collect();
    let by_name = |name: &str| all.iter().copied().find(|&provider| &*plan.providers[provider].name == name);
    if let Some(asked) = headers.get("x-paceline-provider").and_then(|name| name.to_str().ok()) {
        let names: Vec<&str> = all.iter().map(|&provider| &*plan.providers[provider].name).collect();
        let unserved = || {
            let what = format!("Provider {asked:?} takes no requests at this path");
            Failure::new(Code::PassthroughUnserved, what).hint(format!("Those that do: {}", names.join(", ")))
        };
        return by_name(asked).ok_or_else(unserved);
    }
    let made = path.rsplit('/').find_map(|part| gateway.shared.made.find(part));
    if let Some(provider) = made.and_then(|name| by_name(&name)) {
        return Ok(provider);
    }
    let dialect = if headers.contains_key("anthropic-version") { Dialect::Anthropic } else { Dialect::OpenAi };
    let usable = |&&provider: &&usize| !matches!(running.providers[provider].credential, Credential::Missing(_));
    let usable: Vec<usize> = all.iter().filter(usable).copied().collect();
    let of_dialect = usable.iter().copied().find(|&provider| plan.providers[provider].dialect == dialect);
    of_dialect.or(usable.first().copied()).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|&provider| &*plan.providers[provider].name).collect();
        Failure::new(Code::ProviderKeyMissing, format!("No key for provider {}", names.join(", ")))
    })
}

/// Remembers what a provider made, by the identifier in its answer.
pub(crate) fn note_made(life: &Life, running: &Running, first_bytes: &[u8]) {
    let stored = life.record.api == Api::Responses;
    let of_deployment = || life.scene.deployment.map(|index| running.plan.deployments[index].provider);
    let Some(provider) = life.scene.provider.or_else(|| of_deployment().filter(|_| stored)) else { return };
    if let Some(id) = first_id(first_bytes) {
        life.gateway().shared.made.note(id, &running.plan.providers[provider].name);
    }
}

/// The first `"id":"…"` near the beginning of an answer.
fn first_id(bytes: &[u8]) -> Option<&str> {
    let text = bytes.get(..bytes.len().min(2048))?;
    let at = text.windows(4).position(|window| window == b"\"id\"")? + 4;
    let rest = text.get(at..)?.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
    let end = rest.iter().position(|&byte| byte == b'"')?;
    std::str::from_utf8(rest.get(..end)?).ok().filter(|id| !id.is_empty() && id.len() <= 256)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_lies_under_whole_segments_only() {
        let listed = ["/images", "/files", "/files/special"].map(String::from);
        for (path, wanted) in [
            ("/images", Some("/images")),
            ("/images/generations", Some("/images")),
            ("/imagesx", None),
            ("/files/special/x", Some("/files/special")),
            ("/", None),
        ] {
            assert_eq!(prefix(&listed, path), wanted, "{path}");
        }
    }

    #[test]
    fn identifiers_are_found_at_the_beginning_of_answers() {
        for (text, wanted) in [
            (r#"{"id":"resp_1","object":"response"}"#, Some("resp_1")),
            (
                "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{ \"id\" : \"resp_2\"",
                Some("resp_2"),
            ),
            (r#"{"data":[]}"#, None),
            (r#"{"id":17}"#, None),
            (r#"{"id":""#, None),
        ] {
            assert_eq!(first_id(text.as_bytes()), wanted, "{text}");
        }
    }
}
