//! What one request holds of the limits. A guard: settled with the truth, or given back where it is dropped.

use std::sync::Arc;

use paceline_policy::{RateLeft, Refused, Subject, cost_ns};
use paceline_types::Failure;

use super::counter::Taken;
use super::{Ask, Bound, Limited, Now};

/// What a request holds.
#[derive(Debug)]
pub struct Reserved {
    held: Vec<Held>,
    tokens: u64,
    cost_nanousd: Option<i64>,
    warn_share: f64,
    refuse_unpriced: bool,
    near: bool,
    unpriced: bool,
    began_unix_s: u64,
    /// The latest moment it was told, for giving back where no time is at hand.
    now: Now,
}

/// What it holds of one subject's limits.
#[derive(Debug)]
struct Held {
    limited: Arc<Limited>,
    request: Option<Taken>,
    tokens: Option<Taken>,
    in_flight: bool,
    reserved: i64,
    began_unix_s: u64,
}

/// The tightest rates that apply to a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RatesLeft {
    pub requests: Option<RateLeft>,
    pub tokens: Option<RateLeft>,
}

impl RatesLeft {
    /// Of several subjects' limits the tightest, by share: 10 of 20 left is tighter than 100 of 150.
    pub(super) fn of<'a>(subjects: impl Iterator<Item = &'a Limited>, now: Now) -> Self {
        let is_tighter = |one: &RateLeft, other: &RateLeft| {
            u128::from(one.left) * u128::from(other.limit) < u128::from(other.left) * u128::from(one.limit)
        };
        let tighter = |so_far: Option<RateLeft>, next: Option<RateLeft>| match (so_far, next) {
            (Some(so_far), Some(next)) => Some(if is_tighter(&next, &so_far) { next } else { so_far }),
            (so_far, next) => so_far.or(next),
        };
        subjects.fold(Self::default(), |so_far, limited| {
            let requests = limited.rates.requests_per_minute;
            let tokens = limited.rates.tokens_per_minute;
            Self {
                requests: tighter(
                    so_far.requests,
                    requests.map(|limit| limited.counter.requests_left(now, limit.into())),
                ),
                tokens: tighter(so_far.tokens, tokens.map(|limit| limited.counter.tokens_left(now, limit))),
            }
        })
    }
}

impl Reserved {
    pub(super) fn new(ask: &Ask, warn_share: f64, refuse_unpriced: bool) -> Self {
        Self {
            held: Vec::new(),
            tokens: ask.tokens,
            cost_nanousd: ask.cost_nanousd,
            warn_share,
            refuse_unpriced,
            near: false,
            unpriced: false,
            began_unix_s: ask.now.unix_s,
            now: ask.now,
        }
    }

    /// Takes its part of one subject's limits; on a refusal the drop of `self`, or of the part, gives everything back.
    pub(super) fn add(&mut self, limited: &Arc<Limited>, now: Now) -> Result<(), Box<Failure>> {
        let mut held = Held {
            limited: Arc::clone(limited),
            request: None,
            tokens: None,
            in_flight: false,
            reserved: 0,
            began_unix_s: self.began_unix_s,
        };
        self.now = now;
        let taken = self.take(&mut held, now);
        if let Err(refused) = taken {
            held.give_back(now, true);
            return Err(limited.refusal(refused));
        }
        self.held.push(held);
        Ok(())
    }

