//! Metrics of the gateway process itself: its own overhead, connections, requests in flight, journal, plan.

use std::sync::atomic::{AtomicI64, AtomicU64};

use paceline_types::{UNDEFINED, UsageRecord};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// Gauges are set when a scrape asks; counters and the overhead histogram as things happen.
#[derive(Clone, Debug)]
pub struct Process {
    overhead_in: Histogram,
    overhead_back: Histogram,
    pub in_flight: Gauge<i64, AtomicI64>,
    pub connections: Gauge<i64, AtomicI64>,
    pub journal_bytes: Gauge<i64, AtomicI64>,
    pub journal_segments: Gauge<i64, AtomicI64>,
    /// 1 while the journal is at its disk bound.
    pub journal_full: Gauge<i64, AtomicI64>,
    /// Records that found no room; a gauge since the journal itself counts.
    pub journal_dropped: Gauge<i64, AtomicI64>,
    /// Requests found in flight at the last start and marked `lost`.
    pub lost: Counter<u64, AtomicU64>,
    pub plans_accepted: Counter<u64, AtomicU64>,
    pub plans_refused: Counter<u64, AtomicU64>,
    /// Limits of the plan in force that found no room among the boundaries of their histogram.
    pub limits_without_boundary: Gauge<i64, AtomicI64>,
    /// Requests refused by a bound of the process: connections, requests in flight, journal.
    pub overloaded: Counter<u64, AtomicU64>,
    /// Requests for addresses the gateway does not serve; they have no usage record.
    pub unrouted: Counter<u64, AtomicU64>,
    deployment_in_flight: Named,
    deployment_waiting: Named,
    deployment_rests: Named,
    cache_entries: Gauge<i64, AtomicI64>,
    cache_bytes: Gauge<i64, AtomicI64>,
    cache_shared_store_open: Gauge<i64, AtomicI64>,
}

/// A gauge a deployment.
type Named = Family<[(&'static str, String); 1], Gauge<i64, AtomicI64>>;

type Overhead = Family<[(&'static str, &'static str); 1], Histogram, fn() -> Histogram>;

fn overhead_histogram() -> Histogram {
    Histogram::new(exponential_buckets(5e-6, 2.0, 16))
}

impl Process {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let overhead: Overhead = Family::new_with_constructor(overhead_histogram);
        let way = |way| overhead.get_or_create_owned(&[("way", way)]);
        let process = Self {
            overhead_in: way("in"),
            overhead_back: way("back"),
            in_flight: Gauge::default(),
            connections: Gauge::default(),
            journal_bytes: Gauge::default(),
            journal_segments: Gauge::default(),
            journal_full: Gauge::default(),
            journal_dropped: Gauge::default(),
            lost: Counter::default(),
            plans_accepted: Counter::default(),
            plans_refused: Counter::default(),
            limits_without_boundary: Gauge::default(),
            overloaded: Counter::default(),
            unrouted: Counter::default(),
            deployment_in_flight: Named::default(),
            deployment_waiting: Named::default(),
            deployment_rests: Named::default(),
            cache_entries: Gauge::default(),
            cache_bytes: Gauge::default(),
            cache_shared_store_open: Gauge::default(),
        };
        registry.register("overhead_seconds", "Time the gateway itself added", overhead.clone());
        let gauges = [
            ("requests_in_flight", "Requests being served", &process.in_flight),
            ("connections", "Connections of callers", &process.connections),
            ("journal_bytes", "Journal bytes on disk", &process.journal_bytes),
            ("journal_segments", "Journal segments on disk", &process.journal_segments),
            ("journal_full", "1 while the journal is at its disk bound", &process.journal_full),
            ("journal_dropped_records", "Records that found no room since start", &process.journal_dropped),
            (
                "limits_without_boundary",
                "Limits that found no room among the boundaries of their histogram",
                &process.limits_without_boundary,
            ),
            ("cache_entries", "Answers in the exact cache", &process.cache_entries),
            ("cache_bytes", "Memory of the exact cache", &process.cache_bytes),
            ("cache_shared_store_open", "1 while nobody waits for the shared store", &process.cache_shared_store_open),
        ];
        for (name, help, gauge) in gauges {
            registry.register(name, help, gauge.clone());
        }
        let named = [
            ("deployment_requests_in_flight", "Requests at a deployment", &process.deployment_in_flight),
            ("deployment_requests_waiting", "Requests in a deployment's queue", &process.deployment_waiting),
            ("deployment_rests", "1 while a deployment is passed over", &process.deployment_rests),
        ];
        for (name, help, family) in named {
            registry.register(name, help, family.clone());
        }
        let counters = [
            ("lost_requests", "Requests found in flight at a restart", &process.lost),
            ("plans_accepted", "Plans accepted", &process.plans_accepted),
            ("plans_refused", "Plans refused", &process.plans_refused),
            ("overloaded", "Requests refused by a bound of the process", &process.overloaded),
            ("unrouted", "Requests for addresses not served", &process.unrouted),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
        process
    }

    /// How a deployment stands at a scrape.
    pub fn deployment(&self, name: &str, in_flight: u32, waiting: u32, rests: bool) {
        let label = [("deployment", name.to_owned())];
        self.deployment_in_flight.get_or_create(&label).set(in_flight.into());
        self.deployment_waiting.get_or_create(&label).set(waiting.into());
        self.deployment_rests.get_or_create(&label).set(rests.into());
    }

    /// How the exact cache stands at a scrape.
    pub fn cache(&self, entries: u64, bytes: u64, shared_store_open: Option<bool>) {
        let count = |count| i64::try_from(count).unwrap_or(i64::MAX);
        self.cache_entries.set(count(entries));
        self.cache_bytes.set(count(bytes));
        self.cache_shared_store_open.set(shared_store_open.unwrap_or(false).into());
    }

    pub(crate) fn observe_overhead(&self, record: &UsageRecord) {
        for (histogram, nanoseconds) in
            [(&self.overhead_in, record.overhead_in_ns), (&self.overhead_back, record.overhead_back_ns)]
        {
            if nanoseconds != UNDEFINED {
                histogram.observe(f64::from(nanoseconds) * 1e-9);
            }
        }
    }
}
