//! Each state a kill or a power cut can leave, built on disk, then recovered.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::os::unix::fs::FileExt;

use paceline_types::{Outcome, TokenSource, UNDEFINED};
use proptest::prelude::*;

use crate::fold::fold;
use crate::layout::{Position, slot_at};
use crate::testing::{all, begun, ended, number, open};
use crate::{Journal, segments};

/// Leaves a request with a reserved, noted slot, and commits it or not; then "kills" by dropping the journal.
fn leave_noted(journal: &Journal, which: u64, commit: bool) {
    let slot = journal.begin(&begun(which)).unwrap();
    let (segment, at) = journal.shared.reserve().unwrap();
    journal.shared.table.put_note(&slot, Position { segment: segment.sequence, slot: at });
    if commit {
        segment.commit(at, &ended(which));
    }
}

#[test]
fn begun_and_nothing_more_is_lost_and_estimated() {
    let home = tempfile::tempdir().unwrap();
    let (journal, _) = open(home.path());
    let _ = journal.begin(&begun(1));
    drop(journal);
    let (journal, recovered) = open(home.path());
    let lost = &recovered.lost[0];
    assert_eq!((lost.outcome, lost.tokens.input, lost.token_source), (Outcome::Lost, 100, TokenSource::Estimated));
    assert_eq!((lost.end_us, lost.total_us, lost.cost_nanousd), (UNDEFINED, UNDEFINED, -1));
    assert_eq!(all(home.path()), [(1, Outcome::Lost)]);
    assert_eq!(journal.status().in_flight, 0);
}

#[test]
fn noted_but_not_committed_is_lost_and_its_hole_is_passed() {
    let home = tempfile::tempdir().unwrap();
    let (journal, _) = open(home.path());
    leave_noted(&journal, 1, false);
    assert!(journal.finish(None, &ended(2)));
    assert_eq!(all(home.path()), [], "a reader stops at the hole while its writer may still come");
    drop(journal);
    let (_journal, recovered) = open(home.path());
    assert_eq!((recovered.lost.len(), recovered.holes), (1, 1));
    assert_eq!(all(home.path()), [(2, Outcome::Ok), (1, Outcome::Lost)]);
}

#[test]
fn committed_but_not_cleared_is_answered_once() {
    let home = tempfile::tempdir().unwrap();
    let (journal, _) = open(home.path());
    leave_noted(&journal, 1, true);
    drop(journal);
    let (journal, recovered) = open(home.path());
    assert!(recovered.lost.is_empty());
    assert_eq!(journal.status().in_flight, 0);
    assert_eq!(all(home.path()), [(1, Outcome::Ok)]);
}

#[test]
fn a_noted_segment_that_was_folded_and_deleted_means_answered() {
    let home = tempfile::tempdir().unwrap();
    let (journal, _) = open(home.path());
    leave_noted(&journal, 1, true);
    (2..20).for_each(|which| assert!(journal.finish(None, &ended(which))));
    drop(journal);
    let first = &segments(home.path()).unwrap()[0].path;
    assert!(fold(first, 0, u32::MAX).unwrap().complete);
    std::fs::remove_file(first).unwrap();
    assert!(open(home.path()).1.lost.is_empty());
}

#[test]
fn a_lost_request_survives_its_noted_segment_being_removed_as_empty() {
    let home = tempfile::tempdir().unwrap();
    let (journal, _) = open(home.path());
    leave_noted(&journal, 1, false);
    drop(journal);
    let table = super::InFlight::open(&home.path().join("in-flight.map"), 8).unwrap();
    // Recovery is killed after it removed the empty segment and before it recorded the lost request.
    assert_eq!(super::settle(home.path(), &table).unwrap().unanswered.len(), 1);
    assert!(segments(home.path()).unwrap().is_empty());
    drop(table);
    assert_eq!(open(home.path()).1.lost.len(), 1);
    assert_eq!(all(home.path()), [(1, Outcome::Lost)]);
}

#[test]
fn a_table_older_than_the_segments_does_not_double_a_request() {
    let home = tempfile::tempdir().unwrap();
    let (journal, _) = open(home.path());
    let _ = journal.begin(&begun(1));
    assert!(journal.finish(None, &ended(1)));
    drop(journal);
    assert!(open(home.path()).1.lost.is_empty());
    assert_eq!(all(home.path()), [(1, Outcome::Ok)]);
}

