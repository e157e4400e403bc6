//! A provider's answer: its head, and its body as it arrives.

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderMap;

use super::body::Incoming;
use super::error::AnswerError;
use super::http2;

/// A response whose body is still at the provider. Dropping it unfinished closes the connection (of HTTP/2 the
/// stream) at once, which cancels the work there; once the body has ended the connection is already back in the pool.
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    /// Time spent opening a connection; zero when one was waiting.
    pub connect: Duration,
    /// When the first byte of the request was handed to the socket.
    pub sent: Instant,
    /// When the head was complete.
    pub head: Instant,
    /// The request was repeated on a fresh connection, since the one in use proved dead before any response byte.
    pub reconnected: bool,
    pub content_length: Option<u64>,
    pub(super) body: Transport,
}

/// What a body comes in on.
#[expect(clippy::large_enum_variant, reason = "nearly every answer is the large one, and is boxed further up")]
pub(super) enum Transport {
    Http1(Incoming),
    Http2(Box<http2::Body>),
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
        match &mut self.body {
            Transport::Http1(body) => body.poll_chunk(context),
            Transport::Http2(body) => body.poll_chunk(context),
        }
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
        match &self.body {
            Transport::Http1(body) => body.is_end(),
            Transport::Http2(body) => body.is_end(),
        }
    }

    /// What an HTTP/2 answer said after its body, once that has ended.
    #[must_use]
    pub fn trailers(&self) -> Option<&HeaderMap> {
        match &self.body {
            Transport::Http1(_) => None,
            Transport::Http2(body) => body.trailers.as_ref(),
        }
    }

    /// When `poll_chunk` gives up waiting. Setting it is free; it takes effect at the next poll, within the timer's
    /// millisecond. Bytes that are there already win over a deadline that passed while nobody polled, once.
    pub fn set_deadline(&mut self, deadline: Option<Instant>) {
        match &mut self.body {
            Transport::Http1(body) => body.deadline = deadline,
            Transport::Http2(body) => body.deadline = deadline,
        }
    }

    /// When the last read returned.
    #[must_use]
    pub fn read_at(&self) -> Instant {
        match &self.body {
            Transport::Http1(body) => body.read_at,
            Transport::Http2(body) => body.read_at,
        }
    }
}
