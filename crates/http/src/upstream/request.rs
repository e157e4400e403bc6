//! The request on its way out: the head in one buffer, a small body spliced behind it, a large one written from where
//! it lies.

use std::io::{self, IoSlice};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::error::SendError;
use super::exchange::{Sending, Unsent};
use super::wire::Wire;

/// Bodies below this go out in one buffer with the head.
const SPLICED_BYTES_MAX: usize = 16 * 1024;
/// Slices handed to one vectored write.
const SLICES_MAX: usize = 16;

/// What to ask for. Framing, `host` and `connection` are written by the upstream half, whatever `headers` say.
#[derive(Debug, Clone, Copy)]
pub struct RequestHead<'a> {
    pub method: &'a Method,
    /// Path below the base URL's own, beginning with `/`, and the query string.
    pub path: &'a str,
    pub headers: &'a HeaderMap,
    /// Names in `headers` (lower case) that do not go out: cheaper than taking them out of the map.
    pub leave_out: fn(&str) -> bool,
    /// What goes out besides.
    pub more: &'a [(HeaderName, HeaderValue)],
}

impl<'a> RequestHead<'a> {
    /// A head with exactly these headers.
    #[must_use]
    pub fn new(method: &'a Method, path: &'a str, headers: &'a HeaderMap) -> Self {
        Self { method, path, headers, leave_out: |_| false, more: &[] }
    }
}

/// A request's bytes and how far they have gone.
pub(super) struct Outgoing {
    parts: Vec<Bytes>,
    /// The part being written, and how much of it has gone.
    part: usize,
    gone: usize,
    flushed: bool,
}

impl Outgoing {
    pub(super) fn new(head: RequestHead<'_>, prefix: &str, host: &str, body: Vec<Bytes>) -> Result<Self, SendError> {
        let length: usize = body.iter().map(Bytes::len).sum();
        let spliced = length < SPLICED_BYTES_MAX;
        let mut bytes = Vec::with_capacity(1024 + if spliced { length } else { 0 });
        encode(&mut bytes, head, prefix, host, Some(length as u64))?;
        let mut parts = body;
        if spliced {
            parts.iter().for_each(|part| bytes.extend_from_slice(part));
            parts.clear();
        } else {
            parts.retain(|part| !part.is_empty());
        }
        parts.insert(0, bytes.into());
        Ok(Self::of(parts))
    }

    /// These bytes, whatever they are.
    pub(super) fn of(parts: Vec<Bytes>) -> Self {
        Self { parts, part: 0, gone: 0, flushed: false }
    }

    /// One write; ready with true when all is gone.
    pub(super) fn poll_write(&mut self, wire: &mut Wire, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if self.part == self.parts.len() {
            ready!(wire.poll_flush(context))?;
            self.flushed = true;
            return Poll::Ready(Ok(true));
        }
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let mut count = 0;
        for (slice, part) in slices.iter_mut().zip(&self.parts[self.part..]) {
            *slice = IoSlice::new(if count == 0 { &part[self.gone..] } else { part });
            count += 1;
        }
        let written = ready!(wire.poll_write(context, &slices[..count]))?;
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.advance(written);
        Poll::Ready(Ok(false))
    }

    /// True once all of it is gone.
    pub(super) fn is_gone(&self) -> bool {
        self.flushed
    }

    #[cfg(test)]
    pub(super) fn into_parts(self) -> Vec<Bytes> {
        self.parts
    }

    fn advance(&mut self, mut written: usize) {
        while let Some(part) = self.parts.get(self.part) {
            let left = part.len() - self.gone;
            if written < left {
                self.gone += written;
                return;
            }
            written -= left;
            self.part += 1;
            self.gone = 0;
        }
    }
}

impl Sending for Outgoing {
    fn poll_step(&mut self, wire: &mut Wire, context: &mut Context<'_>) -> Poll<Result<bool, Unsent>> {
        self.poll_write(wire, context).map_err(|_| Unsent::Wire)
    }

    fn has_begun(&self) -> bool {
        self.part > 0 || self.gone > 0
    }

    fn is_sent(&self) -> bool {
        self.flushed
    }

    fn rewind(&mut self) -> bool {
        (self.part, self.gone, self.flushed) = (0, 0, false);
        true
    }

    fn deadline(&self, asked: Option<Instant>) -> Option<Instant> {
        asked
    }

    fn into_rest(self) -> Option<Outgoing> {
        Some(self)
    }
}

/// The head; a body without `length` goes out in chunks.
pub(super) fn encode(
    out: &mut Vec<u8>,
    head: RequestHead<'_>,
    prefix: &str,
    host: &str,
    length: Option<u64>,
) -> Result<(), SendError> {
    if !head.path.bytes().all(|byte| byte > b' ' && byte != 0x7f) {
        return Err(SendError::Target);
    }
    out.extend_from_slice(head.method.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(prefix.as_bytes());
    out.extend_from_slice(head.path.as_bytes());
    if prefix.is_empty() && head.path.is_empty() {
        out.push(b'/');
    }
    out.extend_from_slice(b" HTTP/1.1\r\nhost: ");
    out.extend_from_slice(host.as_bytes());
    out.extend_from_slice(b"\r\n");
    let kept = head.headers.iter().filter(|(name, _)| {
        !matches!(name.as_str(), "host" | "content-length" | "transfer-encoding" | "connection")
            && !(head.leave_out)(name.as_str())
    });
    for (name, value) in kept.chain(head.more.iter().map(|(name, value)| (name, value))) {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    match length {
        None => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Some(0) if matches!(*head.method, Method::GET | Method::HEAD | Method::DELETE | Method::OPTIONS) => {}
        Some(length) => {
            out.extend_from_slice(b"content-length: ");
            out.extend_from_slice(length.to_string().as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}
