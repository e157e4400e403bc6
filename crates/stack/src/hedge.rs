//! Hedge: one attempt, and a second copy at another deployment when the first token is late. The first token wins; the
//! loser is dropped, which cancels it at its provider, and is billed as a hedge. Off unless the use case asks for it.

use std::pin::{Pin, pin};
use std::time::{Duration, Instant};

use paceline_policy::hedge_delay_ns;
use paceline_traffic::{Pass, Probe};
use paceline_types::Flags;

use crate::attempt::{self, Missed, Opened};
use crate::life::Life;
use crate::send::{Arrived, Cleared, Journey, Turn};

/// Runs the attempt that was cleared; a hedge may answer in its place.
pub(crate) async fn attempt(journey: &mut Journey<'_>, life: &mut Life, first: Cleared) -> Turn {
    let Cleared { outgoing, pass, probe } = first;
    let deployment = outgoing.deployment;
    let delay = delay(journey, deployment);
    let may_follow = journey.running.plan.traffic.retry.attempts_max > 1;
    let hold = may_follow || delay.is_some() || life.scene.spare.is_some();
    let began = Instant::now();
    let mut primary = pin!(attempt::attempt(journey.running, journey.prepared, outgoing, hold));
    let Some(delay) = delay else { return turn(deployment, primary.await, pass, probe) };
    if let Ok(result) = tokio::time::timeout(delay, primary.as_mut()).await {
        return turn(deployment, result, pass, probe);
    }
    // Rare, and as large again as the rest of a request: kept out of the future that every request is.
    Box::pin(race(journey, life, primary, First { deployment, pass, probe, began })).await
}

/// The first attempt, its place at the deployment, and when it began.
struct First {
    deployment: usize,
    pass: Pass,
    probe: Option<Probe>,
    began: Instant,
}

/// Sends the second copy, if there is leave to, and waits for whichever answers.
async fn race(
    journey: &mut Journey<'_>,
    life: &mut Life,
    mut primary: Pin<&mut impl Future<Output = Result<Opened, Missed>>>,
    first: First,
) -> Turn {
    let First { deployment, pass, probe, began } = first;
    let Some(second) = second(journey, life, deployment).await else {
        return turn(deployment, primary.await, pass, probe);
    };
    let backup_at = second.outgoing.deployment;
    let mut backup = pin!(attempt::attempt(journey.running, journey.prepared, second.outgoing, true));
    let raced = tokio::select! {
        biased;
        result = primary.as_mut() => Raced::Primary(result),
        result = backup.as_mut() => Raced::Backup(result),
    };
    match raced {
        Raced::Primary(result) => {
            let mut lost = turn(deployment, result, pass, probe);
            let Some(ended) = lost.fault(journey.prepared) else {
                life.scene.others.push(backup_at);
                return lost;
            };
            if journey.note_failed(life, ended, &mut lost) {
                life.scene.others.push(deployment);
            }
            drop(lost);
            won(journey, life, turn(backup_at, backup.await, second.pass, second.probe))
        }
        Raced::Backup(result) => {
            let mut turned = turn(backup_at, result, second.pass, second.probe);
            let Some(ended) = turned.fault(journey.prepared) else {
                life.scene.others.push(deployment);
                outrun(journey, deployment, began);
                return won(journey, life, turned);
            };
            if journey.note_failed(life, ended, &mut turned) {
                life.scene.others.push(backup_at);
            }
            drop(turned);
            turn(deployment, primary.await, pass, probe)
        }
    }
}

/// Which of the two ended first.
enum Raced {
    Primary(Result<Opened, Missed>),
    Backup(Result<Opened, Missed>),
}

fn turn(deployment: usize, result: Result<Opened, Missed>, pass: Pass, probe: Option<Probe>) -> Turn {
    let result = match result {
        Ok(opened) => Ok(Arrived { opened, pass, probe }),
        Err(missed) => Err(Missed { probe, ..missed }),
    };
    Turn { deployment, result }
}

/// The second copy is the one that counts.
fn won(journey: &Journey<'_>, life: &mut Life, turn: Turn) -> Turn {
    if turn.fault(journey.prepared).is_none() {
        life.record.flags.set(Flags::HEDGE_WON);
    }
    turn
}

/// Left out, the slow ones would be missing from what is usual there, and ever more would be hedged.
fn outrun(journey: &Journey<'_>, deployment: usize, began: Instant) {
    let waited_ns = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
    let now_ns = journey.gateway.mono_ns(Instant::now());
    let health = &journey.running.deployment_states[deployment].health;
    health.outrun(now_ns, &journey.running.plan.traffic, waited_ns);
}

/// How long to wait for the first token; none when there is nothing to hedge with.
fn delay(journey: &Journey<'_>, deployment: usize) -> Option<Duration> {
    let use_case = &journey.running.plan.use_cases[journey.prepared.caller.use_case];
    let rule = use_case.hedge.as_ref().filter(|_| journey.prepared.streamed)?;
    journey.order.candidates.iter().find(|&&each| each != deployment)?;
    let health = &journey.running.deployment_states[deployment].health;
    let now_ns = journey.gateway.mono_ns(Instant::now());
    Some(Duration::from_nanos(hedge_delay_ns(rule, health.first_token_p95_ns(now_ns))))
}

/// Another deployment that is free at once, if the budget has a hedge left. Its own limits are not asked: a hedge is
/// bounded by its budget.
async fn second(journey: &mut Journey<'_>, life: &mut Life, deployment: usize) -> Option<Cleared> {
    let use_case = journey.prepared.caller.use_case;
    let rule = journey.running.plan.use_cases[use_case].hedge.as_ref()?;
    let free = |&each: &usize| each != deployment && journey.has_room(each);
    let other = journey.order.candidates.iter().copied().find(free)?;
    let now_ns = journey.gateway.mono_ns(Instant::now());
    if !journey.running.hedges[use_case].take(now_ns, rule) {
        return None;
    }
    let mut cleared = journey.enter(life, other).await.ok()?;
    journey.note_attempt(life, &mut cleared.outgoing, true);
    journey.history.hedged(other);
    life.record.flags.set(Flags::HEDGED);
    Some(cleared)
}
