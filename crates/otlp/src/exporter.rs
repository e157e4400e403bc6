//! The handle that requests meet: counts each one, and queues those that are to be seen as spans. Never waits, never
//! grows past its bounds; what finds no room is dropped and counted. The sending is `worker`'s, in a thread of its own.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use paceline_http::{ClientTls, HeaderMap, HeaderName, HeaderValue, Proxies, UpstreamFault};
use paceline_plan::Plan;
use paceline_plan::document::Otlp;
use paceline_types::UsageRecord;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::context::Context;
use crate::places::Places;
use crate::series::{Series, Who};
use crate::span::Finished;
use crate::trace::Trace;
use crate::wire::Wire;
use crate::worker;

/// Bytes of captured bodies that may wait for export, of all requests together.
const CAPTURED_BYTES_MAX: usize = 16 << 20;
/// And in one export, unless it is of one request: a collector takes 4 MiB over gRPC if nobody said otherwise.
const CAPTURED_BYTES_OF_EXPORT: usize = 1 << 20;

/// How export stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportStatus {
    pub endpoint: String,
    /// Why the last export failed; none while it works.
    pub failing: Option<String>,
    /// Headers of the plan whose secret this process does not have: where it looked.
    pub headers_missing: Vec<String>,
    /// Requests waiting.
    pub waiting: usize,
    pub spans_sent: u64,
    pub points_sent: u64,
    /// Requests whose spans were dropped: no room, or a collector that did not take them all.
    pub requests_dropped: u64,
    /// Points that no collector took.
    pub points_dropped: u64,
    pub failures: u64,
}

/// Why there can be no export.
#[derive(Debug)]
pub enum StartError {
    Endpoint(UpstreamFault),
    Thread(std::io::Error),
}

/// What has been exported and what was not, over all exporters of a process.
#[derive(Debug, Default)]
pub struct Counts {
    pub(crate) spans_sent: AtomicU64,
    pub(crate) points_sent: AtomicU64,
    pub(crate) requests_dropped: AtomicU64,
    pub(crate) points_dropped: AtomicU64,
    pub(crate) failures: AtomicU64,
}

/// How an exporter reaches out, and where it counts and speaks.
pub struct Surroundings<'a> {
    pub tls: &'a ClientTls,
    pub proxies: &'a Arc<Proxies>,
    pub counts: &'a Arc<Counts>,
    /// 64 random bits.
    pub random: fn() -> u64,
    /// Takes one line.
    pub log: fn(&str),
}

/// What exporter and worker share.
pub(crate) struct Shared {
    pub otlp: Otlp,
    /// Tells this exporter from every other: `service.instance.id`.
    pub instance: String,
    pub series: Series,
    queue: Mutex<VecDeque<Finished>>,
    pub wake: Notify,
    pub stop: AtomicBool,
    captured_bytes: AtomicUsize,
    pub counts: Arc<Counts>,
    pub failing: Mutex<Option<String>>,
    pub random: fn() -> u64,
    pub log: fn(&str),
}

/// Exports to one collector until it is dropped or finished.
pub struct Exporter {
    shared: Arc<Shared>,
    headers: Vec<(HeaderName, HeaderValue)>,
    headers_missing: Vec<String>,
    thread: Mutex<Option<std::thread::JoinHandle<()>>>,
}

impl Exporter {
    /// Starts the thread. `secret` reads a reference to a secret.
    ///
    /// # Errors
    /// When the endpoint cannot be used, or there can be no further thread.
    pub fn start(
        otlp: &Otlp,
        secret: impl Fn(&str) -> Option<String>,
        around: &Surroundings<'_>,
    ) -> Result<Self, StartError> {
        let (headers, headers_missing) = resolved(otlp, secret);
        for place in &headers_missing {
            (around.log)(&format!("OTLP export goes without a header: {place} is not there"));
        }
        let wire = Wire::new(otlp, headers.clone(), around.tls, around.proxies).map_err(StartError::Endpoint)?;
        let shared = Arc::new(Shared {
            series: Series::new(otlp.names, otlp.histograms, otlp.temporality, unix_ns()),
            otlp: otlp.clone(),
            instance: uuid([(around.random)(), (around.random)()]),
            queue: Mutex::default(),
            wake: Notify::new(),
            stop: AtomicBool::new(false),
            captured_bytes: AtomicUsize::new(0),
            counts: Arc::clone(around.counts),
            failing: Mutex::default(),
            random: around.random,
            log: around.log,
        });
        let thread = worker::spawn(Arc::clone(&shared), wire).map_err(StartError::Thread)?;
        Ok(Self { shared, headers, headers_missing, thread: Mutex::new(Some(thread)) })
    }

