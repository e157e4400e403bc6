//! The chunk decoder: the same result wherever the bytes are cut, and nothing lenient.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::upstream::chunked::{Chunked, Invalid};

/// Decodes `bytes` cut into reads of the given sizes (the last one taking the rest).
pub(super) fn decode(bytes: &[u8], cuts: &[usize]) -> Result<(Vec<u8>, bool, usize), Invalid> {
    let mut decoder = Chunked::new();
    let (mut data, mut done, mut excess) = (Vec::new(), false, 0);
    let mut rest = bytes;
    let mut cuts = cuts.iter();
    while !rest.is_empty() && !done {
        let take = cuts.next().map_or(rest.len(), |&cut| cut.clamp(1, rest.len()));
        let mut read = rest[..take].to_vec();
        rest = &rest[take..];
        let decoded = decoder.decode(&mut read)?;
        data.extend_from_slice(&read[decoded.data]);
        done = decoded.done;
        excess = decoded.excess + if done { rest.len() } else { 0 };
    }
    Ok((data, done, excess))
}

/// Chunks as a server might write them: sizes in any case, zeros in front, extensions, trailers.
pub(super) fn encoded() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let chunk = (vec(any::<u8>(), 1..40), 0..4_u8, 0..3_usize);
    (vec(chunk, 0..6), 0..3_u8).prop_map(|(chunks, trailers)| {
        let (mut wire, mut data) = (Vec::new(), Vec::new());
        for (bytes, style, zeros) in chunks {
            let size = match style {
                0 => format!("{:x}", bytes.len()),
                1 => format!("{:X}", bytes.len()),
                2 => format!("{}{:x}", "0".repeat(zeros), bytes.len()),
                _ => format!("{:x};name=value;other", bytes.len()),
            };
            wire.extend_from_slice(size.as_bytes());
            wire.extend_from_slice(b"\r\n");
            wire.extend_from_slice(&bytes);
            wire.extend_from_slice(b"\r\n");
            data.extend_from_slice(&bytes);
        }
        wire.extend_from_slice(b"0\r\n");
        for index in 0..trailers {
            wire.extend_from_slice(format!("x-trailer-{index}: value\r\n").as_bytes());
        }
        wire.extend_from_slice(b"\r\n");
        (wire, data)
    })
}

proptest! {
    #[test]
    fn cutting_the_bytes_anywhere_changes_nothing((wire, data) in encoded(), cuts in vec(1..9_usize, 0..200)) {
        prop_assert_eq!(decode(&wire, &cuts), Ok((data, true, 0)));
    }

    #[test]
    fn every_single_cut_and_byte_by_byte((wire, data) in encoded()) {
        for cut in 1..wire.len() {
            prop_assert_eq!(decode(&wire, &[cut]), Ok((data.clone(), true, 0)), "cut at {}", cut);
        }
        prop_assert_eq!(decode(&wire, &vec![1; wire.len()]), Ok((data, true, 0)));
    }

    #[test]
    fn bytes_after_the_end_are_counted_not_taken((wire, data) in encoded(), more in vec(any::<u8>(), 1..20), cut in 1..50_usize) {
        let mut both = wire;
        both.extend_from_slice(&more);
        prop_assert_eq!(decode(&both, &[cut]), Ok((data, true, more.len())));
    }

    #[test]
    fn no_input_panics_and_the_verdict_does_not_depend_on_the_cuts(
        wire in vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'0'), Just(b'2'), Just(b'f'), Just(b';'), Just(b' '), any::<u8>()], 0..60),
        cuts in vec(1..9_usize, 0..60),
    ) {
        let (whole, cut) = (decode(&wire, &[]), decode(&wire, &cuts));
        prop_assert_eq!(whole.is_err(), cut.is_err());
        if let (Ok(whole), Ok(cut)) = (whole, cut) {
            prop_assert_eq!(whole, cut);
        }
    }

    #[test]
    fn a_body_without_its_end_is_never_done((wire, _) in encoded(), short in 1..5_usize) {
        let short = &wire[..wire.len().saturating_sub(short)];
        let (_, done, _) = decode(short, &[]).unwrap();
        prop_assert!(!done);
    }
}

#[test]
fn what_has_been_used_to_smuggle_is_refused() {
    let refused: &[&[u8]] = &[
        b"\r\n",
        b" 5\r\nhello\r\n0\r\n\r\n",
        b"+5\r\nhello\r\n0\r\n\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"5\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"5\r\nhelloX\r\n0\r\n\r\n",
        b"5 5\r\nhello\r\n0\r\n\r\n",
        b"5;ext\nhello\r\n0\r\n\r\n",
        b"5;e\x00xt\r\nhello\r\n0\r\n\r\n",
        b"5\rXhello\r\n0\r\n\r\n",
        b"10000000000000000\r\nhello",
        b"0\r\ntrailer: value\n\r\n",
        b"0\r\ntrailer; value\r\n\r\n",
        b"0\r\n: value\r\n\r\n",
        b"0\r\n folded\r\n\r\n",
        b"0\r\n\rX",
        b";\r\n",
    ];
    for wire in refused {
        assert_eq!(decode(wire, &[]), Err(Invalid), "{:?}", String::from_utf8_lossy(wire));
    }
    assert!(decode(b"ffffffffffffffff\r\nhello", &[]).is_ok(), "the largest size there is");
}

#[test]
fn extensions_and_trailers_are_bounded() {
    let extension = format!("5;{}\r\nhello\r\n0\r\n\r\n", "e".repeat(20_000));
    assert_eq!(decode(extension.as_bytes(), &[]), Err(Invalid));
    let many = format!("{}0\r\n\r\n", "1;eeeeeeee\r\nx\r\n".repeat(3_000));
    assert_eq!(decode(many.as_bytes(), &[]), Err(Invalid), "many small ones count together");
    let trailer = format!("0\r\nt: {}\r\n\r\n", "v".repeat(20_000));
    assert_eq!(decode(trailer.as_bytes(), &[]), Err(Invalid));
}
