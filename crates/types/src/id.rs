//! Request identifiers: 16 bytes, the first 48 bits are the milliseconds since 1970, so they sort by time.

use std::fmt;

/// A UUID of version 7. The caller sees it as 32 hex digits in `x-paceline-request-id`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub [u8; 16]);

impl RequestId {
    /// Builds an identifier from a wall clock in milliseconds and 80 random bits (the low ones of `random`).
    #[must_use]
    pub fn new(unix_ms: u64, random: u128) -> Self {
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&unix_ms.to_be_bytes()[2..]);
        bytes[6..].copy_from_slice(&random.to_be_bytes()[6..]);
        bytes[6] = bytes[6] & 0x0f | 0x70;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Self(bytes)
    }

    /// The 32 lower-case hex digits, without allocating.
    #[must_use]
    pub fn hex(self) -> [u8; 32] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut out = [0; 32];
        for (pair, byte) in out.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        out
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            write!(formatter, "{byte:02x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::RequestId;

    #[test]
    fn sorts_by_time_and_reads_as_hex() {
        let early = RequestId::new(1, u128::MAX);
        let late = RequestId::new(2, 0);
        assert!(early < late);
        assert_eq!(early.to_string().as_bytes(), early.hex());
        assert_eq!(&early.to_string()[12..13], "7");
    }
}
