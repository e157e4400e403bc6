//! The Valkey or Redis that gateways share, with a circuit around it. One request waits for it at most `wait`; after a
//! few faults in a row nobody waits at all until a probe in the background was answered. Connecting, writing and probing
//! happen in one task of its own, never on a request's way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::entry::Entry;
use crate::key::Key;

/// Faults in a row after which nobody waits any more.
const FAULTS_MAX: u32 = 3;
/// Writes that may wait; more are dropped.
const WRITES_MAX: usize = 1024;
/// How long the task in the background waits for an answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two probes of a server that does not answer; doubles up to the second.
const PROBE: Duration = Duration::from_millis(250);
const PROBE_MAX: Duration = Duration::from_secs(10);

/// What the shared store shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RemoteStatus {
    /// Requests do not wait for it at present.
    pub open: bool,
    pub hits: u64,
    pub timeouts: u64,
    pub faults: u64,
    pub writes: u64,
    pub writes_dropped: u64,
}

#[derive(Debug, Default)]
struct Counts {
    hits: AtomicU64,
    timeouts: AtomicU64,
    faults: AtomicU64,
    writes: AtomicU64,
    writes_dropped: AtomicU64,
}

/// An answer to be kept, and for how many milliseconds.
type Write = (Key, Entry, u64);

/// The shared store as requests see it.
pub(crate) struct Remote {
    wait: Duration,
    inner: Arc<Inner>,
    writes: mpsc::Sender<Write>,
    /// Taken by the task at the first use, which is inside a runtime.
    start: Mutex<Option<(redis::Client, mpsc::Receiver<Write>)>>,
}

impl std::fmt::Debug for Remote {
    /// Without the address, which may hold a password.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Remote").field("wait", &self.wait).finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Inner {
    connection: Mutex<Option<MultiplexedConnection>>,
    faults_in_a_row: AtomicU32,
    /// Nobody waits: no connection yet, or too many faults.
    open: AtomicBool,
    counts: Counts,
}

impl Remote {
    /// Opens nothing yet. None for an address that is none.
    pub(crate) fn new(url: &str, wait: Duration) -> Option<Self> {
        let client = redis::Client::open(url).ok()?;
        let (writes, queue) = mpsc::channel(WRITES_MAX);
        let inner = Inner { open: AtomicBool::new(true), ..Inner::default() };
        Some(Self { wait, inner: Arc::new(inner), writes, start: Mutex::new(Some((client, queue))) })
    }

    fn start(&self) {
        if let Some((client, queue)) = self.start.lock().take() {
            tokio::spawn(keep(client, queue, Arc::clone(&self.inner), self.wait));
        }
    }

    /// Looks an answer up; any trouble is a miss.
    pub(crate) async fn get(&self, key: &Key) -> Option<Entry> {
        self.start();
        let inner = &self.inner;
        if inner.open.load(Ordering::Relaxed) {
            return None;
        }
        let mut connection = inner.connection.lock().clone()?;
        let name = name(key);
        let mut command = redis::cmd("GET");
        let asked = command.arg(&name).query_async::<Option<Vec<u8>>>(&mut connection);
        match timeout(self.wait, asked).await {
            Ok(Ok(found)) => {
                inner.faults_in_a_row.store(0, Ordering::Relaxed);
                let entry = Entry::decode(&Bytes::from(found?))?;
                inner.counts.hits.fetch_add(1, Ordering::Relaxed);
                Some(entry)
            }
            Ok(Err(_)) => inner.fault(&inner.counts.faults),
            Err(_) => inner.fault(&inner.counts.timeouts),
        }
    }

    /// Keeps an answer, sooner or later.
    pub(crate) fn put(&self, key: Key, entry: Entry, ttl_ms: u64) {
        self.start();
        if self.inner.open.load(Ordering::Relaxed) || self.writes.try_send((key, entry, ttl_ms)).is_err() {
            self.inner.counts.writes_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn status(&self) -> RemoteStatus {
        let Counts { hits, timeouts, faults, writes, writes_dropped } = &self.inner.counts;
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        RemoteStatus {
            open: self.inner.open.load(Ordering::Relaxed),
            hits: get(hits),
            timeouts: get(timeouts),
            faults: get(faults),
            writes: get(writes),
            writes_dropped: get(writes_dropped),
        }
    }
}

impl Inner {
    fn fault(&self, count: &AtomicU64) -> Option<Entry> {
        count.fetch_add(1, Ordering::Relaxed);
        if self.faults_in_a_row.fetch_add(1, Ordering::Relaxed) + 1 >= FAULTS_MAX {
            self.open.store(true, Ordering::Relaxed);
        }
        None
    }
}

fn name(key: &Key) -> String {
    format!("paceline:1:{}", key.hex())
}

/// Connects, writes and probes, until the last holder of the store has gone.
async fn keep(client: redis::Client, mut queue: mpsc::Receiver<Write>, inner: Arc<Inner>, wait: Duration) {
    let mut pause = PROBE;
    loop {
        if inner.open.load(Ordering::Relaxed) {
            if queue.is_closed() {
                return;
            }
            if answers(&client, &inner, wait).await {
                pause = PROBE;
                inner.faults_in_a_row.store(0, Ordering::Relaxed);
                inner.open.store(false, Ordering::Relaxed);
            } else {
                sleep(pause).await;
                pause = (pause * 2).min(PROBE_MAX);
                // What waited is old by now, and room is wanted.
                while queue.try_recv().is_ok() {
                    inner.counts.writes_dropped.fetch_add(1, Ordering::Relaxed);
                }
            }
            continue;
        }
        match timeout(PROBE, queue.recv()).await {
            Ok(None) => return,
            Ok(Some((key, entry, ttl_ms))) => write(&inner, &key, &entry, ttl_ms).await,
            Err(_) => {}
        }
    }
}

/// A connection that answers, the present one or a new one, as quickly as requests want it to: a server that is only
/// slow is of no more use to them than none.
async fn answers(client: &redis::Client, inner: &Inner, wait: Duration) -> bool {
    let present = inner.connection.lock().take();
    let connected = match present {
        Some(connection) => Some(connection),
        None => timeout(PATIENCE, client.get_multiplexed_async_connection()).await.ok().and_then(Result::ok),
    };
    let Some(mut connection) = connected else { return false };
    let pong = timeout(wait, redis::cmd("PING").query_async::<String>(&mut connection)).await;
    // One that answers late is asked again; one that is broken is made anew.
    let broken = matches!(pong, Ok(Err(_)));
    if !broken {
        *inner.connection.lock() = Some(connection);
    }
    matches!(pong, Ok(Ok(_)))
}

async fn write(inner: &Inner, key: &Key, entry: &Entry, ttl_ms: u64) {
    let Some(mut connection) = inner.connection.lock().clone() else {
        inner.counts.writes_dropped.fetch_add(1, Ordering::Relaxed);
        return;
    };
    let body = entry.encode();
    let mut command = redis::cmd("SET");
    let asked = command.arg(name(key)).arg(&body[..]).arg("PX").arg(ttl_ms).query_async::<()>(&mut connection);
    match timeout(PATIENCE, asked).await {
        Ok(Ok(())) => {
            inner.counts.writes.fetch_add(1, Ordering::Relaxed);
        }
        Ok(Err(_)) => drop(inner.fault(&inner.counts.faults)),
        Err(_) => drop(inner.fault(&inner.counts.timeouts)),
    }
}
