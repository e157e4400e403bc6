//! Rate limits as the dialects' own headers: what SDKs and people already read.

use paceline_types::Dialect;

/// The tightest limits that apply to a request; none where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateView {
    pub requests: Option<Rate>,
    pub tokens: Option<Rate>,
}

/// One limit a minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    pub limit: u64,
    pub left: u64,
    /// Until all of it is there again.
    pub reset_s: u64,
}

/// The headers, by dialect: limit, left and reset of requests, then of tokens.
pub const RATE_HEADERS: [[&str; 6]; 2] = [
    [
        "x-ratelimit-limit-requests",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-reset-requests",
        "x-ratelimit-limit-tokens",
        "x-ratelimit-remaining-tokens",
        "x-ratelimit-reset-tokens",
    ],
    [
        "anthropic-ratelimit-requests-limit",
        "anthropic-ratelimit-requests-remaining",
        "anthropic-ratelimit-requests-reset",
        "anthropic-ratelimit-tokens-limit",
        "anthropic-ratelimit-tokens-remaining",
        "anthropic-ratelimit-tokens-reset",
    ],
];

/// Hands out the values for a view, with their places in the dialect's `RATE_HEADERS`; `unix_s` is now.
pub fn rate_values(dialect: Dialect, view: &RateView, unix_s: u64, mut put: impl FnMut(usize, &[u8])) {
    for (rate, first) in [(view.requests, 0), (view.tokens, 3)] {
        let Some(rate) = rate else { continue };
        let mut digits = itoa::Buffer::new();
        put(first, digits.format(rate.limit).as_bytes());
        put(first + 1, digits.format(rate.left).as_bytes());
        match dialect {
            Dialect::OpenAi => put(first + 2, span(rate.reset_s).as_bytes()),
            Dialect::Anthropic => put(first + 2, date_time(unix_s.saturating_add(rate.reset_s)).as_bytes()),
        }
    }
}

/// `6m0s`, `1s`: Go's durations, as OpenAI writes them.
fn span(seconds: u64) -> String {
    let mut digits = itoa::Buffer::new();
    let mut out = String::with_capacity(24);
    if seconds >= 60 {
        out.push_str(digits.format(seconds / 60));
        out.push('m');
    }
    out.push_str(digits.format(if seconds >= 60 { seconds % 60 } else { seconds }));
    out.push('s');
    out
}

/// RFC 3339 in UTC; the civil date is Howard Hinnant's `civil_from_days`.
fn date_time(unix_s: u64) -> String {
    let (days, second) = (unix_s / 86_400, unix_s % 86_400);
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: RateView = RateView {
        requests: Some(Rate { limit: 60, left: 59, reset_s: 1 }),
        tokens: Some(Rate { limit: 9, left: 0, reset_s: 361 }),
    };

    fn headers(dialect: Dialect, view: &RateView, unix_s: u64) -> Vec<(&'static str, String)> {
        let mut all = Vec::new();
        rate_values(dialect, view, unix_s, |index, value| {
            all.push((RATE_HEADERS[dialect as usize][index], String::from_utf8_lossy(value).into_owned()));
        });
        all
    }

    #[test]
    fn openai_counts_spans_and_anthropic_names_the_time() {
        let openai = headers(Dialect::OpenAi, &VIEW, 0);
        assert_eq!(openai[2], ("x-ratelimit-reset-requests", "1s".into()));
        assert_eq!(openai[5], ("x-ratelimit-reset-tokens", "6m1s".into()));
        let anthropic = headers(Dialect::Anthropic, &VIEW, 1795424399);
        assert_eq!(anthropic[0], ("anthropic-ratelimit-requests-limit", "60".into()));
        assert_eq!(anthropic[2], ("anthropic-ratelimit-requests-reset", "2026-11-23T09:00:00Z".into()));
        assert!(headers(Dialect::OpenAi, &RateView::default(), 0).is_empty());
    }

    #[test]
    fn dates_at_the_edges_of_months_and_years() {
        for (unix_s, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_767_225_599, "2025-12-31T23:59:59Z"),
        ] {
            assert_eq!(date_time(unix_s), text);
        }
    }
}
