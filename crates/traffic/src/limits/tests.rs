//! The counters of limits: exactness, refusals, settlement, restarts.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use paceline_plan::document::{Document, Rates};
use paceline_plan::{Plan, sample};
use paceline_types::Code;
use proptest::prelude::*;

use super::spent::TailSpent;
use super::*;

const NOON: u64 = 1_795_435_200; // 2026-11-23 12:00:00
const NOW: Now = Now { mono_ns: 0, unix_s: NOON };
const ASK: Ask = Ask { key: 1, service: 1, use_case: 0, now: NOW, tokens: 100, cost_nanousd: Some(1_000_000) };

fn bound(limits: &Limits, change: impl Fn(&mut Document)) -> Bound {
    let mut document = sample::document("http://127.0.0.1:1/v1");
    change(&mut document);
    limits.bind(&Plan::read(&sample::bytes(&document)).unwrap(), NOW)
}

fn refused(bound: &Bound, ask: &Ask) -> (Code, String, Option<u32>) {
    let failure = bound.reserve(ask).unwrap_err();
    (failure.code, failure.detail, failure.retry_after_s)
}

#[test]
fn a_plan_without_limits_counts_nobody() {
    assert!(bound(&Limits::default(), |_| {}).is_empty());
    let only_queue = bound(&Limits::default(), |plan| plan.deployments[0].rates.requests_in_flight = Some(1));
    assert!(only_queue.is_empty(), "requests in flight of a deployment are its queue's");
}

#[test]
fn a_refusal_says_which_limit_whose_how_much_and_when() {
    let limits = Limits::default();
    let per_minute = bound(&limits, |plan| plan.services[1].rates.requests_per_minute = Some(2));
    let held: Vec<_> = (0..2).map(|_| per_minute.reserve(&ASK).unwrap()).collect();
    let words = "Service helpdesk (owner support) has used its 2 requests a minute; there is room for one more in 30 s";
    assert_eq!(refused(&per_minute, &ASK), (Code::RequestsPerMinute, words.into(), Some(30)));
    drop(held);
    assert_eq!(refused(&per_minute, &ASK).0, Code::RequestsPerMinute, "what was sent stays counted");

    let in_flight = bound(&Limits::default(), |plan| plan.teams[0].rates.requests_in_flight = Some(1));
    let held = in_flight.reserve(&ASK).unwrap();
    let words = "Team support has 1 requests in flight, which is its limit";
    assert_eq!(refused(&in_flight, &ASK), (Code::RequestsInFlight, words.into(), Some(1)));
    drop(held);
    assert!(in_flight.reserve(&ASK).is_ok());

    let money = bound(&Limits::default(), |plan| plan.keys[1].rates.usd_per_day = Some(0.0015));
    let mut held = money.reserve(&ASK).unwrap();
    let words = "Key k_helpdesk (owner support) may spend $0.001500 a day: $0.00 is spent, $0.001000 is reserved by \
                 requests under way, and this one may cost $0.001000; the day ends in 12 h";
    assert_eq!(refused(&money, &ASK), (Code::UsdPerDay, words.into(), Some(1)));
    held.settle(NOW, 10, Some(200_000), 0);
    let mut second = money.reserve(&ASK).unwrap();
    second.settle(NOW, 10, Some(1_300_000), 0);
    let unpriced = Ask { cost_nanousd: None, ..ASK };
    assert_eq!(refused(&money, &unpriced).2, Some(43_200), "spent to the limit, nothing more passes");
}

#[test]
fn what_one_limit_refuses_takes_nothing_of_the_others() {
    let limits = Limits::default();
    let bound = bound(&limits, |plan| {
        plan.keys[1].rates = Rates { requests_per_minute: Some(10), tokens_per_minute: Some(1000), ..Rates::default() };
        plan.services[1].rates.requests_in_flight = Some(5);
        plan.use_cases[0].rates.usd_per_month = Some(0.0005);
    });
    assert_eq!(refused(&bound, &ASK).0, Code::UsdPerMonth);
    assert!(bound.status(NOW).iter().all(|limit| limit.used == 0.0), "{:?}", bound.status(NOW));
}

#[test]
fn tokens_are_settled_with_the_truth_and_more_than_expected_is_owed() {
    let limits = Limits::default();
    let bound = bound(&limits, |plan| plan.services[1].rates.tokens_per_minute = Some(600));
    let used = || bound.status(NOW)[0].used;
    let mut held = bound.reserve(&ASK).unwrap();
    assert!((used() - 100.0).abs() < 1.0);
    held.settle(NOW, 30, None, 0);
    assert!((used() - 30.0).abs() < 1.0);
    bound.reserve(&ASK).unwrap().settle(NOW, 900, None, 0);
    let (code, _, wait) = refused(&bound, &ASK);
    assert_eq!((code, wait), (Code::TokensPerMinute, Some(43)), "930 of 600 are used and 100 asked for");
}

