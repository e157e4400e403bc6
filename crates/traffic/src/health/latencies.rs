//! First tokens of a recent window: two halves of `policy`'s buckets that take turns, 976 bytes, without a lock. Where two
//! threads begin a half at once a count may be lost: these are estimates.

use std::array;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use paceline_policy::{BUCKETS, MEDIAN_OF_MIN, bucket, quantile};

#[derive(Debug)]
pub(super) struct Latencies([Half; 2]);

#[derive(Debug)]
struct Half {
    /// One up, so that zero is no half.
    number: AtomicU64,
    counts: [AtomicU32; BUCKETS],
}

impl Default for Latencies {
    fn default() -> Self {
        let half = || Half { number: AtomicU64::new(0), counts: array::from_fn(|_| AtomicU32::new(0)) };
        Self([half(), half()])
    }
}

impl Latencies {
    pub(super) fn add(&self, half: u64, ns: u64) {
        let own = &self.0[usize::from(half % 2 == 1)];
        if own.number.load(Ordering::Relaxed) != half + 1 && own.number.swap(half + 1, Ordering::Relaxed) != half + 1 {
            own.counts.iter().for_each(|count| count.store(0, Ordering::Relaxed));
        }
        own.counts[bucket(ns)].fetch_add(1, Ordering::Relaxed);
    }

    /// The latency that `share` of the window's stayed within; none from fewer than `of_min`.
    pub(super) fn quantile(&self, half: u64, share: f64, of_min: u32) -> Option<u64> {
        quantile(&self.counts(half), share, of_min)
    }

    /// How many there are, and their median.
    pub(super) fn median(&self, half: u64) -> (u32, Option<u64>) {
        let counts = self.counts(half);
        (counts.iter().fold(0, |sum, &count| sum.saturating_add(count)), quantile(&counts, 0.5, MEDIAN_OF_MIN))
    }

    pub(super) fn clear(&self) {
        self.0.iter().for_each(|half| half.number.store(0, Ordering::Relaxed));
    }

    fn counts(&self, half: u64) -> [u32; BUCKETS] {
        let mut sum = [0_u32; BUCKETS];
        for (index, one) in self.0.iter().enumerate() {
            let number = one.number.load(Ordering::Relaxed);
            let recent = number == half + 1 || (half > 0 && number == half);
            if recent && number % 2 != index as u64 {
                for (sum, count) in sum.iter_mut().zip(&one.counts) {
                    *sum = sum.saturating_add(count.load(Ordering::Relaxed));
                }
            }
        }
        sum
    }
}
