//! A request's body piece by piece, for whoever passes it on while it arrives: bounded as a whole, bounded in every
//! wait, read no faster than it is asked for.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::Body as _;
use hyper::body::Incoming;

use super::link::Link;
use super::request::{BodyError, kind_of};
use crate::upstream::Alarm;

/// A body on its way in. Nothing of it is read before it is asked for (`expect: 100-continue` is answered then).
/// Dropping it unread is fine: the caller's connection is closed after the answer if need be.
pub struct BodyStream {
    /// Gone once the body has ended well.
    body: Option<Incoming>,
    length: Option<u64>,
    /// What it may still hold.
    room: u64,
    within_idle: Duration,
    /// When the wait that is running ends.
    waits_until: Option<Instant>,
    /// Its own timer: it may be read from another task than the connection's.
    alarm: Alarm,
    touched: bool,
    failed: Option<BodyError>,
    link: Arc<Link>,
}

impl std::fmt::Debug for BodyStream {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "BodyStream({:?})", self.length)
    }
}

impl BodyStream {
    pub(super) fn new(body: Option<Incoming>, limit_bytes: u64, within_idle: Duration, link: Arc<Link>) -> Self {
        let body = body.filter(|body| !body.is_end_stream());
        let length = body.as_ref().map_or(Some(0), |body| body.size_hint().exact());
        let failed = length.is_some_and(|length| length > limit_bytes).then_some(BodyError::TooLarge);
        Self {
            body,
            length,
            room: limit_bytes,
            within_idle,
            waits_until: None,
            alarm: Alarm::default(),
            touched: false,
            failed,
            link,
        }
    }

    /// The whole body's length, when the caller stated it.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.length
    }

    /// True once a byte of it was handed out: it cannot be sent to anybody else from its beginning.
    #[must_use]
    pub fn is_touched(&self) -> bool {
        self.touched
    }

    /// True as soon as the last byte has been handed out.
    #[must_use]
    pub fn is_end(&self) -> bool {
        self.body.is_none() && self.failed.is_none()
    }

    /// What is wrong with it so far; a length stated over the bound is known before the first byte.
    #[must_use]
    pub fn fault(&self) -> Option<BodyError> {
        self.failed
    }

    /// The next piece, never empty; `None` at the end. After an error every further call repeats it.
    pub fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BodyError>> {
        if let Some(error) = self.failed {
            return Poll::Ready(Err(error));
        }
        let read = ready!(self.poll_read(context));
        self.waits_until = None;
        self.failed = read.as_ref().err().copied();
        Poll::Ready(read)
    }

    /// The same, to be awaited.
    ///
    /// # Errors
    /// When the body is too large, too slow, cut, or invalid.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, BodyError> {
        poll_fn(|context| self.poll_chunk(context)).await
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, BodyError>> {
        loop {
            let Some(body) = &mut self.body else { return Poll::Ready(Ok(None)) };
            match Pin::new(&mut *body).poll_frame(context) {
                Poll::Ready(None) => self.body = None,
                Poll::Ready(Some(Ok(frame))) => {
                    let over = body.is_end_stream();
                    let data = frame.into_data().unwrap_or_default();
                    let length = data.len() as u64;
                    let Some(room) = self.room.checked_sub(length) else {
                        return Poll::Ready(Err(BodyError::TooLarge));
                    };
                    self.room = room;
                    if over {
                        self.body = None;
                    }
                    if length > 0 {
                        self.touched = true;
                        return Poll::Ready(Ok(Some(data)));
                    }
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(kind_of(&error))),
                Poll::Pending => {
                    let until = *self.waits_until.get_or_insert_with(|| Instant::now() + self.within_idle);
                    ready!(self.alarm.poll(context, until));
                    return Poll::Ready(Err(BodyError::Timeout));
                }
            }
        }
    }
}

impl Drop for BodyStream {
    fn drop(&mut self) {
        if self.body.is_some() {
            self.link.leave_unread();
        }
    }
}
