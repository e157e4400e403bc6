//! Rolling, the disk bound, the table's bound, and many threads beside a reader.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use paceline_types::{Outcome, UsageRecord};

use crate::fold::fold;
use crate::testing::{SMALL, all, begun, ended, number, open};
use crate::{Journal, JournalError, Options, segments};

#[test]
fn segments_roll_and_are_complete_only_when_every_slot_is_committed() {
    let home = tempfile::tempdir().unwrap();
    let (journal, _) = open(home.path());
    let (segment, slow) = journal.shared.reserve().unwrap();
    (1..=16).for_each(|which| assert!(journal.finish(None, &ended(which))));
    let first = &segments(home.path()).unwrap()[0].path;
    let folded = fold(first, 0, u32::MAX).unwrap();
    assert!(folded.sealed && !folded.complete && folded.next_slot == 0);
    segment.commit(slow, &ended(99));
    let folded = fold(first, 0, u32::MAX).unwrap();
    assert!(folded.complete && folded.records.len() == 16);
    assert_eq!(all(home.path()).len(), 17);
}

#[test]
fn a_fold_goes_on_where_the_last_one_stopped() {
    let home = tempfile::tempdir().unwrap();
    let (journal, _) = open(home.path());
    (1..=10).for_each(|which| assert!(journal.finish(None, &ended(which))));
    let path = &segments(home.path()).unwrap()[0].path;
    let (mut slot, mut sizes) = (0, Vec::new());
    loop {
        let folded = fold(path, slot, 4).unwrap();
        if folded.next_slot == slot {
            break;
        }
        slot = folded.next_slot;
        sizes.push(folded.records.len());
    }
    assert_eq!(sizes, [4, 4, 2]);
    assert!(journal.finish(None, &ended(11)));
    assert_eq!(number(&fold(path, slot, 4).unwrap().records[0]), 11);
}

#[test]
fn the_disk_bound_drops_and_counts_and_keeps_room_for_those_in_flight() {
    let home = tempfile::tempdir().unwrap();
    let bounds = Options { bytes_max: 2 * 17 * 512, in_flight_max: 4, ..SMALL };
    let (journal, _) = Journal::open(home.path(), bounds).unwrap();
    journal.shared.prepare();
    (1..=27).for_each(|which| assert!(journal.finish(None, &ended(which))));
    journal.shared.prepare();
    assert!(!journal.is_full());
    assert!(journal.finish(None, &ended(28)));
    assert!(journal.is_full() && journal.status().full);
    let mut refused = ended(50);
    refused.outcome = Outcome::Refused;
    assert!(!journal.finish(None, &refused), "what is left is for those that were served");
    (29..=32).for_each(|which| assert!(journal.finish(None, &ended(which))));
    assert!(!journal.finish(None, &ended(33)));
    assert_eq!((journal.status().appended, journal.status().dropped), (32, 2));
    assert!(journal.status().bytes <= journal.status().bytes_max);

    std::fs::remove_file(&segments(home.path()).unwrap()[0].path).unwrap();
    journal.shared.prepare();
    assert!(!journal.is_full());
    assert!(journal.finish(None, &ended(34)));
}

#[test]
fn lost_requests_wait_in_the_table_until_there_is_room() {
    let home = tempfile::tempdir().unwrap();
    let bounds = Options { bytes_max: 17 * 512, ..SMALL };
    let (journal, _) = Journal::open(home.path(), bounds).unwrap();
    let _ = journal.begin(&begun(1));
    assert!(journal.finish(None, &ended(2)));
    drop(journal);
    for _ in 0..2 {
        let (journal, recovered) = Journal::open(home.path(), bounds).unwrap();
        assert_eq!((recovered.lost.len(), journal.status().pending, journal.status().full), (1, 1, true));
        assert_eq!(journal.status().segments, 1, "starting again and again takes no more room");
    }
    let (journal, _) = Journal::open(home.path(), bounds).unwrap();
    std::fs::remove_file(&segments(home.path()).unwrap()[0].path).unwrap();
    journal.shared.prepare();
    assert_eq!(journal.status().pending, 0);
    assert_eq!(all(home.path()), [(1, Outcome::Lost)]);
}

