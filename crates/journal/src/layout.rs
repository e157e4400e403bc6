//! The bytes on disk: names, headers, checksums, positions. Pure; does no I/O.
//!
//! Segment: a header of 512 bytes, then slots of 512 bytes, each a stored usage record or a void marker. A slot's
//! first four bytes are the CRC-32 of the rest (1 stands for 0); zero means "not committed".
//! Table of requests in flight: a header of 512 bytes, then slots of 576: a note of 8 bytes, padding, a record.

use paceline_types::RECORD_BYTES;

pub(crate) const HEADER_BYTES: usize = 512;
pub(crate) const SLOT_BYTES: usize = RECORD_BYTES;
pub(crate) const SEGMENT_MAGIC: &[u8; 8] = b"PACEJNL1";
pub(crate) const TABLE_MAGIC: &[u8; 8] = b"PACEFLT1";
/// A segment has at least this many slots and fewer than `SLOTS_MAX`, which 24 bits of a position can number.
pub(crate) const SLOTS_MIN: u64 = 16;
pub(crate) const SLOTS_MAX: u64 = (1 << 24) - 1;

/// Offsets in a segment's header that change after it was written.
pub(crate) const STATE_AT: usize = 48;
pub(crate) const COUNT_AT: usize = 52;
/// Format byte of a slot that was reserved and never committed; recovery writes it.
const VOID: u8 = 0xff;

/// How far a segment's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Slots are being reserved.
    Open = 0,
    /// All slots are reserved; some may yet be uncommitted.
    Sealed = 1,
    /// Recovery went over it: every slot below `count` is a record or a void, or is damaged and to be skipped.
    Checked = 2,
}

impl State {
    pub(crate) const fn from_number(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::Open),
            1 => Some(Self::Sealed),
            2 => Some(Self::Checked),
            _ => None,
        }
    }
}

/// What a segment's header says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) gateway: [u8; 16],
    pub(crate) sequence: u64,
    pub(crate) created_unix_us: u64,
    pub(crate) capacity: u32,
    pub(crate) state: State,
    /// Slots in use once sealed.
    pub(crate) count: u32,
}

impl Header {
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        out[..8].copy_from_slice(SEGMENT_MAGIC);
        out[8..24].copy_from_slice(&self.gateway);
        out[24..32].copy_from_slice(&self.sequence.to_le_bytes());
        out[32..40].copy_from_slice(&self.created_unix_us.to_le_bytes());
        out[40..44].copy_from_slice(&(SLOT_BYTES as u32).to_le_bytes());
        out[44..48].copy_from_slice(&self.capacity.to_le_bytes());
        out[STATE_AT..STATE_AT + 4].copy_from_slice(&(self.state as u32).to_le_bytes());
        out[COUNT_AT..COUNT_AT + 4].copy_from_slice(&self.count.to_le_bytes());
        out
    }

    /// Reads a header; the error says what is wrong with it.
    pub(crate) fn decode(bytes: &[u8; HEADER_BYTES]) -> Result<Self, &'static str> {
        if &bytes[..8] != SEGMENT_MAGIC {
            return Err("its first bytes are not PACEJNL1");
        }
        if u32_at(bytes, 40) as usize != SLOT_BYTES {
            return Err("its records have another size");
        }
        let mut gateway = [0; 16];
        gateway.copy_from_slice(&bytes[8..24]);
        let header = Self {
            gateway,
            sequence: u64_at(bytes, 24),
            created_unix_us: u64_at(bytes, 32),
            capacity: u32_at(bytes, 44),
            state: State::from_number(u32_at(bytes, STATE_AT)).ok_or("its state is unknown")?,
            count: u32_at(bytes, COUNT_AT),
        };
        if u64::from(header.capacity) > SLOTS_MAX || header.count > header.capacity {
            return Err("its slot count is out of range");
        }
        Ok(header)
    }
}

