//! Metrics of requests by who, what and how it ended: added up where a request ends, read when they are exported.
//! Bounded: past the bound, requests count under the names `other`.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use paceline_plan::document::{Histograms, Names, Temporality};
use paceline_types::{Api, Outcome, TokenSource, UNDEFINED, UsageRecord};
use parking_lot::{Mutex, RwLock};

use crate::attributes::{Attributes, key_value};
use crate::messages::{
    Data, ExponentialHistogram, Histogram, KeyValue, Metric, Number, NumberPoint, Sum, Temporal, Value,
};
use crate::names::{self as n, METRICS, SPREADS, Shape, Spread, TOTALS, Total};
use crate::places::Place;
use crate::spread::{Distribution, Frame, Point};

const OTHER: &str = "other";
/// Series of one export: with all their points, well below the 4 MiB that a collector takes over gRPC.
const SERIES_OF_EXPORT: usize = 128;

/// What a series is of.
#[derive(Clone, Copy)]
pub(crate) struct Who<'a> {
    pub service: &'a str,
    pub use_case: &'a str,
    pub team: &'a str,
    pub class: &'a str,
    pub model: &'a str,
    pub place: Option<&'a Place>,
    pub api: Api,
    pub outcome: Outcome,
}

impl Who<'_> {
    /// Whom it counts as where there is no room for itself.
    fn other(&self) -> Self {
        let (service, use_case, team, class, model) = (OTHER, OTHER, OTHER, OTHER, OTHER);
        Who { service, use_case, team, class, model, place: None, ..*self }
    }

    fn names(&self) -> [&str; 6] {
        let deployment = self.place.map_or("", |place| &place.name);
        [self.service, self.use_case, self.team, self.class, self.model, deployment]
    }
}

struct One {
    names: [Box<str>; 6],
    api: Api,
    outcome: Outcome,
    attributes: Vec<KeyValue>,
    figures: Mutex<Figures>,
}

#[derive(Clone)]
struct Figures {
    spreads: [Distribution; SPREADS],
    totals: [u64; TOTALS],
}

/// All series of one exporter.
pub(crate) struct Series {
    names: Names,
    histograms: Histograms,
    temporality: Temporality,
    max: AtomicUsize,
    /// How many there are.
    count: AtomicUsize,
    /// Since when the figures count.
    since_unix_ns: AtomicU64,
    map: RwLock<HashMap<u64, Vec<Arc<One>>>>,
}

impl Series {
    pub(crate) fn new(names: Names, histograms: Histograms, temporality: Temporality, now_unix_ns: u64) -> Self {
        let since_unix_ns = AtomicU64::new(now_unix_ns);
        let (max, count) = (AtomicUsize::new(1000), AtomicUsize::new(0));
        Self { names, histograms, temporality, max, count, since_unix_ns, map: RwLock::default() }
    }

    pub(crate) fn set_max(&self, max: usize) {
        self.max.store(max, Ordering::Relaxed);
    }

    /// Counts one finished request.
    pub(crate) fn record(&self, who: &Who<'_>, record: &UsageRecord) {
        let one = self.find(who).or_else(|| self.find(&who.other()).filter(|_| self.is_full()));
        let one = one.unwrap_or_else(|| self.insert(who));
        let mut figures = one.figures.lock();
        add_spreads(&mut figures.spreads, record);
        add_totals(&mut figures.totals, record);
    }

    fn find(&self, who: &Who<'_>) -> Option<Arc<One>> {
        let map = self.map.read();
        map.get(&hash(who))?.iter().find(|one| is(one, who)).map(Arc::clone)
    }

    fn is_full(&self) -> bool {
        self.count.load(Ordering::Relaxed) >= self.max.load(Ordering::Relaxed)
    }

