//! Relay: the provider's answer to the caller as it arrives, watched on the way. The usage record is written before
//! the last byte leaves; an answer that ends before its end is an error to the caller, never a false `[DONE]`.

mod stream;
mod whole;

use paceline_http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use paceline_providers::Finish;
use paceline_types::{Flags, Outcome, TokenSource, Tokens};

use crate::headers;
use crate::life::Life;
use crate::running::Running;
use crate::send::Sent;

/// Turns the provider's response head and body into the caller's response.
pub(crate) async fn respond(life: Box<Life>, sent: Box<Sent>) -> Response {
    let success = sent.answer.status / 100 == 2;
    let events = sent.answer.headers.get("content-type").is_some_and(|kind| {
        kind.as_bytes().get(..17).is_some_and(|kind| kind.eq_ignore_ascii_case(b"text/event-stream"))
    });
    if success && events { stream::respond(life, sent) } else { whole::respond(life, sent).await }
}

/// The outcome a provider's status stands for, its answer being complete.
fn outcome(status: u16) -> Outcome {
    match status {
        200..=299 => Outcome::Ok,
        // What our key may not do there is ours to mend, not the caller's.
        403 => Outcome::GatewayError,
        408 | 409 | 425 | 429 => Outcome::ProviderError,
        400..=499 => Outcome::CallerError,
        _ => Outcome::ProviderError,
    }
}

/// Writes what a finished answer said of itself into the record.
fn note_end(life: &mut Life, usage: Option<Tokens>, finish: Finish, model_served: Option<String>) {
    if let Some(tokens) = usage {
        life.record.tokens = tokens;
        life.record.token_source = TokenSource::Provider;
    }
    match finish {
        Finish::Length => life.record.flags.set(Flags::ENDED_BY_LENGTH),
        Finish::Filtered => life.record.flags.set(Flags::FILTERED),
        _ => {}
    }
    life.record.model_served = model_served.unwrap_or_default();
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-paceline-request-id");
const MODEL: HeaderName = HeaderName::from_static("x-paceline-model");
const DEPLOYMENT: HeaderName = HeaderName::from_static("x-paceline-deployment");
const OVERHEAD_US: HeaderName = HeaderName::from_static("x-paceline-overhead-us");
const ADVICE: HeaderName = HeaderName::from_static("x-paceline-advice");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Status and headers for the caller.
fn head(life: &Life, sent: &mut Sent) -> (StatusCode, HeaderMap) {
    let mut headers = std::mem::take(&mut sent.answer.headers);
    headers::strip_response(&mut headers);
    let record = &life.record;
    let text = |text: &[u8]| HeaderValue::from_bytes(text).ok();
    let running = life.scene.running.as_deref();
    let known = |values: fn(&Running) -> &Vec<Option<HeaderValue>>, index: Option<usize>| {
        running.and_then(|running| values(running).get(index?)?.clone())
    };
    let overhead_us = record.overhead_in_ns / 1000;
    let provider_us = record.headers_us.saturating_sub(record.sent_us);
    let ours = [
        (REQUEST_ID, text(&record.id.hex())),
        (MODEL, known(|running| &running.models, life.scene.model).or_else(|| text(record.model_asked.as_bytes()))),
        (DEPLOYMENT, known(|running| &running.deployments, life.scene.deployment)),
        (OVERHEAD_US, text(itoa::Buffer::new().format(overhead_us).as_bytes())),
        (SERVER_TIMING, text(server_timing(overhead_us, provider_us).as_bytes())),
        (ADVICE, sent.advice.as_ref().and_then(|advice| text(advice.as_bytes()))),
    ];
    for (name, value) in ours {
        if let Some(value) = value {
            headers.insert(name, value);
        }
    }
    (StatusCode::from_u16(sent.answer.status).unwrap_or(StatusCode::BAD_GATEWAY), headers)
}

/// Milliseconds with three decimals, by whole numbers: formatting floats is slower than the rest of the head.
fn server_timing(ours_us: u32, theirs_us: u32) -> String {
    let (ours, theirs) = ((ours_us / 1000, ours_us % 1000), (theirs_us / 1000, theirs_us % 1000));
    format!("paceline;dur={}.{:03}, provider;dur={}.{:03}", ours.0, ours.1, theirs.0, theirs.1)
}

/// Builds the response.
fn assemble((status, headers): (StatusCode, HeaderMap), body: paceline_http::Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
