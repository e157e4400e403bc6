//! Learned: what is usual for a deployment's first token, from counts of the recent past in buckets of equal ratio.
//! A quantile is right to within 6 %; nothing is concluded from few.

/// Buckets of a histogram: 1 ms to 17 minutes, six an octave. Two halves of a window of them are 960 bytes.
pub const BUCKETS: usize = 120;

const FIRST_NS: u64 = 1_000_000;
const PER_OCTAVE: f64 = 6.0;

/// Fewest first tokens from which a median is concluded.
pub const MEDIAN_OF_MIN: u32 = 5;
/// Fewest from which a 95th percentile is.
pub const P95_OF_MIN: u32 = 20;

/// The bucket of a latency.
#[must_use]
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub fn bucket(ns: u64) -> usize {
    if ns <= FIRST_NS {
        return 0;
    }
    let octaves = (ns as f64 / FIRST_NS as f64).log2();
    ((octaves * PER_OCTAVE) as usize).min(BUCKETS - 1)
}

/// The latency a bucket stands for: the middle of its ratio.
#[must_use]
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub fn middle_ns(bucket: usize) -> u64 {
    (FIRST_NS as f64 * ((bucket as f64 + 0.5) / PER_OCTAVE).exp2()) as u64
}

/// The latency that `share` of the counted stay within; none from fewer than `of_min`.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub fn quantile(counts: &[u32; BUCKETS], share: f64, of_min: u32) -> Option<u64> {
    let all: u64 = counts.iter().map(|&count| u64::from(count)).sum();
    if all < u64::from(of_min.max(1)) {
        return None;
    }
    #[allow(clippy::cast_precision_loss)]
    let rank = ((all as f64 * share).ceil() as u64).clamp(1, all);
    let mut seen = 0;
    let found = counts.iter().position(|&count| {
        seen += u64::from(count);
        seen >= rank
    });
    found.map(middle_ns)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counts(of: &[u64]) -> [u32; BUCKETS] {
        let mut counts = [0; BUCKETS];
        for &ns in of {
            counts[bucket(ns)] += 1;
        }
        counts
    }

    #[test]
    fn few_teach_nothing() {
        let some = counts(&[200_000_000; 4]);
        assert_eq!(quantile(&some, 0.5, MEDIAN_OF_MIN), None);
        assert!(quantile(&counts(&[200_000_000; 5]), 0.5, MEDIAN_OF_MIN).is_some());
        assert_eq!(quantile(&[0; BUCKETS], 0.5, 0), None);
    }

    #[test]
    fn the_median_and_the_tail_are_told_apart() {
        let mut latencies = vec![200_000_000; 90];
        latencies.extend([3_000_000_000; 10]);
        let counts = counts(&latencies);
        let close = |got: Option<u64>, to: u64| got.is_some_and(|got| got.abs_diff(to) * 100 <= to * 6);
        assert!(close(quantile(&counts, 0.5, MEDIAN_OF_MIN), 200_000_000));
        assert!(close(quantile(&counts, 0.95, P95_OF_MIN), 3_000_000_000));
    }

    #[test]
    fn the_ends_hold_everything() {
        assert_eq!(bucket(0), 0);
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
        assert!(middle_ns(BUCKETS - 1) > 600_000_000_000, "ten minutes have a bucket of their own");
    }

    proptest! {
        #[test]
        fn a_quantile_is_within_six_per_cent(mut latencies in proptest::collection::vec(1_000_000_u64..600_000_000_000, 20..200), share in 0.01_f64..1.0) {
            let got = quantile(&counts(&latencies), share, 1).unwrap();
            latencies.sort_unstable();
            #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let rank = ((latencies.len() as f64 * share).ceil() as usize).clamp(1, latencies.len());
            let exact = latencies[rank - 1];
            prop_assert!(got.abs_diff(exact) * 100 <= exact * 6 + 100, "{got} for {exact}");
        }
    }
}