    /// Takes one after the other; what was taken before a refusal stands in `held`.
    fn take(&mut self, held: &mut Held, now: Now) -> Result<(), Refused> {
        let mut most: f64 = 0.0;
        let Limited { rates, counter, subject, .. } = &*held.limited;
        if let Some(limit) = rates.requests_per_minute {
            let taken = counter.take_request(now, cost_ns(1, limit.into()));
            let taken = taken.map_err(|wait_ns| Refused::Requests { limit, wait_ns })?;
            most = most.max(taken.share(now));
            held.request = Some(taken);
        }
        if let Some(limit) = rates.tokens_per_minute {
            let refused = |wait_ns| Refused::Tokens { limit, asked: self.tokens, wait_ns };
            let taken = counter.take_tokens(now, cost_ns(self.tokens, limit)).map_err(refused)?;
            most = most.max(taken.share(now));
            held.tokens = Some(taken);
        }
        // A deployment's requests in flight are its queue's business.
        let limit = rates.requests_in_flight.filter(|_| *subject != Subject::Deployment);
        let refused = || Refused::InFlight { limit: limit.unwrap_or_default() };
        let before = counter.enter(limit).ok_or_else(refused)?;
        most = most.max(limit.map_or(0.0, |limit| (f64::from(before) + 1.0) / f64::from(limit)));
        held.in_flight = true;
        if rates.usd_per_day.is_some() || rates.usd_per_month.is_some() {
            self.unpriced |= self.cost_nanousd.is_none();
            if self.unpriced && self.refuse_unpriced {
                return Err(Refused::Unpriced);
            }
            let cost = self.cost_nanousd.unwrap_or(0);
            let limits = [rates.usd_per_day, rates.usd_per_month].map(|usd| usd.map(nano));
            most = most.max(counter.reserve(now, cost, limits)?);
            held.reserved = cost;
        }
        self.near |= most >= self.warn_share;
        Ok(())
    }

    /// Takes its part of a deployment's own limits.
    ///
    /// # Errors
    /// With the refusal; another deployment may have room.
    pub fn add_deployment(
        &mut self,
        bound: &Bound,
        deployment: usize,
        now: impl FnOnce() -> Now,
    ) -> Result<(), Box<Failure>> {
        match bound.deployment(deployment) {
            Some(limited) => self.add(limited, now()),
            None => Ok(()),
        }
    }

    /// Gives back what it holds of a deployment's limits, since the request goes elsewhere. One that was `sent` there
    /// stays counted among the deployment's requests.
    pub fn drop_deployment(&mut self, now: Now, sent: bool) {
        self.now = now;
        while let Some(at) = self.held.iter().position(|held| held.limited.subject == Subject::Deployment) {
            self.held.swap_remove(at).give_back(now, !sent);
        }
    }

    /// Gives everything back, the request itself too: it was refused.
    pub(super) fn undo(&mut self) {
        for held in self.held.drain(..) {
            held.give_back(self.now, true);
        }
    }

    /// Replaces what was reserved by the truth. Nano-dollars; a cost that is not known counts as nothing.
    pub fn settle(&mut self, now: Now, tokens: u64, cost_nanousd: Option<i64>, other_cost_nanousd: i64) {
        let spent = cost_nanousd.unwrap_or(0).saturating_add(other_cost_nanousd).max(0);
        for held in self.held.drain(..) {
            held.settle(now, tokens, spent);
        }
    }

    /// True when a limit was used beyond the share at which it warns.
    #[must_use]
    pub fn is_near(&self) -> bool {
        self.near
    }

    /// True when a money limit applied and the price is unknown.
    #[must_use]
    pub fn is_unpriced(&self) -> bool {
        self.unpriced
    }

    /// The tightest rates that apply, for the answer's headers.
    #[must_use]
    pub fn rates_left(&self, now: Now) -> RatesLeft {
        RatesLeft::of(self.held.iter().map(|held| &*held.limited), now)
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        for held in self.held.drain(..) {
            held.give_back(self.now, false);
        }
    }
}

impl Held {
    /// Everything but, unless it was never sent, the request itself.
    fn give_back(self, now: Now, unsent: bool) {
        let counter = &self.limited.counter;
        if let Some(taken) = self.request.filter(|_| unsent) {
            counter.give_back_request(now, taken);
        }
        self.release(now, 0, 0);
    }

    fn settle(self, now: Now, tokens: u64, spent: i64) {
        let truth_ns = self.limited.rates.tokens_per_minute.map_or(0, |limit| cost_ns(tokens, limit));
        self.release(now, truth_ns, spent);
    }

    fn release(&self, now: Now, tokens_ns: u64, spent: i64) {
        let counter = &self.limited.counter;
        if let Some(taken) = self.tokens {
            counter.settle_tokens(now, taken, tokens_ns);
        }
        if self.in_flight {
            counter.leave();
        }
        // Money is counted for every subject that is counted at all: a limit may come with the next plan.
        if self.reserved != 0 || spent != 0 {
            counter.settle_money(now, self.began_unix_s, self.reserved, spent);
        }
    }
}

#[allow(clippy::cast_possible_truncation)]
fn nano(usd: f64) -> i64 {
    (usd * 1e9) as i64
}
