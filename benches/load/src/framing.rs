//! Where a body ends, and how many server-sent events it held. Owns content-length and chunked framing as a state fed
//! with whatever arrived; keeps no bytes.

use memchr::memchr_iter;

/// How far a body has been read.
#[derive(Debug)]
pub(crate) struct Framing {
    state: State,
    pub(crate) body_bytes: u64,
    /// Blank lines in the body: one ends each event.
    pub(crate) events: u64,
    /// The last body byte was a line feed.
    line_ended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A body of known length.
    Length(u64),
    /// In a chunk's size line, which may carry an extension.
    Size {
        size: u64,
        extension: bool,
    },
    Chunk(u64),
    /// The CRLF after a chunk.
    AfterChunk,
    /// In the trailer; true while its current line is empty.
    Trailer(bool),
    Done,
}

impl Framing {
    #[must_use]
    pub(crate) fn length(bytes: u64) -> Self {
        Self::new(if bytes == 0 { State::Done } else { State::Length(bytes) })
    }

    #[must_use]
    pub(crate) fn chunked() -> Self {
        Self::new(State::Size { size: 0, extension: false })
    }

    const fn new(state: State) -> Self {
        Self { state, body_bytes: 0, events: 0, line_ended: false }
    }

    #[must_use]
    pub(crate) fn done(&self) -> bool {
        self.state == State::Done
    }

    /// Takes what arrived; returns false when it is not valid framing, or when something follows the body's end.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) -> bool {
        while let Some((&byte, rest)) = bytes.split_first() {
            match self.state {
                State::Length(left) | State::Chunk(left) => {
                    let taken = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
                    let (data, rest) = bytes.split_at(taken);
                    self.count(data);
                    bytes = rest;
                    let left = left - taken as u64;
                    self.state = match (self.state, left) {
                        (State::Length(_), 0) => State::Done,
                        (State::Length(_), _) => State::Length(left),
                        (_, 0) => State::AfterChunk,
                        _ => State::Chunk(left),
                    };
                    continue;
                }
                State::Size { size, extension } => match after_size(byte, size, extension) {
                    Some(state) => self.state = state,
                    None => return false,
                },
                State::AfterChunk if byte == b'\n' => self.state = State::Size { size: 0, extension: false },
                State::AfterChunk if byte == b'\r' => {}
                State::AfterChunk | State::Done => return false,
                State::Trailer(empty) => match (byte, empty) {
                    (b'\n', true) => self.state = State::Done,
                    (b'\n', false) => self.state = State::Trailer(true),
                    (b'\r', _) => {}
                    _ => self.state = State::Trailer(false),
                },
            }
            bytes = rest;
        }
        true
    }

    fn count(&mut self, data: &[u8]) {
        self.body_bytes += data.len() as u64;
        let mut expected = if self.line_ended { 0 } else { usize::MAX };
        for at in memchr_iter(b'\n', data) {
            if at == expected {
                self.events += 1;
            }
            expected = at + 1;
        }
        self.line_ended = data.last() == Some(&b'\n');
    }
}

fn after_size(byte: u8, size: u64, extension: bool) -> Option<State> {
    match byte {
        b'\n' if size == 0 => Some(State::Trailer(true)),
        b'\n' => Some(State::Chunk(size)),
        b'\r' => Some(State::Size { size, extension }),
        _ if extension => Some(State::Size { size, extension }),
        b';' => Some(State::Size { size, extension: true }),
        _ => {
            let digit = char::from(byte).to_digit(16)?;
            Some(State::Size { size: size.checked_mul(16)? + u64::from(digit), extension })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Framing;

    const STREAM: &[u8] = b"b\r\ndata: one\n\n\r\n9;x=1\r\ndata: two\r\n2\r\n\n\n\r\n0\r\n\r\n";

    #[test]
    fn chunks_may_be_split_anywhere() {
        let stream = &STREAM.to_vec();
        for at in 0..=stream.len() {
            let mut framing = Framing::chunked();
            assert!(framing.feed(&stream[..at]) && framing.feed(&stream[at..]), "{at}");
            assert!(framing.done());
            assert_eq!((framing.body_bytes, framing.events), (22, 2), "{at}");
        }
    }

    #[test]
    fn a_length_ends_the_body() {
        let mut framing = Framing::length(4);
        assert!(framing.feed(b"ab") && !framing.done());
        assert!(framing.feed(b"cd") && framing.done());
        assert!(!framing.feed(b"e"));
        assert!(Framing::length(0).done());
    }

    #[test]
    fn what_is_not_framing_is_refused() {
        assert!(!Framing::chunked().feed(b"xyz\r\n"));
        assert!(!Framing::chunked().feed(b"1\r\nab"));
    }
}
