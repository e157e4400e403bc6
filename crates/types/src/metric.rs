//! The metrics a budget can limit, the percentiles it can name, and the bit set of limits a request exceeded.

use serde::{Deserialize, Serialize};

/// A per-request figure that a budget may limit. The number is stored: never renumber.
/// Definitions: docs/metrics.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Metric {
    /// Time to the first token, milliseconds; streamed answers only.
    TtftMs = 0,
    /// Time to the first token a user sees, milliseconds; streamed answers only.
    TtfvMs = 1,
    /// Time per output token after the first event, milliseconds.
    TpotMs = 2,
    /// The largest gap between two token-bearing events, milliseconds.
    StallMs = 3,
    /// From receipt to the last token (streamed) or the last byte (not streamed), milliseconds.
    TotalMs = 4,
    /// Money for one request, US dollars.
    CostUsd = 5,
    /// 1 for a failed request, 0 otherwise; its limit is a share and its percentile is `Mean`.
    ErrorShare = 6,
    /// From submission to completion of a job, milliseconds (batch lane).
    JobAgeMs = 7,
}

impl Metric {
    pub const ALL: [Self; 8] = [
        Self::TtftMs,
        Self::TtfvMs,
        Self::TpotMs,
        Self::StallMs,
        Self::TotalMs,
        Self::CostUsd,
        Self::ErrorShare,
        Self::JobAgeMs,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TtftMs => "ttft_ms",
            Self::TtfvMs => "ttfv_ms",
            Self::TpotMs => "tpot_ms",
            Self::StallMs => "stall_ms",
            Self::TotalMs => "total_ms",
            Self::CostUsd => "cost_usd",
            Self::ErrorShare => "error_share",
            Self::JobAgeMs => "job_age_ms",
        }
    }
}

/// What a limit is stated at. `Mean` is for shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Percentile {
    P50 = 0,
    P90 = 1,
    P95 = 2,
    P99 = 3,
    Mean = 4,
}

/// All percentiles in the order of their numbers.
pub const PERCENTILES: [Percentile; 5] =
    [Percentile::P50, Percentile::P90, Percentile::P95, Percentile::P99, Percentile::Mean];

impl Percentile {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Mean => "mean",
        }
    }
}

/// One bit per (metric, percentile): bit `metric * 5 + percentile`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LimitMask(pub u64);

impl LimitMask {
    pub const fn set(&mut self, metric: Metric, percentile: Percentile) {
        self.0 |= 1 << Self::bit(metric, percentile);
    }

    #[must_use]
    pub const fn contains(self, metric: Metric, percentile: Percentile) -> bool {
        self.0 & (1 << Self::bit(metric, percentile)) != 0
    }

    const fn bit(metric: Metric, percentile: Percentile) -> u32 {
        metric as u32 * PERCENTILES.len() as u32 + percentile as u32
    }
}
