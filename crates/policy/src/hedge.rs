//! Hedge: when a late first token is answered by a second copy at another deployment, and how many of those a use case
//! may have. First token wins; the loser is cancelled and billed as hedge.

use paceline_plan::document::Hedge;

/// How far back a hedge budget looks.
pub const HEDGE_WINDOW_NS: u64 = 600_000_000_000;

/// How long to wait for the first token before a second copy is sent: the deployment's own recent p95 within the plan's
/// bounds. As long as nothing is known of it, the longest: a hedge without evidence is most likely wasted.
#[must_use]
pub fn hedge_delay_ns(rule: &Hedge, p95_ns: Option<u64>) -> u64 {
    let bound = |ms: u64| ms.saturating_mul(1_000_000);
    p95_ns.unwrap_or(u64::MAX).clamp(bound(rule.floor_ms), bound(rule.ceiling_ms).max(bound(rule.floor_ms)))
}

/// What a use case asked, hedged and spent lately, in two halves of the window that take turns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HedgeUse {
    half: u64,
    now: Spent,
    before: Spent,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Spent {
    requests: u64,
    hedges: u64,
    nanousd: u64,
    hedge_nanousd: u64,
}

impl HedgeUse {
    fn at(&mut self, now_ns: u64) -> &mut Spent {
        let half = now_ns / (HEDGE_WINDOW_NS / 2);
        if half > self.half {
            self.before = if half == self.half + 1 { self.now } else { Spent::default() };
            (self.half, self.now) = (half, Spent::default());
        }
        &mut self.now
    }

    /// A request of the use case begins.
    pub fn request(&mut self, now_ns: u64) {
        self.at(now_ns).requests += 1;
    }

    /// What a request cost, and what of that its losing copy did.
    pub fn cost(&mut self, now_ns: u64, nanousd: u64, hedge_nanousd: u64) {
        let spent = self.at(now_ns);
        spent.nanousd = spent.nanousd.saturating_add(nanousd);
        spent.hedge_nanousd = spent.hedge_nanousd.saturating_add(hedge_nanousd);
    }

    /// Takes one hedge if there is one: by the share of requests, and by the share of money that losing copies cost so
    /// far (what those under way will cost is not known yet).
    pub fn take(&mut self, now_ns: u64, rule: &Hedge) -> bool {
        self.at(now_ns);
        let sum = |of: fn(&Spent) -> u64| of(&self.now).saturating_add(of(&self.before));
        let within = |part: u64, share: f64, all: u64| float(part) <= share * float(all);
        let room = within(sum(|spent| spent.hedges) + 1, rule.requests_share, sum(|spent| spent.requests))
            && within(sum(|spent| spent.hedge_nanousd), rule.cost_share, sum(|spent| spent.nanousd));
        if room {
            self.now.hedges += 1;
        }
        room
    }
}

#[allow(clippy::cast_precision_loss)]
fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULE: Hedge = Hedge { floor_ms: 200, ceiling_ms: 5000, requests_share: 0.02, cost_share: 0.02 };
    const MS: u64 = 1_000_000;

    #[test]
    fn the_delay_is_the_learned_one_within_its_bounds() {
        assert_eq!(hedge_delay_ns(&RULE, Some(900 * MS)), 900 * MS);
        assert_eq!(hedge_delay_ns(&RULE, Some(20 * MS)), 200 * MS);
        assert_eq!(hedge_delay_ns(&RULE, Some(60_000 * MS)), 5000 * MS);
        assert_eq!(hedge_delay_ns(&RULE, None), 5000 * MS);
    }

    #[test]
    fn dear_losers_stop_hedges_until_the_window_has_passed() {
        let mut used = HedgeUse::default();
        (0..100).for_each(|_| used.request(0));
        used.cost(0, 1000, 10);
        assert!(used.take(0, &RULE));
        used.cost(0, 0, 11);
        assert!(!used.take(0, &RULE), "21 of 1000 are over 2 %");
        (0..100).for_each(|_| used.request(HEDGE_WINDOW_NS));
        assert!(used.take(HEDGE_WINDOW_NS, &RULE));
    }

    proptest! {
        #[test]
        fn never_more_hedges_than_their_share(steps in proptest::collection::vec((any::<bool>(), 0_u64..30_000_000_000), 0..2000)) {
            let (mut used, mut now, mut requests, mut hedges) = (HedgeUse::default(), 0, 0_u32, 0_u32);
            for (hedge, passed) in steps {
                now += passed / 100;
                if hedge {
                    hedges += u32::from(used.take(now, &RULE));
                } else {
                    used.request(now);
                    requests += 1;
                }
                // Counts that fell out of the window took their hedges along.
                prop_assert!(f64::from(hedges) <= 0.02 * f64::from(requests));
            }
        }
    }
}
