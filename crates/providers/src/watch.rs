//! Follows one streamed answer: facts for the meter, and the one event that may be withheld. Owns no clock and changes
//! no byte.

use bytes::Bytes;
use paceline_types::Api;

use crate::reader::{Reader, StreamFacts, is_complete};
use crate::sse::{EVENT_BYTES_MAX, Framer};

/// One streamed answer under watch.
pub struct StreamWatch {
    framer: Framer,
    reader: Reader,
    withhold: bool,
    /// Bytes of an event that has not ended (only when withholding).
    held: Vec<u8>,
    /// The event that ended last was withheld, and so is the line feed that may still belong to it.
    dropped: bool,
    /// The stream was closed inside an event of which the caller has a part.
    cut_inside: bool,
    now_ns: u64,
}

impl StreamWatch {
    /// `withhold_usage` drops the extra usage event of chat and completions; elsewhere it means nothing.
    #[must_use]
    pub fn new(api: Api, withhold_usage: bool) -> Self {
        Self::with_bound(api, withhold_usage, EVENT_BYTES_MAX)
    }

    pub(crate) fn with_bound(api: Api, withhold_usage: bool, event_bytes_max: usize) -> Self {
        Self {
            framer: Framer::new(event_bytes_max),
            reader: Reader::new(api),
            withhold: withhold_usage && matches!(api, Api::Chat | Api::Completions),
            held: Vec::new(),
            dropped: false,
            cut_inside: false,
            now_ns: 0,
        }
    }

    /// Takes a chunk of any cut; returns what may leave now. Without withholding that is the chunk itself; with it,
    /// whole events, uncopied unless one was split or dropped.
    pub fn push(&mut self, chunk: Bytes, now_ns: u64) -> Bytes {
        self.now_ns = now_ns;
        if self.withhold {
            return self.sift(chunk);
        }
        let mut at = self.framer.resume(&chunk);
        while let Some(event) = self.framer.next(&chunk, at) {
            at = event.end;
            self.reader.note(&event, now_ns);
        }
        chunk
    }

    /// The provider closed the stream: reads an event whose blank line never came, and returns bytes still held.
    pub fn end(&mut self) -> Bytes {
        self.cut_inside |= !self.is_between_events();
        if let Some(event) = self.framer.finish()
            && is_complete(event.data)
            && self.reader.note(&event, self.now_ns)
        {
            self.held.clear();
        }
        Bytes::from(std::mem::take(&mut self.held))
    }

    #[must_use]
    pub const fn facts(&self) -> &StreamFacts {
        &self.reader.facts
    }

    /// The number that an event of ours would have in this stream: 0 where events have none.
    #[must_use]
    pub const fn next_number(&self) -> u32 {
        self.reader.next_number
    }

    /// True when what `push` let go ends between two events, so that an error event can follow. What `end` returns does
    /// not count: drop it to send an error event instead.
    #[must_use]
    pub fn is_between_events(&self) -> bool {
        !self.cut_inside && (!self.framer.is_inside() || (self.withhold && !self.framer.is_oversize()))
    }

    fn sift(&mut self, chunk: Bytes) -> Bytes {
        let inside = self.framer.is_inside();
        let mut at = self.framer.resume(&chunk);
        let mut kept = Kept::default();
        let mut start = 0;
        if at == 1 && !inside {
            start = 1;
            if !self.dropped {
                kept.add(0, 1);
            }
        }
        let mut held = std::mem::take(&mut self.held);
        while let Some(event) = self.framer.next(&chunk, at) {
            self.dropped = self.reader.note(&event, self.now_ns);
            at = event.end;
            if !self.dropped {
                kept.add(start, at);
            } else if start == 0 {
                held.clear();
            }
            start = at;
        }
        if start == 0 || self.framer.is_oversize() {
            if !self.framer.is_oversize() {
                held.extend_from_slice(&chunk);
                self.held = held;
                return Bytes::new();
            }
            kept.add(start, chunk.len());
        } else {
            self.held.extend_from_slice(chunk.get(start..).unwrap_or_default());
        }
        kept.join(held, chunk)
    }
}

/// Ranges of a chunk that may leave, in order; nearly always one.
#[derive(Default)]
struct Kept {
    first: (usize, usize),
    more: Vec<(usize, usize)>,
}

impl Kept {
    fn add(&mut self, start: usize, end: usize) {
        let last = self.more.last_mut().unwrap_or(&mut self.first);
        if last.0 == last.1 {
            *last = (start, end);
        } else if last.1 == start {
            last.1 = end;
        } else {
            self.more.push((start, end));
        }
    }

    fn join(self, mut held: Vec<u8>, chunk: Bytes) -> Bytes {
        if held.is_empty() && self.more.is_empty() {
            return if self.first == (0, chunk.len()) { chunk } else { chunk.slice(self.first.0..self.first.1) };
        }
        for (start, end) in std::iter::once(self.first).chain(self.more) {
            held.extend_from_slice(chunk.get(start..end).unwrap_or_default());
        }
        Bytes::from(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_oversize_event_leaves_unread_even_when_withholding() {
        let usage = br#"data: {"choices":[],"usage":{"prompt_tokens":1}}"#;
        let stream = [usage, &b" ".repeat(100)[..], b"\n\n", usage, b"\n\n", b"data: [DONE]\n\n"].concat();
        let expected = [usage, &b" ".repeat(100)[..], b"\n\n", b"data: [DONE]\n\n"].concat();
        for size in 1..stream.len() {
            let mut watch = StreamWatch::with_bound(Api::Chat, true, 80);
            let mut out = Vec::new();
            for chunk in stream.chunks(size) {
                out.extend_from_slice(&watch.push(Bytes::copy_from_slice(chunk), 1));
                assert!(watch.held.len() <= 80 + size);
            }
            assert_eq!(out, expected, "chunks of {size}");
            assert!(watch.facts().terminal);
        }
    }

    #[test]
    fn ranges_join_and_skip() {
        let chunk = Bytes::from_static(b"0123456789");
        let mut kept = Kept::default();
        assert_eq!(Kept::default().join(Vec::new(), chunk.clone()), "");
        kept.add(0, 2);
        kept.add(2, 4);
        kept.add(6, 7);
        kept.add(7, 9);
        assert_eq!(kept.join(b"x".to_vec(), chunk), "x0123678");
    }
}
