//! Failover: what may follow an attempt that ended before its first token. `endings` says for every way to end who may
//! be asked after it; `decide` adds the bounds: attempts, pauses, the provider's own Retry-After, the retry budget, the
//! caller's deadline.

use paceline_plan::Plan;
use paceline_plan::document::{Fallback, Retry};

use crate::endings::{Again, Ended, ending};
use crate::window::Count;

/// What one request has tried so far. Empty, it allocates nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Times it was sent or meant to be, hedges not counted.
    attempts: u32,
    tried: Vec<Tried>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tried {
    deployment: usize,
    times: u32,
    /// Not again for this request.
    barred: bool,
    /// The provider asked to be left alone until then.
    until_ns: u64,
}

impl History {
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Notes how an attempt at `deployment` ended. An ending that never sent anything (`Queue`, `Limit`, `Unusable`)
    /// bars the deployment and counts as no attempt.
    pub fn ended(&mut self, deployment: usize, ended: Ended, now_ns: u64, retry_after_ns: Option<u64>) {
        let sent = !matches!(ended, Ended::Queue | Ended::Limit | Ended::Unusable);
        self.attempts += u32::from(sent);
        let tried = self.of(deployment);
        tried.times += u32::from(sent);
        tried.barred |= ending(ended).again != Again::Any;
        if let Some(span) = retry_after_ns {
            tried.until_ns = tried.until_ns.max(now_ns.saturating_add(span));
        }
    }

    /// Notes that a hedge was sent there: not a place to go next.
    pub fn hedged(&mut self, deployment: usize) {
        self.of(deployment).times += 1;
    }

    fn of(&mut self, deployment: usize) -> &mut Tried {
        let found = self.tried.iter().position(|tried| tried.deployment == deployment);
        let index = found.unwrap_or_else(|| {
            self.tried.push(Tried { deployment, times: 0, barred: false, until_ns: 0 });
            self.tried.len() - 1
        });
        &mut self.tried[index]
    }

    /// True for one that was asked or hedged with.
    #[must_use]
    pub fn has_tried(&self, deployment: usize) -> bool {
        self.find(deployment).is_some()
    }

    fn find(&self, deployment: usize) -> Option<&Tried> {
        self.tried.iter().find(|tried| tried.deployment == deployment)
    }
}

/// What is done after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// One that was tried before, after a pause.
    Again {
        deployment: usize,
        pause_ns: u64,
    },
    /// One that was not, at once.
    Next {
        deployment: usize,
    },
    GiveUp {
        reason: Reason,
    },
}

/// Why there is no further attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The ending allows none.
    Final,
    /// `retry.attempts_max` is reached.
    Attempts,
    /// No deployment is left that may be asked.
    NoneLeft,
    /// The provider wants a longer pause than `retry.retry_after_max_ms`.
    RetryAfter,
    /// The caller's deadline comes first.
    Deadline,
    /// The deployment's retry budget is spent.
    Budget,
}

impl Reason {
    /// For a message: `not tried again: …`.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Final => "another attempt would end the same way",
            Self::Attempts => "the most attempts were made",
            Self::NoneLeft => "no other deployment is left",
            Self::RetryAfter => "the provider asked for a long pause",
            Self::Deadline => "no time is left",
            Self::Budget => "too many requests are being retried there",
        }
    }
}

/// Where a request stands when an attempt has ended.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    pub rule: &'a Retry,
    /// With the attempt that just ended.
    pub history: &'a History,
    pub ended: Ended,
    /// In order of preference; those that rest are not among them.
    pub candidates: &'a [usize],
    pub now_ns: u64,
    /// Until the caller's deadline; none without one.
    pub left_ns: Option<u64>,
    /// From 0 to 1: the share of the back-off that is waited.
    pub jitter: f64,
}

/// What follows. `budget` is asked last, only when everything else allows another attempt, and takes one from the retry
/// budget of the deployment whose attempt ended: that one caused it.
pub fn decide(standing: &Standing<'_>, budget: impl FnOnce() -> bool) -> Step {
    match next(standing) {
        Ok(_) if !unsent(standing.ended) && !budget() => Step::GiveUp { reason: Reason::Budget },
        Ok(step) => step,
        Err(reason) => Step::GiveUp { reason },
    }
}

/// Nothing went out, so going on adds no load anywhere.
fn unsent(ended: Ended) -> bool {
    matches!(ended, Ended::Queue | Ended::Limit | Ended::Unusable)
}

fn next(standing: &Standing<'_>) -> Result<Step, Reason> {
    let Standing { rule, history, .. } = standing;
    if ending(standing.ended).again == Again::Never {
        return Err(Reason::Final);
    }
    if history.attempts >= rule.attempts_max {
        return Err(Reason::Attempts);
    }
    if standing.left_ns == Some(0) {
        return Err(Reason::Deadline);
    }
    let fresh = standing.candidates.iter().find(|&&each| history.find(each).is_none());
    if let Some(&deployment) = fresh {
        return Ok(Step::Next { deployment });
    }
    again(standing)
}

/// The least tried of those that may be asked again, after the back-off or the provider's own pause.
fn again(standing: &Standing<'_>) -> Result<Step, Reason> {
    let Standing { rule, history, now_ns, .. } = standing;
    let open = standing.candidates.iter().filter_map(|&each| history.find(each)).filter(|tried| !tried.barred);
    let asks = |tried: &Tried| tried.until_ns.saturating_sub(*now_ns);
    let longest = rule.retry_after_max_ms.saturating_mul(1_000_000);
    let mut left = Err(Reason::NoneLeft);
    for tried in open {
        if asks(tried) > longest {
            left = left.or(Err(Reason::RetryAfter));
        } else if left.is_ok_and(|best: &Tried| (best.times, asks(best)) > (tried.times, asks(tried))) || left.is_err()
        {
            left = Ok(tried);
        }
    }
    let tried = left?;
    let pause_ns = asks(tried).max(back_off_ns(rule, history.attempts, standing.jitter));
    if standing.left_ns.is_some_and(|left| pause_ns >= left) {
        return Err(Reason::Deadline);
    }
    Ok(Step::Again { deployment: tried.deployment, pause_ns })
}

/// Exponential with full jitter: anything from nothing to the doubled span, so that callers who failed together do not
/// come back together. <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>
#[must_use]
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub fn back_off_ns(rule: &Retry, attempts: u32, jitter: f64) -> u64 {
    let doubled = rule.backoff_ms.saturating_mul(1 << attempts.saturating_sub(1).min(32));
    (doubled.min(rule.backoff_max_ms).saturating_mul(1_000_000) as f64 * jitter.clamp(0.0, 1.0)) as u64
}

/// May one more request be retried at a deployment that had these in the window (all: requests, marked: retries)?
#[must_use]
pub fn may_retry(rule: &Retry, count: Count) -> bool {
    let more = count.marked.saturating_add(1);
    more <= rule.floor || f64::from(more) <= rule.share * f64::from(count.all)
}

/// The deployments that may answer a request of this use case, in order of preference.
#[must_use]
pub fn candidates_allowed(plan: &Plan, use_case: usize, mut deployments: Vec<usize>) -> Vec<usize> {
    match plan.use_cases[use_case].fallback {
        Fallback::Any => {}
        Fallback::None => deployments.truncate(1),
        Fallback::SameModel => {
            if let Some(&first) = deployments.first() {
                deployments.retain(|&each| plan.deployments[each].model == plan.deployments[first].model);
            }
        }
    }
    deployments
}
