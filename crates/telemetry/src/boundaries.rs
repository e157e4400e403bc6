//! Where the buckets of each classic histogram end: at usual values, and at every limit that the plan in force states,
//! so that the share of requests within a limit is an exact count there too. Bounded; knows no series.

use std::collections::BTreeMap;
use std::sync::Arc;

use paceline_types::{Metric, UNDEFINED, UsageRecord};

/// What is measured of each request in a histogram of its own.
pub(crate) struct Measure {
    /// Without the prefix; the unit last.
    pub name: &'static str,
    pub help: &'static str,
    /// The metric whose limits become boundaries; none has no limits.
    pub metric: Option<Metric>,
    /// Whole numbers of this measure in one of the metric's unit, and in one of what is shown (second, US dollar).
    per_limit: f64,
    pub per_shown: f64,
    /// The usual boundaries, in whole numbers.
    base: &'static [u64],
    /// None where the request has no such figure.
    pub read: fn(&UsageRecord) -> Option<u64>,
}

/// Most limits of one measure that become boundaries beside the usual ones.
const LIMITS_MAX: usize = 44;

const TIMES_US: [u64; 20] = [
    15_000,
    30_000,
    50_000,
    100_000,
    200_000,
    300_000,
    400_000,
    500_000,
    750_000,
    1_000_000,
    1_500_000,
    2_000_000,
    3_000_000,
    4_500_000,
    6_000_000,
    10_000_000,
    20_000_000,
    30_000_000,
    60_000_000,
    300_000_000,
];
const TPOT_NS: [u64; 14] = [
    5_000_000,
    10_000_000,
    15_000_000,
    20_000_000,
    30_000_000,
    40_000_000,
    50_000_000,
    80_000_000,
    100_000_000,
    150_000_000,
    175_000_000,
    200_000_000,
    500_000_000,
    1_000_000_000,
];
const COST_NANOUSD: [u64; 13] = [
    10_000,
    50_000,
    100_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    20_000_000,
    50_000_000,
    100_000_000,
    1_000_000_000,
    10_000_000_000,
];

const fn time(
    name: &'static str,
    help: &'static str,
    metric: Option<Metric>,
    read: fn(&UsageRecord) -> Option<u64>,
) -> Measure {
    Measure { name, help, metric, per_limit: 1e3, per_shown: 1e6, base: &TIMES_US, read }
}

/// One row a measure; the order is that of the text.
pub(crate) const MEASURES: [Measure; 7] = [
    time("queue_seconds", "Waiting in the queue of a deployment", None, |record| defined(record.queue_us)),
    time("ttft_seconds", "Time to first token, streamed answers", Some(Metric::TtftMs), |record| {
        defined(record.ttft_us)
    }),
    time("ttfv_seconds", "Time to the first token a user sees, streamed answers", Some(Metric::TtfvMs), |record| {
        defined(record.ttfv_us)
    }),
    Measure {
        name: "tpot_seconds",
        help: "Time per output token after the first event",
        metric: Some(Metric::TpotMs),
        per_limit: 1e6,
        per_shown: 1e9,
        base: &TPOT_NS,
        read: |record| defined(record.tpot_ns),
    },
    time("stall_seconds", "Largest gap between two events with tokens", Some(Metric::StallMs), |record| {
        defined(record.stall_us)
    }),
    time("total_seconds", "From receipt to the last token or byte", Some(Metric::TotalMs), |record| {
        defined(record.total_us)
    }),
    Measure {
        name: "request_cost_usd",
        help: "Known cost of one request, US dollars",
        metric: Some(Metric::CostUsd),
        per_limit: 1e9,
        per_shown: 1e9,
        base: &COST_NANOUSD,
        read: |record| u64::try_from(record.cost_nanousd).ok(),
    },
];

fn defined(value: u32) -> Option<u64> {
    (value != UNDEFINED).then_some(u64::from(value))
}

/// The boundaries of every measure, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boundaries {
    pub(crate) of: [Arc<[u64]>; MEASURES.len()],
    /// Limits that found no room.
    pub(crate) left_out: usize,
}

impl Boundaries {
    /// The usual ones and these limits, each in its metric's unit. Where there are too many, those that most use cases
    /// have come first.
    #[must_use]
    pub fn of(limits: impl IntoIterator<Item = (Metric, f64)>) -> Self {
        let mut asked: [BTreeMap<u64, usize>; MEASURES.len()] = Default::default();
        for (metric, value) in limits {
            let place = MEASURES.iter().position(|measure| measure.metric == Some(metric));
            if let Some(place) = place {
                *asked[place].entry(whole(value * MEASURES[place].per_limit)).or_default() += 1;
            }
        }
        let mut left_out = 0;
        let mut place = 0;
        let of = asked.map(|asked| {
            let base = MEASURES[place].base;
            place += 1;
            let mut more: Vec<(u64, usize)> = asked.into_iter().filter(|(value, _)| !base.contains(value)).collect();
            more.sort_by_key(|&(value, times)| (std::cmp::Reverse(times), value));
            left_out += more.len().saturating_sub(LIMITS_MAX);
            let mut all: Vec<u64> = more.into_iter().take(LIMITS_MAX).map(|(value, _)| value).collect();
            all.extend(base);
            all.sort_unstable();
            Arc::from(all)
        });
        Self { of, left_out }
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(value: f64) -> u64 {
    value.round().max(1.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, boundaries: &Boundaries) -> Vec<u64> {
        let place = MEASURES.iter().position(|measure| measure.name == name);
        place.map(|place| boundaries.of[place].to_vec()).unwrap_or_default()
    }

    #[test]
    fn every_limit_is_a_boundary_once_and_of_its_own_measure_only() {
        let limits = [(Metric::TtftMs, 800.0), (Metric::TtftMs, 1000.0), (Metric::TtftMs, 800.0)];
        let boundaries = Boundaries::of(limits.into_iter().chain([
            (Metric::TpotMs, 33.5),
            (Metric::CostUsd, 0.003),
            (Metric::ErrorShare, 0.01),
            (Metric::JobAgeMs, 86_400_000.0),
        ]));
        let ttft = of("ttft_seconds", &boundaries);
        assert_eq!(ttft.iter().filter(|&&value| value == 800_000).count(), 1);
        assert_eq!(ttft.len(), TIMES_US.len() + 1);
        assert!(ttft.is_sorted());
        assert!(of("tpot_seconds", &boundaries).contains(&33_500_000));
        assert!(of("request_cost_usd", &boundaries).contains(&3_000_000));
        assert_eq!(of("total_seconds", &boundaries), TIMES_US);
        assert_eq!(of("queue_seconds", &boundaries), TIMES_US);
    }

    #[test]
    fn the_order_of_use_cases_and_repetition_change_nothing() {
        let some = [(Metric::StallMs, 700.0), (Metric::TotalMs, 5000.0), (Metric::StallMs, 900.0)];
        assert_eq!(Boundaries::of(some), Boundaries::of(some.into_iter().rev().chain(some)));
    }

    #[test]
    fn past_the_bound_those_that_most_use_cases_have_stay() {
        let many = (1..=100_u32).map(|number| (Metric::TotalMs, f64::from(number) * 7.0 + 1.5));
        let boundaries = Boundaries::of(many.chain([(Metric::TotalMs, 701.5)]));
        let total = of("total_seconds", &boundaries);
        assert_eq!(total.len(), TIMES_US.len() + LIMITS_MAX);
        assert_eq!(boundaries.left_out, 100 - LIMITS_MAX);
        assert!(total.contains(&701_500), "two use cases have it");
        assert!(total.contains(&8_500) && !total.contains(&694_500));
    }
}
