//! Runs the table of `scenarios/limits.md`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::VecDeque;

use paceline_plan::document::{Document, Rates, UnknownPrice};
use paceline_plan::{Plan, sample};
use paceline_traffic::{Ask, Bound, Limits, Now, Reserved};
use paceline_types::Failure;

const LIMITS_MD: &str = include_str!("../scenarios/limits.md");
const NOON: u64 = 1_795_435_200; // 2026-11-23 12:00:00
const DAY: u64 = 86_400;
const CENT: i64 = 10_000_000;

/// Writes `service rpm=2 day=100` into the plan; `refuse` is for prices that are unknown.
fn limit(document: &mut Document, cell: &str) {
    let (whose, limits) = cell.split_once(' ').unwrap_or((cell, ""));
    let rates = match whose {
        "refuse" => return document.traffic.unknown_price = UnknownPrice::Refuse,
        "key" => &mut document.keys[1].rates,
        "service" => &mut document.services[1].rates,
        "use_case" => &mut document.use_cases[0].rates,
        "team" => &mut document.teams[0].rates,
        "deployment" => &mut document.deployments[0].rates,
        other => panic!("nobody's limits: {other}"),
    };
    for (name, value) in limits.split(' ').map(|limit| limit.split_once('=').unwrap()) {
        let usd = || value.parse::<f64>().ok().map(|cents| cents / 100.0);
        match name {
            "rpm" => rates.requests_per_minute = value.parse().ok(),
            "tpm" => rates.tokens_per_minute = value.parse().ok(),
            "flight" => rates.requests_in_flight = value.parse().ok(),
            "day" => rates.usd_per_day = usd(),
            "month" => rates.usd_per_month = usd(),
            other => panic!("no limit: {other}"),
        }
    }
    assert_ne!(*rates, Rates::default());
}

/// The requests of one row.
struct Story {
    bound: Bound,
    now: Now,
    under_way: VecDeque<Reserved>,
    told: String,
}

impl Story {
    fn happens(&mut self, event: &str) {
        let words: Vec<&str> = event.split(' ').collect();
        let number = |at: usize| words[at].parse::<u64>().expect("a number");
        let cents = |at: usize| words[at].parse().ok().map(|cents: i64| cents * CENT);
        match words[0] {
            "ask" => {
                let (tokens, cost_nanousd) = (number(1), cents(2));
                let ask = Ask { key: 1, service: 1, use_case: 0, now: self.now, tokens, cost_nanousd };
                match self.bound.reserve(&ask) {
                    Ok(reserved) => {
                        self.told = yes(&reserved);
                        self.under_way.push_back(reserved);
                    }
                    Err(failure) => self.told = no(&failure),
                }
            }
            "send" => {
                let now = self.now;
                let reserved = self.under_way.back_mut().expect("a request under way");
                self.told = match reserved.add_deployment(&self.bound, 0, || now) {
                    Ok(()) => yes(reserved),
                    Err(failure) => no(&failure),
                };
            }
            "end" => {
                let mut reserved = self.under_way.pop_front().expect("a request under way");
                reserved.settle(self.now, number(1), cents(2), 0);
            }
            "lost" => drop(self.under_way.pop_front().expect("a request under way")),
            "wait" => self.now.mono_ns += number(1) * 1_000_000,
            "midnight" => self.now.unix_s = (self.now.unix_s / DAY + 1) * DAY,
            "first" => self.now.unix_s = NOON - NOON % DAY + 8 * DAY,
            other => panic!("no event: {other}"),
        }
    }

    fn used(&self) -> String {
        let short = |limit: &str| match limit {
            "requests_per_minute" => ("rpm", 1.0),
            "tokens_per_minute" => ("tpm", 1.0),
            "requests_in_flight" => ("flight", 1.0),
            "usd_per_day" => ("day", 100.0),
            _ => ("month", 100.0),
        };
        let one = |status: &paceline_traffic::LimitStatus| {
            let (name, unit) = short(status.limit);
            format!("{name} {:.0}", status.used * unit)
        };
        self.bound.status(self.now).iter().map(one).collect::<Vec<_>>().join(", ")
    }
}

fn yes(reserved: &Reserved) -> String {
    let marks = [(reserved.is_near(), " near"), (reserved.is_unpriced(), " unpriced")];
    let marks: String = marks.iter().filter(|(set, _)| *set).map(|(_, mark)| *mark).collect();
    format!("yes{marks}")
}

/// Code, whose limit, and when to try again.
fn no(failure: &Failure) -> String {
    let whose = failure.detail.split(' ').next().unwrap_or_default().to_lowercase();
    let wait = failure.retry_after_s.map_or("-".into(), |seconds| format!("{seconds} s"));
    format!("{} {whose} {wait}", failure.code.row().code)
}

fn told(limits: &str, events: &str) -> String {
    let mut document = sample::document("http://127.0.0.1:1/v1");
    limits.split(", ").for_each(|cell| limit(&mut document, cell));
    let now = Now { mono_ns: 0, unix_s: NOON };
    let bound = Limits::default().bind(&Plan::read(&sample::bytes(&document)).expect("a sound plan"), now);
    let mut story = Story { bound, now, under_way: VecDeque::new(), told: String::new() };
    events.split(", ").for_each(|event| story.happens(event));
    format!("{}; {}", story.told, story.used())
}

#[test]
fn requests_one_after_another_hold() {
    let rows = LIMITS_MD.lines().filter(|line| line.starts_with("| ")).skip(1);
    let mut count = 0;
    let wrong: Vec<String> = rows
        .filter_map(|line| {
            count += 1;
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            let found = told(cells[0], cells[1]);
            (found != cells[2]).then(|| format!("{} | {} -> wanted {:?}, {found:?}", cells[0], cells[1], cells[2]))
        })
        .collect();
    assert!(wrong.is_empty() && count > 30, "\n{}", wrong.join("\n"));
}
