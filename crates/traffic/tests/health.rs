//! The health of deployments under a plan: who is asked in what order, who rests, who tries, and that state outlives plans.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use paceline_plan::document::{Deployment, Document, Hedge, Provider};
use paceline_plan::{Plan, sample};
use paceline_policy::{Need, Verdict};
use paceline_traffic::{Admission, DeploymentState, Fleet, Order, Probe, Rest, Stands, order};
use proptest::prelude::*;

const MS: u64 = 1_000_000;
const S: u64 = 1000 * MS;
const GOOD: Verdict = Verdict::Good { first_token_ns: None };

/// The sample plan's three deployments and one more of a mirror; tests use them as peers of one model.
fn plan(change: impl FnOnce(&mut Document)) -> Plan {
    let mut document = sample::document("http://127.0.0.1:4199/v1");
    document.providers.push(Provider { name: "mirror".into(), ..document.providers[0].clone() });
    let large = document.deployments[2].clone();
    document.deployments.push(Deployment { name: "mirror/gpt-5.4".into(), provider: "mirror".into(), ..large });
    change(&mut document);
    Plan::read(&sample::bytes(&document)).expect("the changed plan is sound")
}

/// A plan in force.
struct Scene {
    plan: Plan,
    states: Vec<Arc<DeploymentState>>,
}

impl Scene {
    fn new() -> Self {
        let plan = plan(|_| {});
        let states = Fleet::new().bind(&plan);
        Self { plan, states }
    }

    fn ended(&self, deployment: usize, now_ns: u64, verdict: Verdict, times: u32) {
        for _ in 0..times {
            self.states[deployment].health.ended(now_ns, &self.plan.traffic, verdict, None);
        }
    }

    fn admit(&self, deployment: usize, now_ns: u64, need: Need) -> Admission {
        self.states[deployment].health.admit(now_ns, &self.plan.traffic.breaker, need)
    }

    fn probe(&self, deployment: usize, now_ns: u64, need: Need) -> Probe {
        match self.admit(deployment, now_ns, need) {
            Admission::Probe(probe) => probe,
            other => panic!("{other:?}"),
        }
    }

    fn tried(&self, deployment: usize, now_ns: u64, verdict: Verdict, probe: Probe) {
        self.states[deployment].health.ended(now_ns, &self.plan.traffic, verdict, Some(probe));
    }

    fn order(&self, candidates: &[usize], now_ns: u64) -> Order {
        order(&self.plan, &self.states, candidates.to_vec(), now_ns)
    }

    fn stands(&self, deployment: usize, now_ns: u64) -> Stands {
        self.states[deployment].health.stands(now_ns, &self.plan.traffic)
    }
}

fn rests(order: &Order) -> Vec<(usize, Rest)> {
    order.passed_over.iter().map(|each| (each.deployment, each.rest)).collect()
}

#[test]
fn while_all_are_well_the_plans_order_holds() {
    let scene = Scene::new();
    let order = scene.order(&[2, 0, 3], 0);
    assert_eq!((order.candidates, order.passed_over, order.need), (vec![2, 0, 3], vec![], Need::Usual));
    assert!(matches!(scene.admit(2, 0, Need::Usual), Admission::Yes));
}

#[test]
fn one_that_fails_is_passed_over_then_tried_then_back() {
    let scene = Scene::new();
    scene.ended(0, S, Verdict::Failed, 10);
    let order = scene.order(&[0, 2], S);
    assert_eq!((&order.candidates[..], rests(&order), order.need), (&[2][..], vec![(0, Rest::Dead)], Need::Usual));
    assert!(matches!(scene.admit(0, S, Need::Usual), Admission::No { until_ns } if until_ns == 6 * S));
    // Its rest is over: the next request tries it, in its place of the plan's order.
    assert_eq!(scene.stands(0, 6 * S), Stands::Tried { dead: true });
    assert_eq!(scene.order(&[0, 2], 6 * S).candidates, [0, 2]);
    assert_eq!(scene.states[0].health.status(6 * S, &scene.plan.traffic).opened, 1);
    let (first, second) = (scene.probe(0, 6 * S, Need::Usual), scene.probe(0, 6 * S, Need::Usual));
    assert_eq!(scene.order(&[0, 2], 6 * S).candidates, [2], "two try it already");
    scene.tried(0, 7 * S, GOOD, first);
    scene.tried(0, 7 * S, GOOD, second);
    assert_eq!(scene.stands(0, 7 * S), Stands::Well);
    scene.ended(0, 7 * S, Verdict::Failed, 8);
    assert_eq!(scene.stands(0, 7 * S), Stands::Well, "failures from before its rest are forgotten");
}

