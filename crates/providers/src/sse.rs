//! Server-sent events: where each event ends and what its data is. Owns line endings, the byte-order mark, multi-line
//! data and events split over reads; knows nothing of JSON.

use memchr::memchr2;

/// A larger event is passed on without being read.
pub(crate) const EVENT_BYTES_MAX: usize = 8 << 20;

/// One event that ended in this chunk.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Event<'a> {
    /// The data lines, joined; `None` without data (a comment) or when the event was too large.
    pub(crate) data: Option<&'a [u8]>,
    /// It came with `event: error`.
    pub(crate) named_error: bool,
    /// Where in the chunk the next event begins.
    pub(crate) end: usize,
}

/// Finds events in chunks cut anywhere.
pub(crate) struct Framer {
    bytes_max: usize,
    /// The beginning of a line whose end has not come.
    line: Vec<u8>,
    /// Data lines so far, each with a line feed behind it.
    data: Vec<u8>,
    has_data: bool,
    named_error: bool,
    /// Bytes of the event so far, without the blank line.
    size: usize,
    /// The event was handed out; its state goes before the next one.
    spent: bool,
    /// The last chunk ended in a carriage return, whose line feed may come.
    after_return: bool,
    first_line: bool,
}

impl Framer {
    pub(crate) const fn new(bytes_max: usize) -> Self {
        Self {
            bytes_max,
            line: Vec::new(),
            data: Vec::new(),
            has_data: false,
            named_error: false,
            size: 0,
            spent: false,
            after_return: false,
            first_line: true,
        }
    }

    /// True when the last byte seen lies inside an event.
    pub(crate) const fn is_inside(&self) -> bool {
        self.size > 0 && !self.spent
    }

    /// True when the event begun so far is too large to be read.
    pub(crate) const fn is_oversize(&self) -> bool {
        self.size > self.bytes_max && !self.spent
    }

    /// Where to begin in a new chunk: behind a line feed whose carriage return ended the last one.
    pub(crate) fn resume(&mut self, chunk: &[u8]) -> usize {
        let Some(&first) = chunk.first() else { return 0 };
        let split = std::mem::take(&mut self.after_return) && first == b'\n';
        if split && self.is_inside() {
            self.size += 1;
        }
        usize::from(split)
    }

    /// The next event that ends in `chunk`, looking from `at`; what is left of the chunk is remembered.
    #[inline]
    pub(crate) fn next<'a>(&'a mut self, chunk: &'a [u8], mut at: usize) -> Option<Event<'a>> {
        if self.spent {
            self.reset();
        }
        loop {
            let rest = chunk.get(at..).filter(|rest| !rest.is_empty())?;
            let Some(stop) = memchr2(b'\n', b'\r', rest) else {
                self.keep(rest);
                return None;
            };
            let line = rest.get(..stop)?;
            let next = self.line_end(chunk, at + stop);
            if self.line.is_empty() && !self.first_line && !line.is_empty() {
                let size = next - at;
                if !self.has_data
                    && self.size + size <= self.bytes_max
                    && let Some(data) = data_of(line)
                    && matches!(chunk.get(next), Some(b'\n' | b'\r'))
                {
                    self.spent = true;
                    let end = self.line_end(chunk, next);
                    return Some(Event { data: Some(data), named_error: self.named_error, end });
                }
                self.size += size;
                self.take(line);
            } else if self.whole_line(line, next - at) {
                return Some(self.event(next));
            }
            at = next;
        }
    }

