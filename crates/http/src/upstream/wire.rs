//! One connection to a provider as a byte stream, with its alarm. Reads go to a buffer that all connections of a
//! thread share, so that a stream that waits holds none.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};
use std::time::Instant;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::client::TlsStream;

use super::alarm::Alarm;
use super::count::Place;

/// Room for one read.
const SCRATCH_BYTES: usize = 64 * 1024;

thread_local! {
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH_BYTES].into_boxed_slice());
}

pub(super) enum Socket {
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Unix(UnixStream),
}

/// A connection; dropping it closes the socket at once.
pub(super) struct Wire {
    socket: Socket,
    pub alarm: Alarm,
    /// When it was last given back to the pool.
    pub idle_since: Option<Instant>,
    pub opened: Instant,
    /// Behind the socket, so that it is given back after the closing.
    _place: Place,
}

macro_rules! each {
    ($socket:expr, $stream:ident => $call:expr) => {
        match $socket {
            Socket::Tcp($stream) => $call,
            Socket::Tls(boxed) => {
                let $stream = boxed.as_mut();
                $call
            }
            Socket::Unix($stream) => $call,
        }
    };
}

impl Socket {
    /// True when the peer chose HTTP/2 at the TLS handshake.
    pub(super) fn chose_http2(&self) -> bool {
        matches!(self, Self::Tls(stream) if stream.get_ref().1.alpn_protocol() == Some(b"h2"))
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        each!(&mut *self, stream => Pin::new(stream).poll_read(context, buffer))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        each!(&mut *self, stream => Pin::new(stream).poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(&mut *self, stream => Pin::new(stream).poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
            Self::Unix(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(&mut *self, stream => Pin::new(stream).poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(&mut *self, stream => Pin::new(stream).poll_shutdown(context))
    }
}

impl Wire {
    pub(super) fn new(socket: Socket, place: Place) -> Self {
        Self { socket, alarm: Alarm::default(), idle_since: None, opened: Instant::now(), _place: place }
    }

    /// One read of whatever is there; `take` sees the bytes in place and may change them. Zero bytes mean the peer
    /// closed.
    ///
    /// `poll_read` and not `try_read` after readiness: only there does tokio learn from a short read that nothing is
    /// left, which saves the second system call.
    pub(super) fn poll_read<T>(
        &mut self,
        context: &mut Context<'_>,
        take: impl FnOnce(&mut [u8]) -> T,
    ) -> Poll<io::Result<T>> {
        SCRATCH.with(|scratch| {
            let Ok(mut scratch) = scratch.try_borrow_mut() else {
                return Poll::Ready(Err(io::Error::other("read within a read")));
            };
            let mut buffer = ReadBuf::new(&mut scratch);
            ready!(self.poll_fill(context, &mut buffer))?;
            Poll::Ready(Ok(take(buffer.filled_mut())))
        })
    }

    fn poll_fill(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(context, buffer)
    }

    pub(super) fn poll_write(&mut self, context: &mut Context<'_>, slices: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let socket = Pin::new(&mut self.socket);
        match slices {
            [one] => socket.poll_write(context, one),
            _ => socket.poll_write_vectored(context, slices),
        }
    }

    /// Pushes out what TLS still holds; nothing to do otherwise.
    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.socket {
            Socket::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(context),
            Socket::Tcp(_) | Socket::Unix(_) => Poll::Ready(Ok(())),
        }
    }

    /// True when the idle connection is neither closed nor holds bytes that nobody asked for. Costs a system call
    /// only if the poller has reported something.
    pub(super) fn is_quiet(&mut self) -> bool {
        let mut byte = [0];
        self.poll_fill(&mut Context::from_waker(Waker::noop()), &mut ReadBuf::new(&mut byte)).is_pending()
    }
}
