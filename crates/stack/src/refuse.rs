//! Refusals in the caller's own dialect: one place maps a failure to a response.

use paceline_http::{Body, HeaderValue, Response, StatusCode};
use paceline_providers::error_body;
use paceline_types::{Code, Dialect, Failure, Fault, Outcome};

use crate::life::Life;
use crate::own;

/// The outcome a failure before the answer leads to.
pub(crate) fn outcome(failure: &Failure) -> Outcome {
    match (failure.code, failure.code.row().fault) {
        (Code::ProviderTimeoutConnect, _) => Outcome::TimeoutConnect,
        (Code::ProviderTimeoutFirstToken, _) => Outcome::TimeoutFirstToken,
        (Code::ProviderTimeoutStall, _) => Outcome::TimeoutStall,
        (Code::ProviderTimeoutTotal, _) => Outcome::TimeoutTotal,
        (Code::ProviderCut, _) => Outcome::Truncated,
        // An unauthenticated or mistagged call is turned away by the standards, not served badly.
        (Code::KeyMissing | Code::KeyUnknown, _) | (_, Fault::Standards) => Outcome::Refused,
        (_, Fault::Caller) => Outcome::CallerError,
        (_, Fault::Provider) => Outcome::ProviderError,
        (_, Fault::Gateway) => Outcome::GatewayError,
    }
}

/// Ends a request's life with a refusal.
pub(crate) fn refuse(mut life: Box<Life>, failure: &Failure) -> Response {
    life.record.code = failure.code as u16;
    life.record.status = failure.code.row().status;
    let id = life.record.id.to_string();
    let dialect = life.record.api.dialect();
    let mut response = response(dialect, failure, &id);
    if let Some(left) = life.scene.rates {
        own::add_rates(dialect, response.headers_mut(), &left);
    }
    life.finish(outcome(failure));
    response
}

/// The response for a failure; `id` is empty for requests that never got one.
pub(crate) fn response(dialect: Dialect, failure: &Failure, id: &str) -> Response {
    let row = failure.code.row();
    let mut response = Response::new(Body::Full(error_body(dialect, failure, id)));
    *response.status_mut() = StatusCode::from_u16(row.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("x-paceline-code", HeaderValue::from_static(row.code));
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert("x-paceline-request-id", id);
    }
    if let Some(seconds) = failure.retry_after_s.or(row.retryable.then_some(1)) {
        headers.insert("retry-after", HeaderValue::from(seconds));
    }
    if !row.retryable {
        // Both SDK families obey this one; without it they repeat some 4xx and every 5xx.
        headers.insert("x-should-retry", HeaderValue::from_static("false"));
    }
    response
}