    fn insert(&self, who: &Who<'_>) -> Arc<One> {
        let mut map = self.map.write();
        let who = if self.is_full() { who.other() } else { *who };
        let bucket = map.entry(hash(&who)).or_default();
        if let Some(one) = bucket.iter().find(|one| is(one, &who)) {
            return Arc::clone(one);
        }
        let one = Arc::new(One {
            names: who.names().map(Box::from),
            api: who.api,
            outcome: who.outcome,
            attributes: attributes(self.names, &who),
            figures: Mutex::new(self.fresh()),
        });
        bucket.push(Arc::clone(&one));
        self.count.fetch_add(1, Ordering::Relaxed);
        one
    }

    fn fresh(&self) -> Figures {
        let spreads = std::array::from_fn(|place| Distribution::new(self.histograms, boundaries(place)));
        Figures { spreads, totals: [0; TOTALS] }
    }

    /// Everything as it stands now, in as many parts as there are exports to be; of deltas, what came since the last
    /// time.
    pub(crate) fn collect(&self, now_unix_ns: u64) -> Vec<Vec<Metric>> {
        let delta = self.temporality == Temporality::Delta;
        let since = if delta {
            self.since_unix_ns.swap(now_unix_ns, Ordering::Relaxed)
        } else {
            self.since_unix_ns.load(Ordering::Relaxed)
        };
        let all: Vec<Arc<One>> = self.map.read().values().flatten().cloned().collect();
        let take = |one: &One| {
            let mut figures = one.figures.lock();
            if delta { std::mem::replace(&mut *figures, self.fresh()) } else { figures.clone() }
        };
        let figures: Vec<(Arc<One>, Figures)> = all.into_iter().map(|one| (Arc::clone(&one), take(&one))).collect();
        let parts = figures.chunks(SERIES_OF_EXPORT).map(|part| self.metrics(part, since, now_unix_ns));
        parts.filter(|metrics| !metrics.is_empty()).collect()
    }

    fn metrics(&self, figures: &[(Arc<One>, Figures)], start_unix_ns: u64, now_unix_ns: u64) -> Vec<Metric> {
        let of_metric = |metric: &n::Metric| {
            let spoken_of = figures.iter().filter(|(one, _)| metric.speaks_of(self.names, one.api));
            let frame = |one: &One| Frame { start_unix_ns, now_unix_ns, attributes: one.attributes.clone() };
            let data = match metric.shape {
                Shape::Total(total) => self.sum(total, spoken_of.map(|(one, figures)| (frame(one), figures))),
                Shape::Spread(points, _) => {
                    self.histogram(points, spoken_of.map(|(one, figures)| (frame(one), figures)))
                }
            };
            data.map(|data| Metric {
                name: metric.name.to_owned(),
                description: metric.help.to_owned(),
                unit: metric.unit.to_owned(),
                data: Some(data),
            })
        };
        METRICS.iter().filter_map(of_metric).collect()
    }

    fn sum<'a>(&self, total: Total, all: impl Iterator<Item = (Frame, &'a Figures)>) -> Option<Data> {
        let point = |(frame, figures): (Frame, &Figures)| {
            let count = figures.totals[total as usize];
            #[allow(clippy::cast_precision_loss)]
            let value = match total {
                Total::CostNanousd => Number::Double(count as f64 / 1e9),
                _ => Number::Int(i64::try_from(count).unwrap_or(i64::MAX)),
            };
            (count > 0).then_some(NumberPoint {
                attributes: frame.attributes,
                start_time_unix_nano: frame.start_unix_ns,
                time_unix_nano: frame.now_unix_ns,
                value: Some(value),
            })
        };
        let data_points: Vec<_> = all.filter_map(point).collect();
        let some = !data_points.is_empty();
        some.then(|| Data::Sum(Sum { data_points, temporality: self.temporal(), is_monotonic: true }))
    }

    fn histogram<'a>(
        &self,
        points: &[n::Point<Spread>],
        all: impl Iterator<Item = (Frame, &'a Figures)>,
    ) -> Option<Data> {
        let (mut exponential, mut explicit) = (Vec::new(), Vec::new());
        for (frame, figures) in all {
            for (spread, told_by) in points {
                let mut frame = frame.clone();
                frame.attributes.extend(told_by.map(|(name, text)| key_value(name.new, Value::Text(text.to_owned()))));
                match figures.spreads[*spread as usize].point(frame) {
                    Some(Point::Exponential(point)) => exponential.push(point),
                    Some(Point::Explicit(point)) => explicit.push(point),
                    None => {}
                }
            }
        }
        let temporality = self.temporal();
        if !exponential.is_empty() {
            return Some(Data::Exponential(ExponentialHistogram { data_points: exponential, temporality }));
        }
        (!explicit.is_empty()).then_some(Data::Histogram(Histogram { data_points: explicit, temporality }))
    }

    fn temporal(&self) -> i32 {
        match self.temporality {
            Temporality::Cumulative => Temporal::Cumulative.into(),
            Temporality::Delta => Temporal::Delta.into(),
        }
    }
}

