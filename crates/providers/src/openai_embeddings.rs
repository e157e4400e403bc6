//! OpenAI embeddings answers. Owns the way round their vectors: megabytes of numbers that say nothing to us.

use bytes::Bytes;

use crate::cursor::{Cursor, Flaw};
use crate::notice::Notice;

/// Above this an answer's ends are looked at first.
const WHOLE_MAX: usize = 32 * 1024;
/// How much of each end.
const END: usize = 4 * 1024;

/// Reads a whole answer.
pub(crate) fn read(cursor: &mut Cursor<'_>, notice: &mut Notice) -> Result<(), Flaw> {
    cursor.members(|cursor, key| match key {
        b"usage" => notice.read_usage(cursor),
        b"model" => notice.read_model(cursor),
        b"error" => notice.read_error(cursor),
        _ => cursor.skip().map(drop),
    })
}

/// Reads usage off the ends of a large answer; false when it is not there.
///
/// An unescaped `"usage"` followed by a colon is a key wherever it stands, and no other object in such an answer has it.
pub(crate) fn read_ends(parts: &[Bytes], notice: &mut Notice) -> bool {
    let total: usize = parts.iter().map(Bytes::len).sum();
    if total <= WHOLE_MAX {
        return false;
    }
    let mut tail = Vec::with_capacity(END);
    let mut skip = total - END;
    for part in parts {
        let from = skip.min(part.len());
        skip -= from;
        tail.extend_from_slice(part.get(from..).unwrap_or_default());
    }
    if let Some(value) = member(&tail, b"\"model\"") {
        // A cut or odd tail leaves the notice as it was.
        let _ = notice.read_model(&mut Cursor::from(&tail, value));
    }
    if let Some(value) = member(&tail, b"\"usage\"") {
        let _ = notice.read_usage(&mut Cursor::from(&tail, value));
    }
    if notice.model.is_none() {
        let head = parts.first().map_or(&[][..], |part| part.get(..END.min(part.len())).unwrap_or_default());
        let mut front = Notice { want_model: true, ..Notice::default() };
        let _ = read(&mut Cursor::new(head), &mut front);
        notice.model = front.model;
    }
    notice.usage.is_some()
}

/// Where the value of the last member with this key begins.
fn member(text: &[u8], key: &[u8]) -> Option<usize> {
    let after = memchr::memmem::rfind(text, key)? + key.len();
    let mut cursor = Cursor::from(text, after);
    (cursor.peek() == Some(b':')).then(|| cursor.at() + 1)
}
