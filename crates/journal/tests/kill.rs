//! kill -9 of a real process that appends under load, again and again at random moments, with a reader that folds and
//! deletes beside it: every acknowledged request is recorded exactly once, and what is recorded had begun.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use paceline_journal::{Journal, Options, fold::fold, segments};
use paceline_types::{Api, Outcome, RequestId, UsageRecord};

const CHILD: &str = "PACELINE_TEST_JOURNAL";
const FIRST: &str = "PACELINE_TEST_FIRST";
const OPTIONS: Options =
    Options { segment_bytes: 65 * 512, bytes_max: 1 << 28, in_flight_max: 16, sync: Duration::from_millis(5) };

fn record(number: u64, outcome: Outcome) -> UsageRecord {
    let mut record = UsageRecord::begin(RequestId::new(number, 0), number, Api::Chat);
    record.outcome = outcome;
    record
}

/// Not a test: the process that is killed. It says on standard output what it began and what it finished.
#[test]
fn child_under_load() {
    let Some(directory) = std::env::var_os(CHILD) else { return };
    let (journal, _) = Journal::open(&PathBuf::from(directory), OPTIONS).unwrap();
    let next = AtomicU64::new(std::env::var(FIRST).unwrap().parse().unwrap());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    say("begun", number);
                    let slot = journal.begin(&record(number, Outcome::InFlight));
                    assert!(journal.finish(slot, &record(number, Outcome::Ok)));
                    say("ended", number);
                }
            });
        }
    });
}

/// One write per line, so that a kill cuts between lines; `print!` is captured by the test harness.
fn say(word: &str, number: u64) {
    std::io::stdout().write_all(format!("@{word} {number}\n").as_bytes()).unwrap();
}

fn start(directory: &Path, first: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_under_load", "--nocapture", "--test-threads=1"])
        .env(CHILD, directory)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[derive(Default)]
struct Truth {
    begun: BTreeSet<u64>,
    ended: BTreeSet<u64>,
}

impl Truth {
    fn hear(&mut self, line: &str) {
        // The harness prints the name of the test without a line's end before our first line.
        let Some((word, number)) = line.split_once('@').and_then(|(_, said)| said.split_once(' ')) else { return };
        let Ok(number) = number.parse() else { return };
        if word == "begun" {
            self.begun.insert(number)
        } else {
            self.ended.insert(number)
        };
    }
}

#[derive(Default)]
struct Ingest {
    at: BTreeMap<u64, u32>,
    seen: Vec<(u64, Outcome)>,
}

impl Ingest {
    fn run(&mut self, directory: &Path) {
        for file in segments(directory).unwrap() {
            let slot = self.at.entry(file.sequence).or_default();
            let folded = fold(&file.path, *slot, u32::MAX).unwrap();
            *slot = folded.next_slot;
            self.seen.extend(folded.records.iter().map(|record| (record.start_unix_us, record.outcome)));
            if folded.complete {
                std::fs::remove_file(&file.path).unwrap();
            }
        }
    }
}

#[test]
fn no_acknowledged_request_is_lost_or_doubled_by_kill_9() {
    let home = tempfile::tempdir().unwrap();
    let (mut truth, mut ingest) = (Truth::default(), Ingest::default());
    for round in 0..12_u64 {
        let mut child = start(home.path(), round * 1_000_000);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // An odd and varied number of lines: the moment of the kill relative to the threads is up to the scheduler.
        for line in lines.by_ref().take(40 + usize::try_from(round * round * 97 % 1500).unwrap()) {
            truth.hear(&line.unwrap());
        }
        if round % 3 == 1 {
            ingest.run(home.path());
        }
        child.kill().unwrap();
        child.wait().unwrap();
        lines.map_while(Result::ok).for_each(|line| truth.hear(&line));
    }
    let (journal, _) = Journal::open(home.path(), OPTIONS).unwrap();
    journal.close();
    drop(Journal::open(home.path(), OPTIONS).unwrap());
    ingest.run(home.path());

    let mut recorded = BTreeMap::new();
    for (number, outcome) in &ingest.seen {
        assert!(recorded.insert(*number, *outcome).is_none(), "request {number} was recorded twice");
    }
    assert!(truth.ended.len() > 200);
    for number in &truth.ended {
        assert_eq!(recorded.get(number), Some(&Outcome::Ok), "request {number} was acknowledged");
    }
    for (number, outcome) in &recorded {
        assert!(truth.begun.contains(number), "request {number} was never begun");
        assert!(truth.ended.contains(number) || matches!(outcome, Outcome::Ok | Outcome::Lost));
    }
    let unheard = recorded.len() - truth.ended.len();
    assert!(unheard <= 12 * 3, "only what was in flight may be recorded beyond what was acknowledged, not {unheard}");
}
