//! A provider's answer: its head, and its body as it arrives.

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderMap;

use super::body::Incoming;
use super::error::AnswerError;

/// A response whose body is still at the provider. Dropping it unfinished closes the connection at once, which
/// cancels the work there; once the body has ended the connection is already back in the pool.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// Time spent opening a connection; zero when one was waiting.
    pub connect: Duration,
    /// When the first byte of the request was handed to the socket.
    pub sent: Instant,
    /// When the head was complete.
    pub head: Instant,
    /// The request was repeated on a fresh connection, since the pooled one proved dead before any response byte.
    pub reconnected: bool,
    pub content_length: Option<u64>,
    pub(super) body: Incoming,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Answer").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Answer {
    /// The next bytes of the body, framing undone: one read, one piece, never empty. `None` at its end, for good.
    /// After an error every further call repeats it.
    pub fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, AnswerError>> {
        self.body.poll_chunk(context)
    }

    /// The same, to be awaited.
    ///
    /// # Errors
    /// As `poll_chunk`.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, AnswerError> {
        std::future::poll_fn(|context| self.poll_chunk(context)).await
    }

    /// True as soon as the last byte has been handed out.
    #[must_use]
    pub fn is_end(&self) -> bool {
        self.body.is_end()
    }

    /// When `poll_chunk` gives up waiting. Setting it is free; it takes effect at the next poll, within the timer's
    /// millisecond. Bytes that are there already win over a deadline that passed while nobody polled, once.
    pub fn set_deadline(&mut self, deadline: Option<Instant>) {
        self.body.deadline = deadline;
    }

    /// When the last read returned.
    #[must_use]
    pub fn read_at(&self) -> Instant {
        self.body.read_at
    }
}
