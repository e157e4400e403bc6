//! A look at each request head as it passes, for what hyper resolves in silence but a proxy in front may have read
//! differently: both a length and a coding (hyper takes the coding and closes), and lines that end in a bare LF.

/// Looks at a head as it passes, for what hyper accepts but a proxy in front may have read differently.
#[derive(Debug, Default)]
pub(super) struct HeadCheck {
    /// The first bytes of the line being read, lower case.
    line: [u8; 18],
    length: usize,
    before: u8,
    lengths: bool,
    codings: bool,
    bare_lf: bool,
    begun: bool,
    done: bool,
}

impl HeadCheck {
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !self.done && !rest.is_empty() {
            let end = memchr::memchr(b'\n', rest);
            let part = &rest[..end.unwrap_or(rest.len())];
            let free = self.line.get_mut(self.length..).unwrap_or_default();
            for (slot, byte) in free.iter_mut().zip(part) {
                *slot = byte.to_ascii_lowercase();
            }
            self.length += part.len();
            self.before = part.last().copied().unwrap_or(self.before);
            let Some(end) = end else { return };
            self.line_ends();
            rest = &rest[end + 1..];
        }
    }

    fn line_ends(&mut self) {
        self.bare_lf |= self.length == 0 || self.before != b'\r';
        self.lengths |= self.line.starts_with(b"content-length:");
        self.codings |= self.line.starts_with(b"transfer-encoding:");
        // Empty lines before a request line are skipped, as hyper does.
        self.done = self.begun && self.length <= 1;
        self.begun |= self.length > 1;
        (self.line, self.length, self.before) = ([0; 18], 0, 0);
    }

    /// Two lengths that disagree by kind, or line ends that another parser would not have seen.
    pub(super) fn is_suspicious(&self) -> bool {
        self.bare_lf || (self.lengths && self.codings)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn suspicious(head: &[u8], cuts: &[usize]) -> bool {
        let mut check = HeadCheck::default();
        let mut rest = head;
        for &cut in cuts {
            let take = cut.min(rest.len());
            check.feed(&rest[..take]);
            rest = &rest[take..];
        }
        check.feed(rest);
        check.is_suspicious()
    }

    #[test]
    fn lengths_with_codings_and_bare_line_feeds_are_suspicious() {
        let cases: [(&[u8], bool); 9] = [
            (b"POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\nhello", false),
            (b"POST / HTTP/1.1\r\nTRANSFER-ENCODING: chunked\r\n\r\n0\r\n\r\n", false),
            (b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", true),
            (b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\ncontent-length:\r\n\r\n", true),
            (b"POST / HTTP/1.1\r\nx-content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n", false),
            (b"POST / HTTP/1.1\nhost: h\r\n\r\n", true),
            (b"POST / HTTP/1.1\r\nhost: h\r\n\n", true),
            (b"\r\n\r\nPOST / HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n", true),
            (b"POST / HTTP/1.1\r\ncontent-length: 70\r\n\r\na\nb\n\ntransfer-encoding: chunked\n", false),
        ];
        for (head, expected) in cases {
            assert_eq!(suspicious(head, &[]), expected, "{:?}", String::from_utf8_lossy(head));
            for cut in 0..head.len() {
                assert_eq!(suspicious(head, &[cut]), expected, "cut at {cut}: {:?}", String::from_utf8_lossy(head));
            }
            assert_eq!(suspicious(head, &vec![1; head.len()]), expected, "byte by byte");
        }
    }

    proptest! {
        #[test]
        fn the_verdict_does_not_depend_on_the_cuts(
            lines in vec("content-length: 1|Transfer-Encoding: chunked|x: y|\r|[ -~]{0,30}", 0..8),
            ends in vec(prop_oneof![9 => Just("\r\n"), 1 => Just("\n")], 8),
            cuts in vec(0..12_usize, 0..40),
        ) {
            let head: String = lines.iter().zip(&ends).flat_map(|(line, end)| [line.as_str(), *end]).collect();
            prop_assert_eq!(suspicious(head.as_bytes(), &cuts), suspicious(head.as_bytes(), &[]));
        }
    }
}
