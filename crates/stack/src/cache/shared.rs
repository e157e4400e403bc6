//! Somebody else's answer, as it arrives: the same bytes, with this caller's own deadline, record and leave-taking.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use paceline_cache::{Head, Tail};
use paceline_http::{Abort, Body, Chunks, Response, StatusCode};
use paceline_providers::error_event;
use paceline_types::{Code, Failure, Outcome};
use tokio::time::Sleep;

use super::is_stream;
use crate::life::Life;
use crate::own;
use crate::prepare::Prepared;
use crate::relay::{self, Tap};

/// Answers with the answer of an identical request under way.
pub(super) fn respond(mut life: Box<Life>, head: Head, tail: Tail, prepared: &Prepared) -> Response {
    life.record.status = head.status;
    let tap = is_stream(prepared).then(|| Tap::new(prepared.api, &head.headers, false, false));
    let mut headers = head.headers;
    own::add(&life, &mut headers, prepared.advice.as_deref(), None);
    let deadline = prepared.clock.total.map(|at| Box::pin(tokio::time::sleep_until(at.into())));
    let status = StatusCode::from_u16(head.status).unwrap_or(StatusCode::OK);
    relay::assemble((status, headers), Body::stream(Shared { life, tail, tap, deadline, state: State::Reading }, None))
}

struct Shared {
    life: Box<Life>,
    tail: Tail,
    /// Watches a stream for this caller's own times.
    tap: Option<Tap>,
    deadline: Option<Pin<Box<Sleep>>>,
    state: State,
}

enum State {
    Reading,
    /// An error event has left; what follows is the reset.
    Aborting,
    Ended,
}

impl Chunks for Shared {
    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Abort>>> {
        match self.state {
            State::Reading => {}
            State::Aborting => return Poll::Ready(Some(Err(Abort))),
            State::Ended => return Poll::Ready(None),
        }
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(context).is_ready()
        {
            return self.abort(Code::ProviderTimeoutTotal, Outcome::TimeoutTotal);
        }
        match std::task::ready!(self.tail.poll_chunk(context)) {
            Some(Ok(part)) => Poll::Ready(Some(Ok(self.pass(part)))),
            Some(Err(_)) => self.abort(Code::ProviderCut, Outcome::Truncated),
            None => {
                self.finish(Outcome::Ok);
                self.state = State::Ended;
                Poll::Ready(None)
            }
        }
    }

    fn is_end(&self) -> bool {
        matches!(self.state, State::Ended)
    }
}

impl Shared {
    fn pass(&mut self, part: Bytes) -> Bytes {
        let now_ns = self.life.nanos(Instant::now());
        let part = match &mut self.tap {
            Some(tap) => tap.push(part, now_ns),
            None => part,
        };
        self.life.keep(&part);
        if self.tail.is_end() {
            self.finish(Outcome::Ok);
            self.state = State::Ended;
        }
        part
    }

    fn abort(&mut self, code: Code, outcome: Outcome) -> Poll<Option<Result<Bytes, Abort>>> {
        self.life.record.code = code as u16;
        self.finish(outcome);
        self.state = State::Aborting;
        let Some(tap) = self.tap.as_ref().filter(|tap| tap.can_add_event()) else {
            return Poll::Ready(Some(Err(Abort)));
        };
        let failure = Failure::new(code, "The answer shared with an identical request ended early");
        Poll::Ready(Some(Ok(error_event(self.life.record.api, &failure, tap.next_number()))))
    }

    fn finish(&mut self, outcome: Outcome) {
        if self.life.is_done() {
            return;
        }
        if let Some(tap) = &self.tap {
            relay::note_times(&mut self.life, tap);
        }
        self.life.finish(outcome);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.finish(Life::left());
    }
}