/// Where one record lies, as one number that is never 0 nor `u64::MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// Sequence number of the segment, from 1.
    pub segment: u64,
    pub slot: u32,
}

impl Position {
    pub(crate) const fn pack(self) -> u64 {
        self.segment << 24 | self.slot as u64
    }

    pub(crate) const fn unpack(number: u64) -> Self {
        Self { segment: number >> 24, slot: (number & 0xff_ffff) as u32 }
    }
}

/// Byte offset of a slot in its segment.
pub(crate) const fn slot_at(slot: u32) -> usize {
    HEADER_BYTES + slot as usize * SLOT_BYTES
}

/// The checksum that commits these bytes; never zero.
pub(crate) fn checksum(bytes: &[u8; SLOT_BYTES]) -> u32 {
    crc32fast::hash(&bytes[4..]).max(1)
}

/// What the bytes of one slot are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SlotKind {
    Empty,
    Record,
    Void,
    /// A checksum that does not match: a write that is under way, or a power cut tore it.
    Damaged,
}

pub(crate) fn kind(bytes: &[u8; SLOT_BYTES]) -> SlotKind {
    match u32_at(bytes, 0) {
        0 => SlotKind::Empty,
        stored if stored != checksum(bytes) => SlotKind::Damaged,
        _ if bytes[4] == VOID => SlotKind::Void,
        _ => SlotKind::Record,
    }
}

/// The bytes of a void marker, checksum included.
pub(crate) fn void() -> [u8; SLOT_BYTES] {
    let mut bytes = [0; SLOT_BYTES];
    bytes[4] = VOID;
    let checksum = checksum(&bytes);
    bytes[..4].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// `segment-0000000000000007.jnl`
pub(crate) fn segment_name(sequence: u64) -> String {
    format!("segment-{sequence:016x}.jnl")
}

pub(crate) fn sequence_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("segment-")?.strip_suffix(".jnl")?;
    if digits.len() == 16 { u64::from_str_radix(digits, 16).ok() } else { None }
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut out = [0; 4];
    out.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(out)
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut out = [0; 8];
    out.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn positions_names_and_headers_read_back(
            segment in 1_u64..1 << 40, slot in 0_u32..(1 << 24) - 1, gateway: [u8; 16]
        ) {
            let position = Position { segment, slot };
            prop_assert_eq!(Position::unpack(position.pack()), position);
            prop_assert!(position.pack() != 0 && position.pack() != u64::MAX);
            prop_assert_eq!(sequence_of(&segment_name(segment)), Some(segment));
            let header = Header {
                gateway, sequence: segment, created_unix_us: 5, capacity: slot, state: State::Sealed, count: slot,
            };
            let back = Header::decode(&header.encode()).unwrap();
            prop_assert_eq!((back.gateway, back.sequence, back.capacity, back.state, back.count),
                (gateway, segment, slot, State::Sealed, slot));
        }

        #[test]
        fn any_header_is_read_or_refused(mut noise in proptest::collection::vec(any::<u8>(), HEADER_BYTES)) {
            let _ = Header::decode(&noise.clone().try_into().unwrap());
            noise[..8].copy_from_slice(SEGMENT_MAGIC);
            noise[40..44].copy_from_slice(&512_u32.to_le_bytes());
            let _ = Header::decode(&noise.try_into().unwrap());
        }

        #[test]
        fn one_flipped_bit_is_noticed(at in 4_usize..SLOT_BYTES, bit in 0_u8..8) {
            let mut bytes = void();
            prop_assert_eq!(kind(&bytes), SlotKind::Void);
            bytes[at] ^= 1 << bit;
            prop_assert_eq!(kind(&bytes), SlotKind::Damaged);
        }
    }

    #[test]
    fn names_that_are_not_segments_are_not() {
        for name in ["segment-1.jnl", "segment-000000000000000g.jnl", "segment-0000000000000001.jnl.tmp", "gateway"] {
            assert_eq!(sequence_of(name), None);
        }
    }
}
