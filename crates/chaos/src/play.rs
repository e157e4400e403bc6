//! Plays cases: each on connections of its own, many side by side. A breach of a time is looked at again with few others.

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

/// How often a breach of a time must show again when few are played at once.
const AGAIN: usize = 3;
const FEW: usize = 3;

/// What became of one case.
#[derive(Debug)]
pub struct Played {
    pub case: Case,
    pub found: Found,
    pub breaches: Vec<Breach>,
    pub stop_ns: Option<u64>,
}

/// Plays cases of one stage with so many callers; hands each result to `done` as it comes.
pub async fn play(stage: &Arc<Stage>, cases: Vec<Case>, callers: usize, done: impl FnMut(Played) + Send + 'static) {
    let done = Arc::new(Mutex::new(done));
    let late = Arc::new(Mutex::new(Vec::new()));
    let (into, told) = (Arc::clone(&late), Arc::clone(&done));
    side_by_side(stage, cases, callers, "c", move |played| {
        if played.breaches.iter().any(|breach| breach.timing) {
            into.lock().push(played);
        } else {
            (told.lock())(played);
        }
    })
    .await;
    for turn in 1..=AGAIN {
        let (slow, rest): (Vec<Played>, Vec<Played>) = std::mem::take(&mut *late.lock())
            .into_iter()
            .partition(|played| played.breaches.iter().all(|one| one.timing));
        rest.into_iter().for_each(|played| (done.lock())(played));
        let cases = slow.iter().map(|played| played.case).collect();
        let (into, told) = (Arc::clone(&late), Arc::clone(&done));
        side_by_side(stage, cases, FEW, &format!("again{turn}-"), move |played| {
            if turn < AGAIN && played.breaches.iter().any(|breach| breach.timing) {
                into.lock().push(played);
            } else {
                (told.lock())(played);
            }
        })
        .await;
    }
}

/// Plays each case once; a request's tag is the prefix and the case's place.
async fn side_by_side(
    stage: &Arc<Stage>,
    cases: Vec<Case>,
    callers: usize,
    prefix: &str,
    done: impl Fn(Played) + Send + Sync + 'static,
) {
    let queue = Arc::new(Mutex::new(cases.into_iter().enumerate()));
    let done = Arc::new(done);
    let mut running = JoinSet::new();
    for _ in 0..callers.max(1) {
        let (stage, queue, done) = (Arc::clone(stage), Arc::clone(&queue), Arc::clone(&done));
        let prefix = prefix.to_owned();
        running.spawn(async move {
            loop {
                let next = queue.lock().next();
                let Some((number, case)) = next else { return };
                done(once(&stage, case, &format!("{prefix}{number}")).await);
            }
        });
    }
    while let Some(ended) = running.join_next().await {
        ended.expect("a case does not panic");
    }
}

/// Plays one case and judges it.
pub async fn once(stage: &Stage, case: Case, tag: &str) -> Played {
    let first_model = Stage::first_model(&case);
    let names = Names { tag, unique: tag, seed: request::seed(&case) };
    let bytes = request::bytes(&case, &names, &Stage::key(), &first_model);
    let (leave, reset) = leave(case.caller);
    let heard = call(stage.gateway.address(), &bytes, leave, reset).await;
    let over_ns = stage.log().clock.unix_ns(heard.ended);
    stage.played(tag, case);
    let account = stage.account(tag, heard.first.is_some()).await;
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
    stage.played(&again, *case);
    let account = stage.account(&again, true).await;
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