    /// True where it does what this plan asks for, with the secrets as they are now.
    pub fn serves(&self, otlp: &Otlp, secret: impl Fn(&str) -> Option<String>) -> bool {
        self.shared.otlp == *otlp && resolved(otlp, secret) == (self.headers.clone(), self.headers_missing.clone())
    }

    #[must_use]
    pub fn status(&self) -> ExportStatus {
        let shared = &self.shared;
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ExportStatus {
            endpoint: shared.otlp.endpoint.clone(),
            failing: shared.failing.lock().clone(),
            headers_missing: self.headers_missing.clone(),
            waiting: shared.queue.lock().len(),
            spans_sent: count(&shared.counts.spans_sent),
            points_sent: count(&shared.counts.points_sent),
            requests_dropped: count(&shared.counts.requests_dropped),
            points_dropped: count(&shared.counts.points_dropped),
            failures: count(&shared.counts.failures),
        }
    }

    /// Sends what waits, once, and ends; gives up after `most`.
    pub fn finish(&self, most: Duration) {
        self.tell_to_stop();
        let Some(thread) = self.thread.lock().take() else { return };
        let until = Instant::now() + most;
        while !thread.is_finished() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        if thread.is_finished() {
            let _ = thread.join();
        }
    }

    fn tell_to_stop(&self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.wake.notify_waiters();
        self.shared.wake.notify_one();
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.tell_to_stop();
    }
}

impl Shared {
    /// Queues a request, or counts that it was dropped.
    fn push(&self, mut finished: Finished) {
        if let Some(captured) = &finished.trace.captured {
            let bytes = captured.bytes();
            let before = self.captured_bytes.fetch_add(bytes, Ordering::Relaxed);
            if bytes > 0 && before + bytes > CAPTURED_BYTES_MAX {
                self.captured_bytes.fetch_sub(bytes, Ordering::Relaxed);
                finished.trace.leave_out_text();
            }
        }
        let most = self.otlp.queue_max as usize;
        let length = {
            let mut queue = self.queue.lock();
            if queue.len() < most {
                queue.push_back(finished);
                queue.len()
            } else {
                drop(queue);
                self.dropped(&[finished]);
                return;
            }
        };
        // The worker looks by itself now and then: waking it for each request would cost more than the rest of this.
        if length == most / 2 {
            self.wake.notify_waiters();
        }
    }

    /// Counts requests whose spans nobody gets.
    pub(crate) fn dropped(&self, all: &[Finished]) {
        self.counts.requests_dropped.fetch_add(all.len() as u64, Ordering::Relaxed);
        self.release(all);
    }

    /// Gives back the room of captured bodies.
    pub(crate) fn release(&self, all: &[Finished]) {
        let bytes = all.iter().filter_map(|one| one.trace.captured.as_ref()).map(|captured| captured.bytes()).sum();
        self.captured_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Up to `most` of what waits, fewer where text was captured.
    pub(crate) fn take(&self, most: usize) -> Vec<Finished> {
        let mut queue = self.queue.lock();
        let mut bytes = 0;
        let fits = |one: &&Finished| {
            bytes += one.trace.captured.as_ref().map_or(0, |captured| captured.bytes());
            bytes <= CAPTURED_BYTES_OF_EXPORT
        };
        let count = queue.iter().take(most).take_while(fits).count();
        let count = count.max(1).min(queue.len());
        queue.drain(..count).collect()
    }
}

/// An exporter, and the plan whose requests it sees.
pub struct Telemetry {
    exporter: Arc<Exporter>,
    places: Arc<Places>,
}

impl Telemetry {
    /// Binds an exporter to a plan.
    #[must_use]
    pub fn new(exporter: Arc<Exporter>, plan: &Plan) -> Self {
        exporter.shared.series.set_max(plan.gateway.label_sets_max as usize);
        Self { exporter, places: Arc::new(Places::of(plan)) }
    }

