//! The caller's socket as hyper sees it, with four things hyper does not do: it notes when a head begins, looks at
//! each head for the framing tricks that hyper silently resolves, gives hyper's own bare refusals a JSON body, and
//! lingers before it closes on a caller that is still sending.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::server::TlsStream;

use super::link::{Link, Phase};
use super::refusal::refusal;

pub(super) enum Stream {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Unix(UnixStream),
}

macro_rules! each {
    ($stream:expr, $inner:ident => $call:expr) => {
        match $stream {
            Stream::Tcp($inner) => $call,
            Stream::Tls(boxed) => {
                let $inner = boxed.as_mut();
                $call
            }
            Stream::Unix($inner) => $call,
        }
    };
}

/// HTTP/2's first bytes.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Input thrown away while lingering.
const LINGER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Where the close stands.
enum Closing {
    No,
    /// Our side is shut; the caller's is being read away.
    Lingering {
        thrown_away: usize,
    },
    Done,
}

pub(super) struct Socket {
    stream: Stream,
    link: Arc<Link>,
    /// Read to tell the protocols apart, not yet given to hyper.
    peeked: Vec<u8>,
    peeked_at: usize,
    /// Bytes of our own that hyper does not know of.
    own: Vec<u8>,
    own_at: usize,
    refused: bool,
    ended: bool,
    closing: Closing,
}

impl Socket {
    pub(super) fn new(stream: Stream, link: Arc<Link>) -> Self {
        Self {
            stream,
            link,
            peeked: Vec::new(),
            peeked_at: 0,
            own: Vec::new(),
            own_at: 0,
            refused: false,
            ended: false,
            closing: Closing::No,
        }
    }

    /// Reads until it is clear whether the caller speaks HTTP/2 from the first byte.
    pub(super) fn poll_is_h2(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        loop {
            if self.ended || !PREFACE.starts_with(&self.peeked) {
                return Poll::Ready(Ok(false));
            }
            if self.peeked.len() == PREFACE.len() {
                return Poll::Ready(Ok(true));
            }
            let mut room = [0; PREFACE.len()];
            let mut buffer = ReadBuf::new(&mut room[..PREFACE.len() - self.peeked.len()]);
            ready!(each!(&mut self.stream, inner => Pin::new(inner).poll_read(context, &mut buffer)))?;
            self.ended = buffer.filled().is_empty();
            self.peeked.extend_from_slice(buffer.filled());
        }
    }

    fn note(&self, bytes: &[u8]) {
        if self.link.is_h2() {
            return;
        }
        if self.link.phase() == Phase::Quiet {
            self.link.head_begins();
        }
        if self.link.phase() == Phase::Head {
            self.link.check.lock().feed(bytes);
        }
    }

    /// True when `bytes` is a refusal that hyper made itself, whole: nothing but length, date and close.
    fn is_bare_refusal(&self, bytes: &[u8]) -> bool {
        bytes.starts_with(b"HTTP/1.1 4")
            && matches!(self.link.phase(), Phase::Head | Phase::Quiet)
            && bytes.ends_with(b"\r\n\r\n")
            && bytes.split(|&byte| byte == b'\n').skip(1).all(|line| {
                matches!(line, b"\r" | b"" | b"connection: close\r" | b"content-length: 0\r")
                    || line.starts_with(b"date: ")
            })
    }

    fn poll_own(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.own_at < self.own.len() {
            let rest = &self.own[self.own_at..];
            let written = ready!(each!(&mut self.stream, inner => Pin::new(inner).poll_write(context, rest)))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.own_at += written;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Closing::Lingering { thrown_away } = &mut self.closing else { return Poll::Ready(Ok(())) };
        let mut room = [0; 8192];
        loop {
            let mut buffer = ReadBuf::new(&mut room);
            let read = ready!(each!(&mut self.stream, inner => Pin::new(inner).poll_read(context, &mut buffer)));
            *thrown_away += buffer.filled().len();
            if read.is_err() || buffer.filled().is_empty() || *thrown_away > LINGER_BYTES_MAX {
                self.closing = Closing::Done;
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if self.peeked_at < self.peeked.len() {
            let take = buffer.remaining().min(self.peeked.len() - self.peeked_at);
            let from = self.peeked_at;
            buffer.put_slice(&self.peeked[from..from + take]);
            self.peeked_at += take;
        } else {
            ready!(each!(&mut self.stream, inner => Pin::new(inner).poll_read(context, buffer)))?;
        }
        let bytes = &buffer.filled()[before..];
        if bytes.is_empty() {
            self.ended = true;
        } else {
            self.note(bytes);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if !self.link.is_h2() && self.is_bare_refusal(bytes) {
            self.own = refusal(bytes);
            self.own_at = 0;
            self.refused = true;
            return Poll::Ready(Ok(bytes.len()));
        }
        ready!(self.poll_own(context))?;
        each!(&mut self.stream, inner => Pin::new(inner).poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let [one] = slices {
            return self.poll_write(context, one);
        }
        ready!(self.poll_own(context))?;
        each!(&mut self.stream, inner => Pin::new(inner).poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Tcp(inner) => inner.is_write_vectored(),
            Stream::Tls(inner) => inner.is_write_vectored(),
            Stream::Unix(inner) => inner.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_own(context))?;
        each!(&mut self.stream, inner => Pin::new(inner).poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if matches!(self.closing, Closing::No) {
            ready!(self.poll_own(context))?;
            ready!(each!(&mut self.stream, inner => Pin::new(inner).poll_shutdown(context)))?;
            self.closing = if !self.ended && (self.refused || self.link.is_unread()) {
                self.link.linger();
                Closing::Lingering { thrown_away: 0 }
            } else {
                Closing::Done
            };
        }
        self.poll_linger(context)
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.link.must_reset() {
            match &self.stream {
                Stream::Tcp(stream) => drop(stream.set_zero_linger()),
                Stream::Tls(stream) => drop(stream.get_ref().0.set_zero_linger()),
                Stream::Unix(_) => {}
            }
        }
        if self.link.is_late() {
            self.say_late();
        }
    }
}

impl Socket {
    /// Closes a connection that never came to its first request.
    pub(super) fn close_late(self) {
        if !self.peeked.is_empty() && !self.ended {
            self.say_late();
        }
    }

    /// Says 408 to a caller whose head did not come in time, if that is possible without waiting.
    fn say_late(&self) {
        let bytes = refusal(b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        let _ = match &self.stream {
            Stream::Tcp(stream) => stream.try_write(&bytes),
            Stream::Unix(stream) => stream.try_write(&bytes),
            Stream::Tls(_) => Ok(0),
        };
    }
}
