//! The cache as a gateway sees it: memory first, then the flights under way, then the shared store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use moka::sync::Cache as Memory;

use crate::entry::{Entry, Facts};
use crate::flight::{Lead, Tail};
use crate::flights::{Flights, Joined};
use crate::key::Key;
use crate::remote::{Remote, RemoteStatus};

/// Bounds of a cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Memory for all entries.
    pub bytes_max: u64,
    pub entry_bytes_max: usize,
    /// `redis://…`, `rediss://…`; may hold a password.
    pub url: Option<String>,
    /// Longest wait for the server behind `url`.
    pub wait: Duration,
}

/// What a request asks of the cache.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub now_unix_ms: u64,
    /// An answer past its time stays for so long, to stand in when nothing better can be had.
    pub stale_ms: u64,
    /// A kept answer will do.
    pub may_read: bool,
    /// This one's answer may serve others; with `may_read`, another caller's under way will do as well.
    pub may_share: bool,
}

/// How long an answer is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Served as it is.
    pub ttl_ms: u64,
    /// After that, there to stand in.
    pub stale_ms: u64,
}

/// What the cache has for a request.
#[derive(Debug)]
pub enum Found {
    Hit(Entry),
    /// Nobody has it or is getting it: whoever got this gets it, for all that come meanwhile.
    Lead(Lead),
    /// Somebody is getting it.
    Follow(Tail),
    /// The request goes its own way.
    Alone,
}

/// What a cache shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheStatus {
    pub entries: u64,
    pub bytes: u64,
    pub flights: usize,
    pub stored: u64,
    /// Not kept: too large, or no plain success.
    pub refused: u64,
    pub remote: Option<RemoteStatus>,
}

/// The exact cache.
#[derive(Debug)]
pub struct Cache {
    memory: Memory<[u8; 32], Entry>,
    flights: Arc<Flights>,
    remote: Option<Remote>,
    entry_bytes_max: usize,
    stored: AtomicU64,
    refused: AtomicU64,
}

impl Cache {
    /// A cache within these bounds. None when the shared store's address is none.
    #[must_use]
    pub fn new(options: &Options) -> Option<Self> {
        let remote = match &options.url {
            Some(url) => Some(Remote::new(url, options.wait)?),
            None => None,
        };
        let weigh = |_: &[u8; 32], entry: &Entry| u32::try_from(entry.weight()).unwrap_or(u32::MAX);
        Some(Self {
            memory: Memory::builder().max_capacity(options.bytes_max).weigher(weigh).build(),
            flights: Arc::default(),
            remote,
            entry_bytes_max: options.entry_bytes_max,
            stored: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        })
    }

    /// Looks a request up. Waits for the shared store at most, never for another request.
    pub async fn look(&self, key: Key, look: Look) -> Found {
        let fresh = |entry: &Entry| entry.until_unix_ms() > look.now_unix_ms;
        let of_use = |entry: &Entry| entry.until_unix_ms().saturating_add(look.stale_ms) > look.now_unix_ms;
        if look.may_read {
            match self.memory.get(&key.0) {
                Some(entry) if fresh(&entry) => return Found::Hit(entry),
                Some(entry) if !of_use(&entry) => self.memory.invalidate(&key.0),
                _ => {}
            }
        }
        if !look.may_share {
            return Found::Alone;
        }
        if let Some(tail) = self.flights.follow(&key) {
            // One that began earlier is no fresh answer.
            return if look.may_read { Found::Follow(tail) } else { Found::Alone };
        }
        if look.may_read
            && let Some(remote) = &self.remote
            && let Some(entry) = remote.get(&key).await.filter(fresh).filter(|entry| self.may_keep(entry))
        {
            self.memory.insert(key.0, entry.clone());
            return Found::Hit(entry);
        }
        match self.flights.join(key, self.entry_bytes_max) {
            // Somebody's flight may have begun and ended since the memory was asked.
            Joined::Lead(lead) => match self.memory.get(&key.0).filter(|entry| look.may_read && fresh(entry)) {
                Some(entry) => Found::Hit(entry),
                None => Found::Lead(lead),
            },
            Joined::Follow(tail) if look.may_read => Found::Follow(tail),
            Joined::Follow(_) => Found::Alone,
            Joined::Full => Found::Alone,
        }
    }

    /// An answer past its time by no more than `stale_ms`, for a request that got none. Waits for the shared store at
    /// most.
    pub async fn stale(&self, key: &Key, now_unix_ms: u64, stale_ms: u64) -> Option<Entry> {
        let of_use = |entry: &Entry| entry.until_unix_ms().saturating_add(stale_ms) > now_unix_ms;
        let here = self.memory.get(&key.0).filter(of_use);
        match (here, &self.remote) {
            (Some(entry), _) => Some(entry),
            (None, Some(remote)) => remote.get(key).await.filter(of_use).filter(|entry| self.may_keep(entry)),
            (None, None) => None,
        }
    }

    /// True for what `complete` would have kept: the shared store may be written by others.
    fn may_keep(&self, entry: &Entry) -> bool {
        entry.head().status == 200 && entry.weight() <= self.entry_bytes_max.saturating_mul(2)
    }

    /// Ends a flight well. With `keep`, its answer stays.
    pub fn complete(&self, lead: Lead, now_unix_ms: u64, keep: Option<(Facts, Keep)>) {
        if let Some((facts, Keep { ttl_ms, stale_ms })) = keep {
            match lead.entry(facts, now_unix_ms.saturating_add(ttl_ms)) {
                Some(entry) => {
                    self.stored.fetch_add(1, Ordering::Relaxed);
                    self.memory.insert(lead.key.0, entry.clone());
                    if let Some(remote) = &self.remote {
                        remote.put(lead.key, entry, ttl_ms.saturating_add(stale_ms));
                    }
                }
                None => {
                    self.refused.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        lead.complete();
    }

    #[must_use]
    pub fn status(&self) -> CacheStatus {
        self.memory.run_pending_tasks();
        CacheStatus {
            entries: self.memory.entry_count(),
            bytes: self.memory.weighted_size(),
            flights: self.flights.len(),
            stored: self.stored.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
            remote: self.remote.as_ref().map(Remote::status),
        }
    }
}
