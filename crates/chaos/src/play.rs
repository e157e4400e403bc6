//! Plays cases: each on connections of its own, many side by side. A breach of a time is looked at again on its own.

use std::sync::Arc;
use std::time::Duration;

use paceline_sim::seed::mix;
use paceline_testkit::{Leave, call};
use parking_lot::Mutex;
use tokio::task::JoinSet;

use crate::case::{Caller, Case, Traffic};
use crate::judge::{Breach, Evidence, Found, judge};
use crate::reference::Reference;
use crate::repeat::{self, Repeated};
use crate::request::{self, Names};
use crate::stage::Stage;
use crate::wrong::Wrong;

/// How often a breach of a time must show when a case is played alone.
const AGAIN: usize = 3;

/// What became of one case.
#[derive(Debug)]
pub struct Played {
    pub case: Case,
    pub found: Found,
    pub breaches: Vec<Breach>,
    pub stop_ns: Option<u64>,
}

/// Plays cases of one stage with so many callers; hands each result to `done` as it comes. `seed` shuffles nothing but
/// what is random in a case: when the same name is played again with the same seed, the same happens.
pub async fn play(stage: &Arc<Stage>, cases: Vec<Case>, callers: usize, done: impl FnMut(Played) + Send + 'static) {
    let queue = Arc::new(Mutex::new(cases.into_iter().enumerate()));
    let done = Arc::new(Mutex::new(done));
    let mut running = JoinSet::new();
    let mut late = Arc::new(Mutex::new(Vec::new()));
    for _ in 0..callers.max(1) {
        let (stage, queue, done, late) = (Arc::clone(stage), Arc::clone(&queue), Arc::clone(&done), Arc::clone(&late));
        running.spawn(async move {
            loop {
                let next = queue.lock().next();
                let Some((number, case)) = next else { return };
                let played = once(&stage, case, &format!("c{number}")).await;
                if played.breaches.iter().any(|breach| breach.timing) {
                    late.lock().push(played);
                } else {
                    (done.lock())(played);
                }
            }
        });
    }
    while let Some(ended) = running.join_next().await {
        ended.expect("a case does not panic");
    }
    let late = std::mem::take(Arc::get_mut(&mut late).expect("the callers are gone").get_mut());
    for (number, played) in late.into_iter().enumerate() {
        let played = again(stage, played, number).await;
        (done.lock())(played);
    }
}

/// Plays a case that was late alone; what counts is what shows every time.
async fn again(stage: &Stage, first: Played, number: usize) -> Played {
    let mut last = first;
    for turn in 0..AGAIN {
        if last.breaches.iter().any(|breach| !breach.timing) {
            return last;
        }
        last = once(stage, last.case, &format!("again{number}-{turn}")).await;
        if last.breaches.is_empty() {
            return last;
        }
    }
    last
}

/// Plays one case and judges it.
pub async fn once(stage: &Stage, case: Case, tag: &str) -> Played {
    let first_model = Stage::first_model(&case);
    let names = Names { tag, unique: tag, seed: request::seed(&case) };
    let bytes = request::bytes(&case, &names, &Stage::key(), &first_model);
    let (leave, reset) = leave(case.caller);
    let heard = call(stage.gateway.address(), &bytes, leave, reset).await;
    let over_ns = stage.log().clock.unix_ns(heard.ended);
    stage.played(tag, case, over_ns);
    let account = stage.account(tag).await;
    let recorded = account.records.first().map(|record| &*record.deployment);
    let deployment = heard.header("x-paceline-deployment").or(recorded);
    let (provider, model) = stage.answered_by(deployment, &case);
    let disturbed = stage.references.of(&case, case.wrong, provider.address(), &model).await;
    let undisturbed = stage.references.of(&case, Wrong::Nothing, provider.address(), &model).await;
    let asked = Case { shape: case.upstream_shape(), ..case };
    let upstream = stage.references.of(&asked, case.wrong, provider.address(), &model).await;
    let evidence = Evidence {
        case: &case,
        heard: &heard,
        over_ns,
        length: upstream.sent.len(),
        account: &account,
        disturbed: &disturbed,
        undisturbed: &undisturbed,
    };
    let judged = judge(&evidence);
    let mut breaches = judged.breaches;
    if case.traffic == Traffic::Cache {
        breaches.extend(twice(stage, &case, tag, judged.found, (&disturbed, &undisturbed)).await);
    }
    Played { case, found: judged.found, breaches, stop_ns: judged.stop_ns }
}

/// Makes the same request again, of a provider that is well.
async fn twice(
    stage: &Stage,
    case: &Case,
    tag: &str,
    first: Found,
    (disturbed, undisturbed): (&Reference, &Reference),
) -> Vec<Breach> {
    let well = Case { wrong: Wrong::Nothing, ..*case };
    let again = format!("{tag}-again");
    let names = Names { tag: &again, unique: tag, seed: request::seed(case) };
    let bytes = request::bytes(&well, &names, &Stage::key(), &Stage::first_model(case));
    // The first answer may still be on its way into the cache: a caller's end is not everybody's.
    let heard = call(stage.gateway.address(), &bytes, Leave::Stays, false).await;
    stage.played(&again, *case, stage.log().clock.unix_ns(heard.ended));
    let account = stage.account(&again).await;
    repeat::judge(&Repeated { case, first, heard: &heard, account: &account, disturbed, undisturbed })
}

fn leave(caller: Caller) -> (Leave, bool) {
    match caller {
        Caller::Stays => (Leave::Stays, false),
        Caller::LeavesAt(byte) => (Leave::AtByte(byte as usize), false),
        Caller::ResetsAt(byte) => (Leave::AtByte(byte as usize), true),
        Caller::LeavesAfter(ms) => (Leave::After(Duration::from_millis(ms.into())), false),
        Caller::ResetsAfter(ms) => (Leave::After(Duration::from_millis(ms.into())), true),
    }
}

/// Shuffled: neighbours in the matrix are alike, and side by side they should not be. Those that wait for a deadline
/// begin early, so that not all else waits for them in the end.
#[must_use]
pub fn shuffled(mut cases: Vec<Case>, seed: u64) -> Vec<Case> {
    let waits = |case: &Case| matches!(case.wrong, Wrong::LateHead | Wrong::LongStall(_));
    cases.sort_by_cached_key(|case| mix(case.number() ^ seed) >> (2 * u32::from(waits(case))));
    cases
}
