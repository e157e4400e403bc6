//! An answer that is not a stream of events: gathered whole while it is small, so that its cost can stand in the
//! head and a cut becomes a clean error; relayed piece by piece past that.

use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use paceline_http::{Abort, AnswerError, Body, Chunks, Response};
use paceline_providers::{Finish, Inflate, passthrough_usage, read_answer};
use paceline_types::{Api, Code, Failure, Outcome, UNDEFINED};

use super::{assemble, head, note_end, outcome};
use crate::life::Life;
use crate::passthrough;
use crate::refuse;
use crate::send::Sent;

/// Answers a request whose answer is not a stream; its first bytes, or all of them, have been read already.
pub(super) fn respond(mut life: Box<Life>, mut sent: Box<Sent>, parts: Vec<Bytes>, ended: bool) -> Response {
    if sent.answer.status == 401 {
        // The caller's key was good here; passing this on would tell its SDK otherwise.
        let what = format!("The provider of deployment {} did not accept the gateway's key", life.record.deployment);
        return refuse::refuse(life, &Failure::new(Code::ProviderKeyRefused, what));
    }
    if sent.answer.status / 100 == 3 {
        // An SDK would follow it, with its prompt and past every rule of ours.
        let what = format!(
            "Deployment {} answered with a redirect ({}), which is not followed",
            life.record.deployment, sent.answer.status
        );
        return refuse::refuse(life, &Failure::new(Code::ProviderMalformed, what));
    }
    life.record.status = sent.answer.status;
    sent.answer.set_deadline(sent.clock.total);
    let mut seen = Seen::new(&life, &sent);
    for part in &parts {
        seen.push(part);
        life.keep(part);
    }
    if ended {
        return gathered(life, sent, seen, parts);
    }
    let length = sent.answer.content_length;
    let head = head(&life, &mut sent);
    assemble(head, Body::stream(Rest { life, sent, seen, parts: parts.into_iter(), ended: false }, length))
}

fn gathered(mut life: Box<Life>, mut sent: Box<Sent>, mut seen: Seen, mut parts: Vec<Bytes>) -> Response {
    seen.settle(&mut life);
    let back = sent.answer.read_at().elapsed().as_nanos();
    life.record.overhead_back_ns = u32::try_from(back).unwrap_or(UNDEFINED - 1);
    let outcome = seen.outcome(&life);
    life.finish(outcome);
    let head = head(&life, &mut sent);
    let body = match parts.len() {
        0 => Body::Empty,
        1 => Body::Full(parts.swap_remove(0)),
        _ => Body::Full(join(&parts)),
    };
    assemble(head, body)
}

fn join(parts: &[Bytes]) -> Bytes {
    let mut joined = BytesMut::with_capacity(parts.iter().map(Bytes::len).sum());
    parts.iter().for_each(|part| joined.extend_from_slice(part));
    joined.freeze()
}

fn failure(sent: &Sent, error: &AnswerError) -> Failure {
    let (code, what) = match error {
        AnswerError::Deadline => (Code::ProviderTimeoutTotal, "did not finish its answer in time"),
        AnswerError::Malformed => (Code::ProviderMalformed, "sent a body that is not valid HTTP"),
        _ => (Code::ProviderCut, "closed the connection before its answer was complete"),
    };
    Failure::new(code, format!("The provider (status {}) {what}", sent.answer.status))
}

/// What has passed so far, kept (by reference) for the usage scan up to a bound.
struct Seen {
    bytes: usize,
    kept: Vec<Bytes>,
    kept_bytes_max: usize,
    inflate: Option<Inflate>,
    readable: bool,
    /// An error object under a 2xx status.
    provider_error: bool,
}

impl Seen {
    fn new(life: &Life, sent: &Sent) -> Self {
        let bound = life.scene.running.as_ref().map_or(0, |running| running.gateway().answer_scan_bytes_max);
        let encoding = sent.answer.headers.get("content-encoding");
        Self {
            bytes: 0,
            kept: Vec::new(),
            kept_bytes_max: usize::try_from(bound).unwrap_or(usize::MAX),
            inflate: encoding.and_then(|encoding| Inflate::new(encoding.to_str().ok()?)),
            readable: sent.answer.status / 100 == 2,
            provider_error: false,
        }
    }

    fn push(&mut self, chunk: &Bytes) {
        self.bytes += chunk.len();
        self.readable &= self.bytes <= self.kept_bytes_max;
        if self.readable {
            self.kept.push(match &mut self.inflate {
                Some(inflate) => inflate.push(chunk).unwrap_or_default(),
                None => chunk.clone(),
            });
        } else {
            self.kept.clear();
        }
    }

    /// The outcome of an answer that arrived whole.
    fn outcome(&self, life: &Life) -> Outcome {
        if self.provider_error { Outcome::ProviderError } else { outcome(life.record.provider_status) }
    }

    /// Reads usage out of what was kept and writes it into the record.
    fn settle(&mut self, life: &mut Life) {
        life.record.response_bytes = u32::try_from(self.bytes).unwrap_or(u32::MAX);
        if let (Some(first), Some(running)) = (self.kept.first(), life.scene.running.clone()) {
            passthrough::note_made(life, &running, first);
        }
        if self.readable && life.record.api == Api::Passthrough {
            // What is only read again was counted when it was made.
            let usage = if life.scene.free { None } else { passthrough_usage(&join(&self.kept)) };
            note_end(life, usage, Finish::None, None);
        } else if self.readable {
            let facts = read_answer(life.record.api, &self.kept);
            life.scene.text_bytes = facts.text_bytes;
            self.provider_error = facts.provider_error;
            note_end(life, facts.usage, facts.finish, facts.model_served);
        }
        self.kept.clear();
    }
}

/// The rest of a large answer.
struct Rest {
    life: Box<Life>,
    sent: Box<Sent>,
    seen: Seen,
    parts: std::vec::IntoIter<Bytes>,
    ended: bool,
}

impl Chunks for Rest {
    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Abort>>> {
        if let Some(part) = self.parts.next() {
            return Poll::Ready(Some(Ok(part)));
        }
        if self.ended {
            return Poll::Ready(None);
        }
        match std::task::ready!(self.sent.answer.poll_chunk(context)) {
            Ok(Some(chunk)) => {
                self.seen.push(&chunk);
                self.life.keep(&chunk);
                if self.sent.answer.is_end() {
                    self.end();
                }
                Poll::Ready(Some(Ok(chunk)))
            }
            Ok(None) => {
                self.end();
                Poll::Ready(None)
            }
            Err(error) => {
                self.seen.settle(&mut self.life);
                let failure = failure(&self.sent, &error);
                self.life.record.code = failure.code as u16;
                self.life.finish(refuse::outcome(&failure));
                Poll::Ready(Some(Err(Abort)))
            }
        }
    }

    fn is_end(&self) -> bool {
        self.ended && self.parts.as_slice().is_empty()
    }
}

impl Rest {
    fn end(&mut self) {
        self.ended = true;
        self.seen.settle(&mut self.life);
        let outcome = self.seen.outcome(&self.life);
        self.life.finish(outcome);
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        if !self.life.is_done() {
            self.seen.settle(&mut self.life);
            self.life.finish(Life::left());
        }
    }
}
