//! One subject's counters. Rates are one atomic word each, requests in flight another; money is under a lock, since a
//! period's end concerns several numbers at once.

use paceline_policy::{MINUTE_NS, Period, RateLeft, Refused, charge, day_of, left, month_of, refund, take};

use super::Now;
use crate::sync::{AtomicU32, AtomicU64, Mutex, Ordering};

/// The state of one subject's limits.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    /// Theoretical arrival times.
    requests: AtomicU64,
    tokens: AtomicU64,
    in_flight: AtomicU32,
    money: Mutex<Money>,
}

/// Nano-dollars of the present day and month.
#[derive(Clone, Copy, Debug, Default)]
struct Money {
    day: u64,
    month: u64,
    own: [i64; 2],
    /// Spent through other gateways, as the ledger last told.
    others: [i64; 2],
    reserved: i64,
}

impl Money {
    fn at(&mut self, now: Now) -> &mut Self {
        let day = day_of(now.unix_s);
        // A clock that was set back must not make spent money unspent.
        if day > self.day {
            (self.day, self.own[0], self.others[0]) = (day, 0, 0);
            let month = month_of(now.unix_s);
            if month > self.month {
                (self.month, self.own[1], self.others[1]) = (month, 0, 0);
            }
        }
        self
    }

    fn add(&mut self, at_unix_s: u64, nanousd: i64) {
        let today = day_of(at_unix_s) == self.day;
        if today {
            self.own[0] = self.own[0].saturating_add(nanousd);
        }
        if today || month_of(at_unix_s) == self.month {
            self.own[1] = self.own[1].saturating_add(nanousd);
        }
    }

    fn used(&self, period: Period) -> i64 {
        let index = period as usize;
        self.own[index].saturating_add(self.others[index]).saturating_add(self.reserved)
    }
}

impl Counter {
    pub(crate) fn take_request(&self, now: Now, cost: u64) -> Result<Taken, u64> {
        let to = change(&self.requests, |arrival| take(arrival, now.mono_ns, cost))?;
        Ok(Taken { cost, to })
    }

    pub(crate) fn give_back_request(&self, now: Now, taken: Taken) {
        let _ = change::<()>(&self.requests, |arrival| Ok(refund(arrival, now.mono_ns, taken.cost, taken.to)));
    }

    pub(crate) fn take_tokens(&self, now: Now, cost: u64) -> Result<Taken, u64> {
        let to = change(&self.tokens, |arrival| take(arrival, now.mono_ns, cost))?;
        Ok(Taken { cost, to })
    }

    /// Replaces what was taken by the truth.
    pub(crate) fn settle_tokens(&self, now: Now, taken: Taken, truth: u64) {
        let Taken { cost, to } = taken;
        let settled = |arrival| {
            Ok(if truth <= cost {
                refund(arrival, now.mono_ns, cost - truth, to)
            } else {
                charge(arrival, now.mono_ns, truth - cost)
            })
        };
        let _ = change::<()>(&self.tokens, settled);
    }

    /// One more in flight, unless there are `limit` already. Counted without a limit too: one may come with a new plan.
    /// Returns how many there were; none when it was refused.
    pub(crate) fn enter(&self, limit: Option<u32>) -> Option<u32> {
        let more = |count: u32| limit.is_none_or(|limit| count < limit).then(|| count.saturating_add(1));
        self.in_flight.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()
    }

