//! Follows one streamed answer: facts for the meter, and the one event that may be withheld. Owns no clock and changes
//! no byte.

use bytes::Bytes;
use paceline_types::{Api, Tokens};

use crate::cursor::{Cursor, Flaw};
use crate::notice::{Finish, Notice};
use crate::openai_chat::ChunkReader;
use crate::sse::{EVENT_BYTES_MAX, Event, Framer};
use crate::usage::Usage;
use crate::{anthropic_messages, openai_responses};

/// What the stream has shown so far. Times are those handed to `push`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StreamFacts {
    /// First event with a generated token.
    pub first_ns: Option<u64>,
    /// First event with text or tool-call arguments a user can see.
    pub visible_ns: Option<u64>,
    /// Last event with a generated token.
    pub last_ns: Option<u64>,
    /// Largest gap between two events with tokens.
    pub stall_ns: u64,
    /// Events with tokens.
    pub events: u32,
    /// Tokens of the first such event, where the provider counts along.
    pub first_event_tokens: Option<u32>,
    /// Bytes of generated text (reasoning and arguments too), for estimates.
    pub text_bytes: u64,
    /// The provider's own counts, once the output is among them.
    pub usage: Option<Tokens>,
    /// Counts as far as they came: of a cut Anthropic stream at least the input side is the provider's own.
    pub usage_so_far: Option<Tokens>,
    /// The terminal event of the API was seen.
    pub terminal: bool,
    pub finish: Finish,
    /// The provider reported a failure inside the stream.
    pub provider_error: bool,
    pub model_served: Option<String>,
}

/// The model's name is looked for in this many events, then given up.
const MODEL_EVENTS: u32 = 8;

/// One streamed answer under watch.
pub struct StreamWatch {
    framer: Framer,
    reader: Reader,
    withhold: bool,
    /// Bytes of an event that has not ended (only when withholding).
    held: Vec<u8>,
    /// The event that ended last was withheld, and so is the line feed that may still belong to it.
    dropped: bool,
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

    /// True when what the caller got ends between two events, so that an error event can follow.
    #[must_use]
    pub fn is_between_events(&self) -> bool {
        !self.framer.is_inside() || (self.withhold && !self.framer.is_oversize())
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

fn is_complete(data: Option<&[u8]>) -> bool {
    let Some(data) = data else { return true };
    let mut cursor = Cursor::new(data);
    data.trim_ascii() == DONE || (cursor.skip().is_ok() && cursor.peek().is_none())
}

const DONE: &[u8] = b"[DONE]";

/// Reads events of one API and sums up.
struct Reader {
    api: Api,
    chunks: ChunkReader,
    facts: StreamFacts,
    usage: Option<Usage>,
    seen: u32,
}

impl Reader {
    fn new(api: Api) -> Self {
        Self { api, chunks: ChunkReader::default(), facts: StreamFacts::default(), usage: None, seen: 0 }
    }

    /// Takes an event; true when it is the extra usage event.
    #[inline]
    fn note(&mut self, event: &Event<'_>, now_ns: u64) -> bool {
        self.facts.provider_error |= event.named_error;
        let Some(data) = event.data else { return false };
        let want_model = self.facts.model_served.is_none() && self.seen < MODEL_EVENTS;
        self.seen = self.seen.saturating_add(1);
        let mut notice = Notice { want_model, ..Notice::default() };
        // An event that is no sound JSON passes to the caller and says nothing.
        if self.read(data, &mut notice).is_err() {
            return false;
        }
        let extra = notice.no_choices && notice.usage.is_some() && !notice.error;
        self.facts.note_times(&notice, now_ns);
        self.fold(notice);
        extra
    }

    fn read(&mut self, data: &[u8], notice: &mut Notice) -> Result<(), Flaw> {
        match self.api {
            Api::Chat | Api::Completions => {
                if data.first() == Some(&b'[') && data.trim_ascii() == DONE {
                    notice.terminal = true;
                    return Ok(());
                }
                self.chunks.read(data, notice)
            }
            Api::Responses => openai_responses::read_event(data, notice),
            Api::Messages => anthropic_messages::read_event(data, notice),
            Api::Embeddings | Api::CountTokens | Api::Models => Ok(()),
        }
    }

    #[inline]
    fn fold(&mut self, notice: Notice) {
        let facts = &mut self.facts;
        facts.text_bytes += notice.text_bytes;
        facts.finish.merge(notice.finish);
        facts.terminal |= notice.terminal;
        facts.provider_error |= notice.error;
        if notice.model.is_some() {
            facts.model_served = notice.model;
        }
        if let Some(later) = notice.usage {
            let messages = self.api == Api::Messages;
            let usage = match &mut self.usage {
                Some(usage) if messages => {
                    usage.merge(&later);
                    *usage
                }
                slot => *slot.insert(later),
            };
            let tokens = if messages { usage.anthropic() } else { usage.openai() };
            facts.usage_so_far = Some(tokens);
            if !notice.usage_open {
                facts.usage = Some(tokens);
            }
        }
    }
}

impl StreamFacts {
    #[inline]
    fn note_times(&mut self, notice: &Notice, now_ns: u64) {
        if !notice.token {
            return;
        }
        match self.last_ns {
            Some(last) => self.stall_ns = self.stall_ns.max(now_ns.saturating_sub(last)),
            None => {
                self.first_ns = Some(now_ns);
                self.first_event_tokens =
                    notice.usage.and_then(|usage| usage.output_count()).filter(|&count| count > 0);
            }
        }
        self.last_ns = Some(now_ns);
        self.events = self.events.saturating_add(1);
        if notice.visible && self.visible_ns.is_none() {
            self.visible_ns = Some(now_ns);
        }
    }
}
