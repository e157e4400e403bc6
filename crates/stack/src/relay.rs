//! Relay: the provider's answer to the caller as it arrives, watched on the way. The usage record is written before
//! the last byte leaves; an answer that ends before its end is an error to the caller, never a false `[DONE]`.

mod assembled;
mod stream;
mod tap;
mod whole;

use paceline_http::{AnswerError, HeaderMap, Response, StatusCode};
use paceline_providers::Finish;
use paceline_types::{Code, Flags, Outcome, TokenSource, Tokens, UNDEFINED};

use crate::attempt::Held;
use crate::headers;
use crate::life::Life;
use crate::own;
use crate::send::Sent;

pub(crate) use tap::Tap;

/// Turns the provider's answer, as far as it has been read, into the caller's response.
pub(crate) async fn respond(life: Box<Life>, mut sent: Box<Sent>) -> Response {
    match sent.held.take() {
        Some(Held::Stream { tap, out }) if sent.assemble => assembled::respond(life, sent, tap, out).await,
        Some(Held::Stream { tap, out }) => stream::respond(life, sent, tap, out),
        Some(Held::Whole { parts, ended, .. }) => whole::respond(life, sent, parts, ended),
        None => whole::respond(life, sent, Vec::new(), false),
    }
}

/// The outcome a provider's status stands for, its answer being complete.
pub(crate) fn outcome(status: u16) -> Outcome {
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

/// Copies what the watch saw of a stream into the record.
fn note_stream(life: &mut Life, tap: &Tap) {
    note_times(life, tap);
    let facts = tap.facts();
    life.scene.first_event_tokens = facts.first_event_tokens;
    life.scene.text_bytes = facts.text_bytes;
    life.scene.tokens_so_far = facts.usage_so_far;
    // What a provider counted along before the end is not what it bills.
    let usage = facts.usage.filter(|_| facts.terminal);
    let (finish, model) = (facts.finish, facts.model_served.clone());
    note_end(life, usage, finish, model);
}

/// Copies when the events of a stream came.
pub(crate) fn note_times(life: &mut Life, tap: &Tap) {
    let facts = tap.facts();
    let micros =
        |nanos: Option<u64>| nanos.map_or(UNDEFINED, |nanos| u32::try_from(nanos / 1000).unwrap_or(UNDEFINED - 1));
    let record = &mut life.record;
    record.response_bytes = u32::try_from(tap.bytes).unwrap_or(u32::MAX);
    record.first_us = micros(facts.first_ns);
    record.visible_us = micros(facts.visible_ns);
    record.last_us = micros(facts.last_ns);
    record.stall_us = if facts.events > 1 { micros(Some(facts.stall_ns)) } else { UNDEFINED };
    record.events = facts.events;
}

/// What an answer that broke off means, `waiting_for` being the deadline that was armed.
fn cut_short(error: &AnswerError, waiting_for: Code) -> (Code, Outcome) {
    match error {
        AnswerError::Deadline => match waiting_for {
            Code::ProviderTimeoutFirstToken => (waiting_for, Outcome::TimeoutFirstToken),
            Code::ProviderTimeoutStall => (waiting_for, Outcome::TimeoutStall),
            _ => (Code::ProviderTimeoutTotal, Outcome::TimeoutTotal),
        },
        AnswerError::Malformed => (Code::ProviderMalformed, Outcome::ProviderError),
        _ => (Code::ProviderCut, Outcome::Truncated),
    }
}

/// Status and headers for the caller.
fn head(life: &Life, sent: &mut Sent) -> (StatusCode, HeaderMap) {
    let mut headers = std::mem::take(&mut sent.answer.headers);
    headers::strip_response(&mut headers);
    own::add(life, &mut headers, sent.advice.as_deref(), sent.rates.as_ref());
    (StatusCode::from_u16(sent.answer.status).unwrap_or(StatusCode::BAD_GATEWAY), headers)
}

/// Builds the response.
pub(crate) fn assemble((status, headers): (StatusCode, HeaderMap), body: paceline_http::Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}
