//! Measures and limits of a stratum as the bytes that its row holds: one column each, since strata are many and small.
//! Owns that form: varints throughout; what is absent takes no room. Any bytes decode or are refused; never a panic.
//!
//! Measures: for each present one `number * 2 + same`, and unless it is the same as the one before, `failed, sum
//! (zigzag), length of the sketch, sketch`. Limits: for each `metric * 5 + percentile, judged, over`.

use paceline_types::{Metric, PERCENTILES, Percentile, Sketch};

use super::LimitCount;
use super::strata::{StratumCell, StratumCells, StratumLimits, count_limit};

/// Stored bytes that are not measures or limits of a stratum, or those of a newer version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the stored measures or limits of a stratum")]
pub struct PackedError;

/// The stored form of measures.
#[must_use]
pub fn pack_measures(cells: &StratumCells) -> Vec<u8> {
    let mut out = Vec::new();
    let mut before: Option<&StratumCell> = None;
    for (number, cell) in cells.iter().enumerate() {
        if cell.n_failed == 0 && cell.sketch.count() == 0 {
            continue;
        }
        let same = before == Some(cell);
        put(&mut out, (number as u64) << 1 | u64::from(same));
        if !same {
            put(&mut out, cell.n_failed);
            put(&mut out, ((cell.total << 1) ^ (cell.total >> 63)).cast_unsigned());
            let sketch = cell.sketch.encode();
            put(&mut out, sketch.len() as u64);
            out.extend_from_slice(&sketch);
        }
        before = Some(cell);
    }
    out
}

/// Reads measures, and adds those of several rows up.
///
/// # Errors
/// When the bytes were not written by `pack_measures`.
pub fn unpack_measures<'a>(rows: impl IntoIterator<Item = &'a [u8]>) -> Result<StratumCells, PackedError> {
    let mut sum = empty();
    for mut at in rows {
        let mut before: Option<StratumCell> = None;
        while !at.is_empty() {
            let head = take(&mut at)?;
            let number = usize::try_from(head >> 1).map_err(|_| PackedError)?;
            let into: &mut StratumCell = sum.get_mut(number).ok_or(PackedError)?;
            let cell = if head & 1 == 1 { before.ok_or(PackedError)? } else { cell(&mut at)? };
            into.n_failed = into.n_failed.saturating_add(cell.n_failed);
            into.total = into.total.saturating_add(cell.total);
            into.sketch.merge(&cell.sketch);
            before = Some(cell);
        }
    }
    Ok(sum)
}

/// The stored form of limits.
#[must_use]
pub fn pack_limits(limits: &StratumLimits) -> Vec<u8> {
    let mut sorted: Vec<_> =
        limits.iter().map(|&(metric, percentile, count)| (number(metric, percentile), count)).collect();
    sorted.sort_unstable_by_key(|row| row.0);
    let mut out = Vec::new();
    for (number, count) in sorted {
        put(&mut out, number);
        put(&mut out, count.n);
        put(&mut out, count.over);
    }
    out
}

/// Reads limits, and adds those of several rows up.
///
/// # Errors
/// When the bytes were not written by `pack_limits`.
pub fn unpack_limits<'a>(rows: impl IntoIterator<Item = &'a [u8]>) -> Result<StratumLimits, PackedError> {
    let mut sum = StratumLimits::new();
    for mut at in rows {
        while !at.is_empty() {
            let number = usize::try_from(take(&mut at)?).map_err(|_| PackedError)?;
            let metric = *Metric::ALL.get(number / PERCENTILES.len()).ok_or(PackedError)?;
            let percentile = PERCENTILES[number % PERCENTILES.len()];
            count_limit(&mut sum, metric, percentile, LimitCount { n: take(&mut at)?, over: take(&mut at)? });
        }
    }
    Ok(sum)
}

fn empty() -> StratumCells {
    std::array::from_fn(|_| StratumCell::default())
}

fn number(metric: Metric, percentile: Percentile) -> u64 {
    metric as u64 * PERCENTILES.len() as u64 + percentile as u64
}