    pub(crate) fn leave(&self) {
        let _ = self.in_flight.fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| count.checked_sub(1));
    }

    /// Reserves money within the limits, `[day, month]` in nano-dollars.
    /// Returns the largest share of a limit that is used now.
    pub(crate) fn reserve(&self, now: Now, cost: i64, limits: [Option<i64>; 2]) -> Result<f64, Refused> {
        let mut money = self.money.lock();
        let money = money.at(now);
        let mut most: f64 = 0.0;
        for (period, limit) in [Period::Day, Period::Month].into_iter().zip(limits) {
            let Some(limit) = limit else { continue };
            let used = money.used(period);
            // With nothing left, what costs nothing, as far as anybody knows, is refused as well.
            if used >= limit || used.saturating_add(cost) > limit {
                let (reserved, reset_s) = (money.reserved, period.left_s(now.unix_s));
                return Err(Refused::Money { period, limit, spent: used - reserved, reserved, asked: cost, reset_s });
            }
        }
        money.reserved = money.reserved.saturating_add(cost);
        for (period, limit) in [Period::Day, Period::Month].into_iter().zip(limits) {
            #[allow(clippy::cast_precision_loss)]
            let share = |limit: i64| money.used(period) as f64 / limit.max(1) as f64;
            most = most.max(limit.map_or(0.0, share));
        }
        Ok(most)
    }

    /// Gives a reservation back and counts what was spent instead, for the day and month of the request's beginning, as
    /// the ledger does.
    pub(crate) fn settle_money(&self, now: Now, began_unix_s: u64, reserved: i64, spent: i64) {
        let mut money = self.money.lock();
        let money = money.at(now);
        money.reserved = money.reserved.saturating_sub(reserved);
        money.add(began_unix_s, spent);
    }

    /// Money spent at a moment that may be past: counts where its day and month still run.
    pub(crate) fn add_spent(&self, now: Now, at_unix_s: u64, nanousd: i64) {
        self.money.lock().at(now).add(at_unix_s, nanousd);
    }

    /// What the ledger knows of a day and its month: the beginning of our own count, or what others spent beside it.
    pub(crate) fn set_spent(&self, now: Now, told: [i64; 2], whose: Whose) {
        let mut money = self.money.lock();
        let money = money.at(now);
        match whose {
            Whose::Own => money.own = told,
            Whose::All { tail } => {
                for index in 0..2 {
                    let ours = money.own[index].saturating_sub(tail[index]);
                    money.others[index] = told[index].saturating_sub(ours).max(0);
                }
            }
        }
    }

    /// Spent and reserved, of the day and of the month.
    pub(crate) fn money(&self, now: Now) -> (i64, i64) {
        let mut money = self.money.lock();
        let money = money.at(now);
        (money.used(Period::Day), money.used(Period::Month))
    }

    pub(crate) fn requests_left(&self, now: Now, per_minute: u64) -> RateLeft {
        left(self.requests.load(Ordering::Acquire), now.mono_ns, per_minute)
    }

    pub(crate) fn tokens_left(&self, now: Now, per_minute: u64) -> RateLeft {
        left(self.tokens.load(Ordering::Acquire), now.mono_ns, per_minute)
    }

    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Acquire)
    }

    /// True while forgetting it would lose something: requests in flight, or money of this month.
    pub(crate) fn is_wanted(&self, now: Now) -> bool {
        self.in_flight() > 0 || self.money(now).1 > 0
    }
}

/// What a told total is of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Whose {
    /// Ours alone, at the start.
    Own,
    /// All gateways', ours up to a position behind which we spent `tail` more.
    All { tail: [i64; 2] },
}

/// What was taken of a rate: its cost, and the arrival time it led to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Taken {
    cost: u64,
    to: u64,
}

impl Taken {
    /// The share of a minute's allowance that is used with it.
    pub(crate) fn share(self, now: Now) -> f64 {
        #[allow(clippy::cast_precision_loss)]
        let share = self.to.saturating_sub(now.mono_ns) as f64 / MINUTE_NS as f64;
        share
    }
}

fn change<E>(word: &AtomicU64, next: impl Fn(u64) -> Result<u64, E>) -> Result<u64, E> {
    let mut before = word.load(Ordering::Acquire);
    loop {
        let after = next(before)?;
        match word.compare_exchange_weak(before, after, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return Ok(after),
            Err(now) => before = now,
        }
    }
}