#[test]
fn torn_bytes_are_counted_and_passed() {
    let home = tempfile::tempdir().unwrap();
    let (journal, _) = open(home.path());
    let _ = journal.begin(&begun(9));
    (1..4).for_each(|which| assert!(journal.finish(None, &ended(which))));
    drop(journal);
    let tear = |path: &std::path::Path, at: u64| {
        std::fs::OpenOptions::new().write(true).open(path).unwrap().write_all_at(&[0xee; 9], at).unwrap();
    };
    tear(&segments(home.path()).unwrap()[0].path, slot_at(1) as u64 + 40);
    tear(&home.path().join("in-flight.map"), 512 + 64 + 40);
    let (_journal, recovered) = open(home.path());
    assert_eq!((recovered.damaged, recovered.lost.len()), (2, 0));
    assert_eq!(all(home.path()), [(1, Outcome::Ok), (3, Outcome::Ok)]);
}

#[test]
fn sequences_never_go_back() {
    let home = tempfile::tempdir().unwrap();
    let (journal, _) = open(home.path());
    (1..40).for_each(|which| assert!(journal.finish(None, &ended(which))));
    let (gateway, last) = (journal.gateway(), segments(home.path()).unwrap().last().unwrap().sequence);
    drop(journal);
    for file in segments(home.path()).unwrap() {
        std::fs::remove_file(file.path).unwrap();
    }
    let (journal, _) = open(home.path());
    assert_eq!(journal.gateway(), gateway);
    assert!(segments(home.path()).unwrap()[0].sequence > last);
}

#[derive(Clone, Debug)]
enum Act {
    Begin,
    Finish,
    Unlisted,
    /// Reserve and note, commit or not, then kill.
    KillWhileWriting(bool),
    Kill,
    Ingest,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => Just(Act::Begin), 6 => Just(Act::Finish), 3 => Just(Act::Unlisted),
        1 => any::<bool>().prop_map(Act::KillWhileWriting), 1 => Just(Act::Kill), 2 => Just(Act::Ingest),
    ];
    proptest::collection::vec(act, 1..120)
}

/// Folds everything from where it stopped and deletes what is complete, as the control process does.
fn ingest(home: &std::path::Path, at: &mut BTreeMap<u64, u32>, seen: &mut Vec<(u64, Outcome)>) {
    for file in segments(home).unwrap() {
        let position = at.entry(file.sequence).or_default();
        let folded = fold(&file.path, *position, u32::MAX).unwrap();
        seen.extend(folded.records.iter().map(|record| (number(record), record.outcome)));
        *position = folded.next_slot;
        if folded.complete {
            std::fs::remove_file(&file.path).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_happens_every_request_is_seen_once(acts in acts()) {
        let home = tempfile::tempdir().unwrap();
        let mut journal = open(home.path()).0;
        let (mut expected, mut seen, mut at) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
        let mut open_requests = Vec::new();
        for (which, act) in (1_u64..).zip(acts) {
            match act {
                Act::Begin => if let Some(slot) = journal.begin(&begun(which)) {
                    expected.insert(which, Outcome::Lost);
                    open_requests.push((which, slot));
                },
                Act::Finish => if let Some((which, slot)) = open_requests.pop() {
                    prop_assert!(journal.finish(Some(slot), &ended(which)));
                    expected.insert(which, Outcome::Ok);
                },
                Act::Unlisted => {
                    prop_assert!(journal.finish(None, &ended(which)));
                    expected.insert(which, Outcome::Ok);
                }
                Act::Ingest => ingest(home.path(), &mut at, &mut seen),
                Act::Kill | Act::KillWhileWriting(_) => {
                    if let (Act::KillWhileWriting(commit), true) = (&act, open_requests.len() < 8) {
                        leave_noted(&journal, which, *commit);
                        expected.insert(which, if *commit { Outcome::Ok } else { Outcome::Lost });
                    }
                    open_requests.clear();
                    drop(journal);
                    journal = open(home.path()).0;
                }
            }
        }
        drop(journal);
        let _ = open(home.path());
        ingest(home.path(), &mut at, &mut seen);
        // What is left unsealed was committed whole, so nothing is missing and nothing came twice.
        seen.sort_unstable_by_key(|one| one.0);
        prop_assert_eq!(seen, expected.into_iter().collect::<Vec<_>>());
    }
}
