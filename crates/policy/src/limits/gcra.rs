//! The generic cell rate algorithm over one number: the theoretical arrival time, in nanoseconds of a clock handed in.
//! A limit of so many a minute lets one minute's worth through at once and then fills up evenly: whoever sends evenly
//! never waits, whoever sends in bursts waits as long as the burst was. Source: ITU-T I.371; Brandur Leach, "Rate
//! limiting, cells, and GCRA".

/// What a minute's allowance takes to fill up: the burst that is let through.
pub const MINUTE_NS: u64 = 60_000_000_000;

/// What `units` cost under a limit of so many a minute; rounded down, so that all of a minute's worth fits into it.
#[must_use]
pub fn cost_ns(units: u64, per_minute: u64) -> u64 {
    share(units, MINUTE_NS, per_minute.max(1)).max(u64::from(units > 0))
}

/// Takes `cost` now, if it fits.
///
/// # Errors
/// With the nanoseconds until it will. A cost above a whole minute's allowance fits when nothing else is taken: it
/// would never fit otherwise.
pub fn take(arrival: u64, now: u64, cost: u64) -> Result<u64, u64> {
    let from = arrival.max(now);
    let next = from.saturating_add(cost);
    let ahead = next.saturating_sub(now);
    if ahead <= MINUTE_NS || from == now {
        return Ok(next);
    }
    Err((ahead - MINUTE_NS).min(from - now))
}

/// Gives back what was taken too much. `taken_to` is the arrival time that taking it led to: what has passed of it by
/// now has filled up by itself, and giving it back again would let more through than the limit.
#[must_use]
pub fn refund(arrival: u64, now: u64, cost: u64, taken_to: u64) -> u64 {
    arrival.saturating_sub(cost.min(taken_to.saturating_sub(now)))
}

/// Takes what turned out to be more than expected; may go into debt.
#[must_use]
pub fn charge(arrival: u64, now: u64, cost: u64) -> u64 {
    arrival.max(now).saturating_add(cost)
}

/// How much of a limit is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateLeft {
    pub limit: u64,
    pub left: u64,
    /// Until all of it is there again.
    pub reset_ns: u64,
}

/// What is left of a limit of so many a minute.
#[must_use]
pub fn left(arrival: u64, now: u64, per_minute: u64) -> RateLeft {
    let reset_ns = arrival.saturating_sub(now);
    RateLeft { limit: per_minute, left: share(MINUTE_NS.saturating_sub(reset_ns), per_minute, MINUTE_NS), reset_ns }
}

/// `count * of / whole`, rounded down; in 64 bits where it fits, which is four times as fast.
fn share(count: u64, of: u64, whole: u64) -> u64 {
    match count.checked_mul(of) {
        Some(product) => product / whole,
        None => u64::try_from(u128::from(count) * u128::from(of) / u128::from(whole)).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_minutes_worth_passes_at_once_and_then_one_a_second() {
        let (mut arrival, one) = (0, cost_ns(1, 60));
        for _ in 0..60 {
            arrival = take(arrival, 0, one).unwrap();
        }
        assert_eq!(take(arrival, 0, one), Err(SECOND));
        assert_eq!(left(arrival, 0, 60), RateLeft { limit: 60, left: 0, reset_ns: MINUTE_NS });
        arrival = take(arrival, SECOND, one).unwrap();
        assert!(take(arrival, SECOND, one).is_err());
        assert_eq!(left(arrival, 31 * SECOND, 60).left, 30);
        assert_eq!(left(refund(arrival, 31 * SECOND, one, arrival), 31 * SECOND, 60).left, 31);
    }

    #[test]
    fn all_of_a_minute_fits_under_every_limit() {
        for limit in 1..=1000 {
            let mut arrival = 0;
            for _ in 0..limit {
                arrival = take(arrival, 0, cost_ns(1, limit)).unwrap();
            }
            assert!(take(arrival, 0, cost_ns(1, limit)).is_err(), "{limit}");
        }
    }

    #[test]
    fn what_filled_up_by_itself_is_not_given_back() {
        let (mut arrival, minute) = (0, cost_ns(1000, 1000));
        let mut taken = Vec::new();
        for each in 0..10 {
            arrival = take(arrival, each * MINUTE_NS, minute).unwrap();
            taken.push(arrival);
        }
        let now = 10 * MINUTE_NS;
        for taken_to in taken {
            arrival = refund(arrival, now, minute, taken_to);
        }
        assert_eq!(left(arrival, now, 1000).left, 1000);
    }

    #[test]
    fn a_request_larger_than_a_minute_passes_when_nothing_else_is_taken() {
        let large = cost_ns(5000, 1000);
        let arrival = take(0, 7, large).unwrap();
        assert_eq!(take(arrival, 7, cost_ns(1, 1000)).unwrap_err(), large - MINUTE_NS + cost_ns(1, 1000));
        assert!(take(7 + SECOND, 7, large).is_err());
    }

    proptest! {
        #[test]
        fn never_more_than_burst_and_rate_in_any_window(
            limit in 1_u64..5000,
            steps in proptest::collection::vec((0_u64..3 * SECOND, 1_u64..20), 1..200),
        ) {
            let (mut arrival, mut now) = (0, 0);
            let mut admitted: Vec<(u64, u64)> = Vec::new();
            for (passed, units) in steps {
                now += passed;
                if let Ok(next) = take(arrival, now, cost_ns(units, limit)) {
                    arrival = next;
                    admitted.push((now, units));
                }
            }
            for (index, (start, _)) in admitted.iter().enumerate() {
                let mut sum = 0;
                for (at, units) in &admitted[index..] {
                    sum += units;
                    let allowed = limit + limit * (at - start) / MINUTE_NS + 20;
                    prop_assert!(sum <= allowed, "{sum} within {} ns, {allowed} allowed", at - start);
                }
            }
        }

        #[test]
        fn whoever_waits_as_long_as_told_gets_in(limit in 1_u64..5000, units in 1_u64..100, taken in 0_u64..2 * MINUTE_NS) {
            let cost = cost_ns(units, limit);
            if let Err(wait) = take(taken, 0, cost) {
                prop_assert!(take(taken, wait, cost).is_ok());
            }
        }
    }
}