#[test]
fn a_probe_that_is_dropped_makes_room_for_another() {
    let scene = Scene::new();
    scene.ended(0, 0, Verdict::Failed, 10);
    let _first = scene.probe(0, 5 * S, Need::Usual);
    let second = scene.probe(0, 5 * S, Need::Usual);
    assert!(matches!(scene.admit(0, 5 * S, Need::Usual), Admission::No { .. }));
    drop(second);
    let third = scene.probe(0, 5 * S, Need::Usual);
    scene.tried(0, 5 * S, Verdict::Neither, third);
    let _fourth = scene.probe(0, 5 * S, Need::Usual);
}

#[test]
fn late_answers_of_requests_from_before_say_nothing_about_a_resting_one() {
    let scene = Scene::new();
    scene.ended(0, 0, Verdict::Failed, 10);
    scene.ended(0, S, GOOD, 100);
    scene.ended(0, S, Verdict::Failed, 100);
    assert_eq!(scene.stands(0, 5 * S), Stands::Tried { dead: true });
}

#[test]
fn the_only_one_is_asked_whatever_its_health() {
    let scene = Scene::new();
    scene.ended(0, 0, Verdict::Failed, 50);
    let order = scene.order(&[0], 0);
    assert_eq!((&order.candidates[..], order.need), (&[0][..], Need::Any));
    let _probes = (scene.probe(0, 0, order.need), scene.probe(0, 0, order.need));
    assert!(matches!(scene.admit(0, 0, order.need), Admission::Yes), "more than the probes, too");
    assert_eq!(scene.order(&[], 0), Order { need: Need::Any, ..Order::default() });
}

#[test]
fn where_all_rest_those_that_answered_something_are_used() {
    let scene = Scene::new();
    scene.ended(0, 0, Verdict::Failed, 10);
    for deployment in [2, 3] {
        scene.ended(deployment, S, GOOD, 10);
        scene.ended(deployment, u64::try_from(deployment).unwrap() * S, Verdict::Failed, 10);
    }
    let order = scene.order(&[3, 0, 2], 4 * S);
    assert_eq!((&order.candidates[..], rests(&order), order.need), (&[2, 3][..], vec![(0, Rest::Dead)], Need::Any));
    let _probes = (scene.probe(2, 4 * S, order.need), scene.probe(2, 4 * S, order.need));
    assert!(matches!(scene.admit(2, 4 * S, order.need), Admission::Yes));
}

#[test]
fn where_all_are_dead_a_few_try_and_the_others_are_told_when_to_come_back() {
    let scene = Scene::new();
    scene.ended(0, 2 * S, Verdict::Failed, 10);
    scene.ended(2, S, Verdict::Failed, 10);
    let order = scene.order(&[0, 2], 3 * S);
    assert_eq!((&order.candidates[..], order.need, order.until_ns), (&[2, 0][..], Need::Few, Some(6 * S)));
    let probes: Vec<Probe> = [2, 2, 0, 0].map(|each| scene.probe(each, 3 * S, Need::Few)).into();
    for deployment in [0, 2] {
        assert!(matches!(scene.admit(deployment, 3 * S, Need::Few), Admission::No { .. }));
    }
    for (probe, deployment) in probes.into_iter().zip([2, 2, 0, 0]) {
        scene.tried(deployment, 3 * S, if deployment == 2 { GOOD } else { Verdict::Failed }, probe);
    }
    assert_eq!(scene.order(&[0, 2], 3 * S).candidates, [2], "the provider was back before its rest was over");
}

#[test]
fn one_that_asked_for_a_pause_comes_after_the_others_and_is_never_out_alone() {
    let scene = Scene::new();
    scene.states[0].health.asked_to_wait(0, 3 * S, &scene.plan.traffic.breaker);
    let order = scene.order(&[0, 2], S);
    assert_eq!((&order.candidates[..], rests(&order)), (&[2][..], vec![(0, Rest::Asked)]));
    assert_eq!(scene.order(&[0, 2], 3 * S).candidates, [0, 2]);
    assert!(matches!(scene.admit(0, S, Need::Usual), Admission::Yes));
    scene.states[2].health.asked_to_wait(0, 3600 * S, &scene.plan.traffic.breaker);
    let order = scene.order(&[0, 2], S);
    assert_eq!((&order.candidates[..], order.need), (&[0, 2][..], Need::Any));
    assert_eq!(scene.order(&[0, 2], 60 * S).candidates, [0, 2], "an hour is cut to a breaker's longest rest");
}

