//! A request whose body is passed on while it comes in: the next piece is read when the last one has gone, so that a
//! slow provider slows its caller down and nothing is stored.

use std::borrow::BorrowMut;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Method;

use super::exchange::{Sending, Unsent};
use super::http2::{Sent, Source};
use super::request::{Outgoing, encode};
use super::wire::Wire;
use super::{Answer, Deadlines, RequestHead, SendError, Upstream};
use crate::server::BodyStream;

impl Upstream {
    /// Sends a request whose body is still coming in and waits for the response head. The body's length is passed on
    /// if it is stated; otherwise it goes out in chunks. An answer given before the body has ended is returned at
    /// once; the rest of the body is not sent and the connection not kept. A pooled connection that proves dead is
    /// replaced only if nothing of the body was read yet. Takes the body or borrows it.
    ///
    /// The time from now to `deadlines.head` is what the provider gets for the head once the body has ended, and for
    /// taking each piece before; waiting for the caller is the body's own business.
    ///
    /// # Errors
    /// When there is no response head; `SendError::Body` when the body did not come whole, which breaks the
    /// provider's connection off.
    pub async fn send_stream(
        &self,
        mut head: RequestHead<'_>,
        mut body: impl BorrowMut<BodyStream> + Send,
        deadlines: Deadlines,
    ) -> Result<Answer, SendError> {
        let body = body.borrow_mut();
        if let Some(error) = body.fault() {
            return Err(SendError::Body(error));
        }
        if let Some(lines) = self.lines.as_ref().filter(|lines| lines.is_spoken())
            && let Sent::Answer(answer) =
                Box::pin(self.over_http2(lines, head, Source::Stream(body), deadlines)).await?
        {
            return Ok(*answer);
        }
        let more;
        if let Some(authorization) = self.target.proxy_authorization() {
            more = [head.more, &[authorization]].concat();
            head.more = &more;
        }
        let mut bytes = Vec::with_capacity(1024);
        encode(&mut bytes, head, self.target.prefix(), self.target.authority(), body.length())?;
        let allowed = deadlines.head.map(|head| head.saturating_duration_since(Instant::now()));
        let upload = Upload::new(bytes.into(), body, allowed);
        self.carry(upload, *head.method == Method::HEAD, deadlines).await
    }
}

/// The request as far as it has come.
struct Upload<'a> {
    head: Bytes,
    body: &'a mut BodyStream,
    in_chunks: bool,
    /// The head, then one piece after the other.
    piece: Outgoing,
    begun: bool,
    /// Nothing follows `piece`.
    last: bool,
    sent: bool,
    /// For the provider: to take a piece, and to answer.
    allowed: Option<Duration>,
    /// When that is over; none while it is the caller who is waited for.
    until: Option<Instant>,
}

impl<'a> Upload<'a> {
    fn new(head: Bytes, body: &'a mut BodyStream, allowed: Option<Duration>) -> Self {
        Self {
            piece: Outgoing::of(vec![head.clone()]),
            head,
            in_chunks: body.length().is_none(),
            last: body.is_end(),
            body,
            begun: false,
            sent: false,
            allowed,
            until: None,
        }
    }

    fn poll_piece(&mut self, wire: &mut Wire, context: &mut Context<'_>) -> Poll<Result<(), Unsent>> {
        while !self.piece.is_gone() {
            if self.until.is_none() {
                self.wait_for_provider();
            }
            ready!(self.piece.poll_write(wire, context)).map_err(|_| Unsent::Wire)?;
            self.begun = true;
        }
        Poll::Ready(Ok(()))
    }

    fn wait_for_provider(&mut self) {
        self.until = self.allowed.and_then(|allowed| Instant::now().checked_add(allowed));
    }

    /// The next thing to write: a piece of the body, or its end.
    fn take(&mut self, data: Option<Bytes>) {
        self.last = data.is_none() || self.body.is_end();
        self.piece = Outgoing::of(match data {
            Some(data) if self.in_chunks => {
                let size = format!("{:x}\r\n", data.len());
                let end: &[u8] = if self.last { b"\r\n0\r\n\r\n" } else { b"\r\n" };
                vec![size.into(), data, Bytes::from_static(end)]
            }
            Some(data) => vec![data],
            None if self.in_chunks => vec![Bytes::from_static(b"0\r\n\r\n")],
            None => vec![],
        });
    }
}

impl Sending for Upload<'_> {
    fn poll_step(&mut self, wire: &mut Wire, context: &mut Context<'_>) -> Poll<Result<bool, Unsent>> {
        ready!(self.poll_piece(wire, context))?;
        if self.last {
            self.sent = true;
            self.wait_for_provider();
            return Poll::Ready(Ok(true));
        }
        self.until = None;
        let data = ready!(self.body.poll_chunk(context)).map_err(Unsent::Body)?;
        self.take(data);
        Poll::Ready(Ok(false))
    }

    fn has_begun(&self) -> bool {
        self.begun
    }

    fn is_sent(&self) -> bool {
        self.sent
    }

    fn rewind(&mut self) -> bool {
        if self.body.is_touched() || self.body.fault().is_some() {
            return false;
        }
        self.piece = Outgoing::of(vec![self.head.clone()]);
        (self.begun, self.last, self.sent, self.until) = (false, self.body.is_end(), false, None);
        true
    }

    fn deadline(&self, _: Option<Instant>) -> Option<Instant> {
        self.until
    }

    fn into_rest(self) -> Option<Outgoing> {
        None
    }
}
