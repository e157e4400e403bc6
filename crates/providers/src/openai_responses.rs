//! OpenAI responses: the stream's typed events and the response object. Owns their names.

use crate::cursor::{Cursor, Flaw};
use crate::notice::{Finish, Notice};
use crate::text::Text;

/// Reads one event of a stream. `type` says what the rest means, and may come last.
pub(crate) fn read_event(data: &[u8], notice: &mut Notice) -> Result<(), Flaw> {
    let mut cursor = Cursor::new(data);
    let (mut kind, mut delta): (Option<Text<'_>>, Option<Text<'_>>) = (None, None);
    let mut response = Notice { want_model: notice.want_model, ..Notice::default() };
    cursor.members(|cursor, key| {
        match key {
            b"type" => kind = cursor.text()?,
            b"delta" => delta = cursor.text()?,
            b"sequence_number" => notice.sequence_number = cursor.count()?,
            b"response" => read(cursor, &mut response)?,
            b"error" => response.read_error(cursor)?,
            _ => drop(cursor.skip()?),
        }
        Ok(())
    })?;
    let kind = kind.map_or(&b""[..], |kind| kind.raw);
    notice.model = response.model;
    notice.usage = response.usage;
    notice.error = response.error || kind == b"error" || kind == b"response.failed";
    notice.terminal = matches!(kind, b"response.completed" | b"response.incomplete" | b"response.failed");
    if notice.terminal {
        notice.finish = response.finish;
    }
    if kind.starts_with(b"response.") && kind.ends_with(b"delta") {
        generated(kind, delta, notice);
    }
    Ok(())
}

fn generated(kind: &[u8], delta: Option<Text<'_>>, notice: &mut Notice) {
    let sound = matches!(kind, b"response.audio.delta" | b"response.output_audio.delta");
    if sound {
        notice.token = delta.is_some_and(|delta| !delta.raw.is_empty());
        notice.visible = notice.token;
    } else {
        notice.generated_text(delta, !kind.starts_with(b"response.reasoning"));
    }
}

/// Reads a response object.
pub(crate) fn read(cursor: &mut Cursor<'_>, notice: &mut Notice) -> Result<(), Flaw> {
    let (mut status, mut reason): (Option<Text<'_>>, Option<Text<'_>>) = (None, None);
    let mut called = false;
    cursor.members_if_object(|cursor, key| {
        match key {
            b"status" => status = cursor.text()?,
            b"incomplete_details" => cursor.members_if_object(|cursor, key| {
                reason = cursor.text()?.filter(|_| key == b"reason").or(reason);
                Ok(())
            })?,
            b"output" => cursor.items_if_array(|cursor| item(cursor, notice, &mut called))?,
            b"usage" => notice.read_usage(cursor)?,
            b"model" => notice.read_model(cursor)?,
            b"error" => notice.read_error(cursor)?,
            _ => drop(cursor.skip()?),
        }
        Ok(())
    })?;
    let ended = match status.map(|status| status.raw) {
        Some(b"completed") if called => Finish::ToolCalls,
        Some(b"completed") => Finish::Stop,
        Some(b"incomplete") => match reason.map(|reason| reason.raw) {
            Some(b"max_output_tokens") => Finish::Length,
            Some(b"content_filter") => Finish::Filtered,
            _ => Finish::Other,
        },
        Some(b"failed" | b"cancelled") => Finish::Other,
        _ => Finish::None,
    };
    notice.finish.merge(ended);
    Ok(())
}

/// One output item: a message, a reasoning item, a call.
fn item(cursor: &mut Cursor<'_>, notice: &mut Notice, called: &mut bool) -> Result<(), Flaw> {
    cursor.members_if_object(|cursor, key| {
        match key {
            b"type" => {
                let kind = cursor.text()?.map(|kind| kind.raw);
                *called |= matches!(kind, Some(b"function_call" | b"custom_tool_call"));
            }
            b"arguments" | b"input" => notice.generated_text(cursor.text()?, true),
            b"summary" => cursor.items_if_array(|cursor| part(cursor, notice, false))?,
            b"content" => cursor.items_if_array(|cursor| part(cursor, notice, true))?,
            _ => drop(cursor.skip()?),
        }
        Ok(())
    })
}

fn part(cursor: &mut Cursor<'_>, notice: &mut Notice, visible: bool) -> Result<(), Flaw> {
    cursor.members_if_object(|cursor, key| {
        match key {
            b"text" => notice.generated_text(cursor.text()?, visible),
            b"refusal" => {
                let text = cursor.text()?;
                if text.is_some_and(|text| !text.raw.is_empty()) {
                    notice.finish = Finish::Filtered;
                }
                notice.generated_text(text, visible);
            }
            _ => drop(cursor.skip()?),
        }
        Ok(())
    })
}
