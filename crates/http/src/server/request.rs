//! A request as a handler sees it: the head, and a body that it reads once, within bounds, or not at all.

use std::error::Error as _;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Uri};
use http_body::Body as _;
use hyper::body::Incoming;

use super::link::Link;
use super::upload::BodyStream;
use crate::upstream::Alarm;

/// Room made at once for a body whose length is stated; more only as bytes arrive.
const RESERVED_BYTES_MAX: u64 = 1024 * 1024;

/// Why a request's body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    #[error("body over its bound")]
    TooLarge,
    #[error("body not complete in time")]
    Timeout,
    /// The caller left or the connection broke.
    #[error("body ended early")]
    Cut,
    /// Its framing is not HTTP.
    #[error("body framing is invalid")]
    Invalid,
}

/// A request. Dropping it with its body unread is fine: the connection is closed after the answer if need be.
pub struct Request {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    /// When its head had been read.
    pub received: Instant,
    /// The caller's address; none behind a Unix socket.
    pub peer: Option<SocketAddr>,
    /// Gone once it was taken.
    body: Option<Incoming>,
    whole: bool,
    link: Arc<Link>,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Request").field("method", &self.method).finish_non_exhaustive()
    }
}

impl Request {
    pub(super) fn new(
        request: hyper::Request<Incoming>,
        received: Instant,
        peer: Option<SocketAddr>,
        link: Arc<Link>,
    ) -> Self {
        let (parts, body) = request.into_parts();
        let whole = body.is_end_stream();
        let (method, uri, headers) = (parts.method, parts.uri, parts.headers);
        Self { method, uri, headers, received, peer, body: Some(body), whole, link }
    }

    /// The target's path.
    #[must_use]
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    /// Reads the whole body: at most `limit` bytes, within `within` from now. Says when the last byte was in. A second
    /// call yields nothing.
    ///
    /// # Errors
    /// When the body is too large, too slow, cut, or invalid.
    pub async fn read_body(&mut self, limit: usize, within: Duration) -> Result<(Bytes, Instant), BodyError> {
        let stated = self.body.as_ref().map_or(0, |body| body.size_hint().lower());
        if stated > limit as u64 {
            return Err(BodyError::TooLarge);
        }
        let mut gathered = Gathered { first: Bytes::new(), more: BytesMut::new(), stated, limit };
        let mut patience = Patience { within, deadline: None, alarm: None, link: Arc::clone(&self.link) };
        poll_fn(|context| self.poll_body(context, &mut gathered, &mut patience)).await?;
        Ok((gathered.finish(), Instant::now()))
    }

    /// The body to be read piece by piece: at most `limit_bytes` in all, `within_idle` for every piece. What is taken
    /// a second time, or after `read_body`, is empty.
    pub fn take_body(&mut self, limit_bytes: u64, within_idle: Duration) -> BodyStream {
        self.whole = true;
        BodyStream::new(self.body.take(), limit_bytes, within_idle, Arc::clone(&self.link))
    }

    fn poll_body(
        &mut self,
        context: &mut Context<'_>,
        gathered: &mut Gathered,
        patience: &mut Patience,
    ) -> Poll<Result<(), BodyError>> {
        while !self.whole {
            let Some(body) = &mut self.body else { break };
            match Pin::new(&mut *body).poll_frame(context) {
                Poll::Ready(None) => self.whole = true,
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        gathered.push(data)?;
                    }
                    self.whole = body.is_end_stream();
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(kind_of(&error))),
                Poll::Pending => {
                    ready!(patience.poll(context));
                    return Poll::Ready(Err(BodyError::Timeout));
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if !self.whole {
            self.link.leave_unread();
        }
    }
}

/// The body so far. One frame, the common case, is passed on as it is.
struct Gathered {
    first: Bytes,
    more: BytesMut,
    stated: u64,
    limit: usize,
}

impl Gathered {
    fn push(&mut self, data: Bytes) -> Result<(), BodyError> {
        if self.first.len() + self.more.len() + data.len() > self.limit {
            return Err(BodyError::TooLarge);
        }
        if self.more.is_empty() && self.first.is_empty() {
            self.first = data;
            return Ok(());
        }
        if self.more.is_empty() {
            let room = usize::try_from(self.stated.min(RESERVED_BYTES_MAX)).unwrap_or(0);
            self.more.reserve(room.max(self.first.len() + data.len()));
            self.more.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.more.extend_from_slice(&data);
        Ok(())
    }

    fn finish(self) -> Bytes {
        if self.more.is_empty() { self.first } else { self.more.freeze() }
    }
}

/// The body's deadline. On HTTP/1.1 the connection's own timer keeps it; an HTTP/2 request runs in a task of its own
/// and needs one.
struct Patience {
    within: Duration,
    deadline: Option<Instant>,
    alarm: Option<Alarm>,
    link: Arc<Link>,
}

impl Patience {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let deadline = *self.deadline.get_or_insert_with(|| Instant::now() + self.within);
        if self.link.is_h2() {
            return self.alarm.get_or_insert_default().poll(context, deadline);
        }
        self.link.set_deadline(Some(deadline));
        if Instant::now() >= deadline { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Patience {
    fn drop(&mut self) {
        if self.deadline.is_some() && !self.link.is_h2() {
            self.link.set_deadline(None);
        }
    }
}

pub(super) fn kind_of(error: &hyper::Error) -> BodyError {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            return match error.kind() {
                io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => BodyError::Invalid,
                _ => BodyError::Cut,
            };
        }
        source = cause.source();
    }
    BodyError::Cut
}
