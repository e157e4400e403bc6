//! How the export of traces and metrics stands, for those who only scrape.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Set when a scrape asks: the exporter itself counts.
#[derive(Clone, Debug, Default)]
pub struct Export {
    failing: Gauge<i64, AtomicI64>,
    waiting: Gauge<i64, AtomicI64>,
    spans: Counter<u64, AtomicU64>,
    points: Counter<u64, AtomicU64>,
    requests_dropped: Counter<u64, AtomicU64>,
    points_dropped: Counter<u64, AtomicU64>,
}

/// What has been exported and dropped since the process began.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exported {
    pub spans: u64,
    pub points: u64,
    pub requests_dropped: u64,
    pub points_dropped: u64,
}

impl Export {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let export = Self::default();
        registry.register("otlp_failing", "1 while the last OTLP export failed", export.failing.clone());
        registry.register("otlp_waiting_requests", "Requests that wait for OTLP export", export.waiting.clone());
        let counters = [
            ("otlp_spans", "Spans that a collector took", &export.spans),
            ("otlp_points", "Points of metrics that a collector took", &export.points),
            ("otlp_dropped_requests", "Requests whose spans were dropped", &export.requests_dropped),
            ("otlp_dropped_points", "Points of metrics that no collector took", &export.points_dropped),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
        export
    }

    /// Takes over how it stands.
    pub fn set(&self, failing: bool, waiting: usize, exported: Exported) {
        self.failing.set(failing.into());
        self.waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
        let counters = [
            (&self.spans, exported.spans),
            (&self.points, exported.points),
            (&self.requests_dropped, exported.requests_dropped),
            (&self.points_dropped, exported.points_dropped),
        ];
        for (counter, count) in counters {
            // Scrapes may cross, and where there is no export for now nothing is known anew.
            counter.inner().fetch_max(count, Ordering::Relaxed);
        }
    }
}
