//! The thread that exports: batches of spans as they come, metrics by the clock, each with retries and growing pauses. A
//! collector that does not answer costs its own time here and nobody else's.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use prost::Message;

use crate::attributes::key_value;
use crate::exporter::{Shared, unix_ns};
use crate::messages::{
    Data, Metric, Metrics, Resource, ResourceMetrics, ResourceSpans, Scope, ScopeMetrics, ScopeSpans, Traces, Value,
};
use crate::span::Finished;
use crate::wire::{Failed, Signal, Wire};

/// Requests of one export.
const BATCH: usize = 256;
/// How often the queue is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// Times one export is tried.
const TRIES_MAX: u32 = 5;
const PAUSE: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(30);

pub(crate) fn spawn(shared: Arc<Shared>, wire: Wire) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let work = move || {
        let worker = Worker { shared, wire };
        runtime.block_on(async { tokio::join!(worker.traces(), worker.metrics()) });
    };
    std::thread::Builder::new().name("otlp".into()).spawn(work)
}

struct Worker {
    shared: Arc<Shared>,
    wire: Wire,
}

impl Worker {
    fn stops(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed)
    }

    /// Waits so long, or until there is much to do or an end.
    async fn wait(&self, span: Duration) {
        if !self.stops() {
            let _ = tokio::time::timeout(span, self.shared.wake.notified()).await;
        }
    }

    async fn traces(&self) {
        loop {
            let batch = self.shared.take(BATCH);
            if batch.is_empty() {
                if self.stops() {
                    return;
                }
                self.wait(LOOK).await;
                continue;
            }
            let (message, spans) = self.spans(&batch);
            match self.export(Signal::Traces, message).await {
                Some(rejected) => {
                    let counts = &self.shared.counts;
                    counts.spans_sent.fetch_add(spans.saturating_sub(rejected), Ordering::Relaxed);
                    // Whose they were is not said: of as many requests, at most.
                    counts.requests_dropped.fetch_add(rejected.min(batch.len() as u64), Ordering::Relaxed);
                    self.shared.release(&batch);
                }
                None => self.shared.dropped(&batch),
            }
        }
    }

    async fn metrics(&self) {
        if !self.shared.otlp.metrics {
            return;
        }
        let interval = Duration::from_millis(self.shared.otlp.interval_ms);
        let mut next = tokio::time::Instant::now() + interval;
        loop {
            while !self.stops() && tokio::time::Instant::now() < next {
                self.wait(LOOK.min(next - tokio::time::Instant::now())).await;
            }
            let last = self.stops();
            for metrics in self.shared.series.collect(unix_ns()) {
                let (message, points) = self.points(metrics);
                let sent = self.export(Signal::Metrics, message).await;
                let rejected = sent.unwrap_or(points).min(points);
                self.shared.counts.points_sent.fetch_add(points - rejected, Ordering::Relaxed);
                self.shared.counts.points_dropped.fetch_add(rejected, Ordering::Relaxed);
            }
            if last {
                return;
            }
            next = (next + interval).max(tokio::time::Instant::now());
        }
    }

    /// Sends until it is taken or has been tried often enough; once where the end has come. Tells how much of it was
    /// rejected.
    async fn export(&self, signal: Signal, message: Bytes) -> Option<u64> {
        let mut tries = 0;
        loop {
            tries += 1;
            let (why, asked) = match self.wire.send(signal, &message).await {
                Ok(rejected) => {
                    match rejected {
                        0 => self.works(),
                        _ => self.fails(format!("the collector rejected {rejected} {}", signal.what())),
                    }
                    return Some(rejected);
                }
                Err(Failed::ForGood(why)) => {
                    self.fails(why);
                    return None;
                }
                Err(Failed::ForNow(why, asked)) => (why, asked),
            };
            self.fails(why);
            if tries == TRIES_MAX || self.stops() {
                return None;
            }
            let pause = pause(tries, asked, (self.shared.random)());
            let until = tokio::time::Instant::now() + pause;
            while !self.stops() && tokio::time::Instant::now() < until {
                self.wait(LOOK.min(until - tokio::time::Instant::now())).await;
            }
        }
    }

    fn works(&self) {
        if self.shared.failing.lock().take().is_some() {
            (self.shared.log)(&format!("OTLP export to {} works again", self.shared.otlp.endpoint));
        }
    }

    /// Says so once, until it works again.
    fn fails(&self, why: String) {
        self.shared.counts.failures.fetch_add(1, Ordering::Relaxed);
        let mut failing = self.shared.failing.lock();
        if failing.is_none() {
            let line =
                format!("OTLP export to {} fails: {why}; requests are served all the same", self.shared.otlp.endpoint);
            (self.shared.log)(&line);
        }
        *failing = Some(why);
    }

    fn spans(&self, batch: &[Finished]) -> (Bytes, u64) {
        let now_unix_s = unix_ns() / 1_000_000_000;
        let names = self.shared.otlp.names;
        let spans: Vec<_> = batch.iter().flat_map(|one| one.spans(names, now_unix_s)).collect();
        let count = spans.len() as u64;
        let scope_spans = vec![ScopeSpans { scope: Some(scope()), spans }];
        let message = Traces { resource_spans: vec![ResourceSpans { resource: Some(self.resource()), scope_spans }] };
        (message.encode_to_vec().into(), count)
    }

    fn points(&self, metrics: Vec<Metric>) -> (Bytes, u64) {
        let count = |data: &Data| match data {
            Data::Sum(sum) => sum.data_points.len(),
            Data::Histogram(histogram) => histogram.data_points.len(),
            Data::Exponential(histogram) => histogram.data_points.len(),
        };
        let points = metrics.iter().filter_map(|metric| metric.data.as_ref()).map(count).sum::<usize>() as u64;
        let scope_metrics = vec![ScopeMetrics { scope: Some(scope()), metrics }];
        let resource_metrics = vec![ResourceMetrics { resource: Some(self.resource()), scope_metrics }];
        (Metrics { resource_metrics }.encode_to_vec().into(), points)
    }

    fn resource(&self) -> Resource {
        resource(&self.shared.instance, &self.shared.otlp.attributes)
    }
}

