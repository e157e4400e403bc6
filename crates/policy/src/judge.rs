//! Judge: which limits a request was measured against, and which it exceeded. A failed request exceeds every limit of
//! its use case that one of its kind can have (no first token without a stream); one outside the budget's population
//! (refused, caller's fault, cancelled) is judged by none; a metric that is undefined for a request judges nothing.

use paceline_plan::document::Limit;
use paceline_types::{LimitMask, Metric, Outcome};

/// A request's figures in the units of its limits; `None` where undefined.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Measured {
    /// Asked for as a stream: only then do the stream's metrics mean anything.
    pub streamed: bool,
    pub ttft_ms: Option<f64>,
    pub ttfv_ms: Option<f64>,
    pub tpot_ms: Option<f64>,
    pub stall_ms: Option<f64>,
    pub total_ms: Option<f64>,
    pub cost_usd: Option<f64>,
    pub job_age_ms: Option<f64>,
}

impl Measured {
    const fn of(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::TtftMs => self.ttft_ms,
            Metric::TtfvMs => self.ttfv_ms,
            Metric::TpotMs => self.tpot_ms,
            Metric::StallMs => self.stall_ms,
            Metric::TotalMs => self.total_ms,
            Metric::CostUsd => self.cost_usd,
            Metric::JobAgeMs => self.job_age_ms,
            Metric::ErrorShare => Some(0.0),
        }
    }
}

/// The limits judged, and of those the exceeded ones.
#[must_use]
pub fn judge(limits: &[Limit], outcome: Outcome, measured: &Measured) -> (LimitMask, LimitMask) {
    let (mut judged, mut over) = (LimitMask::default(), LimitMask::default());
    if !outcome.is_offered() {
        return (judged, over);
    }
    for limit in limits {
        let needs_stream = matches!(limit.metric, Metric::TtftMs | Metric::TtfvMs | Metric::TpotMs | Metric::StallMs);
        if needs_stream && !measured.streamed {
            continue;
        }
        let exceeded = if outcome.is_failure() {
            true
        } else if limit.metric == Metric::ErrorShare {
            false
        } else {
            let Some(value) = measured.of(limit.metric) else { continue };
            value > limit.value
        };
        judged.set(limit.metric, limit.percentile);
        if exceeded {
            over.set(limit.metric, limit.percentile);
        }
    }
    (judged, over)
}

#[cfg(test)]
mod tests {
    use paceline_types::Percentile;
    use proptest::prelude::*;

    use super::*;

    fn limits() -> Vec<Limit> {
        vec![
            Limit { metric: Metric::TtftMs, percentile: Percentile::P95, value: 1000.0 },
            Limit { metric: Metric::TtftMs, percentile: Percentile::P99, value: 2000.0 },
            Limit { metric: Metric::TpotMs, percentile: Percentile::P99, value: 100.0 },
            Limit { metric: Metric::ErrorShare, percentile: Percentile::Mean, value: 0.005 },
        ]
    }

    fn bits(mask: LimitMask) -> u32 {
        mask.0.count_ones()
    }

    #[test]
    fn only_defined_metrics_are_judged_and_a_limit_itself_is_not_over() {
        let measured = Measured { streamed: true, ttft_ms: Some(1000.0), ..Measured::default() };
        let (judged, over) = judge(&limits(), Outcome::Ok, &measured);
        assert_eq!((bits(judged), bits(over)), (3, 0));
        let measured = Measured { streamed: true, ttft_ms: Some(1000.1), tpot_ms: Some(20.0), ..Measured::default() };
        let (judged, over) = judge(&limits(), Outcome::Ok, &measured);
        assert!(over.contains(Metric::TtftMs, Percentile::P95) && !over.contains(Metric::TtftMs, Percentile::P99));
        assert_eq!((bits(judged), bits(over)), (4, 1));
    }

    #[test]
    fn a_failure_is_over_every_limit_and_a_refusal_over_none() {
        let streamed = Measured { streamed: true, ..Measured::default() };
        let (judged, over) = judge(&limits(), Outcome::Truncated, &streamed);
        assert_eq!((bits(judged), judged), (4, over));
        let (judged, over) = judge(&limits(), Outcome::Truncated, &Measured::default());
        assert_eq!((bits(judged), judged), (1, over), "without a stream only the error share can be exceeded here");
        for outcome in [Outcome::Refused, Outcome::CallerError, Outcome::Cancelled] {
            assert_eq!(judge(&limits(), outcome, &Measured::default()), (LimitMask(0), LimitMask(0)));
        }
    }

    proptest! {
        #[test]
        fn what_is_over_was_judged(ttft in proptest::option::of(any::<f64>()), outcome in 1_u8..13) {
            let outcome = Outcome::from_number(outcome).unwrap_or(Outcome::Ok);
            let (judged, over) = judge(&limits(), outcome, &Measured { streamed: true, ttft_ms: ttft, ..Measured::default() });
            prop_assert_eq!(over.0 & !judged.0, 0);
        }
    }
}
