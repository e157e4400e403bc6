//! Counters and histograms of the gateway as Prometheus text. Fed with finished usage records, one look-up each.
//! Every label set is bounded: past the plan's bound, requests count under the names `other`.

mod boundaries;
mod buckets;
mod export;
mod process;
mod series;

use std::fmt;
use std::sync::Arc;

use paceline_types::UsageRecord;
use prometheus_client::encoding::text;
use prometheus_client::registry::Registry;

pub use boundaries::Boundaries;
pub use export::{Export, Exported};
pub use process::Process;
use series::SeriesMap;

/// All metrics of one gateway.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    series: Arc<SeriesMap>,
    /// What is not about one service: connections, journal, plan.
    pub process: Process,
    pub export: Export,
}

impl Metrics {
    /// Metrics with at most `label_sets_max` (service, use case, model, deployment) sets.
    #[must_use]
    pub fn new(label_sets_max: usize) -> Self {
        let mut registry = Registry::with_prefix("paceline");
        let series = Arc::new(SeriesMap::new(label_sets_max));
        registry.register_collector(Box::new(Arc::clone(&series)));
        let process = Process::register(&mut registry);
        let export = Export::register(&mut registry);
        Self { registry, series, process, export }
    }

    /// Counts one finished request.
    pub fn record(&self, record: &UsageRecord) {
        self.series.record(record);
        self.process.observe_overhead(record);
    }

    /// Changes the bound on label sets; sets already there stay.
    pub fn set_label_sets_max(&self, label_sets_max: usize) {
        self.series.set_max(label_sets_max);
    }

    /// Where the histograms' buckets end from now on. Those whose boundaries change begin again at zero, as after a
    /// restart; all others, and every counter, go on.
    pub fn set_boundaries(&self, boundaries: Boundaries) {
        self.process.limits_without_boundary.set(i64::try_from(boundaries.left_out).unwrap_or(i64::MAX));
        self.series.set_boundaries(boundaries);
    }

    /// Prometheus text exposition (OpenMetrics form, ending in `# EOF`).
    ///
    /// # Errors
    /// Never in practice: writing to a string does not fail.
    pub fn render(&self) -> Result<String, fmt::Error> {
        let mut out = String::with_capacity(16 * 1024);
        text::encode(&mut out, &self.registry)?;
        Ok(out)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use paceline_types::{Api, CacheUse, Code, Flags, Metric, Outcome, RequestId, Tokens, UsageRecord};

    use super::{Boundaries, Metrics};

    fn record(service: &str) -> UsageRecord {
        let mut record = UsageRecord::begin(RequestId::new(1, 1), 1, Api::Chat);
        record.outcome = Outcome::Ok;
        record.service = service.into();
        record.use_case = "chat".into();
        record.ttft_us = 150_000;
        record.tokens = Tokens { input: 10, output: 5, ..Tokens::default() };
        record.cost_nanousd = 2_500_000_000;
        record.overhead_in_ns = 40_000;
        record
    }

    #[test]
    fn a_request_shows_in_counters_tokens_money_and_histograms() {
        let metrics = Metrics::new(10);
        metrics.record(&record("helpdesk"));
        let text = metrics.render().unwrap();
        let labels = r#"service="helpdesk",use_case="chat",model="",deployment="""#;
        assert!(text.contains(&format!(r#"paceline_requests_total{{{labels},outcome="ok"}} 1"#)), "{text}");
        assert!(text.contains(&format!(r#"paceline_tokens_total{{{labels},kind="input"}} 10"#)), "{text}");
        assert!(text.contains(&format!("paceline_cost_usd_total{{{labels}}} 2.5")), "{text}");
        assert!(text.contains(&format!("paceline_ttft_seconds_count{{{labels}}} 1")), "{text}");
        assert!(text.contains(r#"paceline_overhead_seconds_count{way="in"} 1"#), "{text}");
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn limits_are_boundaries_and_only_what_they_change_begins_again() {
        let metrics = Metrics::new(10);
        metrics.record(&record("helpdesk"));
        let boundaries = || Boundaries::of([(Metric::TtftMs, 150.0)]);
        metrics.set_boundaries(boundaries());
        let labels = r#"service="helpdesk",use_case="chat",model="",deployment="""#;
        let text = metrics.render().unwrap();
        assert!(!text.contains("paceline_ttft_seconds_count"), "{text}");
        assert!(text.contains(&format!("paceline_request_cost_usd_count{{{labels}}} 1")), "{text}");
        assert!(text.contains(&format!(r#"paceline_requests_total{{{labels},outcome="ok"}} 1"#)), "{text}");
        metrics.record(&record("helpdesk"));
        metrics.set_boundaries(boundaries());
        metrics.record(&record("helpdesk"));
        let text = metrics.render().unwrap();
        for (end, count) in [("0.1", 0), ("0.15", 2), ("0.2", 2)] {
            let line = format!(r#"paceline_ttft_seconds_bucket{{le="{end}",{labels}}} {count}"#);
            assert!(text.contains(&line), "{line}\n{text}");
        }
        assert!(text.contains("paceline_limits_without_boundary 0"), "{text}");
    }

    #[test]
    fn what_happened_on_the_way_is_counted_and_what_did_not_is_left_out() {
        let metrics = Metrics::new(10);
        let mut hedged = record("helpdesk");
        hedged.attempts = 3;
        hedged.flags.set(Flags::HEDGED);
        hedged.cache = CacheUse::Miss;
        hedged.other_cost_nanousd = 500_000_000;
        hedged.queue_us = 2_000;
        metrics.record(&hedged);
        let mut refused = record("helpdesk");
        (refused.outcome, refused.code) = (Outcome::Refused, Code::RequestsPerMinute as u16);
        metrics.record(&refused);
        let text = metrics.render().unwrap();
        let labels = r#"service="helpdesk",use_case="chat",model="",deployment="""#;
        for line in [
            format!(r#"paceline_failures_total{{{labels},code="G601"}} 1"#),
            format!(r#"paceline_cache_lookups_total{{{labels},result="miss"}} 1"#),
            format!(r#"paceline_requests_with_total{{{labels},event="hedged"}} 1"#),
            format!("paceline_retries_total{{{labels}}} 1"),
            format!("paceline_other_cost_usd_total{{{labels}}} 0.5"),
            format!("paceline_queue_seconds_count{{{labels}}} 1"),
        ] {
            assert!(text.contains(&line), "{line}\n{text}");
        }
        assert!(!text.contains(r#"code="G602""#) && !text.contains(r#"event="fallback""#));
    }

    #[test]
    fn label_sets_are_bounded_and_the_rest_counts_as_other() {
        let metrics = Metrics::new(2);
        for name in ["a", "b", "c", "d", "a"] {
            metrics.record(&record(name));
        }
        let text = metrics.render().unwrap();
        assert!(
            text.contains(r#"service="other",use_case="other",model="other",deployment="other",outcome="ok"} 2"#),
            "{text}"
        );
        assert!(text.contains(r#"service="a",use_case="chat",model="",deployment="",outcome="ok"} 2"#), "{text}");
        assert!(!text.contains(r#"service="c""#));
    }

    #[test]
    fn label_values_are_escaped() {
        let metrics = Metrics::new(2);
        metrics.record(&record("a\"b\n"));
        assert!(metrics.render().unwrap().contains(r#"service="a\"b\n""#));
    }
}
