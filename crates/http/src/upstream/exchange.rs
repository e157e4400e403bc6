//! From the request's first byte to the end of the response head, on one connection: writes while it can, reads
//! meanwhile, so that an answer given before the request was whole is not missed.

use std::task::{Context, Poll, ready};
use std::time::Instant;

use super::error::SendError;
use super::head::{Head, parse};
use super::request::Outgoing;
use super::wire::Wire;
use crate::server::BodyError;

/// What goes out in an exchange.
pub(super) trait Sending: Send {
    /// One step; ready with true when all is gone.
    fn poll_step(&mut self, wire: &mut Wire, context: &mut Context<'_>) -> Poll<Result<bool, Unsent>>;

    /// True once a byte has left.
    fn has_begun(&self) -> bool;

    fn is_sent(&self) -> bool;

    /// From the first byte again, for another connection; false when that cannot be.
    fn rewind(&mut self) -> bool;

    /// When the waiting that goes on now ends, `asked` being when the answer's head is due.
    fn deadline(&self, asked: Option<Instant>) -> Option<Instant>;

    /// What is worth sending although there is an answer already.
    fn into_rest(self) -> Option<Outgoing>;
}

/// Why a step was not done.
pub(super) enum Unsent {
    /// The connection takes no more; an answer may still be there to read.
    Wire,
    /// There is nothing whole to send.
    Body(BodyError),
}

pub(super) struct Exchange {
    to_head_request: bool,
    head_bytes_max: usize,
    deadline: Option<Instant>,
    /// When the first byte was handed over.
    pub sent: Option<Instant>,
    /// The write side is broken; an answer may still be there to read.
    write_broken: bool,
    /// A head that did not come in one read.
    partial: Vec<u8>,
}

/// A response head, and the body bytes that came along.
pub(super) struct Replied {
    pub head: Head,
    pub rest: Vec<u8>,
    pub at: Instant,
}

impl Exchange {
    pub(super) fn new(to_head_request: bool, head_bytes_max: usize, deadline: Option<Instant>) -> Self {
        Self { to_head_request, head_bytes_max, deadline, sent: None, write_broken: false, partial: Vec::new() }
    }

    pub(super) fn poll(
        &mut self,
        wire: &mut Wire,
        sending: &mut impl Sending,
        context: &mut Context<'_>,
    ) -> Poll<Result<Replied, SendError>> {
        self.write(wire, sending, context)?;
        loop {
            let read = wire.poll_read(context, |bytes| self.on_bytes(bytes));
            match read {
                Poll::Ready(Ok(Ok(Some(replied)))) => return Poll::Ready(Ok(replied)),
                Poll::Ready(Ok(Ok(None))) => {}
                Poll::Ready(Ok(Err(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(Err(_)) => return Poll::Ready(Err(self.cut())),
                Poll::Pending => {
                    let Some(deadline) = sending.deadline(self.deadline) else { return Poll::Pending };
                    ready!(wire.alarm.poll(context, deadline));
                    return Poll::Ready(Err(SendError::TimeoutHead));
                }
            }
        }
    }

    fn write(
        &mut self,
        wire: &mut Wire,
        sending: &mut impl Sending,
        context: &mut Context<'_>,
    ) -> Result<(), SendError> {
        while !self.write_broken && !sending.is_sent() {
            let now = if self.sent.is_none() { Some(Instant::now()) } else { None };
            let Poll::Ready(stepped) = sending.poll_step(wire, context) else { return Ok(()) };
            match stepped {
                Ok(_) => {}
                Err(Unsent::Wire) => self.write_broken = true,
                Err(Unsent::Body(error)) => return Err(SendError::Body(error)),
            }
            if self.sent.is_none() && sending.has_begun() {
                self.sent = now;
            }
        }
        Ok(())
    }

    /// A read: empty means the peer closed.
    fn on_bytes(&mut self, bytes: &mut [u8]) -> Result<Option<Replied>, SendError> {
        if bytes.is_empty() {
            return Err(self.cut());
        }
        if self.partial.is_empty() {
            if let Some((head, length)) = parse(bytes, self.to_head_request)? {
                return self.replied(head, &bytes[length..], length);
            }
            self.partial.extend_from_slice(bytes);
        } else {
            self.partial.extend_from_slice(bytes);
            if let Some((head, length)) = parse(&self.partial, self.to_head_request)? {
                let partial = std::mem::take(&mut self.partial);
                return self.replied(head, &partial[length..], length);
            }
        }
        if self.partial.len() > self.head_bytes_max { Err(SendError::HeadTooLarge) } else { Ok(None) }
    }

    fn replied(&self, head: Head, rest: &[u8], length: usize) -> Result<Option<Replied>, SendError> {
        if length > self.head_bytes_max {
            return Err(SendError::HeadTooLarge);
        }
        Ok(Some(Replied { head, rest: rest.to_vec(), at: Instant::now() }))
    }

    fn cut(&self) -> SendError {
        if self.partial.is_empty() { SendError::Cut } else { SendError::HeadCut }
    }
}
