//! Hedge: one attempt, and a second copy at another deployment when the first token is late. The first token wins; the
//! loser is dropped, which cancels it at its provider, and is billed as a hedge. Off unless the use case asks for it.

use std::pin::pin;
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
    let hold = journey.running.plan.traffic.retry.attempts_max > 1;
    let mut primary = pin!(attempt::attempt(journey.running, journey.prepared, outgoing, hold));
    let Some(delay) = delay(journey, deployment) else { return turn(primary.await, pass, probe) };
    if let Ok(result) = tokio::time::timeout(delay, primary.as_mut()).await {
        return turn(result, pass, probe);
    }
    let Some(second) = second(journey, life, deployment).await else { return turn(primary.await, pass, probe) };
    let backup_deployment = second.outgoing.deployment;
    let mut backup = pin!(attempt::attempt(journey.running, journey.prepared, second.outgoing, true));
    let first_to_end = tokio::select! {
        biased;
        result = primary.as_mut() => Winner::Primary(result),
        result = backup.as_mut() => Winner::Backup(result),
    };
    let dialect = journey.prepared.api.dialect();
    let good = |result: &Result<Opened, Missed>| result.as_ref().is_ok_and(|opened| opened.fault(dialect).is_none());
    match first_to_end {
        Winner::Primary(result) if good(&result) => {
            life.scene.others.push(backup_deployment);
            turn(result, pass, probe)
        }
        Winner::Backup(result) if good(&result) => won(life, deployment, turn(result, second.pass, second.probe)),
        // The one that ended did so badly: the other may still answer, or its fault is as good as any.
        Winner::Primary(_) => won(life, deployment, turn(backup.await, second.pass, second.probe)),
        Winner::Backup(_) => {
            life.scene.others.push(backup_deployment);
            turn(primary.await, pass, probe)
        }
    }
}

enum Winner {
    Primary(Result<Opened, Missed>),
    Backup(Result<Opened, Missed>),
}

fn turn(result: Result<Opened, Missed>, pass: Pass, probe: Option<Probe>) -> Turn {
    match result {
        Ok(opened) => Ok(Arrived { opened, pass, probe }),
        Err(missed) => Err(Missed { probe, ..missed }),
    }
}

/// The second copy is the one whose answer counts.
fn won(life: &mut Life, loser: usize, turn: Turn) -> Turn {
    life.record.flags.set(Flags::HEDGE_WON);
    life.scene.others.push(loser);
    turn
}

/// How long to wait for the first token; none when there is nothing to hedge with.
fn delay(journey: &Journey<'_>, deployment: usize) -> Option<Duration> {
    let use_case = &journey.running.plan.use_cases[journey.prepared.caller.use_case];
    let rule = use_case.hedge.as_ref().filter(|_| journey.prepared.streamed)?;
    journey.order.candidates.iter().find(|&&each| each != deployment)?;
    let health = &journey.running.deployment_states[deployment].health;
    let now_ns = journey.gateway.now(Instant::now()).mono_ns;
    Some(Duration::from_nanos(hedge_delay_ns(rule, health.first_token_p95_ns(now_ns))))
}

/// Another deployment that is free at once, if the budget has a hedge left.
async fn second(journey: &mut Journey<'_>, life: &mut Life, deployment: usize) -> Option<Cleared> {
    let use_case = journey.prepared.caller.use_case;
    let rule = journey.running.plan.use_cases[use_case].hedge.as_ref()?;
    let free = |&each: &usize| each != deployment && journey.has_room(each);
    let other = journey.order.candidates.iter().copied().find(free)?;
    let now_ns = journey.gateway.now(Instant::now()).mono_ns;
    if !journey.running.hedges[use_case].take(now_ns, rule) {
        return None;
    }
    let cleared = journey.clear(life, other).await.ok()?;
    journey.note_attempt(life, &cleared.outgoing);
    journey.history.hedged(other);
    life.record.flags.set(Flags::HEDGED);
    Some(cleared)
}
