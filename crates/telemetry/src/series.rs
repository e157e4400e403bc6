//! Per (service, use case, model, deployment): outcomes, tokens, money, latency. One map look-up a request.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use paceline_types::{CODES, CacheUse, Flags, Outcome, UsageRecord};
use parking_lot::RwLock;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;

use crate::boundaries::{Boundaries, MEASURES};
use crate::buckets::Buckets;

const TOKEN_KINDS: [&str; 5] = ["input", "cached", "cache_write", "output", "reasoning"];
const OTHER: [&str; 4] = ["other"; 4];

type Names = [Box<str>; 4];
type Named = (Names, Arc<Series>);

/// What is known of one set of names. The counters stay where boundaries change; the histograms begin again.
#[derive(Debug)]
struct Series {
    counters: Arc<Counters>,
    /// In the order of `MEASURES`.
    buckets: [Arc<Buckets>; MEASURES.len()],
}

#[derive(Debug, Default)]
struct Counters {
    outcomes: [AtomicU64; Outcome::ALL.len()],
    tokens: [AtomicU64; TOKEN_KINDS.len()],
    cost_nanousd: AtomicU64,
    /// Of attempts beside the one that answered.
    other_cost_nanousd: AtomicU64,
    unpriced: AtomicU64,
    /// By the place of the code in `CODES`.
    codes: ByCode,
    cache: [AtomicU64; CacheUse::ALL.len()],
    /// Attempts after the first, hedges apart.
    retries: AtomicU64,
    /// In the order of `EVENTS`.
    events: [AtomicU64; EVENTS.len()],
}

#[derive(Debug)]
struct ByCode([AtomicU64; CODES.len()]);

impl Default for ByCode {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; CODES.len()])
    }
}

/// What happened to a request on its way, as counted by `requests_with`.
const EVENTS: [(u32, &str); 8] = [
    (Flags::FALLBACK, "fallback"),
    (Flags::HEDGED, "hedged"),
    (Flags::HEDGE_WON, "hedge_won"),
    (Flags::CAP_ADDED, "cap_added"),
    (Flags::ENDED_BY_LENGTH, "ended_by_length"),
    (Flags::ASSEMBLED, "assembled"),
    (Flags::PROMPT_CACHE_ADDED, "prompt_cache_added"),
    (Flags::LIMIT_NEAR, "limit_near"),
];

impl Series {
    fn new(boundaries: &Boundaries) -> Self {
        let buckets = boundaries.of.each_ref().map(|ends| Arc::new(Buckets::new(ends)));
        Self { counters: Arc::default(), buckets }
    }

    /// The same counters, with new histograms where the boundaries are others.
    fn with(&self, boundaries: &Boundaries) -> Self {
        let mut buckets = self.buckets.clone();
        for (buckets, ends) in buckets.iter_mut().zip(&boundaries.of) {
            if !buckets.ends_at(ends) {
                *buckets = Arc::new(Buckets::new(ends));
            }
        }
        Self { counters: Arc::clone(&self.counters), buckets }
    }

    fn record(&self, record: &UsageRecord) {
        self.counters.record(record);
        for (buckets, measure) in self.buckets.iter().zip(&MEASURES) {
            if let Some(value) = (measure.read)(record) {
                buckets.observe(value);
            }
        }
    }
}

impl Counters {
    fn record(&self, record: &UsageRecord) {
        add(&self.outcomes[record.outcome as usize], 1);
        let tokens = record.tokens;
        let counts = [tokens.input, tokens.cached, tokens.cache_write, tokens.output, tokens.reasoning];
        for (counter, count) in self.tokens.iter().zip(counts) {
            if count > 0 {
                add(counter, u64::from(count));
            }
        }
        match u64::try_from(record.cost_nanousd) {
            Ok(cost) => add(&self.cost_nanousd, cost),
            Err(_) => add(&self.unpriced, u64::from(record.provider_status == 200)),
        }
        self.note_way(record);
    }

