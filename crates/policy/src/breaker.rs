//! Breaker: a deployment whose requests fail is left alone for a while, then tried by a few. Closed, open, half-open;
//! each failed trial doubles the rest. The counts are the caller's (`window`), so that a closed breaker costs no lock.

use paceline_plan::document::Breaker;

use crate::window::Count;

/// How one attempt speaks for or against its deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It answered; its first token after this long, where one was seen.
    Good {
        first_token_ns: Option<u64>,
    },
    Failed,
    /// Says nothing about it: the caller left, the request was at fault, the provider's limit was reached.
    Neither,
}

/// How much a request needs a deployment that rests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Need {
    /// There are others.
    #[default]
    Usual,
    /// Every other one rests too, and none of them answered anything before it did: try with a few at once.
    Few,
    /// Every other one rests too, or there is none: serve rather than refuse.
    Any,
}

/// What a breaker says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admit {
    Yes,
    /// As one of the few that try it; to be handed back with how it went.
    Probe(Trial),
    /// Not before then.
    No {
        until_ns: u64,
    },
}

/// One request that tries a resting deployment; of one rest only, so that a late one does not speak for the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trial {
    rest: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Closed,
    /// Rests until then; then half-open.
    Open { until_ns: u64 },
}

/// A breaker's state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Circuit {
    phase: Phase,
    /// Rests since it was last closed.
    times: u32,
    /// Counts every rest, ever: what a trial belongs to.
    rest: u32,
    /// Trials under way, and those that went well.
    trying: u32,
    good: u32,
    /// Nothing had been answered in the window when it opened.
    dead: bool,
}

/// Do these counts open a closed breaker? Marked are the failed ones.
#[must_use]
pub fn trips(rule: &Breaker, count: Count) -> bool {
    count.marked > 0 && count.all >= rule.requests_min && count.share() >= rule.failed_share
}

impl Circuit {
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// When its rest ends or ended; none when closed.
    #[must_use]
    pub fn until_ns(&self) -> Option<u64> {
        match self.phase {
            Phase::Closed => None,
            Phase::Open { until_ns } => Some(until_ns),
        }
    }

    /// True when it rests and had answered nothing at all before.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        !self.is_closed() && self.dead
    }

    /// Opens a closed breaker; `count` is what tripped it. False when it was open already.
    pub fn open(&mut self, now_ns: u64, rule: &Breaker, count: Count) -> bool {
        let opens = self.is_closed();
        if opens {
            self.dead = count.marked == count.all;
            self.rest(now_ns, rule);
        }
        opens
    }

    fn rest(&mut self, now_ns: u64, rule: &Breaker) {
        let most_ms = rule.open_max_ms.max(rule.open_ms);
        let span_ms = rule.open_ms.saturating_mul(1 << self.times.min(32)).min(most_ms);
        self.phase = Phase::Open { until_ns: now_ns.saturating_add(span_ms.saturating_mul(1_000_000)) };
        self.times = self.times.saturating_add(1);
        self.rest = self.rest.wrapping_add(1);
        (self.trying, self.good) = (0, 0);
    }

    /// Would `admit` let a request through? Takes no trial.
    #[must_use]
    pub fn would_admit(&self, now_ns: u64, rule: &Breaker, need: Need) -> bool {
        !matches!({ *self }.admit(now_ns, rule, need), Admit::No { .. })
    }

    /// May a request be sent? At most as many try at once as good answers are still wanted.
    pub fn admit(&mut self, now_ns: u64, rule: &Breaker, need: Need) -> Admit {
        let Phase::Open { until_ns } = self.phase else { return Admit::Yes };
        let rested = now_ns >= until_ns;
        if (rested || need != Need::Usual) && self.trying + self.good < rule.probes.max(1) {
            self.trying += 1;
            return Admit::Probe(Trial { rest: self.rest });
        }
        match need {
            Need::Any => Admit::Yes,
            Need::Usual | Need::Few => Admit::No { until_ns },
        }
    }

    /// A trial came to its end. Good ones close the breaker, a bad one starts the next rest, the others make room.
    /// True when it opened again.
    pub fn tried(&mut self, now_ns: u64, rule: &Breaker, trial: Trial, verdict: Verdict) -> bool {
        if self.is_closed() || trial.rest != self.rest {
            return false;
        }
        self.trying = self.trying.saturating_sub(1);
        match verdict {
            Verdict::Good { .. } => {
                self.good += 1;
                if self.good >= rule.probes.max(1) {
                    *self = Self { rest: self.rest, ..Self::default() };
                }
            }
            Verdict::Failed => {
                self.dead = self.good == 0;
                self.rest(now_ns, rule);
            }
            Verdict::Neither => {}
        }
        verdict == Verdict::Failed
    }
}
