//! What is noted of a request while it lives, for its spans: its place in the caller's trace, each attempt, and, where a
//! capture policy allows it, the bytes of both sides. Costs nothing where nothing is exported.

use std::time::Instant;

use bytes::Bytes;

use crate::context::{Context, Traceparent};

/// Most attempts that get a span of their own.
const ATTEMPTS_MAX: usize = 16;
/// Longer requests are not kept.
const REQUEST_BYTES_MAX: usize = 1 << 20;
/// Bytes of an answer that are kept for its text; what is longer is cut.
const ANSWER_BYTES_MAX: usize = 512 * 1024;

/// One request's.
#[derive(Debug)]
pub struct Trace {
    pub(crate) context: Context,
    /// Of the request as a whole.
    pub(crate) span: [u8; 8],
    pub(crate) state: Option<String>,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) captured: Option<Box<Captured>>,
}

/// One attempt at a deployment.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub span: [u8; 8],
    /// By the plan's index.
    pub deployment: usize,
    pub began: Instant,
    pub ended: Option<Instant>,
    pub hedge: bool,
    pub end: End,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Given up since another one answered, or since the caller left.
    Dropped,
    /// It gave the answer that the caller got.
    Answered,
    /// It failed: the status, or a word.
    Status(u16),
    Failed(&'static str),
}

/// The bytes whose text leaves, and until when it may.
#[derive(Debug)]
pub(crate) struct Captured {
    pub until_unix_s: u64,
    pub bytes_max: usize,
    pub request: Bytes,
    /// Copied, since parts would hold on to the buffers that they were read into.
    pub answer: Vec<u8>,
    /// Some of it is missing.
    pub cut: bool,
}

impl Captured {
    pub(crate) fn bytes(&self) -> usize {
        self.request.len() + self.answer.len()
    }
}

impl Trace {
    pub(crate) fn new(context: Context, span: u64, state: Option<String>) -> Self {
        Self { context, span: span.to_be_bytes(), state, attempts: Vec::new(), captured: None }
    }

    /// True where no caller's trace was taken over: what a caller says of its trace's state is then of none.
    #[must_use]
    pub fn begins_here(&self) -> bool {
        self.context.parent.is_none()
    }

    /// Notes that an attempt leaves; returns what its provider is told.
    pub fn attempt(&mut self, deployment: usize, span: u64, hedge: bool) -> Traceparent {
        let span = (span | 1).to_be_bytes();
        if self.attempts.len() < ATTEMPTS_MAX {
            let began = Instant::now();
            self.attempts.push(Attempt { span, deployment, began, ended: None, hedge, end: End::Dropped });
        }
        Traceparent { context: self.context, span }
    }

    /// What the provider of a request without attempts of its own is told.
    #[must_use]
    pub fn traceparent(&self) -> Traceparent {
        Traceparent { context: self.context, span: self.span }
    }

    /// Notes how the latest attempt at a deployment failed: by a status, or in a word.
    pub fn failed(&mut self, deployment: usize, status: Option<u16>, word: &'static str) {
        self.end(deployment, status.map_or(End::Failed(word), End::Status));
    }

    /// Notes whose answer the caller gets; that attempt goes on until the request ends.
    pub fn answered(&mut self, deployment: usize) {
        // One that had failed answers after all where nothing better came and the caller gets the provider's own words.
        if let Some(attempt) = self.attempts.iter_mut().rev().find(|attempt| attempt.deployment == deployment) {
            (attempt.end, attempt.ended) = (End::Answered, None);
        }
        let now = Instant::now();
        let others = self.attempts.iter_mut().filter(|attempt| attempt.ended.is_none());
        others.filter(|attempt| attempt.end != End::Answered).for_each(|attempt| attempt.ended = Some(now));
    }

    fn end(&mut self, deployment: usize, end: End) {
        if let Some(attempt) = self.open(deployment) {
            (attempt.end, attempt.ended) = (end, Some(Instant::now()));
        }
    }

    fn open(&mut self, deployment: usize) -> Option<&mut Attempt> {
        self.attempts.iter_mut().rev().find(|attempt| attempt.deployment == deployment && attempt.ended.is_none())
    }

