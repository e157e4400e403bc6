//! The counters of limits: requests and tokens a minute, requests in flight, money a day and a month, of every key,
//! service, use case, team and deployment that has such a limit. Exact under concurrency: what a request may take is
//! reserved before it is sent, all of it or nothing, and replaced by the truth when it has ended. Kept by name over plans.

mod counter;
mod reserved;
mod spent;

use std::sync::Arc;

use paceline_plan::Plan;
use paceline_plan::document::{Rates, UnknownPrice};
use paceline_policy::{RateLeft, Refused, Subject, refusal};
use paceline_types::Failure;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use self::counter::Counter;

pub use self::reserved::{RatesLeft, Reserved};
pub use self::spent::{Spent, TailSpent};

/// A moment: of a clock that never jumps, for rates, and of the calendar, for money.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    pub mono_ns: u64,
    pub unix_s: u64,
}

type Counters = FxHashMap<(Subject, Arc<str>), Arc<Counter>>;

/// Every counter there is.
#[derive(Debug, Default)]
pub struct Limits {
    counters: Mutex<Counters>,
}

/// The counters of one plan's subjects, by the plan's indices; none where there is no limit.
#[derive(Debug, Default)]
pub struct Bound {
    keys: Vec<Option<Arc<Limited>>>,
    services: Vec<Option<Arc<Limited>>>,
    use_cases: Vec<Option<Arc<Limited>>>,
    teams: Vec<Option<Arc<Limited>>>,
    /// The team of each service.
    team_of: Vec<Option<usize>>,
    deployments: Vec<Option<Arc<Limited>>>,
    warn_share: f64,
    refuse_unpriced: bool,
    any: bool,
}

/// One subject under one plan's limits.
#[derive(Debug)]
pub(crate) struct Limited {
    subject: Subject,
    name: Arc<str>,
    owner: Option<Arc<str>>,
    rates: Rates,
    counter: Arc<Counter>,
}

/// What a request is expected to take, and for whom; indices into the plan.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    pub key: usize,
    pub service: usize,
    pub use_case: usize,
    pub now: Now,
    pub tokens: u64,
    /// Nano-dollars; none when the price is unknown.
    pub cost_nanousd: Option<i64>,
}

/// One limit and its use, for people.
#[derive(Clone, Debug, PartialEq)]
pub struct LimitStatus {
    pub subject: Subject,
    pub name: Arc<str>,
    /// `requests_per_minute`, as the standards write it.
    pub limit: &'static str,
    pub value: f64,
    pub used: f64,
}

impl Limits {
    /// Binds a plan: its subjects' counters, those before kept by name. Counters of names that are gone are dropped once
    /// nothing is in flight for them, but for the money they spent this month.
    pub fn bind(&self, plan: &Plan, now: Now) -> Bound {
        let mut counters = self.counters.lock();
        let mut bind = |subject: Subject, name: &Arc<str>, owner: Option<&Arc<str>>, rates: Rates| {
            let limited = has_any(&rates, subject);
            limited.then(|| {
                let counter = counters.entry((subject, Arc::clone(name))).or_default();
                let owner = owner.map(Arc::clone);
                Arc::new(Limited { subject, name: Arc::clone(name), owner, rates, counter: Arc::clone(counter) })
            })
        };
        let service_of_key =
            |key: &paceline_plan::Key| key.service.and_then(|index| plan.services[index].owner.as_ref());
        let bound = Bound {
            keys: plan.keys.iter().map(|key| bind(Subject::Key, &key.id, service_of_key(key), key.rates)).collect(),
            services: plan
                .services
                .iter()
                .map(|service| bind(Subject::Service, &service.name, service.owner.as_ref(), service.rates))
                .collect(),
            use_cases: plan
                .use_cases
                .iter()
                .map(|use_case| bind(Subject::UseCase, &use_case.name, None, use_case.rates))
                .collect(),
            teams: plan.teams.iter().map(|team| bind(Subject::Team, &team.name, None, team.rates)).collect(),
            team_of: plan.services.iter().map(|service| service.team).collect(),
            deployments: plan
                .deployments
                .iter()
                .map(|deployment| bind(Subject::Deployment, &deployment.name, None, deployment.rates))
                .collect(),
            warn_share: plan.traffic.warn_share,
            refuse_unpriced: plan.traffic.unknown_price == UnknownPrice::Refuse,
            any: false,
        };
        counters.retain(|_, counter| Arc::strong_count(counter) > 1 || counter.is_wanted(now));
        let any = bound.all().next().is_some();
        Bound { any, ..bound }
    }
}