    #[must_use]
    pub const fn exporter(&self) -> &Arc<Exporter> {
        &self.exporter
    }

    /// Begins a request's trace; none where traces are not exported.
    pub fn begin(&self, headers: &HeaderMap, mut random: impl FnMut() -> u64) -> Option<Box<Trace>> {
        let otlp = &self.exporter.shared.otlp;
        if !otlp.traces {
            return None;
        }
        let (context, state) = Context::of(headers, otlp.sample_share, &mut random);
        Some(Box::new(Trace::new(context, random() | 1, state)))
    }

    /// Takes note of a finished request. `began` is zero of the record's times.
    pub fn finished(
        &self,
        plan: &Plan,
        record: &UsageRecord,
        began: Instant,
        trace: Option<Box<Trace>>,
        (use_case, deployment): (Option<usize>, Option<usize>),
    ) {
        let class = use_case.map(|index| &plan.use_cases[index].class);
        let service = plan.service(&record.service);
        let team = service.and_then(|index| plan.services[index].owner.as_ref());
        let shared = &self.exporter.shared;
        if shared.otlp.metrics {
            let who = Who {
                service: &record.service,
                use_case: &record.use_case,
                team: team.map_or("", |team| team),
                class: class.map_or("", |class| class),
                model: &record.model,
                place: self.places.get(deployment),
                api: record.api,
                outcome: record.outcome,
            };
            shared.series.record(&who, record);
        }
        let Some(trace) = trace else { return };
        if is_seen(&trace.context, record) {
            shared.push(Finished {
                record: record.clone(),
                trace: *trace,
                began,
                places: Arc::clone(&self.places),
                deployment,
                team: team.cloned(),
                class: class.cloned(),
            });
        }
    }
}

/// Whether a request's spans are exported: as its trace says, and whenever something was wrong.
fn is_seen(context: &Context, record: &UsageRecord) -> bool {
    context.sampled || record.outcome.is_failure() || record.over.0 != 0
}

/// Headers with their values, and where a secret was looked for in vain.
type Resolved = (Vec<(HeaderName, HeaderValue)>, Vec<String>);

fn resolved(otlp: &Otlp, secret: impl Fn(&str) -> Option<String>) -> Resolved {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for (name, reference) in &otlp.headers {
        let header = |value: String| {
            let mut value = HeaderValue::from_str(&value).ok()?;
            value.set_sensitive(true);
            Some((name.parse().ok()?, value))
        };
        match secret(reference).and_then(header) {
            Some(header) => found.push(header),
            None => missing.push(reference.clone()),
        }
    }
    (found, missing)
}

/// A version 4 UUID of these bits.
fn uuid([high, low]: [u64; 2]) -> String {
    let (high, low) = (high & !0xf000 | 0x4000, low & !(0b11 << 62) | 1 << 63);
    let (first, second, third) = (high >> 32, high >> 16 & 0xffff, high & 0xffff);
    format!("{first:08x}-{second:04x}-{third:04x}-{:04x}-{:012x}", low >> 48, low & 0xffff_ffff_ffff)
}

pub(crate) fn unix_ns() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use paceline_types::{Api, Metric, Outcome, Percentile, RequestId};

    use super::*;

    #[test]
    fn failures_and_breaches_are_seen_whatever_the_trace_says_and_refusals_are_not() {
        let unsampled = Context::begin(None, 0.0, || 3);
        let seen = |outcome: Outcome, over: bool, context: &Context| {
            let mut record = UsageRecord::begin(RequestId::new(1, 1), 1, Api::Chat);
            record.outcome = outcome;
            if over {
                record.over.set(Metric::TtftMs, Percentile::P95);
            }
            is_seen(context, &record)
        };
        assert!(!seen(Outcome::Ok, false, &unsampled));
        assert!(seen(Outcome::Ok, true, &unsampled), "over a limit");
        assert!(seen(Outcome::ProviderError, false, &unsampled));
        for others in [Outcome::Refused, Outcome::CallerError, Outcome::Cancelled] {
            assert!(!seen(others, false, &unsampled), "{others:?}");
            assert!(seen(others, false, &Context { sampled: true, ..unsampled }));
        }
    }

