//! One request and its response head on one stream: the body goes out as the peer makes room, while the head is waited
//! for, so that an answer given early is not missed.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::{Reason, RecvStream, SendStream};
use http::header;

use super::body::Body;
use super::line::Seat;
use super::source::Source;
use crate::server::BodyError;
use crate::upstream::alarm::Alarm;
use crate::upstream::answer::{Answer, Transport};
use crate::upstream::error::SendError;

/// Why a stream gave no response head.
#[derive(Debug)]
pub(super) enum Failed {
    /// The peer says that it never looked at the request.
    Unseen,
    /// The connection ended before any of the answer.
    Dead,
    Other(SendError),
}

impl From<Failed> for SendError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Unseen => Self::Refused,
            Failed::Dead => Self::Cut,
            Failed::Other(error) => error,
        }
    }
}

impl From<h2::Error> for Failed {
    fn from(error: h2::Error) -> Self {
        let refused = error.is_reset() && error.reason() == Some(Reason::REFUSED_STREAM);
        if refused || (error.is_go_away() && error.is_remote()) {
            Self::Unseen
        } else if error.is_reset() && error.is_remote() {
            Self::Other(SendError::Cut)
        } else if error.is_io() || error.is_go_away() {
            // Ours to end it may have been, over what the peer said on another stream.
            Self::Dead
        } else {
            Self::Other(SendError::Malformed)
        }
    }
}

/// Runs one request; the source comes back with a failure. `deadline` is when the head is due; for a body that is still
/// coming in, the time left until then is what the peer gets once it has all of it.
pub(super) async fn exchange<'a>(
    seat: Seat,
    request: http::Request<()>,
    to_head_request: bool,
    source: Source<'a>,
    deadline: Option<Instant>,
    head_bytes_max: usize,
) -> Result<Answer, (Failed, Option<Source<'a>>)> {
    let Seat { sender, connect, held, .. } = seat;
    let mut alarm = Alarm::default();
    let mut source = source;
    let begun = in_time(&mut alarm, deadline, begin(sender, request, source.is_end())).await;
    let (response, stream) = match begun {
        Ok(begun) => begun,
        Err(failed) => {
            // Whatever is wrong with it, it takes no stream.
            held.forget_line();
            source.rewind();
            return Err((failed, Some(source)));
        }
    };
    let sent = Instant::now();
    let allowed = deadline.map(|deadline| deadline.saturating_duration_since(sent));
    let mut outgoing = Outgoing { stream, piece: None, done: source.is_end(), source, allowed, until: deadline };
    let mut response = response;
    let answered = poll_fn(|context| poll(&mut outgoing, &mut response, &mut alarm, context)).await;
    match answered {
        Ok(response) if head_bytes(response.headers()) > head_bytes_max => {
            Err((Failed::Other(SendError::HeadTooLarge), None))
        }
        Ok(response) => {
            let at = Instant::now();
            let (head, incoming) = response.into_parts();
            let stated = head.headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
            let rest = outgoing.into_rest().filter(|_| head.status.as_u16() < 400);
            let body = Body::new(incoming, held, rest, alarm, at);
            Ok(Answer {
                status: head.status.as_u16(),
                headers: head.headers,
                connect,
                sent,
                head: at,
                reconnected: false,
                content_length: stated.filter(|_| !to_head_request),
                body: Transport::Http2(Box::new(body)),
            })
        }
        Err(failed) => {
            if matches!(failed, Failed::Dead) {
                held.forget_line();
            }
            let mut source = outgoing.source;
            source.rewind();
            Err((failed, Some(source)))
        }
    }
}

/// As HTTP/2 counts a list of headers (RFC 9113, 6.5.2).
fn head_bytes(headers: &http::HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum()
}

async fn begin(
    sender: h2::client::SendRequest<Bytes>,
    request: http::Request<()>,
    ends: bool,
) -> Result<(ResponseFuture, SendStream<Bytes>), Failed> {
    // A connection that is going away says so here: nothing was sent.
    let unseen = |_| Failed::Unseen;
    let mut sender = sender.ready().await.map_err(unseen)?;
    sender.send_request(request, ends).map_err(|error| match error.reason() {
        // The request itself cannot be written.
        None if !error.is_io() && !error.is_go_away() => Failed::Other(SendError::Target),
        _ => Failed::Unseen,
    })
}

