//! Heads of answers: status, content type, the headers providers send, and errors in the caller's dialect.

use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};
use paceline_http::{Body, Bytes, Response};
use paceline_types::Dialect;

use crate::fault::Fault;
use crate::wire::refusal::Refusal;

/// A JSON answer.
#[must_use]
pub(crate) fn json(status: u16, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Body::Full(body.into()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A refusal in a dialect.
#[must_use]
pub(crate) fn refusal(refusal: &Refusal, dialect: Dialect, request_id: &str) -> Response {
    let mut response = json(refusal.status, refusal.body(dialect, request_id));
    identify(&mut response, dialect, request_id);
    response
}

/// Marks a body as a stream of events.
pub(crate) fn as_events(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
}

/// Says what a body is that is not JSON.
pub(crate) fn as_kind(response: &mut Response, kind: &'static str) {
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
}

/// The headers by which a provider names a request.
pub(crate) fn identify(response: &mut Response, dialect: Dialect, request_id: &str) {
    let name = match dialect {
        Dialect::OpenAi => HeaderName::from_static("x-request-id"),
        Dialect::Anthropic => HeaderName::from_static("request-id"),
    };
    if let Ok(value) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert(name, value);
    }
    if dialect == Dialect::OpenAi {
        response
            .headers_mut()
            .insert(HeaderName::from_static("openai-version"), HeaderValue::from_static("2020-10-01"));
    }
}

/// The headers that a fault changes.
pub(crate) fn apply(response: &mut Response, fault: &Fault) {
    let headers = response.headers_mut();
    if let Some(seconds) = fault.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if fault.redirect {
        headers.insert(LOCATION, HeaderValue::from_static("http://169.254.169.254/latest/meta-data/"));
    }
    if let Some(filler) = fault.big_head.and_then(|bytes| HeaderValue::from_bytes(&vec![b'x'; bytes]).ok()) {
        headers.insert(HeaderName::from_static("x-filler"), filler);
    }
    if fault.gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
}
