//! OpenAI chat and completions: chunks and whole answers, which differ only in `delta` against `message`. Owns the
//! field names of a choice, and the shortcut for the chunk that differs from the last one in its delta alone.

use crate::cursor::{Cursor, Flaw, Span};
use crate::notice::{Finish, Notice};

/// Reads a chunk or an answer.
pub(crate) fn read(cursor: &mut Cursor<'_>, notice: &mut Notice) -> Result<(), Flaw> {
    walk(cursor, notice, &mut Deltas::default())
}

/// Where the deltas of a chunk were.
#[derive(Default)]
struct Deltas {
    count: u32,
    span: Option<Span>,
    /// A choice had text of its own beside the deltas.
    text: bool,
}

fn walk(cursor: &mut Cursor<'_>, notice: &mut Notice, deltas: &mut Deltas) -> Result<(), Flaw> {
    cursor.members(|cursor, key| match key {
        b"choices" => {
            let mut count = 0;
            let array = cursor.peek() == Some(b'[');
            cursor.items_if_array(|cursor| {
                count += 1;
                choice(cursor, notice, deltas)
            })?;
            notice.no_choices = array && count == 0;
            Ok(())
        }
        b"usage" => notice.read_usage(cursor),
        b"model" => notice.read_model(cursor),
        b"error" => notice.read_error(cursor),
        _ => cursor.skip().map(drop),
    })
}

fn choice(cursor: &mut Cursor<'_>, notice: &mut Notice, deltas: &mut Deltas) -> Result<(), Flaw> {
    cursor.members_if_object(|cursor, key| match key {
        b"delta" | b"message" => {
            cursor.peek();
            let start = cursor.at();
            delta(cursor, notice)?;
            deltas.count += 1;
            deltas.span = Some(Span { start, end: cursor.at() });
            Ok(())
        }
        b"text" => {
            deltas.text = true;
            notice.generated_text(cursor.text()?, true);
            Ok(())
        }
        b"finish_reason" => {
            let reason = cursor.text()?;
            notice.finish.merge(reason.map_or(Finish::None, |reason| finish(reason.raw)));
            Ok(())
        }
        _ => cursor.skip().map(drop),
    })
}

fn finish(reason: &[u8]) -> Finish {
    match reason {
        b"" => Finish::None,
        b"stop" => Finish::Stop,
        b"length" => Finish::Length,
        b"content_filter" => Finish::Filtered,
        b"tool_calls" | b"function_call" => Finish::ToolCalls,
        _ => Finish::Other,
    }
}

fn delta(cursor: &mut Cursor<'_>, notice: &mut Notice) -> Result<(), Flaw> {
    // Some engines send the same reasoning under both names; it counts once.
    let mut reasoning = 0;
    cursor.members_if_object(|cursor, key| {
        match key {
            b"content" if cursor.peek() == Some(b'[') => parts(cursor, notice)?,
            b"content" | b"refusal" => notice.generated_text(cursor.text()?, true),
            b"reasoning_content" | b"reasoning" => {
                reasoning = cursor.text()?.map_or(0, |text| text.bytes()).max(reasoning);
            }
            b"tool_calls" => cursor.items_if_array(|cursor| tool_call(cursor, notice))?,
            b"function_call" => function(cursor, notice)?,
            b"audio" => audio(cursor, notice)?,
            _ => drop(cursor.skip()?),
        }
        Ok(())
    })?;
    notice.generated(reasoning, false);
    Ok(())
}

/// Content as a list of parts (Mistral): `text` is for the user, `thinking` holds a list of its own.
fn parts(cursor: &mut Cursor<'_>, notice: &mut Notice) -> Result<(), Flaw> {
    cursor.items(|cursor| {
        cursor.members_if_object(|cursor, key| {
            match key {
                b"text" => notice.generated_text(cursor.text()?, true),
                b"thinking" => cursor.items_if_array(|cursor| {
                    cursor.members_if_object(|cursor, key| {
                        let text = cursor.text()?.filter(|_| key == b"text");
                        notice.generated_text(text, false);
                        Ok(())
                    })
                })?,
                _ => drop(cursor.skip()?),
            }
            Ok(())
        })
    })
}