async fn in_time<T>(
    alarm: &mut Alarm,
    deadline: Option<Instant>,
    work: impl Future<Output = Result<T, Failed>>,
) -> Result<T, Failed> {
    let mut work = std::pin::pin!(work);
    poll_fn(|context| {
        if let Poll::Ready(done) = work.as_mut().poll(context) {
            return Poll::Ready(done);
        }
        match deadline {
            Some(deadline) => alarm.poll(context, deadline).map(|()| Err(Failed::Other(SendError::TimeoutHead))),
            None => Poll::Pending,
        }
    })
    .await
}

fn poll(
    outgoing: &mut Outgoing<'_>,
    response: &mut ResponseFuture,
    alarm: &mut Alarm,
    context: &mut Context<'_>,
) -> Poll<Result<http::Response<RecvStream>, Failed>> {
    if let Err(error) = outgoing.push(context) {
        return Poll::Ready(Err(Failed::Other(SendError::Body(error))));
    }
    if let Poll::Ready(answered) = Pin::new(response).poll(context) {
        return Poll::Ready(answered.map_err(Failed::from));
    }
    match outgoing.until {
        Some(until) => alarm.poll(context, until).map(|()| Err(Failed::Other(SendError::TimeoutHead))),
        None => Poll::Pending,
    }
}

/// A body on its way out.
pub(super) struct Outgoing<'a> {
    stream: SendStream<Bytes>,
    piece: Option<Bytes>,
    source: Source<'a>,
    /// All of it is handed over, or the peer wants no more.
    done: bool,
    /// For the peer: to take a piece of a body that is still coming in, and to answer.
    allowed: Option<Duration>,
    /// When that is over; none while it is the caller who is waited for.
    until: Option<Instant>,
}

impl Outgoing<'_> {
    /// Hands over what there is room for.
    pub(super) fn push(&mut self, context: &mut Context<'_>) -> Result<(), BodyError> {
        while !self.done {
            if self.piece.is_none() {
                let Poll::Ready(piece) = self.source.poll_piece(context) else {
                    // Waiting for the caller is the body's own business.
                    self.until = None;
                    return Ok(());
                };
                let Some(piece) = piece? else {
                    self.finish(Bytes::new());
                    return Ok(());
                };
                self.piece = Some(piece);
                self.wait_for_peer();
            }
            if self.push_piece(context).is_pending() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn push_piece(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(mut piece) = self.piece.take().filter(|piece| !piece.is_empty()) else { return Poll::Ready(()) };
        self.stream.reserve_capacity(piece.len());
        while self.stream.capacity() == 0 {
            match self.stream.poll_capacity(context) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(_) => {
                    // The peer wants no more of it; its answer may still come.
                    self.done = true;
                    return Poll::Ready(());
                }
                Poll::Pending => {
                    self.piece = Some(piece);
                    return Poll::Pending;
                }
            }
        }
        let part = piece.split_to(self.stream.capacity().min(piece.len()));
        if piece.is_empty() && self.source.is_end() {
            self.finish(part);
        } else {
            self.done = self.stream.send_data(part, false).is_err();
            self.piece = Some(piece);
        }
        Poll::Ready(())
    }

    fn finish(&mut self, last: Bytes) {
        let _ = self.stream.send_data(last, true);
        self.done = true;
        self.wait_for_peer();
    }

    fn wait_for_peer(&mut self) {
        if self.source.is_caller() {
            self.until = self.allowed.and_then(|allowed| Instant::now().checked_add(allowed));
        }
    }

    /// What still has to go out beside an answer that came early; a caller's body is not waited for any more.
    fn into_rest(self) -> Option<Outgoing<'static>> {
        let Self { stream, piece, source, done, allowed, until } = self;
        match source {
            Source::Parts { all, left } if !done => {
                Some(Outgoing { stream, piece, source: Source::Parts { all, left }, done, allowed, until })
            }
            _ => None,
        }
    }
}