#[test]
fn a_deployment_has_limits_of_its_own_and_gives_them_back() {
    let limits = Limits::default();
    let bound = bound(&limits, |plan| plan.deployments[0].rates.requests_per_minute = Some(1));
    let mut held = bound.reserve(&ASK).unwrap();
    held.add_deployment(&bound, 0, || NOW).unwrap();
    let mut other = bound.reserve(&ASK).unwrap();
    assert_eq!(other.add_deployment(&bound, 0, || NOW).unwrap_err().code, Code::RequestsPerMinute);
    assert!(other.add_deployment(&bound, 1, || NOW).is_ok());
    held.drop_deployment(NOW, false);
    assert!(other.add_deployment(&bound, 0, || NOW).is_ok(), "it was never sent there");
    other.drop_deployment(NOW, true);
    assert!(held.add_deployment(&bound, 0, || NOW).is_err(), "it was sent there, and counts");
}

#[test]
fn an_unknown_price_is_recorded_or_refused() {
    let unpriced = Ask { cost_nanousd: None, ..ASK };
    for (policy, wanted) in [(UnknownPrice::Allow, None), (UnknownPrice::Refuse, Some(Code::PriceUnknown))] {
        let bound = bound(&Limits::default(), |plan| {
            plan.traffic.unknown_price = policy;
            plan.services[1].rates.usd_per_day = Some(1.0);
        });
        let reserved = bound.reserve(&unpriced);
        assert_eq!(reserved.as_ref().err().map(|failure| failure.code), wanted);
        assert!(reserved.is_err() || reserved.is_ok_and(|reserved| reserved.is_unpriced()));
    }
}

#[test]
fn limits_warn_before_they_refuse_and_tell_what_is_left() {
    let bound = bound(&Limits::default(), |plan| plan.services[1].rates.requests_per_minute = Some(10));
    let near: Vec<bool> = (0..10).map(|_| bound.reserve(&ASK).unwrap().is_near()).collect();
    assert_eq!(near, [false, false, false, false, false, false, false, true, true, true]);
    let later = Now { mono_ns: 30_000_000_000, ..NOW };
    let left = bound.reserve(&Ask { now: later, ..ASK }).unwrap().rates_left(later).requests.unwrap();
    assert_eq!((left.limit, left.left, left.reset_ns), (10, 4, 36_000_000_000));
}

#[test]
fn money_begins_anew_with_the_day_and_survives_plans_and_restarts() {
    let limits = Limits::default();
    let change = |plan: &mut Document| plan.services[1].rates.usd_per_day = Some(0.002);
    let first = bound(&limits, change);
    first.reserve(&ASK).unwrap().settle(NOW, 0, Some(1_900_000), 0);
    let second = bound(&limits, change);
    assert_eq!(refused(&second, &ASK).0, Code::UsdPerDay, "another plan is no fresh start");
    let tomorrow = Now { mono_ns: 0, unix_s: NOON + 43_200 };
    assert!(second.reserve(&Ask { now: tomorrow, ..ASK }).is_ok());

    let spent: Spent = serde_json::from_str(
        r#"{"format":1,"day":20780,"month":[2026,11],"positions":[{"gateway":"a","segment":1,"slot":3}],
            "totals":[{"kind":"service","name":"helpdesk","day_nanousd":900000,"month_nanousd":900000}]}"#,
    )
    .unwrap();
    let restarted = Limits::default();
    let tail = TailSpent { subject: Subject::Service, name: "helpdesk", unix_s: NOON - 60, nanousd: 200_000 };
    let yesterday = TailSpent { unix_s: NOON - 86_400, nanousd: 5_000_000, ..tail };
    restarted.start_spent(&spent, [tail, yesterday].into_iter(), NOW);
    let bound = bound(&restarted, change);
    let status = &bound.status(NOW)[0];
    assert!((status.used - 0.0011).abs() < 1e-12, "{status:?}");
}