/// Who exports: this very exporter, since figures that two of them add up must not be taken for one's. What the plan
/// writes stands above the usual.
fn resource(instance: &str, written: &[(String, String)]) -> Resource {
    let usual = [
        ("service.name", "paceline"),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("service.instance.id", instance),
    ];
    let usual = usual.into_iter().filter(|(name, _)| !written.iter().any(|(other, _)| other == name));
    let all = usual.chain(written.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    Resource { attributes: all.map(|(name, value)| key_value(name, Value::Text(value.to_owned()))).collect() }
}

/// How long to wait after so many tries: as long as the collector asked for, or twice as long each time, less up to a
/// half, so that gateways that failed together do not come back together. Never longer than the bound.
fn pause(tries: u32, asked: Option<Duration>, random: u64) -> Duration {
    let growing = || {
        let whole = PAUSE.saturating_mul(2_u32.saturating_pow(tries - 1));
        let random = u32::try_from(random >> 32).unwrap_or_default();
        whole.mul_f64(1.0 - f64::from(random) / f64::from(u32::MAX) / 2.0)
    };
    asked.unwrap_or_else(growing).min(PAUSE_MAX)
}

fn scope() -> Scope {
    Scope { name: "paceline.gateway".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_differ_and_a_collector_s_own_word_is_kept_to_within_the_bound() {
        let least_and_most = |tries| (pause(tries, None, u64::MAX), pause(tries, None, 0));
        for tries in 1..TRIES_MAX {
            let (least, most) = least_and_most(tries);
            assert_eq!((least * 2, most), (most, PAUSE * (1 << (tries - 1))), "{tries}");
        }
        assert_eq!(pause(1, Some(Duration::from_secs(7)), 3), Duration::from_secs(7));
        assert_eq!(pause(1, Some(Duration::MAX), 3), PAUSE_MAX);
        assert_eq!(pause(60, None, 0), PAUSE_MAX);
    }

    #[test]
    fn what_the_plan_writes_of_the_resource_stands_above_the_usual() {
        let names = |written: &[(&str, &str)]| {
            let written: Vec<_> = written.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
            let all = resource("one", &written).attributes.into_iter();
            all.map(|pair| (pair.key, pair.value.and_then(|value| value.value))).collect::<Vec<_>>()
        };
        let text = |text: &str| Some(Value::Text(text.to_owned()));
        let usual = names(&[]);
        assert_eq!(usual.len(), 3);
        assert!(usual.contains(&("service.instance.id".to_owned(), text("one"))));
        let written = names(&[("service.name", "llm"), ("region", "eu")]);
        assert_eq!(written.len(), 4, "no name is there twice");
        assert!(written.contains(&("service.name".to_owned(), text("llm"))));
    }
}
