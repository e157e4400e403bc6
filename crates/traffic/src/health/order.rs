//! The order in which a request's deployments are asked: the plan's preference, less those that rest.
//!
//! Health alone never refuses a request that has one deployment. Where all of several rest, those that still answered
//! something when they were laid to rest are used, soonest first: half an answer rate is better than none. Where every one
//! of them had stopped answering altogether, a few requests at once try the one whose rest ends first, and the others are
//! told to come back (G413) instead of waiting out a first-token deadline each.

use std::sync::Arc;

use paceline_plan::Plan;
use paceline_policy::{Need, Peer, Worse, outlier};

use crate::fleet::DeploymentState;

/// Why a deployment is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Its breaker is open; some requests went well before.
    Open,
    /// Its breaker is open; none did.
    Dead,
    /// It did worse than its peers.
    Ejected,
    /// It asked for a pause (Retry-After).
    Asked,
}

impl Rest {
    /// For records and messages.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Open => "rests: too many requests failed",
            Self::Dead => "rests: every request failed",
            Self::Ejected => "rests: others do clearly better",
            Self::Asked => "asked for a pause",
        }
    }
}

/// How a deployment stands now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    Well,
    /// Its rest is over and it wants trying.
    Tried {
        dead: bool,
    },
    Rests {
        rest: Rest,
        until_ns: u64,
    },
}

/// One that was passed over, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassedOver {
    pub deployment: usize,
    pub rest: Rest,
    pub until_ns: u64,
}

/// Whom to ask, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// Never empty unless the candidates were.
    pub candidates: Vec<usize>,
    pub passed_over: Vec<PassedOver>,
    /// To be handed to `Health::admit`.
    pub need: Need,
    /// For a G413, when `admit` lets the request nowhere: when the first rest ends.
    pub until_ns: Option<u64>,
}

/// Orders candidates (deployments by the plan's indices, in order of preference). Nothing is allocated while none rests.
#[must_use]
pub fn order(plan: &Plan, states: &[Arc<DeploymentState>], candidates: Vec<usize>, now_ns: u64) -> Order {
    if candidates.len() < 2 {
        return Order { candidates, need: Need::Any, ..Order::default() };
    }
    compare(plan, states, &candidates, now_ns);
    let stands = |deployment: usize| states[deployment].health.stands(now_ns, &plan.traffic);
    if candidates.iter().all(|&deployment| stands(deployment) == Stands::Well) {
        return Order { candidates, ..Order::default() };
    }
    let mut order = Order { candidates: Vec::with_capacity(candidates.len()), ..Order::default() };
    let (mut well, mut dead) = (false, true);
    for deployment in candidates {
        match stands(deployment) {
            Stands::Well => {
                order.candidates.push(deployment);
                well = true;
            }
            Stands::Tried { dead: nothing } => {
                order.candidates.push(deployment);
                dead &= nothing;
            }
            Stands::Rests { rest, until_ns } => {
                order.passed_over.push(PassedOver { deployment, rest, until_ns });
                dead &= rest == Rest::Dead;
            }
        }
    }
    if !well {
        press(&mut order, dead);
    }
    order
}

/// None is well: after those that want trying, those that rest, soonest first; of the dead ones only if all are.
fn press(order: &mut Order, dead: bool) {
    order.passed_over.sort_by_key(|each| each.until_ns);
    order.until_ns = order.passed_over.first().map(|each| each.until_ns);
    order.need = if dead { Need::Few } else { Need::Any };
    let candidates = &mut order.candidates;
    order.passed_over.retain(|each| {
        let left_out = !dead && each.rest == Rest::Dead;
        if !left_out {
            candidates.push(each.deployment);
        }
        left_out
    });
}

/// Ejects one that does clearly worse than the others, once a second at most.
fn compare(plan: &Plan, states: &[Arc<DeploymentState>], candidates: &[usize], now_ns: u64) -> Option<(usize, Worse)> {
    let rules = &plan.traffic;
    let first = *candidates.first()?;
    if !states[first].health.is_time_to_compare(now_ns) {
        return None;
    }
    let peers: Vec<Peer> = candidates.iter().map(|&each| states[each].health.peer(now_ns, rules)).collect();
    let (index, worse) = outlier(&rules.outlier, &peers)?;
    let deployment = candidates[index];
    states[deployment].health.eject(now_ns, rules);
    Some((deployment, worse))
}
