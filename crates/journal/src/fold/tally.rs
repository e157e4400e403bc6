//! Records added up: into minutes, strata and days. Owns how; what is counted of each is in `measures`, `events`, `strata`.

use paceline_types::UsageRecord;
use rustc_hash::FxHashMap;

use super::strata::{Stratum, StratumKey, add_limits};
use super::{COUNTERS, Cell, EVENTS, EventCount, MEASURES, Minute, Series, Spent, spent_nanousd};

/// Minute rows being added up.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) series: Vec<Series>,
    pub(super) minutes: Vec<Minute>,
    series_index: FxHashMap<Series, usize>,
    minute_index: FxHashMap<(usize, u64), usize>,
    pub(super) strata: Vec<Stratum>,
    stratum_index: FxHashMap<StratumKey, usize>,
    pub(super) spent: Vec<Spent>,
    spent_index: FxHashMap<Spent, usize>,
}

impl Tally {
    pub(super) fn add(&mut self, record: &UsageRecord) {
        let series = self.series_of(record);
        let minute = record.start_unix_us / 60_000_000;
        let at = *self.minute_index.entry((series, minute)).or_insert_with(|| {
            self.minutes.push(Minute {
                series,
                minute,
                counters: [0; COUNTERS.len()],
                cells: std::array::from_fn(|_| Cell::default()),
                limits: Vec::new(),
                events: Vec::new(),
            });
            self.minutes.len() - 1
        });
        self.minutes[at].add(record);
        let key = StratumKey::of(series, record);
        let at = *self.stratum_index.entry(key).or_insert_with(|| {
            self.strata.push(Stratum::new(key));
            self.strata.len() - 1
        });
        self.strata[at].add(record);
    }

    /// Adds what a record spent to that of its day and names.
    pub(super) fn spend(&mut self, record: &UsageRecord) {
        let nanousd = spent_nanousd(record);
        if nanousd == 0 {
            return;
        }
        let one = Spent {
            day: record.start_unix_us / 86_400_000_000,
            key: record.key.clone(),
            service: record.service.clone(),
            use_case: record.use_case.clone(),
            deployment: record.deployment.clone(),
            plan: record.plan,
            nanousd: 0,
        };
        let at = match self.spent_index.get(&one) {
            Some(&at) => at,
            None => {
                self.spent_index.insert(one.clone(), self.spent.len());
                self.spent.push(one);
                self.spent.len() - 1
            }
        };
        let sum = &mut self.spent[at].nanousd;
        *sum = sum.saturating_add(nanousd);
    }

    fn series_of(&mut self, record: &UsageRecord) -> usize {
        // Records of one series mostly follow each other; comparing is cheaper than hashing five strings.
        if let Some(at) = self.series.iter().take(8).position(|series| series.is_of(record)) {
            return at;
        }
        let series = Series {
            service: record.service.clone(),
            use_case: record.use_case.clone(),
            model: record.model.clone(),
            deployment: record.deployment.clone(),
            plan: record.plan,
        };
        *self.series_index.entry(series).or_insert_with_key(|series| {
            self.series.push(series.clone());
            self.series.len() - 1
        })
    }
}

impl Series {
    fn is_of(&self, record: &UsageRecord) -> bool {
        self.plan == record.plan
            && self.use_case == record.use_case
            && self.service == record.service
            && self.model == record.model
            && self.deployment == record.deployment
    }
}

impl Minute {
    fn add(&mut self, record: &UsageRecord) {
        for (sum, (_, count)) in self.counters.iter_mut().zip(&COUNTERS) {
            *sum = sum.saturating_add(count(record));
        }
        for (cell, measure) in self.cells.iter_mut().zip(&MEASURES) {
            if let Some(value) = (measure.value)(record) {
                cell.n += 1;
                cell.sum += value;
                cell.sketch.add(value);
            } else if (measure.missed)(record) {
                cell.n_failed += 1;
            }
        }
        add_limits(&mut self.limits, record);
        self.add_events(record);
    }

    fn add_events(&mut self, record: &UsageRecord) {
        for (index, (_, happened)) in EVENTS.iter().enumerate() {
            let Some(nanousd) = happened(record) else { continue };
            let known = self.events.iter().position(|row| row.0 == index);
            let at = known.unwrap_or_else(|| {
                self.events.push((index, EventCount::default()));
                self.events.len() - 1
            });
            self.events[at].1.n += 1;
            self.events[at].1.nanousd = self.events[at].1.nanousd.saturating_add(nanousd);
        }
    }
}
