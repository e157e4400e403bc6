//! The stored forms of a sketch. Owns both: any bytes decode or are refused, never a panic.
//!
//! Few values as varints: `zeros, buckets, first index (zigzag), count, then (index step (zigzag), count)…`. Many as bits,
//! after a mark that varints never begin with: the same numbers as Elias gamma codes (Elias 1975), for most steps and
//! counts are 1. An hour of 150 requests takes a third of the room so. `encode` takes the shorter form.

use std::collections::BTreeMap;

use super::{Sketch, SketchError};

/// A zero in two bytes, which `put` writes in one.
const BITS: [u8; 2] = [0x80, 0x00];

impl Sketch {
    /// The stored form.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let varints = self.varints();
        self.bits().filter(|bits| bits.len() < varints.len()).unwrap_or(varints)
    }

    /// Reads a stored form.
    ///
    /// # Errors
    /// When the bytes were not written by `encode`.
    pub fn decode(bytes: &[u8]) -> Result<Self, SketchError> {
        match bytes.strip_prefix(&BITS) {
            Some(bits) => Self::from_bits(bits),
            None => Self::from_varints(bytes),
        }
    }

    fn varints(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(8 + self.buckets.len() * 2);
        put(&mut out, self.zeros);
        put(&mut out, self.buckets.len() as u64);
        let mut previous = 0;
        for (&index, &count) in &self.buckets {
            put(&mut out, zigzag(i64::from(index) - previous));
            put(&mut out, count);
            previous = i64::from(index);
        }
        out
    }

    fn from_varints(mut at: &[u8]) -> Result<Self, SketchError> {
        let mut sketch = Self { zeros: take(&mut at)?, buckets: BTreeMap::new() };
        let mut index = 0_i64;
        for _ in 0..take(&mut at)? {
            index = index.checked_add(unzigzag(take(&mut at)?)).ok_or(SketchError)?;
            sketch.buckets.insert(i32::try_from(index).map_err(|_| SketchError)?, take(&mut at)?);
        }
        if at.is_empty() { Ok(sketch) } else { Err(SketchError) }
    }

    /// `None` where a number has no code: a bucket without values, or nearly as many zeros as can be counted.
    fn bits(&self) -> Option<Vec<u8>> {
        let mut pen = BitPen { out: BITS.to_vec(), used: 8 };
        pen.put(self.zeros.checked_add(1)?)?;
        pen.put(self.buckets.len() as u64 + 1)?;
        let mut previous = None;
        for (&index, &count) in &self.buckets {
            let index = i64::from(index);
            pen.put(previous.map_or_else(|| zigzag(index) + 1, |before: i64| (index - before).cast_unsigned()))?;
            pen.put(count)?;
            previous = Some(index);
        }
        Some(pen.out)
    }

    fn from_bits(bytes: &[u8]) -> Result<Self, SketchError> {
        let mut eye = BitEye { bytes, at: 0 };
        let mut sketch = Self { zeros: eye.take()? - 1, buckets: BTreeMap::new() };
        let mut previous = None;
        for _ in 1..eye.take()? {
            let number = eye.take()?;
            let index = match previous {
                None => Some(unzigzag(number - 1)),
                Some(before) => i64::try_from(number).ok().and_then(|step| step.checked_add(before)),
            };
            let index = index.ok_or(SketchError)?;
            sketch.buckets.insert(i32::try_from(index).map_err(|_| SketchError)?, eye.take()?);
            previous = Some(index);
        }
        if eye.is_done() { Ok(sketch) } else { Err(SketchError) }
    }
}

const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

fn take(bytes: &mut &[u8]) -> Result<u64, SketchError> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(SketchError)?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(SketchError)
}

/// Writes Elias gamma codes: as many zeros as the number has binary digits after its first, then the number.
struct BitPen {
    out: Vec<u8>,
    /// Bits of the last byte that are used.
    used: u32,
}

impl BitPen {
    fn put(&mut self, value: u64) -> Option<()> {
        let digits = value.checked_ilog2()?;
        for _ in 0..digits {
            self.bit(0);
        }
        for digit in (0..=digits).rev() {
            self.bit(u8::from(value >> digit & 1 == 1));
        }
        Some(())
    }

    fn bit(&mut self, bit: u8) {
        if self.used == 8 {
            self.out.push(0);
            self.used = 0;
        }
        if let Some(last) = self.out.last_mut() {
            *last |= bit << (7 - self.used);
        }
        self.used += 1;
    }
}

struct BitEye<'a> {
    bytes: &'a [u8],
    /// The next bit.
    at: usize,
}

impl BitEye<'_> {
    fn take(&mut self) -> Result<u64, SketchError> {
        let mut digits = 0;
        while !self.bit()? {
            digits += 1;
        }
        if digits > 63 {
            return Err(SketchError);
        }
        (0..digits).try_fold(1, |value, _| Ok(value << 1 | u64::from(self.bit()?)))
    }

    fn bit(&mut self) -> Result<bool, SketchError> {
        let byte = self.bytes.get(self.at / 8).ok_or(SketchError)?;
        let bit = byte >> (7 - self.at % 8) & 1 == 1;
        self.at += 1;
        Ok(bit)
    }

    /// True when nothing is left but the rest of a byte.
    fn is_done(&self) -> bool {
        let rest = self.bytes.get(self.at / 8).map_or(0, |byte| u32::from(*byte) << (self.at % 8) & 0xff);
        self.bytes.len() == self.at.div_ceil(8) && rest == 0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_sketch() -> impl Strategy<Value = Sketch> {
        let bucket = (prop_oneof![-1_000_i32..1_000, any::<i32>()], prop_oneof![1_u64..40, any::<u64>()]);
        (any::<u64>(), proptest::collection::vec(bucket, 0..60))
            .prop_map(|(zeros, buckets)| Sketch { zeros, buckets: buckets.into_iter().collect() })
    }

    proptest! {
        #[test]
        fn both_forms_are_lossless(sketch in any_sketch()) {
            prop_assert_eq!(&Sketch::decode(&sketch.encode()).unwrap(), &sketch);
            prop_assert_eq!(&Sketch::decode(&sketch.varints()).unwrap(), &sketch);
            if let Some(bits) = sketch.bits() {
                prop_assert_eq!(&Sketch::decode(&bits).unwrap(), &sketch);
            }
        }

        #[test]
        fn any_bytes_decode_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = Sketch::decode(&bytes);
            let _ = Sketch::decode(&[BITS.as_slice(), &bytes].concat());
        }
    }

    #[test]
    fn many_values_take_bits_and_few_take_varints() {
        let mut sketch = Sketch::default();
        sketch.add(500.0);
        assert_ne!(sketch.encode()[..2], BITS);
        for value in 1..150 {
            sketch.add(300.0 + f64::from(value) * 10.0);
        }
        let stored = sketch.encode();
        assert_eq!(stored[..2], BITS);
        assert!(stored.len() * 2 < sketch.varints().len(), "{} of {}", stored.len(), sketch.varints().len());
    }

    #[test]
    fn what_is_cut_or_goes_on_is_refused() {
        let mut sketch = Sketch::default();
        (1..50_u32).for_each(|value| sketch.add(f64::from(value)));
        let stored = sketch.encode();
        assert_eq!(Sketch::decode(&stored[..stored.len() - 1]), Err(SketchError));
        assert_eq!(Sketch::decode(&[stored.as_slice(), &[0]].concat()), Err(SketchError));
    }
}