/// True for a subject that has to be counted. A deployment's requests in flight are its queue's business.
fn has_any(rates: &Rates, subject: Subject) -> bool {
    rates.requests_per_minute.is_some()
        || rates.tokens_per_minute.is_some()
        || rates.usd_per_day.is_some()
        || rates.usd_per_month.is_some()
        || (rates.requests_in_flight.is_some() && subject != Subject::Deployment)
}

impl Bound {
    fn all(&self) -> impl Iterator<Item = &Arc<Limited>> {
        let lists = [&self.keys, &self.services, &self.use_cases, &self.teams, &self.deployments];
        lists.into_iter().flatten().flatten()
    }

    /// True when the plan limits nobody: then there is nothing to ask.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.any
    }

    /// Reserves what a request is expected to take, of all the limits that apply or of none.
    ///
    /// # Errors
    /// With the refusal of the first limit that has no room.
    pub fn reserve(&self, ask: &Ask) -> Result<Reserved, Box<Failure>> {
        let mut reserved = Reserved::new(ask, self.warn_share, self.refuse_unpriced);
        for limited in self.subjects(ask) {
            if let Err(refused) = reserved.add(limited, ask.now) {
                reserved.undo();
                return Err(refused);
            }
        }
        Ok(reserved)
    }

    /// The tightest rates that apply to a request, for the headers of its refusal.
    #[must_use]
    pub fn rates_left(&self, ask: &Ask) -> RatesLeft {
        RatesLeft::of(self.subjects(ask).map(|limited| &**limited), ask.now)
    }

    /// Key, service, use case and team, as far as they have limits.
    fn subjects(&self, ask: &Ask) -> impl Iterator<Item = &Arc<Limited>> {
        let team = self.team_of[ask.service];
        let subjects = [
            self.keys[ask.key].as_ref(),
            self.services[ask.service].as_ref(),
            self.use_cases[ask.use_case].as_ref(),
            team.and_then(|team| self.teams[team].as_ref()),
        ];
        subjects.into_iter().flatten()
    }

    pub(crate) fn deployment(&self, deployment: usize) -> Option<&Arc<Limited>> {
        self.deployments[deployment].as_ref()
    }

    /// Every limit and its use.
    #[must_use]
    pub fn status(&self, now: Now) -> Vec<LimitStatus> {
        self.all().flat_map(|limited| limited.status(now)).collect()
    }
}

impl Limited {
    fn refusal(&self, refused: Refused) -> Box<Failure> {
        Box::new(refusal(self.subject, &self.name, self.owner.as_deref(), refused))
    }

    fn status(&self, now: Now) -> Vec<LimitStatus> {
        let Rates { requests_per_minute, tokens_per_minute, requests_in_flight, usd_per_day, usd_per_month } =
            self.rates;
        #[allow(clippy::cast_precision_loss)]
        let used = |rate: RateLeft| (rate.limit.saturating_sub(rate.left)) as f64;
        let (day, month) = self.counter.money(now);
        #[allow(clippy::cast_precision_loss)]
        let usd = |nanousd: i64| nanousd as f64 / 1e9;
        #[allow(clippy::cast_precision_loss)]
        let rows = [
            requests_per_minute.map(|value| {
                ("requests_per_minute", f64::from(value), used(self.counter.requests_left(now, value.into())))
            }),
            tokens_per_minute
                .map(|value| ("tokens_per_minute", value as f64, used(self.counter.tokens_left(now, value)))),
            requests_in_flight
                .filter(|_| self.subject != Subject::Deployment)
                .map(|value| ("requests_in_flight", f64::from(value), f64::from(self.counter.in_flight()))),
            usd_per_day.map(|value| ("usd_per_day", value, usd(day))),
            usd_per_month.map(|value| ("usd_per_month", value, usd(month))),
        ];
        rows.into_iter()
            .flatten()
            .map(|(limit, value, used)| LimitStatus {
                subject: self.subject,
                name: Arc::clone(&self.name),
                limit,
                value,
                used,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