#[test]
fn one_that_does_worse_than_its_peers_is_ejected_for_a_while() {
    let scene = Scene::new();
    for second in 0..10 {
        for deployment in [0, 2] {
            let slow = Verdict::Good { first_token_ns: Some(if deployment == 0 { 2 * S } else { 300 * MS }) };
            scene.ended(deployment, second * S, slow, 3);
        }
    }
    let order = scene.order(&[0, 2], 10 * S);
    assert_eq!((&order.candidates[..], rests(&order)), (&[2][..], vec![(0, Rest::Ejected)]));
    assert_eq!(order.passed_over[0].until_ns, 40 * S);
    assert_eq!(scene.states[0].health.status(10 * S, &scene.plan.traffic).ejected, 1);
    assert_eq!(scene.order(&[0], 11 * S).candidates, [0], "alone it serves on");
    let order = scene.order(&[0, 2], 40 * S);
    assert_eq!(order.candidates, [0, 2], "back with a clean sheet");
    assert_eq!(order.passed_over, vec![]);
}

#[test]
fn one_that_fails_more_than_its_peers_is_ejected_below_the_breakers_share() {
    let scene = Scene::new();
    for second in 0..20 {
        scene.ended(0, second * S, Verdict::Failed, 1);
        scene.ended(0, second * S, GOOD, 2);
        scene.ended(2, second * S, GOOD, 3);
    }
    let order = scene.order(&[0, 2], 20 * S);
    assert_eq!((&order.candidates[..], rests(&order)), (&[2][..], vec![(0, Rest::Ejected)]));
    assert_eq!(scene.order(&[0, 2], 50 * S).candidates, [0, 2]);
    assert_eq!(scene.order(&[0, 2], 52 * S).candidates, [0, 2], "the failures of before are forgotten");
    assert_eq!(scene.states[0].health.status(52 * S, &scene.plan.traffic).ejected, 1);
}

#[test]
fn the_first_token_is_learned_and_forgotten() {
    let scene = Scene::new();
    let health = &scene.states[0].health;
    for index in 0..100 {
        let ns = if index < 90 { 400 * MS } else { 4000 * MS };
        scene.ended(0, index * 100 * MS, Verdict::Good { first_token_ns: Some(ns) }, 1);
    }
    let near = |got: Option<u64>, to: u64| got.is_some_and(|got| got.abs_diff(to) * 100 <= to * 6);
    assert!(near(health.first_token_p50_ns(10 * S), 400 * MS), "{:?}", health.first_token_p50_ns(10 * S));
    assert!(near(health.first_token_p95_ns(10 * S), 4000 * MS));
    assert!(near(health.first_token_p50_ns(200 * S), 400 * MS), "the other half of the window");
    (0..100).for_each(|_| health.outrun(200 * S, &scene.plan.traffic, 900 * MS));
    assert!(near(health.first_token_p50_ns(200 * S), 900 * MS), "what a hedge cut short counts as well");
    assert_eq!((health.first_token_p50_ns(600 * S), health.first_token_p95_ns(600 * S)), (None, None));
}

#[test]
fn retries_are_a_share_of_the_requests_exactly_on_many_threads() {
    let scene = Scene::new();
    let health = &scene.states[0].health;
    let rule = &scene.plan.traffic.retry;
    let allowed = AtomicU32::new(0);
    let race = || {
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    for _ in 0..250 {
                        health.request(S, rule);
                        allowed.fetch_add(u32::from(health.may_retry(S, rule)), Ordering::Relaxed);
                    }
                });
            }
        });
    };
    race();
    let after = (0..200).filter(|_| health.may_retry(S, rule)).count();
    assert_eq!(allowed.load(Ordering::Relaxed) as usize + after, 100, "a tenth of a thousand");
    let status = health.status(S, &scene.plan.traffic);
    assert_eq!((status.retried, status.retries_refused), (100, 1100));
    assert!(health.may_retry(100 * S, rule), "in a new window the floor allows some");
}

