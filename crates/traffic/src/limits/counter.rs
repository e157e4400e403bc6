//! One subject's counters. Rates are one atomic word each, requests in flight another; money is under a lock, since a
//! period's end concerns several numbers at once.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use paceline_policy::{Period, RateLeft, Refused, charge, day_of, left, month_of, refund, take};
use parking_lot::Mutex;

use super::Now;

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
        let (day, month) = (day_of(now.unix_s), month_of(now.unix_s));
        // A clock that was set back must not make spent money unspent.
        if day > self.day {
            (self.day, self.own[0], self.others[0]) = (day, 0, 0);
        }
        if month > self.month {
            (self.month, self.own[1], self.others[1]) = (month, 0, 0);
        }
        self
    }

    fn used(&self, period: Period) -> i64 {
        let index = period as usize;
        self.own[index].saturating_add(self.others[index]).saturating_add(self.reserved)
    }
}

impl Counter {
    pub(crate) fn take_request(&self, now: Now, cost: u64) -> Result<(), u64> {
        change(&self.requests, |arrival| take(arrival, now.mono_ns, cost))
    }

    pub(crate) fn give_back_request(&self, cost: u64) {
        let _ = change::<()>(&self.requests, |arrival| Ok(refund(arrival, cost)));
    }

    pub(crate) fn take_tokens(&self, now: Now, cost: u64) -> Result<(), u64> {
        change(&self.tokens, |arrival| take(arrival, now.mono_ns, cost))
    }

    /// Replaces what was taken by the truth.
    pub(crate) fn settle_tokens(&self, now: Now, taken: u64, truth: u64) {
        let settled = |arrival| {
            Ok(if truth <= taken {
                refund(arrival, taken - truth)
            } else {
                charge(arrival, now.mono_ns, truth - taken)
            })
        };
        let _ = change::<()>(&self.tokens, settled);
    }

    /// One more in flight, unless there are `limit` already.
    pub(crate) fn enter(&self, limit: u32) -> bool {
        let more = |count: u32| (count < limit).then_some(count + 1);
        self.in_flight.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).is_ok()
    }

    pub(crate) fn leave(&self) {
        let _ = self.in_flight.fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| count.checked_sub(1));
    }

    /// Reserves money within the limits, `[day, month]` in nano-dollars.
    pub(crate) fn reserve(&self, now: Now, cost: i64, limits: [Option<i64>; 2]) -> Result<(), Refused> {
        let mut money = self.money.lock();
        let money = money.at(now);
        for (period, limit) in [Period::Day, Period::Month].into_iter().zip(limits) {
            let Some(limit) = limit else { continue };
            let used = money.used(period);
            if used.saturating_add(cost) > limit {
                return Err(Refused::Money { period, limit, used, reset_s: period.left_s(now.unix_s) });
            }
        }
        money.reserved = money.reserved.saturating_add(cost);
        Ok(())
    }

    /// Gives a reservation back and counts what was spent instead.
    pub(crate) fn settle_money(&self, now: Now, reserved: i64, spent: i64) {
        let mut money = self.money.lock();
        let money = money.at(now);
        money.reserved = money.reserved.saturating_sub(reserved);
        money.own = money.own.map(|own| own.saturating_add(spent));
    }

    /// Money spent at a moment that may be past: counts where its day and month still run.
    pub(crate) fn add_spent(&self, now: Now, at_unix_s: u64, nanousd: i64) {
        let mut money = self.money.lock();
        let money = money.at(now);
        if day_of(at_unix_s) == money.day {
            money.own[0] = money.own[0].saturating_add(nanousd);
        }
        if month_of(at_unix_s) == money.month {
            money.own[1] = money.own[1].saturating_add(nanousd);
        }
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

fn change<E>(word: &AtomicU64, next: impl Fn(u64) -> Result<u64, E>) -> Result<(), E> {
    let mut before = word.load(Ordering::Acquire);
    loop {
        let after = next(before)?;
        match word.compare_exchange_weak(before, after, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return Ok(()),
            Err(now) => before = now,
        }
    }
}