fn cell(at: &mut &[u8]) -> Result<StratumCell, PackedError> {
    let n_failed = take(at)?;
    let total = take(at)?;
    let length = usize::try_from(take(at)?).map_err(|_| PackedError)?;
    let (sketch, rest) = at.split_at_checked(length).ok_or(PackedError)?;
    *at = rest;
    let total = (total >> 1).cast_signed() ^ -((total & 1).cast_signed());
    Ok(StratumCell { n_failed, total, sketch: Sketch::decode(sketch).map_err(|_| PackedError)? })
}

fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

fn take(bytes: &mut &[u8]) -> Result<u64, PackedError> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().ok_or(PackedError)?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(PackedError)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::super::strata::STRATUM_MEASURES;
    use super::*;

    fn any_cells() -> impl Strategy<Value = StratumCells> {
        let values = proptest::collection::vec(0.0_f64..1e7, 0..20);
        let cell = (0_u64..3, any::<i32>(), values).prop_map(|(n_failed, total, values)| {
            let mut cell = StratumCell { n_failed, total: i64::from(total), sketch: Sketch::default() };
            values.iter().for_each(|&value| cell.sketch.add(value));
            if cell.n_failed == 0 && values.is_empty() { StratumCell::default() } else { cell }
        });
        proptest::collection::vec(cell, STRATUM_MEASURES.len()).prop_map(|mut cells| {
            cells[1] = cells[0].clone(); // as it is where the first token is visible
            cells.try_into().unwrap()
        })
    }

    fn any_limits() -> impl Strategy<Value = StratumLimits> {
        proptest::collection::btree_map(0_usize..40, (0_u64..1_000, 0_u64..1_000), 0..8).prop_map(|rows| {
            let limit = |at: usize| (Metric::ALL[at / 5], PERCENTILES[at % 5]);
            rows.into_iter().map(|(at, (n, over))| (limit(at).0, limit(at).1, LimitCount { n, over })).collect()
        })
    }

    proptest! {
        #[test]
        fn storage_is_lossless(cells in any_cells(), limits in any_limits()) {
            prop_assert_eq!(unpack_measures([pack_measures(&cells).as_slice()]).unwrap(), cells);
            prop_assert_eq!(unpack_limits([pack_limits(&limits).as_slice()]).unwrap(), limits);
        }

        #[test]
        fn any_order_and_grouping_of_adding_up_stores_the_same_bytes(
            rows in proptest::collection::vec((any_cells(), any_limits()), 1..6), cut in 0_usize..6
        ) {
            let measures: Vec<_> = rows.iter().map(|row| pack_measures(&row.0)).collect();
            let limits: Vec<_> = rows.iter().map(|row| pack_limits(&row.1)).collect();
            let whole = |rows: &[Vec<u8>]| pack_measures(&unpack_measures(rows.iter().map(Vec::as_slice)).unwrap());
            let counted = |rows: &[Vec<u8>]| pack_limits(&unpack_limits(rows.iter().map(Vec::as_slice)).unwrap());
            let cut = cut.min(rows.len());
            prop_assert_eq!(whole(&[whole(&measures[cut..]), whole(&measures[..cut])]), whole(&measures));
            prop_assert_eq!(counted(&[counted(&limits[cut..]), counted(&limits[..cut])]), counted(&limits));
        }

        #[test]
        fn any_bytes_decode_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = unpack_measures([bytes.as_slice()]);
            let _ = unpack_limits([bytes.as_slice()]);
        }
    }

    #[test]
    fn a_measure_that_is_the_same_as_the_one_before_takes_one_byte() {
        let mut cells = empty();
        cells[0].sketch.add(500.0);
        let alone = pack_measures(&cells).len();
        cells[1] = cells[0].clone();
        assert_eq!(pack_measures(&cells).len(), alone + 1);
    }

    #[test]
    fn what_a_newer_version_wrote_is_refused() {
        assert_eq!(unpack_measures([[0x7e_u8, 0, 0, 2, 0, 0].as_slice()]), Err(PackedError));
        assert_eq!(unpack_limits([[0x7e_u8, 1, 1].as_slice()]), Err(PackedError));
        assert_eq!(unpack_measures([[1_u8].as_slice()]), Err(PackedError), "the same as nothing");
    }
}
