//! Anthropic messages: the stream's typed events and the message object. Owns their names.

use crate::cursor::{Cursor, Flaw};
use crate::notice::{Finish, Notice};
use crate::text::Text;

/// Reads one event of a stream. `type` says what the rest means, and may come last.
pub(crate) fn read_event(data: &[u8], notice: &mut Notice) -> Result<(), Flaw> {
    let mut kind: Option<Text<'_>> = None;
    Cursor::new(data).members(|cursor, key| {
        match key {
            b"type" => kind = cursor.text()?,
            b"delta" | b"content_block" => block(cursor, notice)?,
            b"message" => read(cursor, notice)?,
            b"usage" => notice.read_usage(cursor)?,
            b"error" => notice.read_error(cursor)?,
            _ => drop(cursor.skip()?),
        }
        Ok(())
    })?;
    match kind.map(|kind| kind.raw) {
        Some(b"message_start") => notice.usage_open = true,
        Some(b"message_stop") => notice.terminal = true,
        Some(b"error") => notice.error = true,
        _ => {}
    }
    Ok(())
}

/// Reads a message object.
pub(crate) fn read(cursor: &mut Cursor<'_>, notice: &mut Notice) -> Result<(), Flaw> {
    cursor.members_if_object(|cursor, key| match key {
        b"content" => cursor.items_if_array(|cursor| block(cursor, notice)),
        b"usage" => notice.read_usage(cursor),
        b"model" => notice.read_model(cursor),
        b"error" => notice.read_error(cursor),
        b"stop_reason" => stop_reason(cursor, notice),
        _ => cursor.skip().map(drop),
    })
}

/// A content block, the start of one, or a delta: their fields do not clash.
fn block(cursor: &mut Cursor<'_>, notice: &mut Notice) -> Result<(), Flaw> {
    cursor.members_if_object(|cursor, key| {
        match key {
            b"text" | b"partial_json" => notice.generated_text(cursor.text()?, true),
            b"thinking" => notice.generated_text(cursor.text()?, false),
            b"input" => tool_input(cursor, notice)?,
            b"stop_reason" => stop_reason(cursor, notice)?,
            _ => drop(cursor.skip()?),
        }
        Ok(())
    })
}

/// A call's arguments as a value; the `{}` a streamed call starts with is a placeholder.
fn tool_input(cursor: &mut Cursor<'_>, notice: &mut Notice) -> Result<(), Flaw> {
    let mut members = false;
    cursor.peek();
    let start = cursor.at();
    cursor.members_if_object(|cursor, _| {
        members = true;
        cursor.skip().map(drop)
    })?;
    let size = if members { cursor.at() - start } else { 0 };
    notice.generated(size as u64, true);
    Ok(())
}

fn stop_reason(cursor: &mut Cursor<'_>, notice: &mut Notice) -> Result<(), Flaw> {
    let reason = cursor.text()?.map_or(&b""[..], |reason| reason.raw);
    notice.finish.merge(match reason {
        b"" => Finish::None,
        b"end_turn" | b"stop_sequence" | b"pause_turn" => Finish::Stop,
        b"max_tokens" | b"model_context_window_exceeded" => Finish::Length,
        b"tool_use" => Finish::ToolCalls,
        b"refusal" => Finish::Filtered,
        _ => Finish::Other,
    });
    Ok(())
}
