//! Sums up the events of one stream. Owns what the facts mean; the dialects' field names are the readers' own.

use paceline_types::{Api, Tokens};

use crate::cursor::{Cursor, Flaw};
use crate::notice::{Finish, Notice};
use crate::openai_chat::ChunkReader;
use crate::sse::Event;
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

/// True when data that no blank line ended is whole all the same.
pub(crate) fn is_complete(data: Option<&[u8]>) -> bool {
    let Some(data) = data else { return true };
    let mut cursor = Cursor::new(data);
    data.trim_ascii() == DONE || (cursor.skip().is_ok() && cursor.peek().is_none())
}

const DONE: &[u8] = b"[DONE]";

/// Reads events of one API and sums up.
pub(crate) struct Reader {
    api: Api,
    chunks: ChunkReader,
    pub(crate) facts: StreamFacts,
    usage: Option<Usage>,
    seen: u32,
    /// The number of the event that would come next, where events are numbered.
    pub(crate) next_number: u32,
}

impl Reader {
    pub(crate) fn new(api: Api) -> Self {
        Self {
            api,
            chunks: ChunkReader::default(),
            facts: StreamFacts::default(),
            usage: None,
            seen: 0,
            next_number: 0,
        }
    }

    /// Takes an event; true when it is the extra usage event.
    #[inline]
    pub(crate) fn note(&mut self, event: &Event<'_>, now_ns: u64) -> bool {
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
            Api::Embeddings | Api::CountTokens | Api::Models | Api::Passthrough => Ok(()),
        }
    }

    #[inline]
    fn fold(&mut self, notice: Notice) {
        let facts = &mut self.facts;
        facts.text_bytes += notice.text_bytes;
        facts.finish.merge(notice.finish);
        facts.terminal |= notice.terminal;
        facts.provider_error |= notice.error;
        if let Some(number) = notice.sequence_number {
            self.next_number = number.saturating_add(1);
        }
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
