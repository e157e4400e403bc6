//! Undoes gzip and deflate beside the stream, so that the watch can read what passes to the caller compressed. Owns the
//! bound on what one chunk may unfold to; a fault ends the reading, never the relay.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// Bytes one chunk may unfold to.
const OUTPUT_MAX: usize = 8 << 20;

/// Why reading stopped; later chunks yield the same fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InflateFault {
    #[error("the compressed answer is not sound")]
    Corrupt,
    #[error("one chunk of the compressed answer unfolds to more than {OUTPUT_MAX} bytes")]
    TooLarge,
}

/// A streaming decoder.
pub struct Inflate {
    state: State,
}

enum State {
    Gzip(Box<MultiGzDecoder<Sink>>),
    /// `deflate` means zlib by the standard and bare deflate by habit: the first two bytes tell.
    Unsure(Vec<u8>),
    Zlib(Box<ZlibDecoder<Sink>>),
    Bare(Box<DeflateDecoder<Sink>>),
    Failed(InflateFault),
}

impl Inflate {
    /// A decoder for a `content-encoding`; `None` for one that cannot be read (and for `identity`, which needs none).
    #[must_use]
    pub fn new(encoding: &str) -> Option<Self> {
        let encoding = encoding.trim();
        let is = |name: &str| encoding.eq_ignore_ascii_case(name);
        let state = if is("gzip") || is("x-gzip") {
            State::Gzip(Box::new(MultiGzDecoder::new(Sink::default())))
        } else if is("deflate") {
            State::Unsure(Vec::new())
        } else {
            return None;
        };
        Some(Self { state })
    }

    /// Takes a compressed chunk; returns all it unfolds to.
    ///
    /// # Errors
    /// When the chunk is corrupt or unfolds to too much, and on every call after that.
    pub fn push(&mut self, chunk: &[u8]) -> Result<Bytes, InflateFault> {
        if let State::Unsure(seen) = &mut self.state {
            seen.extend_from_slice(chunk);
            let &[first, second, ..] = seen.as_slice() else { return Ok(Bytes::new()) };
            let seen = std::mem::take(seen);
            let zlib = first & 15 == 8 && u16::from_be_bytes([first, second]).is_multiple_of(31);
            self.state = if zlib {
                State::Zlib(Box::new(ZlibDecoder::new(Sink::default())))
            } else {
                State::Bare(Box::new(DeflateDecoder::new(Sink::default())))
            };
            return self.unfold(&seen);
        }
        self.unfold(chunk)
    }

    fn unfold(&mut self, chunk: &[u8]) -> Result<Bytes, InflateFault> {
        let result = match &mut self.state {
            State::Gzip(decoder) => feed(decoder.as_mut(), chunk).map(|()| decoder.get_mut().take()),
            State::Zlib(decoder) => feed(decoder.as_mut(), chunk).map(|()| decoder.get_mut().take()),
            State::Bare(decoder) => feed(decoder.as_mut(), chunk).map(|()| decoder.get_mut().take()),
            State::Unsure(_) => Ok(Bytes::new()),
            State::Failed(fault) => Err(*fault),
        };
        if let Err(fault) = result {
            self.state = State::Failed(fault);
        }
        result
    }
}

fn feed(decoder: &mut impl Write, chunk: &[u8]) -> Result<(), InflateFault> {
    decoder.write_all(chunk).and_then(|()| decoder.flush()).map_err(|error| match error.kind() {
        io::ErrorKind::StorageFull => InflateFault::TooLarge,
        _ => InflateFault::Corrupt,
    })
}

/// Collects one chunk's output and refuses more than the bound.
#[derive(Default)]
struct Sink {
    out: Vec<u8>,
}

impl Sink {
    fn take(&mut self) -> Bytes {
        Bytes::from(std::mem::take(&mut self.out))
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.out.len() + bytes.len() > OUTPUT_MAX {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.out.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn packed(kind: u8, text: &[u8]) -> (&'static str, Vec<u8>) {
        match kind {
            0 => ("gzip", gzip(text)),
            1 => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(text).unwrap();
                ("deflate", encoder.finish().unwrap())
            }
            2 => {
                let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(text).unwrap();
                (" Deflate ", encoder.finish().unwrap())
            }
            _ => ("X-GZIP", [gzip(&text[..text.len() / 2]), gzip(&text[text.len() / 2..])].concat()),
        }
    }

    proptest! {
        #[test]
        fn any_cut_of_any_encoding_unfolds_to_the_same(
            text in proptest::collection::vec(any::<u8>(), 0..400), kind in 0_u8..4, size in 1_usize..50
        ) {
            let text = text.repeat(20);
            let (name, packed) = packed(kind, &text);
            let mut inflate = Inflate::new(name).unwrap();
            let mut out = Vec::new();
            for chunk in packed.chunks(size) {
                out.extend_from_slice(&inflate.push(chunk).unwrap());
            }
            prop_assert_eq!(out, text);
        }

        #[test]
        fn noise_is_a_fault_or_output_and_never_a_panic(noise in proptest::collection::vec(any::<u8>(), 0..200)) {
            for name in ["gzip", "deflate"] {
                let mut inflate = Inflate::new(name).unwrap();
                let _ = inflate.push(&noise);
                let _ = inflate.push(&noise);
            }
        }
    }

    #[test]
    fn flushed_events_come_out_with_the_chunk_that_holds_them() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let mut inflate = Inflate::new("gzip").unwrap();
        let mut sent = 0;
        for event in ["data: one\n\n", "data: two\n\n"] {
            encoder.write_all(event.as_bytes()).unwrap();
            encoder.flush().unwrap();
            let chunk = encoder.get_ref()[sent..].to_vec();
            sent += chunk.len();
            assert_eq!(inflate.push(&chunk).unwrap(), event);
        }
    }

    #[test]
    fn a_bomb_and_a_broken_answer_are_faults_that_stay() {
        let bomb = gzip(&vec![0; OUTPUT_MAX + 1]);
        let mut inflate = Inflate::new("gzip").unwrap();
        assert_eq!(inflate.push(&bomb), Err(InflateFault::TooLarge));
        assert_eq!(inflate.push(&gzip(b"x")), Err(InflateFault::TooLarge));
        let mut inflate = Inflate::new("gzip").unwrap();
        assert_eq!(inflate.push(b"data: not gzip at all\n\n"), Err(InflateFault::Corrupt));
        assert!(Inflate::new("br").is_none() && Inflate::new("identity").is_none());
    }
}
