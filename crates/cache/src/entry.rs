//! A kept answer, and its form in the shared store: little-endian, one version byte; anything that does not read back is
//! a miss.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use paceline_types::Tokens;

/// Status and headers of an answer, as they go to whoever shares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub status: u16,
    pub headers: HeaderMap,
}

/// What the answer was the first time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    pub tokens: Tokens,
    /// Billionths of a US dollar; -1 for unknown.
    pub cost_nanousd: i64,
}

/// A kept answer. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Entry(Arc<Kept>);

#[derive(Debug)]
struct Kept {
    head: Head,
    /// The body as it came: of a stream, its events.
    parts: Vec<Bytes>,
    facts: Facts,
    /// When it is no longer served, in milliseconds of Unix time.
    until_unix_ms: u64,
}

const MAGIC: &[u8] = b"PLC1";
/// Bytes an entry costs beside its body: headers, vectors, its place in the store.
const OVERHEAD: usize = 512;

impl Entry {
    pub(crate) fn new(head: Head, parts: Vec<Bytes>, facts: Facts, until_unix_ms: u64) -> Self {
        Self(Arc::new(Kept { head, parts, facts, until_unix_ms }))
    }

    #[must_use]
    pub fn head(&self) -> &Head {
        &self.0.head
    }

    #[must_use]
    pub fn parts(&self) -> &[Bytes] {
        &self.0.parts
    }

    #[must_use]
    pub fn facts(&self) -> Facts {
        self.0.facts
    }

    pub(crate) fn until_unix_ms(&self) -> u64 {
        self.0.until_unix_ms
    }

    /// Memory it takes, near enough.
    pub(crate) fn weight(&self) -> usize {
        let body: usize = self.0.parts.iter().map(|part| part.len() + size_of::<Bytes>()).sum();
        let headers: usize =
            self.0.head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 64).sum();
        body + headers + OVERHEAD
    }

    pub(crate) fn encode(&self) -> Bytes {
        let Kept { head, parts, facts, until_unix_ms } = &*self.0;
        let mut out = BytesMut::with_capacity(self.weight());
        out.put_slice(MAGIC);
        out.put_u64_le(*until_unix_ms);
        out.put_i64_le(facts.cost_nanousd);
        let Tokens { input, cached, cache_write, output, reasoning } = facts.tokens;
        [input, cached, cache_write, output, reasoning].into_iter().for_each(|count| out.put_u32_le(count));
        out.put_u16_le(head.status);
        out.put_u16_le(u16::try_from(head.headers.len()).unwrap_or(u16::MAX));
        for (name, value) in head.headers.iter().take(usize::from(u16::MAX)) {
            put(&mut out, name.as_str().as_bytes());
            put(&mut out, value.as_bytes());
        }
        out.put_u32_le(u32::try_from(parts.len()).unwrap_or(u32::MAX));
        parts.iter().for_each(|part| put(&mut out, part));
        out.freeze()
    }

    /// None for what is torn, of another version, or was never ours.
    pub(crate) fn decode(bytes: &Bytes) -> Option<Self> {
        let mut from = Reader { bytes, at: 0 };
        if from.take(MAGIC.len())? != MAGIC {
            return None;
        }
        let until_unix_ms = u64::from_le_bytes(from.array()?);
        let cost_nanousd = i64::from_le_bytes(from.array()?);
        let mut count = || from.array().map(u32::from_le_bytes);
        let tokens =
            Tokens { input: count()?, cached: count()?, cache_write: count()?, output: count()?, reasoning: count()? };
        let status = u16::from_le_bytes(from.array()?);
        let mut headers = HeaderMap::new();
        for _ in 0..u16::from_le_bytes(from.array()?) {
            let name = HeaderName::from_bytes(&from.piece()?).ok()?;
            headers.append(name, HeaderValue::from_bytes(&from.piece()?).ok()?);
        }
        let count = u32::from_le_bytes(from.array()?);
        let parts = (0..count).map(|_| from.piece()).collect::<Option<Vec<Bytes>>>()?;
        let whole = from.at == bytes.len();
        whole.then(|| Self::new(Head { status, headers }, parts, Facts { tokens, cost_nanousd }, until_unix_ms))
    }
}

fn put(out: &mut BytesMut, bytes: &[u8]) {
    out.put_u32_le(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    out.put_slice(bytes);
}

struct Reader<'a> {
    bytes: &'a Bytes,
    at: usize,
}

impl Reader<'_> {
    fn take(&mut self, length: usize) -> Option<Bytes> {
        let end = self.at.checked_add(length).filter(|&end| end <= self.bytes.len())?;
        let taken = self.bytes.slice(self.at..end);
        self.at = end;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.first_chunk().copied()
    }

    fn piece(&mut self) -> Option<Bytes> {
        let length = u32::from_le_bytes(self.array()?);
        self.take(usize::try_from(length).ok()?)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(parts: Vec<Vec<u8>>, cost_nanousd: i64) -> Entry {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("text/event-stream"));
        let tokens = Tokens { input: 7, cached: 1, cache_write: 2, output: 9, reasoning: 3 };
        let parts = parts.into_iter().map(Bytes::from).collect();
        Entry::new(Head { status: 200, headers }, parts, Facts { tokens, cost_nanousd }, 1_795_000_000_000)
    }

    proptest! {
        #[test]
        fn what_is_stored_reads_back(parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..6), cost in any::<i64>()) {
            let entry = entry(parts, cost);
            let back = Entry::decode(&entry.encode()).unwrap();
            prop_assert_eq!((back.head(), back.parts(), back.facts()), (entry.head(), entry.parts(), entry.facts()));
            prop_assert_eq!(back.until_unix_ms(), entry.until_unix_ms());
        }

        #[test]
        fn torn_and_foreign_values_are_misses(cut in any::<prop::sample::Index>(), noise in proptest::collection::vec(any::<u8>(), 0..200)) {
            let whole = entry(vec![b"data: x\n\n".to_vec()], 5).encode();
            prop_assert!(Entry::decode(&whole.slice(..cut.index(whole.len()))).is_none());
            prop_assert!(Entry::decode(&Bytes::from(noise)).is_none());
        }
    }
}