#[test]
fn state_is_kept_by_name_while_plans_come_and_go() {
    let fleet = Fleet::new();
    let first = plan(|_| {});
    let states = fleet.bind(&first);
    for _ in 0..10 {
        states[0].health.ended(0, &first.traffic, Verdict::Failed, None);
    }
    // The first deployment moves to the end, and gets a bound.
    let second = plan(|document| {
        document.deployments.rotate_left(1);
        document.deployments[3].rates.requests_in_flight = Some(7);
    });
    let moved = fleet.bind(&second);
    assert!(Arc::ptr_eq(&states[0], &moved[3]) && &*moved[3].name == "openai/gpt-5.4-mini");
    assert!(matches!(moved[3].health.stands(0, &second.traffic), Stands::Rests { .. }));
    assert_eq!((moved[3].queue.status().in_flight_max, moved[0].queue.status().in_flight_max), (Some(7), None));
    // A deployment that left the plan is known as long as somebody uses it.
    let without = plan(|document| drop(document.deployments.pop()));
    let mirror = Arc::clone(&states[3]);
    drop((states, moved));
    fleet.bind(&without);
    assert!(Arc::ptr_eq(&mirror, &fleet.bind(&first)[3]));
    let before = Arc::as_ptr(&mirror) as usize;
    let weak = Arc::downgrade(&mirror);
    drop(mirror);
    fleet.bind(&without);
    assert!(weak.upgrade().is_none(), "{before:x} is gone with its last user");
}

#[test]
fn hedge_budgets_are_kept_by_use_case() {
    let fleet = Fleet::new();
    let rule = Hedge { floor_ms: 100, ceiling_ms: 2000, requests_share: 0.02, cost_share: 0.02 };
    let (first, second) = (plan(|_| {}), plan(|document| document.use_cases.rotate_left(1)));
    let budgets = fleet.hedges(&first);
    (0..50).for_each(|_| budgets[0].request(S));
    assert!(!budgets[1].take(S, &rule));
    let moved = fleet.hedges(&second);
    assert!(moved[2].take(S, &rule), "one of fifty");
    assert!(!budgets[0].take(S, &rule));
    moved[2].cost(S, 1000, 900);
    (0..500).for_each(|_| budgets[0].request(S));
    assert_eq!(budgets[0].counts(), (1, 1));
    assert!(!budgets[0].take(S, &rule), "its losers were too dear");
}

#[derive(Clone, Debug)]
enum Event {
    Ended { deployment: usize, how: u8, times: u32 },
    Asked { deployment: usize, span_s: u64 },
    Probe { deployment: usize, good: bool },
    Pass(u64),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        (0_usize..4, 0_u8..4, 1_u32..30).prop_map(|(deployment, how, times)| Event::Ended { deployment, how, times }),
        (0_usize..4, 0_u64..100).prop_map(|(deployment, span_s)| Event::Asked { deployment, span_s }),
        (0_usize..4, any::<bool>()).prop_map(|(deployment, good)| Event::Probe { deployment, good }),
        (1_u64..20_000).prop_map(Event::Pass),
    ];
    prop::collection::vec(event, 0..60)
}

proptest! {
    /// Whatever happens: nobody is lost or asked twice, never is there nobody to ask, and where all are not dead the first
    /// one lets the request through.
    #[test]
    fn there_is_always_somebody_to_ask(events in events(), candidates in prop::sample::subsequence(vec![0_usize, 1, 2, 3], 1..5)) {
        let scene = Scene::new();
        let mut now_ns = 0;
        for event in events {
            match event {
                Event::Ended { deployment, how, times } => {
                    let slow = Verdict::Good { first_token_ns: Some(u64::from(how) * 900 * MS) };
                    scene.ended(deployment, now_ns, [Verdict::Failed, Verdict::Neither, slow, slow][usize::from(how)], times);
                }
                Event::Asked { deployment, span_s } => {
                    scene.states[deployment].health.asked_to_wait(now_ns, span_s * S, &scene.plan.traffic.breaker);
                }
                Event::Probe { deployment, good } => {
                    if let Admission::Probe(probe) = scene.admit(deployment, now_ns, Need::Few) {
                        scene.tried(deployment, now_ns, if good { GOOD } else { Verdict::Failed }, probe);
                    }
                }
                Event::Pass(ms) => now_ns += ms * MS,
            }
            let order = scene.order(&candidates, now_ns);
            let mut all: Vec<usize> = order.candidates.clone();
            all.extend(order.passed_over.iter().map(|each| each.deployment));
            all.sort_unstable();
            prop_assert_eq!(&all, &candidates);
            prop_assert!(!order.candidates.is_empty());
            let first = scene.admit(order.candidates[0], now_ns, order.need);
            prop_assert!(!matches!(first, Admission::No { .. }), "{order:?}");
        }
    }
}
