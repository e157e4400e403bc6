//! Takeover: a new gateway process takes the listening socket over from the one that runs, so that an upgrade refuses
//! nobody. Both accept from one queue until the new one serves; then the old one answers who is still connected, and
//! leaves. Owns the small dialogue between the two: a listener, `R` (I serve), `G` (I am gone from the admin socket).

use std::io;
use std::net::TcpListener as StdListener;
use std::os::unix::net::UnixStream as StdStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use paceline_http::{Drain, bind_unix, receive_listener, send_listener};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::time::timeout;

use crate::bounds::Bounds;
use crate::log;

/// How long either side waits for the other.
const PATIENCE: Duration = Duration::from_secs(60);
const SERVING: u8 = b'R';
const GONE: u8 = b'G';

/// Where a gateway gives its listener away: beside its admin socket.
pub(crate) fn path(admin: &Path) -> PathBuf {
    admin.with_extension("take")
}

/// What the running gateway gave.
pub(crate) struct Taken {
    pub listener: StdListener,
    stream: StdStream,
}

/// Asks the running gateway for its listener.
pub(crate) fn ask(admin: &Path) -> io::Result<Taken> {
    let stream = StdStream::connect(path(admin))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let listener = receive_listener(&stream)?;
    Ok(Taken { listener, stream })
}

impl Taken {
    /// Tells the old gateway that this one serves, and waits until the admin socket is free.
    pub(crate) async fn finish(self) -> io::Result<()> {
        self.stream.set_nonblocking(true)?;
        let mut stream = UnixStream::from_std(self.stream)?;
        stream.write_all(&[SERVING]).await?;
        let gone = timeout(PATIENCE, stream.read_u8()).await.map_err(|_| io::ErrorKind::TimedOut)??;
        if gone == GONE { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
    }
}

/// The side that gives its listener away.
pub(crate) struct Giver {
    pub listener: StdListener,
    pub admin: PathBuf,
    pub admin_drain: Drain,
    pub drain: Drain,
    pub bounds: Arc<Bounds>,
    /// Set once another gateway has taken over: its sockets are not ours to remove.
    pub gone: Arc<AtomicBool>,
}

impl Giver {
    /// Waits for another gateway, gives it the listener, and hands over when it serves.
    pub(crate) async fn run(self) {
        let at = path(&self.admin);
        let bound = bind_unix(&at, 0o600).and_then(UnixListener::from_std);
        let Ok(listener) = bound else { return log("no other gateway can take over: its socket cannot be bound") };
        loop {
            let accepted = tokio::select! {
                // Our copy of the listener would keep the address open for callers whom nobody answers.
                () = self.drain.stopped() => return,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, _)) = accepted else { return };
            match self.give(stream, &at).await {
                Ok(()) => return,
                Err(error) => log(&format!("another gateway asked for the listener and did not take over: {error}")),
            }
        }
    }

    async fn give(&self, stream: UnixStream, at: &Path) -> io::Result<()> {
        let stream = stream.into_std()?;
        stream.set_nonblocking(false)?;
        send_listener(&stream, &self.listener)?;
        stream.set_nonblocking(true)?;
        let mut stream = UnixStream::from_std(stream)?;
        let told = timeout(PATIENCE, stream.read_u8()).await.map_err(|_| io::ErrorKind::TimedOut)??;
        if told != SERVING {
            return Err(io::ErrorKind::InvalidData.into());
        }
        log("another gateway has taken over; finishing what is connected here");
        self.gone.store(true, Ordering::Release);
        self.admin_drain.start(Duration::from_millis(200));
        let _ = std::fs::remove_file(&self.admin);
        let _ = std::fs::remove_file(at);
        self.drain.hand_over(self.bounds.drain());
        stream.write_all(&[GONE]).await
    }
}
