//! A streamed answer: passed on read by read, watched for tokens, usage and its terminal event.

use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use paceline_http::{Abort, AnswerError, Body, Chunks, HeaderValue, Response};
use paceline_providers::{Inflate, StreamWatch, error_event};
use paceline_types::{Code, Failure, Flags, Outcome, UNDEFINED};

use super::{assemble, head, note_end};
use crate::life::Life;
use crate::send::Sent;

/// Starts relaying a stream.
pub(super) fn respond(mut life: Box<Life>, mut sent: Box<Sent>) -> Response {
    life.record.status = sent.answer.status;
    life.record.flags.set(Flags::STREAMED);
    let (status, mut headers) = head(&life, &mut sent);
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    let inflate = headers.get("content-encoding").and_then(|encoding| Inflate::new(encoding.to_str().ok()?));
    let relay = Relay {
        watch: StreamWatch::new(life.record.api, sent.withhold_usage && inflate.is_none()),
        inflate,
        life,
        sent,
        waiting_for: Code::ProviderTimeoutFirstToken,
        state: State::Relaying,
    };
    assemble((status, headers), Body::stream(relay, None))
}

struct Relay {
    life: Box<Life>,
    sent: Box<Sent>,
    watch: StreamWatch,
    /// Set when the provider compresses although nobody asked: the bytes pass, the watch reads the plain text.
    inflate: Option<Inflate>,
    /// Which deadline is armed.
    waiting_for: Code,
    state: State,
}

enum State {
    Relaying,
    /// An error event has left; what follows is the reset.
    Aborting,
    Ended,
}

impl Chunks for Relay {
    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Abort>>> {
        loop {
            match self.state {
                State::Relaying => {}
                State::Aborting => return Poll::Ready(Some(Err(Abort))),
                State::Ended => return Poll::Ready(None),
            }
            match std::task::ready!(self.sent.answer.poll_chunk(context)) {
                Ok(Some(chunk)) => {
                    let out = self.on_bytes(chunk);
                    if !out.is_empty() {
                        return Poll::Ready(Some(Ok(out)));
                    }
                }
                Ok(None) => {
                    if let Some(out) = self.on_end() {
                        return Poll::Ready(Some(Ok(out)));
                    }
                }
                Err(error) => {
                    if let Some(out) = self.on_error(&error) {
                        return Poll::Ready(Some(Ok(out)));
                    }
                }
            }
        }
    }

    fn is_end(&self) -> bool {
        matches!(self.state, State::Ended)
    }
}

impl Relay {
    fn on_bytes(&mut self, chunk: Bytes) -> Bytes {
        let read_at = self.sent.answer.read_at();
        let now_ns = self.life.nanos(read_at);
        let record = &mut self.life.record;
        record.response_bytes = record.response_bytes.saturating_add(u32::try_from(chunk.len()).unwrap_or(u32::MAX));
        let out = match &mut self.inflate {
            None => self.watch.push(chunk, now_ns),
            Some(inflate) => {
                // A fault ends the metering, never the relay.
                let plain = inflate.push(&chunk).unwrap_or_default();
                self.watch.push(plain, now_ns);
                chunk
            }
        };
        if self.watch.facts().terminal {
            self.finish(Outcome::Ok);
            if self.sent.answer.is_end() {
                self.state = State::Ended;
            }
        } else {
            self.arm(read_at);
        }
        if record_first(&self.life) {
            let inside = read_at.elapsed().as_nanos();
            self.life.record.overhead_back_ns = u32::try_from(inside).unwrap_or(UNDEFINED - 1);
        }
        out
    }

    /// Sets the deadline for the next read.
    fn arm(&mut self, read_at: Instant) {
        let clock = &self.sent.clock;
        let (deadline, code) = if self.watch.facts().first_ns.is_none() {
            clock.sooner(clock.first_token, Code::ProviderTimeoutFirstToken)
        } else {
            clock.sooner(clock.stall.map(|stall| read_at + stall), Code::ProviderTimeoutStall)
        };
        self.waiting_for = code;
        self.sent.answer.set_deadline(deadline);
    }

    /// The provider closed the stream: its end if the terminal event came, else a cut.
    fn on_end(&mut self) -> Option<Bytes> {
        let rest = self.watch.end();
        if self.watch.facts().terminal {
            self.finish(Outcome::Ok);
            self.state = State::Ended;
            return (!rest.is_empty()).then_some(rest);
        }
        self.abort(Code::ProviderCut, Outcome::Truncated)
    }

    fn on_error(&mut self, error: &AnswerError) -> Option<Bytes> {
        if self.life.is_done() {
            // The terminal event has left already; how the connection ended no longer matters.
            self.state = State::Ended;
            return None;
        }
        match error {
            AnswerError::Deadline => {
                let outcome = match self.waiting_for {
                    Code::ProviderTimeoutFirstToken => Outcome::TimeoutFirstToken,
                    Code::ProviderTimeoutStall => Outcome::TimeoutStall,
                    _ => Outcome::TimeoutTotal,
                };
                self.abort(self.waiting_for, outcome)
            }
            AnswerError::Malformed => self.abort(Code::ProviderMalformed, Outcome::ProviderError),
            _ => self.abort(Code::ProviderCut, Outcome::Truncated),
        }
    }

    /// Ends the record and hands out the error event; the reset follows at the next poll.
    fn abort(&mut self, code: Code, outcome: Outcome) -> Option<Bytes> {
        // A provider that told of its own failure inside the stream needs no second event from us, nor a code of ours.
        let told = self.watch.facts().provider_error;
        self.life.record.code = if told { 0 } else { code as u16 };
        // In the middle of an event, another one cannot begin: the reset alone must tell.
        let silent = told || self.inflate.is_some() || !self.watch.is_between_events();
        self.finish(if told { Outcome::ProviderError } else { outcome });
        self.state = State::Aborting;
        let deployment = &self.life.record.deployment;
        let failure = Failure::new(code, format!("The stream from deployment {deployment} ended early"));
        (!silent).then(|| error_event(self.life.record.api, &failure))
    }

    /// Copies what the watch saw into the record and writes it.
    fn finish(&mut self, outcome: Outcome) {
        if self.life.is_done() {
            return;
        }
        self.copy_facts();
        let failed = self.watch.facts().provider_error && outcome == Outcome::Ok;
        self.life.finish(if failed { Outcome::ProviderError } else { outcome });
    }

    fn copy_facts(&mut self) {
        let facts = self.watch.facts();
        let micros =
            |nanos: Option<u64>| nanos.map_or(UNDEFINED, |nanos| u32::try_from(nanos / 1000).unwrap_or(UNDEFINED - 1));
        let record = &mut self.life.record;
        record.first_us = micros(facts.first_ns);
        record.visible_us = micros(facts.visible_ns);
        record.last_us = micros(facts.last_ns);
        record.stall_us = if facts.events > 1 { micros(Some(facts.stall_ns)) } else { UNDEFINED };
        record.events = facts.events;
        self.life.scene.first_event_tokens = facts.first_event_tokens;
        self.life.scene.text_bytes = facts.text_bytes;
        self.life.scene.tokens_so_far = facts.usage_so_far;
        let (usage, finish, model) = (facts.usage, facts.finish, facts.model_served.clone());
        note_end(&mut self.life, usage, finish, model);
    }
}

/// True at the first read of the answer.
fn record_first(life: &Life) -> bool {
    life.record.overhead_back_ns == UNDEFINED
}

impl Drop for Relay {
    /// The caller left before the end: what was seen so far still counts.
    fn drop(&mut self) {
        self.finish(Outcome::Cancelled);
    }
}
