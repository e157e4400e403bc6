//! What a handler answers with, and how it reaches hyper: the last data frame says that it is the last, and an abort
//! breaks the connection without looking like an end.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use super::link::Answering;

/// The answer's body.
#[derive(Default)]
pub enum Body {
    #[default]
    Empty,
    Full(Bytes),
    /// Pieces as they come; with a known length the answer carries a content-length.
    Stream(Box<dyn Chunks>, Option<u64>),
}

/// A body in pieces. Polled by the caller's connection; dropped at once when the caller leaves.
pub trait Chunks: Send {
    /// The next piece, `None` at the end. `Err(Abort)` breaks the caller's connection off (HTTP/1.1: closed without
    /// the last chunk; HTTP/2: the stream is reset) after what was handed out before.
    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Abort>>>;

    /// True as soon as no piece will follow; asked after each piece, so that the end leaves together with the data.
    fn is_end(&self) -> bool;
}

/// The answer cannot be completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("answer aborted")]
pub struct Abort;

/// Among an answer's extensions: an abort of its body resets the connection (HTTP/1.1) instead of closing it.
#[derive(Debug, Clone, Copy)]
pub struct AbortWithReset;

impl Body {
    /// A body in pieces, of known length or not.
    #[must_use]
    pub fn stream(chunks: impl Chunks + 'static, length: Option<u64>) -> Self {
        Self::Stream(Box::new(chunks), length)
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => formatter.write_str("Empty"),
            Self::Full(bytes) => write!(formatter, "Full({} bytes)", bytes.len()),
            Self::Stream(_, length) => write!(formatter, "Stream({length:?})"),
        }
    }
}

/// Time between the last piece and the break, in which the piece can leave. hyper and h2 drop what they still hold
/// when a body fails, and an error event that explains the break is worth its delivery.
const LAST_WORDS: Duration = Duration::from_millis(25);

/// A body on its way out; tells the connection when the answer is over.
pub(super) struct Served {
    body: Body,
    answering: Answering,
    /// The caller cannot tell a close from an end (HTTP/1.0), or shall not see one: break off with a reset.
    close_means_end: bool,
    spoke: bool,
    left: Option<u64>,
    aborting: Option<Pin<Box<Sleep>>>,
}

impl Served {
    pub(super) fn new(body: Body, answering: Answering, close_means_end: bool) -> Self {
        let left = match &body {
            Body::Empty => Some(0),
            Body::Full(bytes) => Some(bytes.len() as u64),
            Body::Stream(_, length) => *length,
        };
        Self { body, answering, close_means_end, spoke: false, left, aborting: None }
    }

    fn poll_stream(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Abort>>> {
        if let Some(pause) = &mut self.aborting {
            ready!(pause.as_mut().poll(context));
            return Poll::Ready(Some(Err(Abort)));
        }
        loop {
            let polled = Polling(self).poll(context);
            match ready!(polled) {
                Some(Ok(piece)) if piece.is_empty() => {
                    if self.is_end_stream() {
                        return Poll::Ready(None);
                    }
                }
                Some(Ok(piece)) => {
                    self.spoke = true;
                    self.left = self.left.map(|left| left.saturating_sub(piece.len() as u64));
                    return Poll::Ready(Some(Ok(Frame::data(piece))));
                }
                // Fewer bytes than the head promised: an end would be a lie.
                None if self.left.is_some_and(|left| left > 0) => return self.abort(context),
                None => return Poll::Ready(None),
                Some(Err(Abort)) => return self.abort(context),
            }
        }
    }

    fn abort(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Abort>>> {
        if self.close_means_end {
            self.answering.link.reset_on_close();
        }
        if !self.spoke {
            return Poll::Ready(Some(Err(Abort)));
        }
        let mut pause = Box::pin(sleep(LAST_WORDS));
        let polled = pause.as_mut().poll(context);
        self.aborting = Some(pause);
        polled.map(|()| Some(Err(Abort)))
    }
}

/// One poll of a body in pieces. If it panics, the body is dropped while the stack unwinds, so that what it owns can tell
/// that from a caller who left; and what was sent of it does not end as if it were whole.
struct Polling<'a>(&'a mut Served);

impl Polling<'_> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Abort>>> {
        match &mut self.0.body {
            Body::Stream(chunks, _) => chunks.poll_chunk(context),
            Body::Empty | Body::Full(_) => Poll::Ready(None),
        }
    }
}

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            if self.0.close_means_end {
                self.0.answering.link.reset_on_close();
            }
            self.0.body = Body::Empty;
        }
    }
}

impl HttpBody for Served {
    type Data = Bytes;
    type Error = Abort;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Abort>>> {
        match &mut self.body {
            Body::Empty => Poll::Ready(None),
            Body::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                self.body = Body::Empty;
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            Body::Stream(..) => self.poll_stream(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            Body::Empty => true,
            Body::Full(bytes) => bytes.is_empty(),
            Body::Stream(chunks, _) => {
                self.aborting.is_none() && chunks.is_end() && self.left.is_none_or(|left| left == 0)
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
