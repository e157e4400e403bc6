//! One classic histogram: counts by boundary and a sum, in whole numbers, without a lock.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::encoding::{MetricEncoder, NoLabelSet};

/// Values up to each boundary, and above the last one.
#[derive(Debug)]
pub(crate) struct Buckets {
    ends: Arc<[u64]>,
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Buckets {
    pub(crate) fn new(ends: &Arc<[u64]>) -> Self {
        let counts = (0..=ends.len()).map(|_| AtomicU64::new(0)).collect();
        Self { ends: Arc::clone(ends), counts, sum: AtomicU64::new(0) }
    }

    /// True where these are its boundaries.
    pub(crate) fn ends_at(&self, ends: &Arc<[u64]>) -> bool {
        self.ends == *ends
    }

    pub(crate) fn observe(&self, value: u64) {
        let place = self.ends.partition_point(|&end| end < value);
        self.counts[place].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(value, Ordering::Relaxed);
    }

    /// True before its first value.
    pub(crate) fn is_empty(&self) -> bool {
        self.counts.iter().all(|count| count.load(Ordering::Relaxed) == 0)
    }

    /// Writes it; `per_shown` of its whole numbers are one of the unit shown.
    pub(crate) fn encode(&self, per_shown: f64, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        #[allow(clippy::cast_precision_loss)]
        let shown = |whole: u64| whole as f64 / per_shown;
        let counts: Vec<u64> = self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let ends = self.ends.iter().map(|&end| shown(end)).chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = ends.zip(counts.iter().copied()).collect();
        let sum = shown(self.sum.load(Ordering::Relaxed));
        encoder.encode_histogram::<NoLabelSet>(sum, counts.iter().sum(), &buckets, None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_at_a_boundary_is_within_it_and_one_above_the_last_is_counted() {
        let buckets = Buckets::new(&Arc::from([10, 20]));
        assert!(buckets.is_empty());
        [1, 10, 11, 20, 21, 1_000].into_iter().for_each(|value| buckets.observe(value));
        let counts: Vec<u64> = buckets.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        assert_eq!(counts, [2, 2, 2]);
        assert_eq!(buckets.sum.load(Ordering::Relaxed), 1_063);
        assert!(!buckets.is_empty());
    }
}