    /// From here on the bytes of this request are kept.
    pub fn capture(&mut self, until_unix_s: u64, bytes_max: u32, request: &Bytes) {
        let cut = request.len() > REQUEST_BYTES_MAX;
        let request = if cut { Bytes::new() } else { request.clone() };
        let captured = Captured { until_unix_s, bytes_max: bytes_max as usize, request, answer: Vec::new(), cut };
        self.captured = Some(Box::new(captured));
    }

    /// There is no room for the text: the span says that it is missing.
    pub(crate) fn leave_out_text(&mut self) {
        if let Some(captured) = &mut self.captured {
            (captured.request, captured.answer, captured.cut) = (Bytes::new(), Vec::new(), true);
        }
    }

    /// Some of the answer, as the provider wrote it.
    pub fn answer(&mut self, part: &Bytes) {
        let Some(captured) = &mut self.captured else { return };
        let room = ANSWER_BYTES_MAX - captured.answer.len();
        captured.cut |= part.len() > room;
        captured.answer.extend_from_slice(&part[..part.len().min(room)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace() -> Trace {
        Trace::new(Context::begin(None, 1.0, || 3), 5, None)
    }

    #[test]
    fn an_attempt_that_answers_ends_those_that_ran_beside_it() {
        let mut trace = trace();
        let first = trace.attempt(0, 7, false);
        let second = trace.attempt(1, 8, true);
        assert_ne!(first.span, second.span);
        trace.answered(1);
        let ends: Vec<_> = trace.attempts.iter().map(|attempt| (attempt.end, attempt.ended.is_some())).collect();
        assert_eq!(ends, [(End::Dropped, true), (End::Answered, false)]);
    }

    #[test]
    fn a_refusal_that_is_passed_on_is_the_answer_and_earlier_ones_stay_failures() {
        let mut trace = trace();
        for span in [7, 8] {
            trace.attempt(0, span, false);
            trace.failed(0, Some(500), "status");
        }
        trace.answered(0);
        let ends: Vec<_> = trace.attempts.iter().map(|attempt| (attempt.end, attempt.ended.is_some())).collect();
        assert_eq!(ends, [(End::Status(500), true), (End::Answered, false)]);
    }

    #[test]
    fn the_latest_attempt_at_a_deployment_is_the_one_that_failed() {
        let mut trace = trace();
        trace.attempt(0, 7, false);
        trace.failed(0, Some(503), "status");
        trace.attempt(0, 8, false);
        trace.failed(0, None, "connect");
        trace.failed(0, None, "nobody is asked any more");
        let ends: Vec<_> = trace.attempts.iter().map(|attempt| attempt.end).collect();
        assert_eq!(ends, [End::Status(503), End::Failed("connect")]);
    }

    #[test]
    fn attempts_and_captured_bytes_are_bounded_and_nothing_is_kept_without_leave() {
        let mut trace = trace();
        trace.answer(&Bytes::from_static(b"text"));
        assert!(trace.captured.is_none());
        for number in 0..100 {
            trace.attempt(0, number, false);
        }
        assert_eq!(trace.attempts.len(), ATTEMPTS_MAX);
        trace.capture(9, 100, &Bytes::from_static(b"prompt"));
        let part = Bytes::from(vec![b'x'; ANSWER_BYTES_MAX / 2 + 1]);
        trace.answer(&part);
        assert!(trace.captured.as_ref().is_some_and(|kept| !kept.cut));
        trace.answer(&part);
        trace.answer(&Bytes::from_static(b"nothing after a gap"));
        assert!(trace.captured.is_some_and(|kept| kept.cut && kept.answer == vec![b'x'; ANSWER_BYTES_MAX]));
    }

    #[test]
    fn a_request_too_long_to_be_looked_at_is_not_held() {
        let mut trace = trace();
        trace.capture(9, 100, &Bytes::from(vec![b'x'; REQUEST_BYTES_MAX + 1]));
        assert!(trace.captured.is_some_and(|kept| kept.cut && kept.bytes() == 0));
    }
}