fn attributes(names: Names, who: &Who<'_>) -> Vec<KeyValue> {
    let mut to = Attributes::new(names);
    to.text(n::OPERATION, n::operation(who.api));
    if let Some(place) = who.place {
        to.text(n::PROVIDER, &place.provider);
        to.text(n::REQUEST_MODEL, &place.model);
        to.text(n::SERVER_ADDRESS, &place.address);
        to.int(n::SERVER_PORT, place.port);
        to.text(n::DEPLOYMENT, &place.name);
    }
    to.text(n::SERVICE, who.service);
    to.text(n::USE_CASE, who.use_case);
    to.text(n::TEAM, who.team);
    to.text(n::CLASS, who.class);
    to.text(n::MODEL, who.model);
    to.text(n::OUTCOME, who.outcome.name());
    if who.outcome != Outcome::Ok {
        to.text(n::ERROR_TYPE, who.outcome.name());
    }
    to.list
}

/// The advised boundaries of a spread: those of the first metric made of it.
fn boundaries(place: usize) -> &'static [f64] {
    let of = |metric: &n::Metric| match metric.shape {
        Shape::Spread(points, ends) => points.iter().any(|(spread, _)| *spread as usize == place).then_some(ends),
        Shape::Total(_) => None,
    };
    METRICS.iter().find_map(of).unwrap_or_default()
}

fn add_spreads(spreads: &mut [Distribution; SPREADS], record: &UsageRecord) {
    let mut add = |spread: Spread, value: u32, per_unit: f64| {
        if value != UNDEFINED {
            spreads[spread as usize].add(f64::from(value) / per_unit);
        }
    };
    add(Spread::ServerS, record.end_us, 1e6);
    add(Spread::ServerFirstS, record.ttft_us, 1e6);
    add(Spread::ServerTpotS, record.tpot_ns, 1e9);
    add(Spread::QueueS, record.queue_us, 1e6);
    add(Spread::OverheadInS, record.overhead_in_ns, 1e9);
    add(Spread::OverheadBackS, record.overhead_back_ns, 1e9);
    if record.attempts > 0 && !record.cache.is_served() {
        let began = asked_us(record);
        let since = |us: u32| if us == UNDEFINED { us } else { us.saturating_sub(began) };
        add(Spread::ClientS, since(record.end_us), 1e6);
        add(Spread::ClientFirstS, since(record.ttft_us), 1e6);
    }
    if record.token_source == TokenSource::Provider {
        add(Spread::InputTokens, record.tokens.input, 1.0);
        if record.api.generates() {
            add(Spread::OutputTokens, record.tokens.output, 1.0);
        }
    }
}

/// When the first attempt began; where none got an answer, when the request was there.
fn asked_us(record: &UsageRecord) -> u32 {
    let zero_for_none = |us: u32| if us == UNDEFINED { 0 } else { us };
    if record.sent_us == UNDEFINED {
        return zero_for_none(record.body_us);
    }
    record.sent_us.saturating_sub(zero_for_none(record.retry_us))
}

