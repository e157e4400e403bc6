//! The same request once more, when the cache is on: an answer that was kept is the one that was given and costs
//! nothing, what must not be kept was not, and without one the provider is asked again.

use paceline_testkit::{End, Heard};
use paceline_types::{CacheUse, Outcome};

use crate::case::Case;
use crate::expect::Ending;
use crate::judge::{Breach, Found};
use crate::reference::Reference;
use crate::witness::Account;
use crate::wrong::Wrong;

/// What the second request showed, after a first that ended so.
pub(crate) struct Repeated<'a> {
    pub(crate) case: &'a Case,
    pub(crate) first: Found,
    pub(crate) heard: &'a Heard,
    pub(crate) account: &'a Account,
    pub(crate) disturbed: &'a Reference,
    pub(crate) undisturbed: &'a Reference,
}

/// What does not hold.
pub(crate) fn judge(repeated: &Repeated<'_>) -> Vec<Breach> {
    let what = |what: String| Breach { what: format!("asked again: {what}"), timing: false };
    let Repeated { case, first, heard, account, disturbed, undisturbed } = repeated;
    let [record] = &account.records[..] else {
        return vec![what(format!("{} usage records instead of one", account.records.len()))];
    };
    let mut breaches = Vec::new();
    let kept = record.cache == CacheUse::Hit;
    let exact = |reference: &Reference| reference.status == 200 && reference.due == heard.body;
    if heard.end != End::Whole || heard.status != 200 || record.outcome != Outcome::Ok {
        breaches.push(what(format!(
            "{:?} with status {}, recorded as {}",
            heard.end,
            heard.status,
            record.outcome.name()
        )));
    } else if !(exact(undisturbed) || (kept && may_be_kept(case.wrong) && exact(disturbed))) {
        breaches.push(what(format!("not the exact answer ({} bytes, kept: {kept})", heard.body.len())));
    }
    if kept && (!account.truths.is_empty() || record.cost_nanousd != 0 || record.attempts != 0) {
        breaches.push(what(format!("a hit that cost {} and {} attempts", record.cost_nanousd, record.attempts)));
    }
    if !kept && account.truths.len() != usize::from(record.attempts) {
        breaches.push(what(format!("a miss, sent {} times, seen {}", record.attempts, account.truths.len())));
    }
    if kept != (heard.header("x-paceline-cache") == Some("hit")) {
        breaches.push(what(format!("the answer says {:?}", heard.header("x-paceline-cache"))));
    }
    if !kept && *first == Found::As(Ending::Exact) && must_be_kept(case.wrong) {
        breaches.push(what("an answer that should have been kept was not".into()));
    }
    breaches
}

/// A whole answer without an error in it.
const fn may_be_kept(wrong: Wrong) -> bool {
    matches!(
        wrong.content(),
        Wrong::Nothing | Wrong::Gzip | Wrong::NoUsage | Wrong::UsageEveryChunk | Wrong::UsageDoubled
    )
}

const fn must_be_kept(wrong: Wrong) -> bool {
    matches!(wrong, Wrong::Nothing | Wrong::Trickle | Wrong::Stall(_) | Wrong::SlowHead | Wrong::UsageDoubled)
}