    /// What limits, retries, hedges and caches did; nothing of it happens to most requests.
    fn note_way(&self, record: &UsageRecord) {
        if let Some(place) = CODES.iter().position(|(code, _)| record.code != 0 && *code as u16 == record.code) {
            add(&self.codes.0[place], 1);
        }
        if record.cache != CacheUse::None {
            add(&self.cache[record.cache as usize], 1);
        }
        let hedges = u8::from(record.flags.has(Flags::HEDGED));
        if record.attempts > 1 + hedges {
            add(&self.retries, u64::from(record.attempts - 1 - hedges));
        }
        if let Some(cost) = u64::try_from(record.other_cost_nanousd).ok().filter(|&cost| cost > 0) {
            add(&self.other_cost_nanousd, cost);
        }
        for (counter, (flag, _)) in self.events.iter().zip(EVENTS) {
            if record.flags.has(flag) {
                add(counter, 1);
            }
        }
    }
}

fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

/// The bounded map of series.
#[derive(Debug)]
pub(crate) struct SeriesMap {
    max: AtomicUsize,
    /// How many there are.
    count: AtomicUsize,
    map: RwLock<Known>,
}

#[derive(Debug)]
struct Known {
    boundaries: Boundaries,
    series: HashMap<u64, Vec<Named>>,
}

impl SeriesMap {
    pub(crate) fn new(max: usize) -> Self {
        let known = Known { boundaries: Boundaries::of([]), series: HashMap::new() };
        Self { max: AtomicUsize::new(max), count: AtomicUsize::new(0), map: RwLock::new(known) }
    }

    pub(crate) fn set_max(&self, max: usize) {
        self.max.store(max, Ordering::Relaxed);
    }

    /// Takes over boundaries. Histograms whose boundaries change begin again at zero, all others go on.
    pub(crate) fn set_boundaries(&self, boundaries: Boundaries) {
        let mut known = self.map.write();
        if known.boundaries == boundaries {
            return;
        }
        for (_, series) in known.series.values_mut().flatten() {
            *series = Arc::new(series.with(&boundaries));
        }
        known.boundaries = boundaries;
    }

    pub(crate) fn record(&self, record: &UsageRecord) {
        let names = [&*record.service, &*record.use_case, &*record.model, &*record.deployment];
        let series = self.find(names).or_else(|| self.find(OTHER).filter(|_| self.is_full()));
        series.unwrap_or_else(|| self.insert(names)).record(record);
    }

    fn is_full(&self) -> bool {
        self.count.load(Ordering::Relaxed) >= self.max.load(Ordering::Relaxed)
    }

    fn find(&self, names: [&str; 4]) -> Option<Arc<Series>> {
        let map = self.map.read();
        let (_, series) = map.series.get(&hash(names))?.iter().find(|(known, _)| same(known, names))?;
        Some(Arc::clone(series))
    }

    fn insert(&self, names: [&str; 4]) -> Arc<Series> {
        let mut map = self.map.write();
        let known = &mut *map;
        let names = if self.is_full() { OTHER } else { names };
        let bucket = known.series.entry(hash(names)).or_default();
        if let Some((_, series)) = bucket.iter().find(|(known, _)| same(known, names)) {
            return Arc::clone(series);
        }
        let series = Arc::new(Series::new(&known.boundaries));
        bucket.push((names.map(Box::from), Arc::clone(&series)));
        self.count.fetch_add(1, Ordering::Relaxed);
        series
    }

    /// All series in the order of their names, so that two scrapes read alike.
    fn sorted(&self) -> Vec<Named> {
        let mut all: Vec<_> = self.map.read().series.values().flatten().cloned().collect();
        all.sort_by(|left, right| left.0.cmp(&right.0));
        all
    }
}

fn same(known: &Names, names: [&str; 4]) -> bool {
    known.iter().zip(names).all(|(known, name)| **known == *name)
}

