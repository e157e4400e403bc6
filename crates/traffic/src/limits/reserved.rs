//! What one request holds of the limits. A guard: settled with the truth, or given back where it is dropped.

use std::sync::Arc;

use paceline_policy::{RateLeft, Refused, Subject, cost_ns};
use paceline_types::Failure;

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
    /// The latest moment it was told, for giving back where no time is at hand.
    now: Now,
}

/// What it holds of one subject's limits.
#[derive(Debug)]
struct Held {
    limited: Arc<Limited>,
    request_ns: u64,
    tokens_ns: u64,
    in_flight: bool,
    reserved: i64,
}

/// The tightest rates that apply to a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RatesLeft {
    pub requests: Option<RateLeft>,
    pub tokens: Option<RateLeft>,
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
            now: ask.now,
        }
    }

    /// Takes its part of one subject's limits; on a refusal the drop of `self`, or of the part, gives everything back.
    pub(super) fn add(&mut self, limited: &Arc<Limited>, now: Now) -> Result<(), Box<Failure>> {
        let mut held =
            Held { limited: Arc::clone(limited), request_ns: 0, tokens_ns: 0, in_flight: false, reserved: 0 };
        self.now = now;
        let taken = self.take(&mut held, now);
        if let Err(refused) = taken {
            held.give_back(now, true);
            return Err(limited.refusal(refused));
        }
        self.near |= held.limited.is_near(now, self.warn_share);
        self.held.push(held);
        Ok(())
    }

    fn take(&mut self, held: &mut Held, now: Now) -> Result<(), Refused> {
        let Limited { rates, counter, subject, .. } = &*held.limited;
        if let Some(limit) = rates.requests_per_minute {
            let cost = cost_ns(1, limit.into());
            counter.take_request(now, cost).map_err(|wait_ns| Refused::Requests { limit, wait_ns })?;
            held.request_ns = cost;
        }
        if let Some(limit) = rates.tokens_per_minute {
            let cost = cost_ns(self.tokens, limit);
            let refused = |wait_ns| Refused::Tokens { limit, asked: self.tokens, wait_ns };
            counter.take_tokens(now, cost).map_err(refused)?;
            held.tokens_ns = cost;
        }
        if let Some(limit) = rates.requests_in_flight.filter(|_| *subject != Subject::Deployment) {
            if !counter.enter(limit) {
                return Err(Refused::InFlight { limit });
            }
            held.in_flight = true;
        }
        if rates.usd_per_day.is_some() || rates.usd_per_month.is_some() {
            self.unpriced |= self.cost_nanousd.is_none();
            if self.unpriced && self.refuse_unpriced {
                return Err(Refused::Unpriced);
            }
            let cost = self.cost_nanousd.unwrap_or(0);
            counter.reserve(now, cost, [rates.usd_per_day, rates.usd_per_month].map(|usd| usd.map(nano)))?;
            held.reserved = cost;
        }
        Ok(())
    }

    /// Takes its part of a deployment's own limits.
    ///
    /// # Errors
    /// With the refusal; another deployment may have room.
    pub fn add_deployment(&mut self, bound: &Bound, deployment: usize, now: Now) -> Result<(), Box<Failure>> {
        match bound.deployment(deployment) {
            Some(limited) => self.add(limited, now),
            None => Ok(()),
        }
    }

    /// Gives back what it holds of a deployment's limits: the request goes elsewhere.
    pub fn drop_deployment(&mut self, now: Now) {
        self.now = now;
        while let Some(at) = self.held.iter().position(|held| held.limited.subject == Subject::Deployment) {
            self.held.swap_remove(at).give_back(now, true);
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
        let tightest = |left: &dyn Fn(&Held) -> Option<RateLeft>| {
            // By share: 10 of 20 left is tighter than 100 of 150.
            let share = |rate: &RateLeft| (rate.left * 1_000_000).checked_div(rate.limit).unwrap_or(0);
            self.held.iter().filter_map(left).min_by_key(share)
        };
        RatesLeft {
            requests: tightest(&|held| {
                let limit = held.limited.rates.requests_per_minute?;
                Some(held.limited.counter.requests_left(now, limit.into()))
            }),
            tokens: tightest(&|held| {
                let limit = held.limited.rates.tokens_per_minute?;
                Some(held.limited.counter.tokens_left(now, limit))
            }),
        }
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
        if unsent && self.request_ns > 0 {
            counter.give_back_request(self.request_ns);
        }
        self.release(now, 0, 0);
    }

    fn settle(self, now: Now, tokens: u64, spent: i64) {
        let truth_ns = self.limited.rates.tokens_per_minute.map_or(0, |limit| cost_ns(tokens, limit));
        self.release(now, truth_ns, spent);
    }

    fn release(&self, now: Now, tokens_ns: u64, spent: i64) {
        let Limited { rates, counter, .. } = &*self.limited;
        if rates.tokens_per_minute.is_some() {
            counter.settle_tokens(now, self.tokens_ns, tokens_ns);
        }
        if self.in_flight {
            counter.leave();
        }
        // Money is counted for every subject that is counted at all: a limit may come with the next plan.
        if self.reserved != 0 || spent != 0 {
            counter.settle_money(now, self.reserved, spent);
        }
    }
}

impl Limited {
    fn is_near(&self, now: Now, share: f64) -> bool {
        self.status(now).iter().any(|limit| limit.used >= share * limit.value)
    }
}

#[allow(clippy::cast_possible_truncation)]
fn nano(usd: f64) -> i64 {
    (usd * 1e9) as i64
}
