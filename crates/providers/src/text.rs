//! What JSON tokens mean: a string's content and size, a number's value. Owns the escapes.

use std::borrow::Cow;

use memchr::memchr;

/// A string's content, still escaped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text<'a> {
    pub(crate) raw: &'a [u8],
    escaped: bool,
}

impl<'a> Text<'a> {
    pub(crate) const fn new(raw: &'a [u8], escaped: bool) -> Self {
        Self { raw, escaped }
    }

    /// The content with escapes undone; the raw bytes where they cannot be.
    #[inline]
    pub(crate) fn decoded(&self) -> Cow<'a, [u8]> {
        if self.escaped { self.unescaped() } else { Cow::Borrowed(self.raw) }
    }

    #[cold]
    fn unescaped(&self) -> Cow<'a, [u8]> {
        let quoted = [b"\"", self.raw, b"\""].concat();
        serde_json::from_slice::<String>(&quoted).map_or(Cow::Borrowed(self.raw), |text| Cow::Owned(text.into_bytes()))
    }

    pub(crate) fn to_text(self) -> String {
        String::from_utf8_lossy(&self.decoded()).into_owned()
    }

    /// Bytes of the decoded content, near enough for estimates: each half of a surrogate pair counts two.
    pub(crate) fn bytes(&self) -> u64 {
        let mut size = self.raw.len() as u64;
        if !self.escaped {
            return size;
        }
        let mut rest = self.raw;
        while let Some(at) = memchr(b'\\', rest) {
            let unit = rest.get(at + 2..at + 6).and_then(|hex| std::str::from_utf8(hex).ok());
            let wide = rest.get(at + 1) == Some(&b'u');
            let (long, short) = match unit.and_then(|hex| u32::from_str_radix(hex, 16).ok()).filter(|_| wide) {
                Some(0..0x80) => (6, 1),
                Some(0x80..0x800 | 0xd800..0xe000) => (6, 2),
                Some(_) => (6, 3),
                None => (2, 1),
            };
            size -= long - short;
            rest = rest.get(at + usize::try_from(long).unwrap_or(2)..).unwrap_or_default();
        }
        size
    }
}

/// The value of a number token, if it is whole and not negative.
pub(crate) fn whole(number: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(number).ok()?;
    if let Ok(value) = text.parse() {
        return Some(value);
    }
    let value: f64 = text.parse().ok().filter(|_| number.first().is_some_and(u8::is_ascii_digit))?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    (value.fract() == 0.0 && value < 9e15).then_some(value as u64)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cursor::Cursor;

    fn text(json: &[u8]) -> Text<'_> {
        Cursor::new(json).text().unwrap().unwrap()
    }

    proptest! {
        #[test]
        fn text_is_decoded_and_sized(text in prop_oneof!["\\PC{0,30}", "[\\\\\"\n\u{1}a\u{1f600}]{0,20}"]) {
            let plain = serde_json::to_vec(&text).unwrap();
            let units: String = text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
            let escaped = format!("\"{units}\"").into_bytes();
            for json in [plain, escaped] {
                prop_assert_eq!(self::text(&json).to_text(), text.as_str());
                prop_assert_eq!(self::text(&json).bytes(), text.len() as u64);
            }
        }
    }

    #[test]
    fn whole_numbers_only() {
        for (number, value) in [("0", Some(0)), ("12", Some(12)), ("3.0", Some(3)), ("1e3", Some(1000)), ("-1", None)] {
            assert_eq!(whole(number.as_bytes()), value);
        }
        assert_eq!((whole(b"1.5"), whole(b"1e99"), whole(b"true"), whole(b"")), (None, None, None, None));
    }
}