/// FNV-1a over the names with a separator; collisions are resolved by comparing.
fn hash(names: [&str; 4]) -> u64 {
    names
        .iter()
        .flat_map(|name| name.bytes().chain([0xff]))
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn labels(names: &Names) -> [(&str, &str); 4] {
    let [service, use_case, model, deployment] = names;
    [("service", service), ("use_case", use_case), ("model", model), ("deployment", deployment)]
}

impl Collector for SeriesMap {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let all = self.sorted();
        let mut family = encoder.encode_descriptor("requests", "Requests by outcome", None, MetricType::Counter)?;
        for (names, series) in &all {
            for outcome in Outcome::ALL {
                let count = series.counters.outcomes[outcome as usize].load(Ordering::Relaxed);
                if count > 0 {
                    let labels = (labels(names), [("outcome", outcome.name())]);
                    ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
                }
            }
        }
        let mut family = encoder.encode_descriptor("tokens", "Tokens by kind", None, MetricType::Counter)?;
        for (names, series) in &all {
            for (kind, counter) in TOKEN_KINDS.iter().zip(&series.counters.tokens) {
                let labels = (labels(names), [("kind", *kind)]);
                ConstCounter::new(counter.load(Ordering::Relaxed)).encode(family.encode_family(&labels)?)?;
            }
        }
        let mut family = encoder.encode_descriptor("cost_usd", "Known cost, US dollars", None, MetricType::Counter)?;
        for (names, series) in &all {
            #[allow(clippy::cast_precision_loss)]
            let usd = series.counters.cost_nanousd.load(Ordering::Relaxed) as f64 / 1e9;
            ConstCounter::new(usd).encode(family.encode_family(&labels(names))?)?;
        }
        let mut family =
            encoder.encode_descriptor("unpriced_requests", "Answers of unknown cost", None, MetricType::Counter)?;
        for (names, series) in &all {
            let count = series.counters.unpriced.load(Ordering::Relaxed);
            ConstCounter::new(count).encode(family.encode_family(&labels(names))?)?;
        }
        encode_way(&mut encoder, &all)?;
        encode_histograms(&mut encoder, &all)
    }
}

/// Codes, caches, retries, hedges; what never happened is left out.
fn encode_way(encoder: &mut DescriptorEncoder<'_>, all: &[Named]) -> Result<(), fmt::Error> {
    let codes: Vec<&str> = CODES.iter().map(|(_, row)| row.code).collect();
    let caches: Vec<&str> = CacheUse::ALL.iter().map(|cache| cache.name()).collect();
    let events: Vec<&str> = EVENTS.iter().map(|(_, name)| *name).collect();
    type Counts = fn(&Series) -> &[AtomicU64];
    let families: [(&str, &str, &str, &[&str], Counts); 3] = [
        ("failures", "Requests that ended with a code", "code", &codes, |series| &series.counters.codes.0),
        ("cache_lookups", "Requests by what the exact cache had for them", "result", &caches, |series| {
            &series.counters.cache
        }),
        ("requests_with", "Requests to which something happened on the way", "event", &events, |series| {
            &series.counters.events
        }),
    ];
    for (name, help, label, values, counts) in families {
        let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (names, series) in all {
            for (value, count) in values.iter().zip(counts(series)) {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    ConstCounter::new(count).encode(family.encode_family(&(labels(names), [(label, *value)]))?)?;
                }
            }
        }
    }
    let mut family = encoder.encode_descriptor("retries", "Attempts after the first", None, MetricType::Counter)?;
    for (names, series) in all {
        let count = series.counters.retries.load(Ordering::Relaxed);
        ConstCounter::new(count).encode(family.encode_family(&labels(names))?)?;
    }
    let help = "Estimated cost of attempts beside the one that answered, US dollars";
    let mut family = encoder.encode_descriptor("other_cost_usd", help, None, MetricType::Counter)?;
    for (names, series) in all {
        #[allow(clippy::cast_precision_loss)]
        let usd = series.counters.other_cost_nanousd.load(Ordering::Relaxed) as f64 / 1e9;
        ConstCounter::new(usd).encode(family.encode_family(&labels(names))?)?;
    }
    Ok(())
}

/// What was never observed is left out.
fn encode_histograms(encoder: &mut DescriptorEncoder<'_>, all: &[Named]) -> Result<(), fmt::Error> {
    for (place, measure) in MEASURES.iter().enumerate() {
        let mut family = encoder.encode_descriptor(measure.name, measure.help, None, MetricType::Histogram)?;
        for (names, series) in all {
            let buckets = &series.buckets[place];
            if !buckets.is_empty() {
                buckets.encode(measure.per_shown, family.encode_family(&labels(names))?)?;
            }
        }
    }
    Ok(())
}
