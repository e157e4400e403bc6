//! Outlier: a deployment that does clearly worse than those that could serve in its place is passed over for a while.
//! By its share of failures, and by the median time of its first token. Needs peers with enough requests to compare
//! with, and one at least that stays: the last one is never ejected.

use paceline_plan::document::Outlier;

use crate::window::Count;

/// One of the deployments that can serve the same request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// Recent requests; marked are the failed ones.
    pub count: Count,
    /// Recent first tokens and their median.
    pub first_tokens: u32,
    pub first_token_p50_ns: Option<u64>,
    /// It rests already: ejected, or its breaker is open.
    pub rests: bool,
}

/// What is wrong with an outlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worse {
    Fails,
    Slow,
}

/// The peer to eject now and why: the one that fails most, or else the slowest. One at a time.
#[must_use]
pub fn outlier(rule: &Outlier, peers: &[Peer]) -> Option<(usize, Worse)> {
    if peers.iter().filter(|peer| !peer.rests).count() < 2 {
        return None;
    }
    let failing = peers.iter().enumerate().filter(|(index, _)| fails(rule, peers, *index));
    let failing = failing.max_by(|(_, one), (_, other)| one.count.share().total_cmp(&other.count.share()));
    if let Some((index, _)) = failing {
        return Some((index, Worse::Fails));
    }
    let slow = peers.iter().enumerate().filter(|(index, _)| slow(rule, peers, *index));
    slow.max_by_key(|(_, peer)| peer.first_token_p50_ns).map(|(index, _)| (index, Worse::Slow))
}

fn fails(rule: &Outlier, peers: &[Peer], index: usize) -> bool {
    let enough = |peer: &Peer| peer.count.all >= rule.requests_min;
    let me = &peers[index];
    if me.rests || !enough(me) {
        return false;
    }
    let others = others(peers, index).filter(|peer| enough(peer)).map(|peer| peer.count.share()).collect();
    median(others).is_some_and(|usual| me.count.share() > usual + rule.failed_share_above)
}

fn slow(rule: &Outlier, peers: &[Peer], index: usize) -> bool {
    let p50 = |peer: &Peer| peer.first_token_p50_ns.filter(|_| peer.first_tokens >= rule.requests_min).map(nanos);
    let me = &peers[index];
    let Some(mine) = p50(me).filter(|_| !me.rests) else { return false };
    median(others(peers, index).filter_map(p50).collect()).is_some_and(|usual| mine > usual * rule.slower_factor)
}

/// Those that are in use: what rests is no measure.
fn others(peers: &[Peer], index: usize) -> impl Iterator<Item = &Peer> {
    peers.iter().enumerate().filter(move |(other, peer)| *other != index && !peer.rests).map(|(_, peer)| peer)
}

/// The middle one; of an even number the lower of the two, so that one bad peer of two excuses nobody's failures.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len().checked_sub(1)? / 2).copied()
}

#[allow(clippy::cast_precision_loss)]
fn nanos(value: u64) -> f64 {
    value as f64
}