fn tool_call(cursor: &mut Cursor<'_>, notice: &mut Notice) -> Result<(), Flaw> {
    cursor.members_if_object(|cursor, key| match key {
        b"function" | b"custom" => function(cursor, notice),
        _ => cursor.skip().map(drop),
    })
}

/// A call's name is no token of its own; its arguments are, and a user can see a call.
fn function(cursor: &mut Cursor<'_>, notice: &mut Notice) -> Result<(), Flaw> {
    cursor.members_if_object(|cursor, key| {
        let text = cursor.text()?.filter(|_| matches!(key, b"arguments" | b"input"));
        notice.generated_text(text, true);
        Ok(())
    })
}

/// Sound is generated, but its base64 says nothing of tokens; only the transcript counts as text.
fn audio(cursor: &mut Cursor<'_>, notice: &mut Notice) -> Result<(), Flaw> {
    cursor.members_if_object(|cursor, key| {
        match key {
            b"transcript" => notice.generated_text(cursor.text()?, true),
            b"data" => {
                let heard = cursor.text()?.is_some_and(|text| !text.raw.is_empty());
                notice.token |= heard;
                notice.visible |= heard;
            }
            _ => drop(cursor.skip()?),
        }
        Ok(())
    })
}

/// Reads a stream's chunks. A chunk that equals an earlier, wholly read one in every byte around its delta has the same
/// structure, so only the delta is read.
#[derive(Default)]
pub(crate) struct ChunkReader {
    shape: Option<Shape>,
}

#[derive(Default)]
struct Shape {
    before: Vec<u8>,
    after: Vec<u8>,
    /// `after` ends where OpenAI's padding of random length begins.
    padded: bool,
}

/// OpenAI pads chunks against traffic analysis; only letters and digits follow.
const PADDING: &[u8] = br#","obfuscation":""#;
/// Longer surroundings are not worth remembering.
const SHAPE_MAX: usize = 2048;

impl ChunkReader {
    pub(crate) fn read(&mut self, data: &[u8], notice: &mut Notice) -> Result<(), Flaw> {
        if !notice.want_model
            && let Some(shape) = &self.shape
            && data.starts_with(&shape.before)
        {
            let mut cursor = Cursor::from(data, shape.before.len());
            if delta(&mut cursor, notice).is_ok() && shape.ends(data.get(cursor.at()..).unwrap_or_default()) {
                return Ok(());
            }
            *notice = Notice::default();
        }
        let mut deltas = Deltas::default();
        let mut cursor = Cursor::new(data);
        walk(&mut cursor, notice, &mut deltas)?;
        if cursor.peek().is_some() {
            return cursor.flaw();
        }
        if let Deltas { count: 1, span: Some(span), text: false } = deltas {
            self.learn(data, span, notice);
        }
        Ok(())
    }

    fn learn(&mut self, data: &[u8], delta: Span, notice: &Notice) {
        let plain = notice.finish == Finish::None && notice.usage.is_none() && !notice.error;
        let (Some(before), Some(after)) = (data.get(..delta.start), data.get(delta.end..)) else { return };
        if !plain || before.len() + after.len() > SHAPE_MAX {
            return;
        }
        let shape = self.shape.get_or_insert_default();
        let padding = memchr::memmem::find(after, PADDING).map(|at| at + PADDING.len());
        let stem = padding.filter(|&at| is_padding(after.get(at..).unwrap_or_default()));
        shape.padded = stem.is_some();
        shape.before.clear();
        shape.before.extend_from_slice(before);
        shape.after.clear();
        shape.after.extend_from_slice(after.get(..stem.unwrap_or(after.len())).unwrap_or_default());
    }
}

impl Shape {
    fn ends(&self, after: &[u8]) -> bool {
        match after.strip_prefix(self.after.as_slice()) {
            Some(rest) if self.padded => is_padding(rest),
            Some(rest) => rest.is_empty(),
            None => false,
        }
    }
}

fn is_padding(rest: &[u8]) -> bool {
    rest.strip_suffix(b"\"}").is_some_and(|letters| letters.iter().all(u8::is_ascii_alphanumeric))
}