#[test]
fn a_request_over_midnight_counts_for_the_day_it_began_and_a_limit_that_comes_later_knows_those_under_way() {
    let limits = Limits::default();
    let change = |plan: &mut Document| plan.services[1].rates.usd_per_day = Some(0.002);
    let first = bound(&limits, change);
    let late = Now { mono_ns: 0, unix_s: NOON + 43_199 };
    let mut held = first.reserve(&Ask { now: late, ..ASK }).unwrap();
    let past = Now { mono_ns: 0, unix_s: NOON + 43_201 };
    held.settle(past, 0, Some(900_000), 0);
    assert_eq!(first.status(past)[0].used, 0.0);

    let _under_way = first.reserve(&ASK).unwrap();
    let second = bound(&limits, |plan| plan.services[1].rates.requests_in_flight = Some(1));
    assert_eq!(refused(&second, &ASK).0, Code::RequestsInFlight);
}

#[test]
fn what_other_gateways_spend_counts_once() {
    let limits = Limits::default();
    let bound = bound(&limits, |plan| plan.services[1].rates.usd_per_day = Some(1.0));
    bound.reserve(&ASK).unwrap().settle(NOW, 0, Some(300), 0);
    let told = |positions: &str| -> Spent {
        serde_json::from_str(&format!(
            r#"{{"format":1,"day":20780,"month":[2026,11],"positions":[{positions}],
                "totals":[{{"kind":"service","name":"helpdesk","day_nanousd":1200,"month_nanousd":1200}}]}}"#
        ))
        .unwrap()
    };
    let one = r#"{"gateway":"a","segment":1,"slot":3}"#;
    let two = format!(r#"{one},{{"gateway":"b","segment":1,"slot":9}}"#);
    // 100 of our 300 stand in the journal behind the ledger's position, so 200 of its 1200 are ours.
    for _ in 0..3 {
        limits.follow_spent(&told(&two), |_, _| [100, 100], NOW);
        assert!((bound.status(NOW)[0].used - 1300e-9).abs() < 1e-15, "{:?}", bound.status(NOW));
    }
    let alone = Limits::default();
    alone.follow_spent(&told(one), |_, _| [0, 0], NOW);
    assert!(alone.counters.lock().is_empty(), "alone, our own count is the truth");
}

#[test]
fn a_thousand_callers_never_exceed_what_they_may() {
    const LIMIT: u32 = 17;
    let limits = Limits::default();
    let bound = Arc::new(bound(&limits, |plan| {
        plan.services[1].rates.requests_in_flight = Some(LIMIT);
        plan.keys[1].rates.usd_per_day = Some(0.1);
    }));
    let (at_once, most, admitted) = (AtomicU32::new(0), AtomicU32::new(0), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for thread in 0..50_u32 {
            let (bound, at_once, most, admitted) = (&bound, &at_once, &most, &admitted);
            scope.spawn(move || {
                for turn in 0..200_u32 {
                    let Ok(mut reserved) = bound.reserve(&ASK) else { continue };
                    most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    admitted.fetch_add(1, Ordering::SeqCst);
                    std::thread::yield_now();
                    at_once.fetch_sub(1, Ordering::SeqCst);
                    if (thread + turn) % 3 > 0 {
                        reserved.settle(NOW, 5, Some(700_000), 0);
                    }
                }
            });
        }
    });
    let (most, admitted) = (most.into_inner(), admitted.into_inner());
    assert!(most <= LIMIT && most > 1, "{most}");
    assert!(admitted > 100, "{admitted}");
    let used = |name| bound.status(NOW).into_iter().find(|limit| limit.limit == name).unwrap().used;
    assert!(used("usd_per_day") <= 0.1, "never more than the limit: {}", used("usd_per_day"));
    assert_eq!(used("requests_in_flight"), 0.0);
}

proptest! {
    #[test]
    fn whatever_the_order_nothing_stays_reserved(steps in proptest::collection::vec((any::<bool>(), 0_usize..8, 0_i64..3_000_000), 1..60)) {
        let limits = Limits::default();
        let bound = bound(&limits, |plan| {
            plan.services[1].rates = Rates { requests_in_flight: Some(4), usd_per_day: Some(0.01), ..Rates::default() };
        });
        let (mut held, mut spent) = (Vec::new(), 0);
        for (enter, which, cost) in steps {
            if enter {
                held.extend(bound.reserve(&ASK).ok());
            } else if !held.is_empty() {
                let mut reserved: Reserved = held.swap_remove(which % held.len());
                // Never more than was reserved, as with a known price and a cap.
                let cost = cost.min(1_000_000);
                reserved.settle(NOW, 1, Some(cost), 0);
                spent += cost;
            }
            #[allow(clippy::cast_precision_loss)]
            let most = spent as f64 / 1e9 + held.len() as f64 * 0.001;
            let used = bound.status(NOW)[1].used;
            prop_assert!((used - most).abs() < 1e-9 && used <= 0.01 + 1e-9);
        }
        drop(held);
        prop_assert_eq!(bound.status(NOW)[0].used, 0.0);
    }
}