#[test]
fn a_full_table_is_counted_and_its_requests_are_recorded_all_the_same() {
    let home = tempfile::tempdir().unwrap();
    let (journal, _) = open(home.path());
    let slots: Vec<_> = (1..=9).map(|which| journal.begin(&begun(which))).collect();
    assert!(slots[7].is_some() && slots[8].is_none());
    assert_eq!((journal.status().in_flight, journal.status().unlisted), (8, 1));
    for (slot, which) in slots.into_iter().zip(1..) {
        assert!(journal.finish(slot, &ended(which)));
    }
    assert_eq!(journal.status().in_flight, 0);
    assert_eq!(all(home.path()).len(), 9);
}

#[test]
fn the_table_takes_its_new_size_and_one_gateway_has_a_directory() {
    let home = tempfile::tempdir().unwrap();
    drop(open(home.path()));
    let larger = Options { in_flight_max: 20, ..SMALL };
    let (journal, _) = Journal::open(home.path(), larger).unwrap();
    let slots: Vec<_> = (0..20).filter_map(|which| journal.begin(&begun(which))).collect();
    assert_eq!(slots.len(), 20);
    assert!(matches!(Journal::open(home.path(), larger), Err(JournalError::Locked { .. })));
}

#[test]
fn a_foreign_file_is_refused_by_name() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("segment-0000000000000001.jnl"), [7; 2048]).unwrap();
    let error = Journal::open(home.path(), SMALL).err().unwrap().to_string();
    assert!(error.contains("segment-0000000000000001.jnl") && error.contains("PACEJNL1"), "{error}");
}

#[test]
fn many_threads_append_while_a_reader_folds_and_deletes() {
    const THREADS: u64 = 4;
    const EACH: u64 = 2000;
    let home = tempfile::tempdir().unwrap();
    let options = Options { bytes_max: u64::MAX, sync: Duration::from_millis(1), ..SMALL };
    let (journal, _) = Journal::open(home.path(), options).unwrap();
    let done = AtomicBool::new(false);
    let mut seen: HashMap<u64, u32> = HashMap::new();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let journal = &journal;
                scope.spawn(move || {
                    for which in thread * EACH..(thread + 1) * EACH {
                        let slot = journal.begin(&begun(which));
                        assert!(journal.finish(slot, &ended(which)));
                    }
                })
            })
            .collect();
        let reader = scope.spawn(|| {
            let (mut at, mut records) = (HashMap::new(), Vec::new());
            loop {
                let last = done.load(Ordering::Acquire);
                read_on(home.path(), &mut at, &mut records);
                if last {
                    return records;
                }
            }
        });
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        done.store(true, Ordering::Release);
        for record in reader.join().unwrap() {
            assert_eq!(record, ended(number(&record)));
            *seen.entry(number(&record)).or_default() += 1;
        }
    });
    assert_eq!(seen.len() as u64, THREADS * EACH);
    assert!(seen.values().all(|&times| times == 1));
    assert_eq!((journal.status().faults, journal.status().dropped), (0, 0));
}

/// Folds whatever is settled, in small pieces, until nothing more comes.
fn read_on(home: &std::path::Path, at: &mut HashMap<u64, u32>, records: &mut Vec<UsageRecord>) {
    for file in segments(home).unwrap() {
        let slot = at.entry(file.sequence).or_default();
        loop {
            let folded = fold(&file.path, *slot, 7).unwrap();
            let progress = folded.next_slot > *slot;
            *slot = folded.next_slot;
            records.extend(folded.records);
            if folded.complete {
                std::fs::remove_file(&file.path).unwrap();
            }
            if folded.complete || !progress {
                break;
            }
        }
    }
}
