//! The body of an answer on one stream. Room is given back as the caller takes what came: a caller who does not read
//! holds one stream's window, and no more.

use std::io;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use h2::RecvStream;
use http::HeaderMap;

use super::exchange::Outgoing;
use super::line::Held;
use crate::upstream::alarm::Alarm;
use crate::upstream::error::AnswerError;

/// Dropping it before its end resets the stream, which cancels the work at the provider; the connection stays.
pub(in crate::upstream) struct Body {
    incoming: RecvStream,
    /// Gone once the body has ended, well or not.
    held: Option<Held>,
    /// The rest of a request that was answered before it had gone out whole.
    outgoing: Option<Outgoing<'static>>,
    alarm: Alarm,
    failed: Option<AnswerError>,
    /// What came after the body.
    pub trailers: Option<HeaderMap>,
    pub deadline: Option<Instant>,
    pub read_at: Instant,
}

impl Body {
    pub(super) fn new(
        incoming: RecvStream,
        held: Held,
        outgoing: Option<Outgoing<'static>>,
        alarm: Alarm,
        read_at: Instant,
    ) -> Self {
        let held = Some(held).filter(|_| !incoming.is_end_stream());
        Self { incoming, held, outgoing, alarm, failed: None, trailers: None, deadline: None, read_at }
    }

    pub(in crate::upstream) fn is_end(&self) -> bool {
        self.held.is_none() && self.failed.is_none()
    }

    pub(in crate::upstream) fn poll_chunk(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, AnswerError>> {
        if let Some(error) = self.failed {
            return Poll::Ready(Err(error));
        }
        if self.held.is_none() {
            return Poll::Ready(Ok(None));
        }
        let polled = self.poll_stream(context);
        if let Poll::Ready(Err(error)) = polled {
            self.failed = Some(error);
            self.held = None;
        }
        polled
    }

    fn poll_stream(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, AnswerError>> {
        if let Some(outgoing) = &mut self.outgoing {
            // Pieces that are there do not fail.
            let _ = outgoing.push(context);
        }
        loop {
            let Poll::Ready(data) = self.incoming.poll_data(context) else {
                let Some(deadline) = self.deadline else { return Poll::Pending };
                ready!(self.alarm.poll(context, deadline));
                return Poll::Ready(Err(AnswerError::Deadline));
            };
            self.read_at = Instant::now();
            let Some(data) = data else {
                // They are there, or there are none: the stream has ended.
                if let Poll::Ready(Ok(trailers)) = self.incoming.poll_trailers(context) {
                    self.trailers = trailers;
                }
                self.held = None;
                return Poll::Ready(Ok(None));
            };
            let data = data.map_err(|error| broken(&error))?;
            let _ = self.incoming.flow_control().release_capacity(data.len());
            if self.incoming.is_end_stream() {
                self.held = None;
            }
            if !data.is_empty() {
                return Poll::Ready(Ok(Some(data)));
            }
        }
    }
}

/// A stream that ended before its end.
fn broken(error: &h2::Error) -> AnswerError {
    match error.get_io().map(io::Error::kind) {
        Some(io::ErrorKind::BrokenPipe | io::ErrorKind::UnexpectedEof) => AnswerError::Cut,
        Some(kind) => AnswerError::Reset(kind),
        // A connection that ended, perhaps over what the peer said on another stream.
        None if error.is_remote() || error.is_go_away() => AnswerError::Cut,
        None => AnswerError::Malformed,
    }
}