fn add_totals(totals: &mut [u64; TOTALS], record: &UsageRecord) {
    let mut add = |total: Total, count: u64| totals[total as usize] += count;
    add(Total::Requests, 1);
    add(Total::CostNanousd, u64::try_from(record.cost_nanousd).unwrap_or(0));
    if record.token_source == TokenSource::Provider {
        add(Total::InputTokens, record.tokens.input.into());
        add(Total::OutputTokens, record.tokens.output.into());
        add(Total::CacheReadTokens, record.tokens.cached.into());
        add(Total::CacheWriteTokens, record.tokens.cache_write.into());
        add(Total::ReasoningTokens, record.tokens.reasoning.into());
    }
}

fn is(one: &One, who: &Who<'_>) -> bool {
    let same_names = one.names.iter().zip(who.names()).all(|(known, name)| **known == *name);
    same_names && one.api == who.api && one.outcome == who.outcome
}

/// FNV-1a over the names with a separator; collisions are resolved by comparing.
fn hash(who: &Who<'_>) -> u64 {
    let names = who.names().into_iter().flat_map(|name| name.bytes().chain([0xff]));
    names
        .chain([who.api as u8, who.outcome as u8])
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use paceline_types::{CacheUse, Lane, RequestId, Tokens};

    use super::*;

    fn who<'a>(service: &'a str, place: Option<&'a Place>) -> Who<'a> {
        let (use_case, team, class, model) = ("talk", "support", "chat", "small");
        Who { service, use_case, team, class, model, place, api: Api::Chat, outcome: Outcome::Ok }
    }

    fn record() -> UsageRecord {
        let mut record = UsageRecord::begin(RequestId::new(1, 1), 1, Api::Chat);
        (record.outcome, record.lane, record.attempts) = (Outcome::Ok, Lane::Standard, 1);
        (record.body_us, record.sent_us, record.end_us) = (100, 1_000, 501_000);
        (record.token_source, record.cost_nanousd) = (TokenSource::Provider, 2_000_000_000);
        record.tokens = Tokens { input: 10, output: 5, ..Tokens::default() };
        record
    }

    /// Everything, with a bound on series that leaves one part.
    fn collect(series: &Series, now_unix_ns: u64) -> Vec<Metric> {
        series.collect(now_unix_ns).into_iter().flatten().collect()
    }

    fn series(temporality: Temporality) -> Series {
        Series::new(Names::V1_41, Histograms::Exponential, temporality, 7)
    }

    /// Count and sum of every point of a histogram.
    fn points(metrics: &[Metric], name: &str) -> Vec<(u64, f64)> {
        let found = metrics.iter().find(|metric| metric.name == name).and_then(|metric| metric.data.as_ref());
        match found {
            Some(Data::Exponential(all)) => {
                all.data_points.iter().map(|point| (point.count, point.sum.unwrap_or_default())).collect()
            }
            _ => Vec::new(),
        }
    }

    #[test]
    fn what_a_provider_took_is_told_apart_from_what_the_caller_waited() {
        let series = series(Temporality::Cumulative);
        let mut retried = record();
        retried.retry_us = 400;
        series.record(&who("a", None), &retried);
        let metrics = collect(&series, 9);
        assert_eq!(points(&metrics, "gen_ai.client.operation.duration"), [(1, 0.5004)]);
        assert_eq!(points(&metrics, "gen_ai.server.request.duration"), [(1, 0.501)]);
        assert_eq!(points(&metrics, "gen_ai.client.token.usage"), [(1, 10.0), (1, 5.0)]);
        assert_eq!(points(&metrics, "gen_ai.server.time_to_first_token"), [], "it was not streamed");
    }

    #[test]
    fn an_answer_from_the_cache_is_no_call_of_a_provider_and_estimates_are_no_usage() {
        let series = series(Temporality::Cumulative);
        let mut hit = record();
        (hit.cache, hit.token_source) = (CacheUse::Stale, TokenSource::Estimated);
        series.record(&who("a", None), &hit);
        let metrics = collect(&series, 9);
        assert_eq!(points(&metrics, "gen_ai.client.operation.duration"), []);
        assert_eq!(points(&metrics, "gen_ai.client.token.usage"), []);
        assert_eq!(points(&metrics, "gen_ai.server.request.duration").len(), 1);
    }

    #[test]
    fn what_generates_nothing_has_no_output_not_an_output_of_zero() {
        let series = series(Temporality::Cumulative);
        let mut embedded = record();
        (embedded.api, embedded.tokens.output) = (Api::Embeddings, 0);
        series.record(&Who { api: Api::Embeddings, ..who("a", None) }, &embedded);
        assert_eq!(points(&collect(&series, 9), "gen_ai.client.token.usage"), [(1, 10.0)]);
    }

    #[test]
    fn cumulative_figures_go_on_and_deltas_begin_anew() {
        for (temporality, again) in [(Temporality::Cumulative, vec![2]), (Temporality::Delta, vec![1])] {
            let series = series(temporality);
            let counts = |now| {
                series.record(&who("a", None), &record());
                let metrics = collect(&series, now);
                points(&metrics, "gen_ai.server.request.duration").iter().map(|(count, _)| *count).collect::<Vec<_>>()
            };
            assert_eq!(counts(9), [1]);
            assert_eq!(counts(11), again);
        }
        let series = series(Temporality::Delta);
        series.record(&who("a", None), &record());
        series.collect(9);
        assert!(series.collect(11).is_empty(), "what did not come is left out");
    }

    #[test]
    fn series_are_bounded_and_the_rest_counts_as_other() {
        let series = series(Temporality::Cumulative);
        series.set_max(2);
        for service in ["a", "b", "c", "d", "a"] {
            series.record(&who(service, None), &record());
        }
        let metrics = collect(&series, 9);
        let mut counts = points(&metrics, "gen_ai.server.request.duration");
        counts.sort_by_key(|(count, _)| *count);
        assert_eq!(counts.iter().map(|(count, _)| *count).collect::<Vec<_>>(), [1, 2, 2]);
    }

    #[test]
    fn many_series_leave_in_exports_that_a_collector_takes_over_grpc() {
        for temporality in [Temporality::Cumulative, Temporality::Delta] {
            let series = Series::new(Names::Both, Histograms::Exponential, temporality, 7);
            let count = SERIES_OF_EXPORT * 2 + 1;
            for service in 0..count {
                let service = format!("{}-{service}", "a-name-as-long-as-they-come".repeat(2));
                for step in 0..200_u32 {
                    // Spread so widely that each histogram has all the buckets it may have.
                    let mut record = record();
                    let us = 50 << (step % 24);
                    (record.sent_us, record.queue_us, record.ttft_us, record.end_us) = (0, us, us + step, us + step);
                    (record.tpot_ns, record.overhead_in_ns, record.overhead_back_ns) = (us, us, us);
                    (record.tokens.input, record.tokens.output) = (us, us);
                    series.record(&who(&service, None), &record);
                }
            }
            let parts = series.collect(9);
            assert_eq!(parts.len(), 3);
            let bytes = |part: &Vec<Metric>| part.iter().map(prost::Message::encoded_len).sum::<usize>();
            let largest = parts.iter().map(bytes).max().unwrap_or_default();
            assert!(largest < 3 << 20, "{largest}");
            let requests = parts.iter().flatten().filter(|metric| metric.name == "paceline.requests");
            let points = requests.filter_map(|metric| match &metric.data {
                Some(Data::Sum(sum)) => Some(sum.data_points.len()),
                _ => None,
            });
            assert_eq!(points.sum::<usize>(), count, "each series once");
            assert_eq!(series.collect(11).is_empty(), temporality == Temporality::Delta);
        }
    }
}
