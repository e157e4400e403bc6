//! What watches a streamed answer on its way: the same before the head has left (an attempt that may yet be given up)
//! and after. Owns the watch and what it needs to read compressed bytes; moves no byte itself.

use bytes::Bytes;
use paceline_http::HeaderMap;
use paceline_providers::{Inflate, StreamFacts, StreamWatch};
use paceline_types::Api;

/// One streamed answer under watch.
pub(crate) struct Tap {
    watch: StreamWatch,
    /// Set when the provider compresses although nobody asked: the bytes pass, the watch reads the plain text.
    inflate: Option<Inflate>,
    /// Hand out the plain text of a compressed stream: it is put together here.
    plain: bool,
    pub bytes: u64,
}

impl Tap {
    pub(crate) fn new(api: Api, headers: &HeaderMap, withhold_usage: bool, plain: bool) -> Self {
        let inflate = headers.get("content-encoding").and_then(|encoding| Inflate::new(encoding.to_str().ok()?));
        Self { watch: StreamWatch::new(api, withhold_usage && inflate.is_none()), inflate, plain, bytes: 0 }
    }

    /// Takes a chunk read at `now_ns`; returns what may leave.
    pub(crate) fn push(&mut self, chunk: Bytes, now_ns: u64) -> Bytes {
        self.bytes += chunk.len() as u64;
        match &mut self.inflate {
            None => self.watch.push(chunk, now_ns),
            Some(inflate) => {
                // A fault ends the metering, never the relay.
                let plain = inflate.push(&chunk).unwrap_or_default();
                if self.plain {
                    return self.watch.push(plain, now_ns);
                }
                self.watch.push(plain, now_ns);
                chunk
            }
        }
    }

    /// The provider closed the stream: bytes still held.
    pub(crate) fn end(&mut self) -> Bytes {
        self.watch.end()
    }

    pub(crate) fn facts(&self) -> &StreamFacts {
        self.watch.facts()
    }

    /// The number that an event of ours would have.
    pub(crate) fn next_number(&self) -> u32 {
        self.watch.next_number()
    }

    pub(crate) fn is_compressed(&self) -> bool {
        self.inflate.is_some()
    }

    /// True when an event of ours can follow what has left.
    pub(crate) fn can_add_event(&self) -> bool {
        self.inflate.is_none() && self.watch.is_between_events()
    }
}