    fn shared(queue_max: u32) -> Shared {
        let otlp = Otlp { queue_max, ..paceline_plan::sample::otlp("http://127.0.0.1:9") };
        Shared {
            series: Series::new(otlp.names, otlp.histograms, otlp.temporality, 1),
            otlp,
            instance: uuid([0, 0]),
            queue: Mutex::default(),
            wake: Notify::new(),
            stop: AtomicBool::new(false),
            captured_bytes: AtomicUsize::new(0),
            counts: Arc::default(),
            failing: Mutex::default(),
            random: || 7,
            log: |_| {},
        }
    }

    /// One of whose request so many bytes were captured.
    fn finished(bytes: usize) -> Finished {
        let mut trace = Trace::new(Context::begin(None, 1.0, || 3), 5, None);
        trace.capture(u64::MAX, 1000, &vec![b'x'; bytes].into());
        Finished {
            record: UsageRecord::begin(RequestId::new(1, 1), 1, Api::Chat),
            trace,
            began: Instant::now(),
            places: Arc::new(Places::default()),
            deployment: None,
            team: None,
            class: None,
        }
    }

    #[test]
    fn the_queue_is_bounded_and_what_finds_no_room_is_counted_and_held_no_longer() {
        let shared = shared(2);
        (0..5).for_each(|_| shared.push(finished(10)));
        assert_eq!(shared.counts.requests_dropped.load(Ordering::Relaxed), 3);
        let batch = shared.take(256);
        assert_eq!((batch.len(), shared.captured_bytes.load(Ordering::Relaxed)), (2, 20));
        shared.release(&batch);
        assert_eq!(shared.captured_bytes.load(Ordering::Relaxed), 0);
        assert!(shared.take(256).is_empty());
    }

    #[test]
    fn one_export_holds_no_more_text_than_a_collector_takes_and_each_request_leaves_in_the_end() {
        let shared = shared(64);
        let third = CAPTURED_BYTES_OF_EXPORT / 3;
        [third, third, third, 0, CAPTURED_BYTES_OF_EXPORT, 0]
            .into_iter()
            .for_each(|bytes| shared.push(finished(bytes)));
        let counts = std::iter::repeat_with(|| shared.take(256).len()).take_while(|&count| count > 0);
        assert_eq!(counts.collect::<Vec<_>>(), [4, 2]);
        (0..20).for_each(|_| shared.push(finished(CAPTURED_BYTES_OF_EXPORT)));
        let all: Vec<_> = std::iter::repeat_with(|| shared.take(256)).take_while(|batch| !batch.is_empty()).collect();
        let with_text = |batch: &Vec<Finished>| batch[0].trace.captured.as_ref().is_some_and(|kept| kept.bytes() > 0);
        let cut = |one: &Finished| one.trace.captured.as_ref().is_some_and(|kept| kept.cut);
        // Two of the first six are still held: 14 of 16 MiB were left.
        assert_eq!(all.iter().filter(|batch| with_text(batch)).count(), 14);
        assert_eq!(all.iter().flatten().filter(|one| cut(one)).count(), 6, "text that found no room is said to be cut");
    }

    #[test]
    fn an_instance_is_a_uuid_of_version_4() {
        assert_eq!(uuid([u64::MAX, u64::MAX]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(uuid([0x0123_4567_89ab_cdef, 0x0123_4567_89ab_cdef]), "01234567-89ab-4def-8123-456789abcdef");
    }

    #[test]
    fn headers_are_read_from_secrets_and_never_shown() {
        let mut otlp = paceline_plan::sample::otlp("http://127.0.0.1:9");
        otlp.headers = vec![("api-key".into(), "env:THERE".into()), ("x-more".into(), "env:NOT".into())];
        let secret = |reference: &str| (reference == "env:THERE").then(|| "s3cret".to_owned());
        let (found, missing) = resolved(&otlp, secret);
        assert_eq!(found.len(), 1);
        assert_eq!(missing, ["env:NOT"]);
        assert!(!format!("{found:?}").contains("s3cret"));
    }
}