    /// The event at the end of the stream, if its blank line never came.
    pub(crate) fn finish(&mut self) -> Option<Event<'_>> {
        if self.spent {
            self.reset();
        }
        let size = self.line.len();
        if size > 0 {
            self.size -= size;
            self.whole_line(b"", size);
        }
        (self.size > 0).then(|| self.event(0))
    }

    fn event(&mut self, end: usize) -> Event<'_> {
        self.spent = true;
        let readable = self.has_data && self.size <= self.bytes_max;
        let data = readable.then(|| self.data.strip_suffix(b"\n").unwrap_or(&self.data));
        Event { data, named_error: self.named_error, end }
    }

    fn reset(&mut self) {
        self.spent = false;
        self.data.clear();
        self.has_data = false;
        self.named_error = false;
        self.size = 0;
    }

    /// Index behind the line ending at `stop`.
    #[inline]
    fn line_end(&mut self, chunk: &[u8], stop: usize) -> usize {
        if chunk.get(stop) == Some(&b'\n') {
            return stop + 1;
        }
        match chunk.get(stop + 1) {
            Some(b'\n') => stop + 2,
            Some(_) => stop + 1,
            None => {
                self.after_return = true;
                stop + 1
            }
        }
    }

    /// Remembers the beginning of a line.
    fn keep(&mut self, part: &[u8]) {
        self.size += part.len();
        if self.size > self.bytes_max {
            // Only that the line is not empty still matters.
            self.line.truncate(1);
            self.data = Vec::new();
            if self.line.is_empty() {
                self.line.extend_from_slice(part.get(..1).unwrap_or_default());
            }
        } else {
            self.line.extend_from_slice(part);
        }
    }

    /// Ends a line with its last piece; true when the line was blank. `size` is the piece's with its line ending.
    fn whole_line(&mut self, last: &[u8], size: usize) -> bool {
        let mut line = std::mem::take(&mut self.line);
        line.extend_from_slice(last);
        let mut text = line.as_slice();
        if std::mem::take(&mut self.first_line) {
            text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        }
        let blank = text.is_empty();
        if !blank {
            self.size += size;
            self.take(text);
        }
        line.clear();
        self.line = line;
        blank
    }

    /// Notes a whole line that is not blank.
    fn take(&mut self, line: &[u8]) {
        if let Some(data) = data_of(line) {
            self.has_data = true;
            if self.size > self.bytes_max {
                self.data = Vec::new();
            } else {
                self.data.extend_from_slice(data);
                self.data.push(b'\n');
            }
        } else if let Some(name) = line.strip_prefix(b"event:") {
            self.named_error = name.trim_ascii() == b"error";
        }
    }
}

/// The value of a data line.
fn data_of(line: &[u8]) -> Option<&[u8]> {
    let value = line.strip_prefix(b"data")?;
    if value.is_empty() {
        return Some(value);
    }
    let value = value.strip_prefix(b":")?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(bytes_max: usize, chunks: &[&[u8]]) -> Vec<Option<String>> {
        let mut framer = Framer::new(bytes_max);
        let mut seen = Vec::new();
        for chunk in chunks {
            let mut at = framer.resume(chunk);
            while let Some(event) = framer.next(chunk, at) {
                at = event.end;
                seen.push(event.data.map(|data| String::from_utf8_lossy(data).into_owned()));
            }
        }
        seen
    }

    #[test]
    fn data_lines_join_and_other_fields_do_not_matter() {
        let stream = b"\xef\xbb\xbfdata: a\nid: 3\ndata:b\ndata\nretry: 9\ndatum: x\n\n: comment\n\ndata:  c\n\n";
        assert_eq!(seen(99, &[stream]), [Some("a\nb\n".to_owned()), None, Some(" c".to_owned())]);
    }

    #[test]
    fn an_event_over_the_bound_is_not_read_however_it_is_cut() {
        let stream: &[u8] = b"data: 0123456789\n\ndata: 01234\ndata: 5678\n\ndata: ok\n\n";
        for bound in 0..30 {
            let whole = seen(bound, &[stream]);
            for cut in 0..stream.len() {
                assert_eq!(seen(bound, &[&stream[..cut], &stream[cut..]]), whole, "bound {bound}, cut {cut}");
            }
            assert_eq!(seen(bound, &stream.chunks(1).collect::<Vec<_>>()), whole, "bound {bound}");
            assert_eq!(
                (whole[0].is_some(), whole[1].is_some(), whole[2].is_some()),
                (bound >= 17, bound >= 23, bound >= 9)
            );
        }
    }

    #[test]
    fn an_error_name_belongs_to_its_own_event() {
        let mut framer = Framer::new(99);
        let stream = b"event: error\ndata: x\n\ndata: y\n\n";
        let first = framer.next(stream, 0).map(|event| (event.named_error, event.end));
        assert_eq!(first, Some((true, 22)));
        assert_eq!(framer.next(stream, 22).map(|event| event.named_error), Some(false));
    }
}
