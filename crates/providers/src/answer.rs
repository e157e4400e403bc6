//! Facts of a whole, non-streamed 2xx answer. Owns no bytes: the answer passes to the caller as it came.

use std::borrow::Cow;

use bytes::Bytes;
use paceline_types::{Api, Tokens};

use crate::cursor::{Cursor, Flaw};
use crate::notice::{Finish, Notice};
use crate::{anthropic_messages, openai_chat, openai_embeddings, openai_responses};

/// What a whole answer says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnswerFacts {
    pub usage: Option<Tokens>,
    pub finish: Finish,
    /// Bytes of generated text, for estimates.
    pub text_bytes: u64,
    pub model_served: Option<String>,
    /// The provider reports a failure under a success status.
    pub provider_error: bool,
}

/// Reads an answer's parts; what is not understood leaves its fact empty.
#[must_use]
pub fn read_answer(api: Api, body_parts: &[Bytes]) -> AnswerFacts {
    let mut notice = Notice { want_model: true, ..Notice::default() };
    if api != Api::Embeddings || !openai_embeddings::read_ends(body_parts, &mut notice) {
        let body = match body_parts {
            [one] => Cow::Borrowed(one.as_ref()),
            parts => Cow::Owned(parts.concat()),
        };
        // A cut or malformed answer keeps what was read before the flaw.
        let _ = read(api, &mut Cursor::new(&body), &mut notice);
    }
    AnswerFacts {
        usage: notice.usage.map(|usage| match api {
            Api::Messages => usage.anthropic(),
            _ => usage.openai(),
        }),
        finish: notice.finish,
        text_bytes: notice.text_bytes,
        model_served: notice.model,
        provider_error: notice.error,
    }
}

fn read(api: Api, cursor: &mut Cursor<'_>, notice: &mut Notice) -> Result<(), Flaw> {
    match api {
        Api::Chat | Api::Completions => openai_chat::read(cursor, notice),
        Api::Responses => openai_responses::read(cursor, notice),
        Api::Embeddings => openai_embeddings::read(cursor, notice),
        Api::Messages => anthropic_messages::read(cursor, notice),
        Api::CountTokens | Api::Models | Api::Passthrough => Ok(()),
    }
}
