//! What a run measured, and its line of JSON. Owns the percentiles (nearest rank over every request).

use std::time::Duration;

/// Sums over all connections of a run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Answered with a 2xx.
    pub(crate) answered: usize,
    /// Any other status, or no whole answer.
    pub(crate) failed: usize,
    pub(crate) events: u64,
    pub(crate) body_bytes: u64,
    pub(crate) elapsed: Duration,
    /// Microseconds from the first byte sent to the last received, per answered request.
    pub(crate) total_us: Vec<u32>,
    /// The same to the first byte of the body.
    pub(crate) first_us: Vec<u32>,
    /// The longest wait inside each answered request's body.
    pub(crate) gap_us: Vec<u32>,
}

impl Tally {
    /// Adds another connection's share.
    pub(crate) fn add(&mut self, other: Self) {
        self.answered += other.answered;
        self.failed += other.failed;
        self.events += other.events;
        self.body_bytes += other.body_bytes;
        self.total_us.extend(other.total_us);
        self.first_us.extend(other.first_us);
        self.gap_us.extend(other.gap_us);
    }

    /// One line of JSON.
    #[must_use]
    pub(crate) fn json(&self) -> String {
        format!(
            r#"{{"answered":{},"failed":{},"events":{},"body_bytes":{},"elapsed_s":{:.6},"total_us":{},"first_us":{},"gap_us":{}}}"#,
            self.answered,
            self.failed,
            self.events,
            self.body_bytes,
            self.elapsed.as_secs_f64(),
            percentiles(&self.total_us),
            percentiles(&self.first_us),
            percentiles(&self.gap_us),
        )
    }
}

fn percentiles(values: &[u32]) -> String {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let at = |share: usize| (sorted.len() * share).div_ceil(100).checked_sub(1).and_then(|index| sorted.get(index));
    let text = |share| at(share).map_or_else(|| "null".to_owned(), u32::to_string);
    format!(r#"{{"p50":{},"p90":{},"p99":{},"max":{}}}"#, text(50), text(90), text(99), text(100))
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn the_line_holds_nearest_ranks() {
        let mut tally = Tally::default();
        tally.add(Tally { answered: 100, total_us: (1..=100).rev().collect(), ..Tally::default() });
        let line = tally.json();
        assert!(line.contains(r#""total_us":{"p50":50,"p90":90,"p99":99,"max":100}"#), "{line}");
        assert!(line.contains(r#""first_us":{"p50":null"#), "{line}");
    }
}
