//! The chunked coding, undone in place. Strict where leniency has been used to smuggle: CRLF only, plain hex sizes,
//! bounded extensions and trailers. Trailers are read and dropped.

use std::ops::Range;

/// Bound on the bytes of all chunk extensions of one answer, and on its trailer section.
const ASIDE_BYTES_MAX: u32 = 16 * 1024;

/// What one read held, once its framing is undone.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    /// Where in the buffer the data now stands.
    pub data: Range<usize>,
    /// The body's end was in this read.
    pub done: bool,
    /// Bytes left over after the body's end.
    pub excess: usize,
}

/// The framing is not what RFC 9112 §7.1 says.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(super) struct Invalid;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before the first digit of a size.
    Start,
    Size,
    /// Blanks between size and extension or line end.
    Blank,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    /// At the start of a trailer line, or of the last, empty one.
    LineStart,
    TrailerName,
    TrailerValue,
    TrailerLf,
    EndLf,
    Done,
}

/// The decoder between two reads.
#[derive(Debug)]
pub(super) struct Chunked {
    state: State,
    /// The size being read, then what is left of the chunk.
    left: u64,
    aside: u32,
}

impl Chunked {
    pub(super) fn new() -> Self {
        Self { state: State::Start, left: 0, aside: 0 }
    }

    /// Undoes the framing of `buffer`, moving data together at the place of its first byte.
    pub(super) fn decode(&mut self, buffer: &mut [u8]) -> Result<Decoded, Invalid> {
        let mut data = 0..0;
        let mut at = 0;
        while at < buffer.len() && self.state != State::Done {
            if self.state == State::Data {
                let take = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len() - at);
                if data.is_empty() {
                    data = at..at + take;
                } else {
                    buffer.copy_within(at..at + take, data.end);
                    data.end += take;
                }
                at += take;
                self.left -= take as u64;
                if self.left == 0 {
                    self.state = State::DataCr;
                }
            } else {
                self.step(buffer[at])?;
                at += 1;
            }
        }
        Ok(Decoded { data, done: self.state == State::Done, excess: buffer.len() - at })
    }

    /// One byte of framing.
    fn step(&mut self, byte: u8) -> Result<(), Invalid> {
        self.state = match (self.state, byte) {
            (State::Start, _) => {
                self.left = 0;
                self.digit(byte)?
            }
            (State::Size | State::Blank, b'\r') => State::SizeLf,
            (State::Size | State::Blank, b';') => State::Extension,
            (State::Size | State::Blank, b' ' | b'\t') => self.aside(State::Blank)?,
            (State::Size, _) => self.digit(byte)?,
            (State::Extension, b'\r') => State::SizeLf,
            (State::Extension, b'\t' | b' '..=b'~' | 0x80..) => self.aside(State::Extension)?,
            (State::SizeLf, b'\n') if self.left == 0 => State::LineStart,
            (State::SizeLf, b'\n') => State::Data,
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::Start,
            (State::LineStart, b'\r') => State::EndLf,
            (State::LineStart | State::TrailerName, _) if is_token(byte) => self.aside(State::TrailerName)?,
            (State::TrailerName, b':') => self.aside(State::TrailerValue)?,
            (State::TrailerValue, b'\r') => State::TrailerLf,
            (State::TrailerValue, b'\t' | b' '..=b'~' | 0x80..) => self.aside(State::TrailerValue)?,
            (State::TrailerLf, b'\n') => State::LineStart,
            (State::EndLf, b'\n') => State::Done,
            _ => return Err(Invalid),
        };
        Ok(())
    }

    fn digit(&mut self, byte: u8) -> Result<State, Invalid> {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ => return Err(Invalid),
        };
        let left = self.left.checked_mul(16).ok_or(Invalid)?;
        self.left = left + u64::from(digit);
        Ok(State::Size)
    }

    /// Counts a byte that is neither data nor size.
    fn aside(&mut self, next: State) -> Result<State, Invalid> {
        self.aside += 1;
        if self.aside > ASIDE_BYTES_MAX { Err(Invalid) } else { Ok(next) }
    }
}

/// A byte of a field's name.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
