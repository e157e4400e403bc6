//! A pull walker over JSON text that materialises nothing. Owns the grammar: structure, literals, numbers, depth. It
//! never looks at what a field means, nor into strings: escapes and control characters there are the provider's to judge.

use crate::quote::string_end;
use crate::text::{Text, whole};

/// Containers inside containers, the outermost counted.
pub(crate) const DEPTH_MAX: u32 = 128;

/// Why the text is not the JSON we take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    Malformed(usize),
    TooDeep,
}

/// Where a value lies, its quotes or brackets included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    pub(crate) fn of<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(self.start..self.end).unwrap_or_default()
    }
}

/// A place in a JSON text. Each reading method consumes white space, then one value.
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: u32,
}

impl<'a> Cursor<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, depth: 0 }
    }

    /// A cursor in the middle of a text; depth counts from there.
    pub(crate) const fn from(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, depth: 0 }
    }

    pub(crate) const fn at(&self) -> usize {
        self.at
    }

    pub(crate) const fn flaw<T>(&self) -> Result<T, Flaw> {
        Err(Flaw::Malformed(self.at))
    }

    /// The next byte that is not white space, not consumed.
    #[inline]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = *self.bytes.get(self.at)?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// Visits each member of an object; the visitor must consume the value. Keys come unescaped.
    #[inline]
    pub(crate) fn members(&mut self, mut visit: impl FnMut(&mut Self, &[u8]) -> Result<(), Flaw>) -> Result<(), Flaw> {
        self.enter(b'{')?;
        if self.leave(b'}') {
            return Ok(());
        }
        loop {
            let key = self.string()?;
            self.expect(b':')?;
            visit(self, &key.decoded())?;
            if self.leave(b'}') {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    /// Visits each item of an array; the visitor must consume it.
    pub(crate) fn items(&mut self, mut visit: impl FnMut(&mut Self) -> Result<(), Flaw>) -> Result<(), Flaw> {
        self.enter(b'[')?;
        if self.leave(b']') {
            return Ok(());
        }
        loop {
            visit(self)?;
            if self.leave(b']') {
                return Ok(());
            }
            self.expect(b',')?;
        }
    }

    /// `members`, or nothing where the value is no object.
    pub(crate) fn members_if_object(
        &mut self,
        visit: impl FnMut(&mut Self, &[u8]) -> Result<(), Flaw>,
    ) -> Result<(), Flaw> {
        if self.peek() == Some(b'{') { self.members(visit) } else { self.skip().map(drop) }
    }

    /// `items`, or nothing where the value is no array.
    pub(crate) fn items_if_array(&mut self, visit: impl FnMut(&mut Self) -> Result<(), Flaw>) -> Result<(), Flaw> {
        if self.peek() == Some(b'[') { self.items(visit) } else { self.skip().map(drop) }
    }

    /// The string here, or `None` after skipping any other value.
    #[inline]
    pub(crate) fn text(&mut self) -> Result<Option<Text<'a>>, Flaw> {
        if self.peek() == Some(b'"') { self.string().map(Some) } else { self.skip().map(|_| None) }
    }

    /// The number here, cut to a whole one that fits; `None` after skipping any other value.
    pub(crate) fn count(&mut self) -> Result<Option<u32>, Flaw> {
        let span = self.skip()?;
        Ok(whole(span.of(self.bytes)).map(|count| u32::try_from(count).unwrap_or(u32::MAX)))
    }

    /// Consumes a value; true unless it is `null`.
    pub(crate) fn present(&mut self) -> Result<bool, Flaw> {
        let span = self.skip()?;
        Ok(span.of(self.bytes) != b"null")
    }

    /// Consumes one value of any kind, checking its structure.
    #[inline]
    pub(crate) fn skip(&mut self) -> Result<Span, Flaw> {
        let first = self.peek();
        let start = self.at;
        match first {
            Some(b'{' | b'[') => self.skip_container()?,
            _ => self.skip_scalar(first)?,
        }
        Ok(Span { start, end: self.at })
    }

    #[inline]
    fn skip_scalar(&mut self, first: Option<u8>) -> Result<(), Flaw> {
        match first {
            Some(b'"') => self.string().map(drop),
            Some(b't') => self.literal(b"true"),
            Some(b'f') => self.literal(b"false"),
            Some(b'n') => self.literal(b"null"),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.flaw(),
        }
    }

    /// Nested containers without recursion: one bit a level, 1 for an object.
    fn skip_container(&mut self) -> Result<(), Flaw> {
        let mut objects: u128 = 0;
        let floor = self.depth;
        loop {
            let first = self.peek();
            let opened = matches!(first, Some(b'{' | b'['));
            if opened {
                let object = first == Some(b'{');
                self.enter(if object { b'{' } else { b'[' })?;
                objects = objects << 1 | u128::from(object);
                if !self.leave(if object { b'}' } else { b']' }) {
                    if object {
                        self.key()?;
                    }
                    continue;
                }
                objects >>= 1;
            } else {
                self.skip_scalar(first)?;
            }
            while self.depth > floor && self.leave(if objects & 1 == 1 { b'}' } else { b']' }) {
                objects >>= 1;
            }
            if self.depth == floor {
                return Ok(());
            }
            self.expect(b',')?;
            if objects & 1 == 1 {
                self.key()?;
            }
        }
    }

    #[inline]
    fn key(&mut self) -> Result<(), Flaw> {
        self.string()?;
        self.expect(b':')
    }

    #[inline]
    fn string(&mut self) -> Result<Text<'a>, Flaw> {
        self.expect(b'"')?;
        let start = self.at;
        let Some((end, escaped)) = string_end(self.bytes, start) else { return Err(Flaw::Malformed(self.bytes.len())) };
        self.at = end + 1;
        Ok(Text::new(self.bytes.get(start..end).unwrap_or_default(), escaped))
    }

    fn literal(&mut self, word: &[u8]) -> Result<(), Flaw> {
        if !self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            return self.flaw();
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> Result<(), Flaw> {
        self.take(b"-");
        if !self.take(b"0") {
            self.digits()?;
        }
        if self.take(b".") {
            self.digits()?;
        }
        if self.take(b"eE") {
            self.take(b"+-");
            self.digits()?;
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Flaw> {
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { self.flaw() }
    }

    /// Consumes the very next byte if it is one of these.
    fn take(&mut self, any: &[u8]) -> bool {
        let here = self.bytes.get(self.at).is_some_and(|byte| any.contains(byte));
        self.at += usize::from(here);
        here
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Result<(), Flaw> {
        if self.peek() != Some(byte) {
            return self.flaw();
        }
        self.at += 1;
        Ok(())
    }

    #[inline]
    fn enter(&mut self, byte: u8) -> Result<(), Flaw> {
        self.expect(byte)?;
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err(Flaw::TooDeep) } else { Ok(()) }
    }

    /// Consumes the closing bracket if it comes next.
    #[inline]
    fn leave(&mut self, byte: u8) -> bool {
        let here = self.peek() == Some(byte);
        if here {
            self.at += 1;
            self.depth -= 1;
        }
        here
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn skipping_takes_exactly_one_value(value in "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?([eE][+-]?[0-9])?|true|\\[\\]|\\{\"a\": ?\\[1 ?, ?\\{\\}\\]\\}", rest in "[,\\]}] ?x") {
            let json = format!(" {value}{rest}");
            let mut cursor = Cursor::new(json.as_bytes());
            prop_assert_eq!(cursor.skip(), Ok(Span { start: 1, end: 1 + value.len() }));
        }
    }
}
