//! The body of an answer: framing undone read by read. Owns the connection until the last byte, then gives it back.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;

use super::error::AnswerError;
use super::head::Framing;
use super::pool::Pool;
use super::request::Outgoing;
use super::wire::Wire;

pub(super) struct Incoming {
    /// Gone once the body has ended, well or not.
    wire: Option<Wire>,
    pool: Arc<Pool>,
    framing: Framing,
    keep_alive: bool,
    /// The rest of a request that was answered before it had gone out whole.
    outgoing: Option<Outgoing>,
    /// Body bytes that came in the same read as the head.
    ready: Option<Bytes>,
    failed: Option<AnswerError>,
    pub deadline: Option<Instant>,
    pub read_at: Instant,
}

/// What one read held.
struct Piece {
    bytes: Bytes,
    done: bool,
    excess: bool,
}

impl Incoming {
    pub(super) fn new(wire: Wire, pool: Arc<Pool>, framing: Framing, keep_alive: bool, read_at: Instant) -> Self {
        Self {
            wire: Some(wire),
            pool,
            framing,
            keep_alive,
            outgoing: None,
            ready: None,
            failed: None,
            deadline: None,
            read_at,
        }
    }

    /// Takes the bytes that followed the head in its read.
    pub(super) fn begin(&mut self, rest: Vec<u8>) {
        if rest.is_empty() && !matches!(self.framing, Framing::Length(0)) {
            return;
        }
        match undo_whole(&mut self.framing, rest) {
            Ok(piece) => {
                self.ready = (!piece.bytes.is_empty()).then_some(piece.bytes);
                if piece.done {
                    self.end(piece.excess);
                }
            }
            Err(error) => self.fail(error),
        }
    }

    /// The request is not wholly out: go on writing beside the reading, or give up on it and on the connection.
    pub(super) fn still_sending(&mut self, rest: Option<Outgoing>, status: u16) {
        self.keep_alive = false;
        self.outgoing = rest.filter(|_| status < 400);
    }

    pub(super) fn is_end(&self) -> bool {
        self.wire.is_none() && self.ready.is_none() && self.failed.is_none()
    }

    pub(super) fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, AnswerError>> {
        if let Some(bytes) = self.ready.take() {
            return Poll::Ready(Ok(Some(bytes)));
        }
        if let Some(error) = self.failed {
            return Poll::Ready(Err(error));
        }
        // A deadline that the last read itself outran; a later one is the alarm's business.
        if self.wire.is_some() && self.deadline.is_some_and(|deadline| deadline <= self.read_at) {
            self.fail(AnswerError::Deadline);
            return Poll::Ready(Err(AnswerError::Deadline));
        }
        let polled = self.poll_wire(context);
        if let Poll::Ready(Err(error)) = polled {
            self.fail(error);
        }
        polled
    }

    fn poll_wire(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, AnswerError>> {
        loop {
            let Some(wire) = &mut self.wire else { return Poll::Ready(Ok(None)) };
            if let Some(outgoing) = &mut self.outgoing {
                while let Poll::Ready(written) = outgoing.poll_write(wire, context) {
                    if !matches!(written, Ok(false)) {
                        self.outgoing = None;
                        break;
                    }
                }
            }
            let framing = &mut self.framing;
            let read = wire.poll_read(context, |bytes| (!bytes.is_empty()).then(|| undo(framing, bytes)));
            let read = match read {
                Poll::Ready(read) => read,
                Poll::Pending => {
                    let Some(deadline) = self.deadline else { return Poll::Pending };
                    ready!(wire.alarm.poll(context, deadline));
                    return Poll::Ready(Err(AnswerError::Deadline));
                }
            };
            self.read_at = Instant::now();
            let Some(piece) = read.map_err(|error| broken(&error))? else { return Poll::Ready(self.on_close()) };
            let piece = piece?;
            if piece.done {
                self.end(piece.excess);
            }
            if !piece.bytes.is_empty() {
                return Poll::Ready(Ok(Some(piece.bytes)));
            }
        }
    }

    fn on_close(&mut self) -> Result<Option<Bytes>, AnswerError> {
        if matches!(self.framing, Framing::Close) {
            self.wire = None;
            return Ok(None);
        }
        Err(AnswerError::Cut)
    }

    /// The last byte is in: the connection goes back, or is closed when it cannot be trusted with another request.
    fn end(&mut self, excess: bool) {
        if let Some(wire) = self.wire.take()
            && self.keep_alive
            && !excess
            && self.outgoing.is_none()
        {
            self.pool.put(wire, self.read_at);
        }
    }

    fn fail(&mut self, error: AnswerError) {
        self.wire = None;
        self.failed = Some(error);
    }
}

/// A broken connection; TLS that ends without its own goodbye is a cut like any other.
fn broken(error: &io::Error) -> AnswerError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => AnswerError::Cut,
        kind => AnswerError::Reset(kind),
    }
}

/// Undoes the framing of bytes that are ours: an answer that came whole with its head is not copied again.
fn undo_whole(framing: &mut Framing, mut bytes: Vec<u8>) -> Result<Piece, AnswerError> {
    match framing {
        Framing::Length(left) if *left == bytes.len() as u64 => {
            *left = 0;
            Ok(Piece { bytes: Bytes::from(bytes), done: true, excess: false })
        }
        _ => undo(framing, &mut bytes),
    }
}

/// Undoes the framing of one read.
fn undo(framing: &mut Framing, bytes: &mut [u8]) -> Result<Piece, AnswerError> {
    match framing {
        Framing::Length(left) => {
            let take = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
            *left -= take as u64;
            let piece = Bytes::copy_from_slice(&bytes[..take]);
            Ok(Piece { bytes: piece, done: *left == 0, excess: take < bytes.len() })
        }
        Framing::Chunked(chunked) => {
            let decoded = chunked.decode(bytes).map_err(|_| AnswerError::Malformed)?;
            let piece = Bytes::copy_from_slice(&bytes[decoded.data]);
            Ok(Piece { bytes: piece, done: decoded.done, excess: decoded.excess > 0 })
        }
        Framing::Close => Ok(Piece { bytes: Bytes::copy_from_slice(bytes), done: false, excess: false }),
    }
}
