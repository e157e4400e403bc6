//! A streamed answer: what was held back for its first token, then read by read, watched for tokens, usage and its
//! terminal event.

use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use paceline_http::{Abort, AnswerError, Body, Chunks, HeaderValue, Response};
use paceline_providers::error_event;
use paceline_types::{Code, Failure, Flags, Outcome, UNDEFINED};

use super::{Tap, assemble, head, note_stream};
use crate::life::Life;
use crate::passthrough;
use crate::send::Sent;

/// Starts relaying a stream.
pub(super) fn respond(mut life: Box<Life>, mut sent: Box<Sent>, tap: Box<Tap>, out: Vec<Bytes>) -> Response {
    life.record.status = sent.answer.status;
    life.record.flags.set(Flags::STREAMED);
    if let (Some(first), Some(running)) = (out.first(), &life.scene.running) {
        passthrough::note_made(&life, running, first);
    }
    out.iter().for_each(|part| life.keep(part));
    let (status, mut headers) = head(&life, &mut sent);
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    let mut relay = Relay {
        tap,
        out: out.into_iter(),
        life,
        sent,
        waiting_for: Code::ProviderTimeoutFirstToken,
        state: State::Relaying,
    };
    relay.resume();
    assemble((status, headers), Body::stream(relay, None))
}

struct Relay {
    life: Box<Life>,
    sent: Box<Sent>,
    tap: Box<Tap>,
    /// Read before the head left.
    out: std::vec::IntoIter<Bytes>,
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
        if let Some(chunk) = self.out.next() {
            return Poll::Ready(Some(Ok(chunk)));
        }
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
        matches!(self.state, State::Ended) && self.out.as_slice().is_empty()
    }
}

impl Relay {
    /// Takes up where the attempt left off.
    fn resume(&mut self) {
        let read_at = self.sent.answer.read_at();
        self.note_end(read_at);
        if self.tap.bytes > 0 {
            self.note_back(read_at);
        }
    }

    /// Writes the record once the terminal event is there (and, of a compressed stream, the compression's own end),
    /// before it leaves; sets the next deadline until then.
    fn note_end(&mut self, read_at: Instant) {
        let at_end = self.sent.answer.is_end();
        if !self.tap.facts().terminal || (self.tap.is_compressed() && !at_end) {
            return self.arm(read_at);
        }
        self.finish(Outcome::Ok);
        if at_end {
            self.state = State::Ended;
        }
    }

    fn on_bytes(&mut self, chunk: Bytes) -> Bytes {
        let read_at = self.sent.answer.read_at();
        let out = self.tap.push(chunk, self.life.nanos(read_at));
        self.life.keep(&out);
        self.note_end(read_at);
        self.note_back(read_at);
        out
    }

    /// Our own time on the way back, once, at the first read.
    fn note_back(&mut self, read_at: Instant) {
        if self.life.record.overhead_back_ns == UNDEFINED {
            let inside = read_at.elapsed().as_nanos();
            self.life.record.overhead_back_ns = u32::try_from(inside).unwrap_or(UNDEFINED - 1);
        }
    }

    /// Sets the deadline for the next read.
    fn arm(&mut self, read_at: Instant) {
        let clock = &self.sent.clock;
        let (deadline, code) = if self.tap.facts().first_ns.is_none() {
            clock.sooner(clock.first_token, Code::ProviderTimeoutFirstToken)
        } else {
            clock.sooner(clock.stall.map(|stall| read_at + stall), Code::ProviderTimeoutStall)
        };
        self.waiting_for = code;
        self.sent.answer.set_deadline(deadline);
    }

    /// The provider closed the stream: its end if the terminal event came, else a cut.
    fn on_end(&mut self) -> Option<Bytes> {
        if self.tap.facts().terminal {
            self.finish(Outcome::Ok);
            self.state = State::Ended;
            return None;
        }
        // What ends within its terminal event ends too early: callers act on an event when its blank line comes.
        self.tap.end();
        self.abort(Code::ProviderCut, Outcome::Truncated)
    }

    fn on_error(&mut self, error: &AnswerError) -> Option<Bytes> {
        if self.life.is_done() {
            // The terminal event has left already; how the connection ended no longer matters.
            self.state = State::Ended;
            return None;
        }
        let (code, outcome) = super::cut_short(error, self.waiting_for);
        self.abort(code, outcome)
    }

    /// Ends the record and hands out the error event; the reset follows at the next poll.
    fn abort(&mut self, code: Code, outcome: Outcome) -> Option<Bytes> {
        // A provider that told of its own failure inside the stream needs no second event from us, nor a code of ours.
        let told = self.tap.facts().provider_error;
        self.life.record.code = if told { 0 } else { code as u16 };
        // In the middle of an event, another one cannot begin: the reset alone must tell.
        let silent = told || !self.tap.can_add_event();
        self.finish(if told { Outcome::ProviderError } else { outcome });
        self.state = State::Aborting;
        let deployment = &self.life.record.deployment;
        let failure = Failure::new(code, format!("The stream from deployment {deployment} ended early"));
        (!silent).then(|| error_event(self.life.record.api, &failure, self.tap.next_number()))
    }

    /// Copies what the watch saw into the record and writes it.
    fn finish(&mut self, outcome: Outcome) {
        if self.life.is_done() {
            return;
        }
        note_stream(&mut self.life, &self.tap);
        let failed = self.tap.facts().provider_error && outcome == Outcome::Ok;
        self.life.finish(if failed { Outcome::ProviderError } else { outcome });
    }
}

impl Drop for Relay {
    /// The caller left before the end: what was seen so far still counts.
    fn drop(&mut self) {
        self.finish(Life::left());
    }
}
