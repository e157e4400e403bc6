//! Finds where a JSON string ends. Owns nothing else: no decoding, no UTF-8 check.
//!
//! Three gears. Short strings are settled by one comparison of eight bytes in a word. Long plain text goes by `memchr2`. Text dense with
//! escapes (JSON inside a prompt) goes in blocks of 64 bytes, where escaped quotes are sorted out by bit arithmetic, so
//! that an escape costs nothing of its own.

use memchr::memchr2;

/// An escape that comes sooner than this after the last one switches to blocks.
const SPARSE: usize = 40;
const ONES: u64 = 0x0101_0101_0101_0101;
const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;

/// Index of the closing quote of the string whose first content byte is at `at`, and whether the string holds escapes.
/// `None` when the string does not end.
#[inline]
pub(crate) fn string_end(bytes: &[u8], at: usize) -> Option<(usize, bool)> {
    let Some(block) = bytes.get(at..)?.first_chunk::<8>() else { return long_end(bytes, at) };
    let word = u64::from_le_bytes(*block);
    let hits = equal(word, b'"') | equal(word, b'\\');
    if hits == 0 {
        return long_end(bytes, at + 8);
    }
    let first = at + hits.trailing_zeros() as usize / 8;
    if bytes.get(first) == Some(&b'"') { Some((first, false)) } else { long_end(bytes, at) }
}

fn long_end(bytes: &[u8], mut at: usize) -> Option<(usize, bool)> {
    let mut escaped = false;
    loop {
        let hop = memchr2(b'"', b'\\', bytes.get(at..)?)?;
        at += hop;
        if bytes.get(at) == Some(&b'"') {
            return Some((at, escaped));
        }
        escaped = true;
        if hop >= SPARSE {
            at += 2;
            continue;
        }
        match dense_end(bytes, at)? {
            Dense::End(end) => return Some((end, true)),
            Dense::Plain(next) => at = next,
        }
    }
}

enum Dense {
    /// The closing quote.
    End(usize),
    /// A whole block had neither quote nor backslash; plain text goes on here.
    Plain(usize),
}

fn dense_end(bytes: &[u8], mut at: usize) -> Option<Dense> {
    let mut carry = 0;
    while let Some(block) = bytes.get(at..)?.first_chunk::<64>() {
        let (quotes, slashes) = hits(block);
        let ends = quotes & !escaped(slashes, &mut carry);
        if ends != 0 {
            return Some(Dense::End(at + ends.trailing_zeros() as usize));
        }
        at += 64;
        if slashes == 0 {
            return Some(Dense::Plain(at));
        }
    }
    at += usize::from(carry != 0);
    loop {
        match bytes.get(at)? {
            b'"' => return Some(Dense::End(at)),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Which bytes are escaped by an odd run of backslashes before them; `carry` is 1 when the first byte of the next block
/// is. The subtraction makes each run's carry ripple to its end (simdjson's escape scanner).
fn escaped(slashes: u64, carry: &mut u64) -> u64 {
    const ODD: u64 = 0xAAAA_AAAA_AAAA_AAAA;
    let open = slashes & !*carry;
    let codes = ((open << 1) | ODD).wrapping_sub(open) ^ ODD;
    let escaped = codes ^ (slashes | *carry);
    *carry = (codes & slashes) >> 63;
    escaped
}

/// Bit masks of quotes and backslashes.
#[inline]
fn hits(block: &[u8; 64]) -> (u64, u64) {
    let (mut quotes, mut slashes) = ([0; 8], [0; 8]);
    for (index, part) in block.as_chunks::<8>().0.iter().enumerate() {
        let word = u64::from_le_bytes(*part);
        quotes[index] = gather(equal(word, b'"'));
        slashes[index] = gather(equal(word, b'\\'));
    }
    (u64::from_le_bytes(quotes), u64::from_le_bytes(slashes))
}

/// The bytes of `word` that equal `byte`, as the top bit of each. Exact: no carry crosses a byte.
const fn equal(word: u64, byte: u8) -> u64 {
    let difference = word ^ (ONES * byte as u64);
    !(((difference & LOW) + LOW) | difference | LOW)
}

/// The top bits of eight bytes, gathered into one: the product puts each where no other falls.
#[allow(clippy::cast_possible_truncation)]
const fn gather(tops: u64) -> u8 {
    ((tops >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56) as u8
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn naive(bytes: &[u8], mut at: usize) -> Option<(usize, bool)> {
        let mut escaped = false;
        loop {
            match bytes.get(at)? {
                b'"' => return Some((at, escaped)),
                b'\\' => {
                    escaped = true;
                    at += 2;
                }
                _ => at += 1,
            }
        }
    }

    fn soup() -> impl Strategy<Value = Vec<u8>> {
        let dense = prop_oneof![4 => Just(b'\\'), 1 => Just(b'"'), 4 => Just(b'x')];
        let sparse = prop_oneof![1 => Just(b'\\'), 60 => Just(b'x')];
        let run = prop_oneof![
            proptest::collection::vec(dense, 0..90),
            proptest::collection::vec(sparse, 0..300),
            (0_usize..140).prop_map(|n| vec![b'\\'; n]),
            (0_usize..40).prop_map(|n| b"\\\"".repeat(n)),
        ];
        proptest::collection::vec(run, 0..6).prop_map(|runs| runs.concat())
    }

    proptest! {
        #[test]
        fn agrees_with_the_byte_by_byte_search(bytes in soup(), at in 0_usize..40) {
            prop_assert_eq!(string_end(&bytes, at), naive(&bytes, at));
        }

        #[test]
        fn masks_name_every_hit(block in proptest::collection::vec(prop_oneof![Just(b'"'), Just(b'\\'), any::<u8>()], 64)) {
            let (quotes, slashes) = hits(block.first_chunk().unwrap());
            for (index, &byte) in block.iter().enumerate() {
                prop_assert_eq!(quotes >> index & 1 == 1, byte == b'"');
                prop_assert_eq!(slashes >> index & 1 == 1, byte == b'\\');
            }
        }
    }
}
