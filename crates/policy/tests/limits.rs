//! Runs the tables of `scenarios/limits.md`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod table;

use std::collections::VecDeque;

use paceline_plan::{Plan, sample};
use paceline_policy::{Period, Refused, Subject, charge, cost_ns, expected_tokens, left, refund, refusal, take};
use table::{check, section};

const MS: u64 = 1_000_000;
const CENT: i64 = 10_000_000;
const LIMITS_MD: &str = include_str!("../scenarios/limits.md");

fn number(cell: &str) -> u64 {
    cell.parse().expect("a number")
}

/// `take 3, wait 500`: words with their numbers.
fn events(cell: &str) -> impl Iterator<Item = (&str, u64)> {
    cell.split(", ").map(|event| event.split_once(' ').map(|(word, count)| (word, number(count))).unwrap())
}

#[test]
fn a_minute_holds() {
    check(section(LIMITS_MD, "A minute"), |row| {
        let limit = number(&row[0]);
        let (mut arrival, mut now, mut answer) = (0, 0, String::new());
        let mut open: VecDeque<u64> = VecDeque::new();
        for (word, count) in events(&row[1]) {
            let cost = cost_ns(count, limit);
            match word {
                "wait" => now += count * MS,
                "take" => match take(arrival, now, cost) {
                    Ok(next) => {
                        arrival = next;
                        open.push_back(next);
                        answer = "yes".into();
                    }
                    Err(wait) => answer = format!("in {} ms", wait / MS),
                },
                "back" => arrival = refund(arrival, now, cost, open.pop_front().expect("a call that is not settled")),
                "more" => arrival = charge(arrival, now, cost),
                other => panic!("no event: {other}"),
            }
        }
        let rate = left(arrival, now, limit);
        format!("{answer}, {} left, {} ms", rate.left, rate.reset_ns / MS)
    });
}

fn period(name: &str) -> Period {
    [Period::Day, Period::Month].into_iter().find(|period| period.name() == name).expect("a period's name")
}

#[test]
fn a_period_of_money_holds() {
    check(section(LIMITS_MD, "A period of money"), |row| {
        let at = number(row[0].split(' ').next().unwrap());
        period(&row[1]).left_s(at).to_string()
    });
}

#[test]
fn what_a_request_is_expected_to_take_holds() {
    let plan = Plan::read(&sample::bytes(&sample::document("http://127.0.0.1:4199/v1"))).expect("the plan is sound");
    check(section(LIMITS_MD, "What a request is expected to take"), |row| {
        let cap = (row[1] != "-").then(|| row[1].parse().unwrap());
        let bytes = usize::try_from(number(&row[0])).unwrap();
        let tokens = expected_tokens(&plan.deployments[0], bytes, cap);
        format!("{} in, {} out", tokens.input, tokens.output)
    });
}

/// What a cell of the table of words refuses.
fn refused(cell: &str) -> Refused {
    let words: Vec<&str> = cell.split(' ').collect();
    let cents = |at: usize| i64::try_from(number(words[at])).unwrap() * CENT;
    match words[0] {
        "requests" => Refused::Requests { limit: words[1].parse().unwrap(), wait_ns: number(words[3]) * MS },
        "tokens" => {
            Refused::Tokens { limit: number(words[1]), asked: number(words[3]), wait_ns: number(words[5]) * MS }
        }
        "in-flight" => Refused::InFlight { limit: words[1].parse().unwrap() },
        "unpriced" => Refused::Unpriced,
        name => Refused::Money {
            period: period(name),
            limit: cents(1),
            spent: cents(2),
            reserved: cents(3),
            asked: cents(4),
            reset_s: number(words[6]),
        },
    }
}

#[test]
fn words_hold() {
    check(section(LIMITS_MD, "Words"), |row| {
        let (whose, owner) = row[0].split_once(" of ").map_or((&*row[0], None), |(whose, owner)| (whose, Some(owner)));
        let (subject, name) = whose.split_once(' ').unwrap();
        let failure = refusal(Subject::from_name(subject).expect("a subject's name"), name, owner, refused(&row[1]));
        let wait = failure.retry_after_s.map_or("-".into(), |seconds| format!("{seconds} s"));
        format!("{} {wait}: {}", failure.code.row().code, failure.detail)
    });
}
