//! One HTTP/2 connection: the task that drives it, the seats on it, and how it is found dead.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::client::{Builder, Connection, SendRequest};
use h2::{Ping, PingPong};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::upstream::count::Place;
use crate::upstream::error::SendError;
use crate::upstream::wire::Socket;

/// Streams on one connection, whatever more the peer would take.
const STREAMS_MAX: u32 = 250;
/// What a stream may send us unread.
const STREAM_WINDOW: u32 = 64 * 1024;
/// Room for every stream's window: one caller who does not read must not stop the others.
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * STREAMS_MAX;
/// A response head is read up to here and then judged: one that is not read at all takes the whole connection with it.
const HEAD_BYTES_READ: u32 = 1 << 20;
/// How often a connection is asked whether it is alive, and how long it has to say so.
const PING_EVERY: Duration = Duration::from_secs(15);
const PONG_WITHIN: Duration = Duration::from_secs(10);
/// The first answer of a new connection, where no deadline is shorter.
const GREETING_WITHIN: Duration = Duration::from_secs(10);

pub(super) struct Line {
    sender: SendRequest<Bytes>,
    state: Arc<State>,
    opened: Instant,
}

/// What a connection, its seats and its task share.
struct State {
    seated: AtomicU32,
    closed: AtomicBool,
    /// Since when nobody sits there.
    idle_since: Mutex<Instant>,
    freed: Arc<Notify>,
}

/// Leave for one stream on a connection; given back when dropped.
pub(in crate::upstream) struct Seat {
    pub(super) sender: SendRequest<Bytes>,
    /// Time spent opening the connection.
    pub(super) connect: Duration,
    /// The connection was opened for this request.
    pub(super) fresh: bool,
    pub(super) held: Held,
}

/// What is left of a seat once its stream is open.
pub(super) struct Held(Arc<State>);

impl Line {
    /// Greets the peer over a fresh socket, and waits for its settings: they say how many streams there may be. The
    /// connection ends when its last holder is gone.
    pub(super) async fn begin(
        socket: Socket,
        place: Place,
        freed: Arc<Notify>,
        idle_for: Duration,
        head_bytes_max: usize,
    ) -> Result<Self, SendError> {
        let handshake = Builder::new()
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(HEAD_BYTES_READ.max(u32::try_from(head_bytes_max).unwrap_or(u32::MAX)))
            .max_concurrent_reset_streams(STREAMS_MAX as usize)
            .enable_push(false)
            .handshake(socket);
        let (sender, mut connection) = handshake.await.map_err(not_http2)?;
        let pings = connection.ping_pong();
        let state = Arc::new(State {
            seated: AtomicU32::new(0),
            closed: AtomicBool::new(false),
            idle_since: Mutex::new(Instant::now()),
            freed,
        });
        let (greeted, settled) = tokio::sync::oneshot::channel();
        let driver = Driver { state: Arc::clone(&state), idle_for, place };
        tokio::spawn(driver.run(connection, pings, greeted));
        match settled.await {
            Ok(Ok(())) => Ok(Self { sender, state, opened: Instant::now() }),
            Ok(Err(error)) => Err(not_http2(error)),
            Err(_) => Err(SendError::Connect(io::ErrorKind::ConnectionReset.into())),
        }
    }

    pub(super) fn is_good(&self, now: Instant, idle_for: Duration, age_max: Duration) -> bool {
        let over_age = now.saturating_duration_since(self.opened) >= age_max;
        let rested = self.is_idle() && now.saturating_duration_since(*self.state.idle_since.lock()) >= idle_for;
        !self.state.closed.load(Ordering::Acquire) && !over_age && !rested
    }

    pub(super) fn is_idle(&self) -> bool {
        self.state.seated.load(Ordering::Acquire) == 0
    }

    /// A seat, if one is free.
    pub(super) fn sit(&self) -> Option<Seat> {
        let peers = u32::try_from(self.sender.current_max_send_streams()).unwrap_or(u32::MAX);
        let most = peers.min(STREAMS_MAX);
        let more = |seated: u32| (seated < most).then_some(seated + 1);
        self.state.seated.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        let held = Held(Arc::clone(&self.state));
        Some(Seat { sender: self.sender.clone(), connect: Duration::ZERO, fresh: false, held })
    }
}

impl Held {
    /// The connection takes no further request.
    pub(super) fn forget_line(&self) {
        self.0.closed.store(true, Ordering::Release);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.0.seated.fetch_sub(1, Ordering::AcqRel) == 1 {
            *self.0.idle_since.lock() = Instant::now();
        }
        self.0.freed.notify_one();
    }
}

/// What drives one connection.
struct Driver {
    state: Arc<State>,
    idle_for: Duration,
    /// Given back when the socket is closed.
    place: Place,
}

type Greeted = tokio::sync::oneshot::Sender<Result<(), h2::Error>>;

impl Driver {
    async fn run(self, connection: Connection<Socket, Bytes>, pings: Option<PingPong>, greeted: Greeted) {
        let greeted = Mutex::new(Some(greeted));
        tokio::select! {
            ended = connection => {
                if let (Err(error), Some(greeted)) = (ended, greeted.lock().take()) {
                    let _ = greeted.send(Err(error));
                }
            }
            () = self.watch(pings, &greeted) => {}
        }
        self.state.closed.store(true, Ordering::Release);
        self.state.freed.notify_waiters();
        drop(self.place);
    }

    /// Ends when the connection is not worth keeping: no pong in time, or nobody there for long.
    async fn watch(&self, pings: Option<PingPong>, greeted: &Mutex<Option<Greeted>>) {
        let Some(mut pings) = pings else { return };
        // Settings are the first thing a peer sends, so they are here when its first pong is.
        let first = tokio::time::timeout(GREETING_WITHIN, pings.ping(Ping::opaque())).await;
        match first {
            Ok(Ok(_)) => drop(greeted.lock().take().map(|greeted| greeted.send(Ok(())))),
            // The connection itself says why.
            Ok(Err(_)) => return std::future::pending().await,
            Err(_) => return,
        }
        loop {
            tokio::time::sleep(PING_EVERY).await;
            let idle = self.state.seated.load(Ordering::Acquire) == 0;
            if idle && self.state.idle_since.lock().elapsed() >= self.idle_for {
                return;
            }
            if !matches!(tokio::time::timeout(PONG_WITHIN, pings.ping(Ping::opaque())).await, Ok(Ok(_))) {
                return;
            }
        }
    }
}

/// A connection that ended at its greeting: most often the peer speaks only HTTP/1.1.
fn not_http2(error: h2::Error) -> SendError {
    let kind = error.get_io().map_or(io::ErrorKind::InvalidData, io::Error::kind);
    SendError::Connect(io::Error::new(kind, format!("it ended the connection at its HTTP/2 greeting ({error})")))
}
