//! The queue in front of a deployment, with tokio's clock standing still: who goes when, who is refused and why, and that
//! no slot and no turn is lost whatever callers do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use paceline_plan::document::{Lane, Queue as Rule};
use paceline_traffic::{Enter, Pass, Queue, Refusal};
use paceline_types::Code;
use proptest::prelude::*;
use tokio::task::unconstrained;
use tokio::time::{Instant, advance};

fn queue(in_flight_max: Option<u32>) -> Arc<Queue> {
    let queue = Arc::new(Queue::default());
    queue.configure(in_flight_max, Rule::default());
    queue
}

const fn enter(lane: Lane, service: usize) -> Enter {
    Enter { lane, service, deadline: None, first_token_p50_ns: None }
}

fn within(ms: u64, lane: Lane) -> Enter {
    Enter { deadline: Some((Instant::now() + Duration::from_millis(ms)).into_std()), ..enter(lane, 0) }
}

type Entering = Pin<Box<dyn Future<Output = Result<Pass, Refusal>>>>;

fn entering(queue: &Arc<Queue>, enter: Enter) -> Entering {
    let queue = Arc::clone(queue);
    // These tests poll by hand and never yield: tokio's budget for one turn must not make a future wait.
    Box::pin(unconstrained(async move { queue.enter(enter).await }))
}

fn poll(entering: &mut Entering) -> Option<Result<Pass, Refusal>> {
    match entering.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(got) => Some(got),
        Poll::Pending => None,
    }
}

/// One that was polled and must wait.
fn waiting(queue: &Arc<Queue>, enter: Enter) -> Entering {
    let mut waits = entering(queue, enter);
    assert!(poll(&mut waits).is_none(), "it should wait");
    waits
}

fn started(entering: &mut Entering) -> Option<Pass> {
    poll(entering).map(|got| got.expect("it was let through"))
}

async fn ms(span: u64) {
    advance(Duration::from_millis(span)).await;
}

#[tokio::test(start_paused = true)]
async fn without_a_bound_everybody_goes_and_is_counted() {
    let queue = queue(None);
    let mut passes = Vec::new();
    for _ in 0..1000 {
        passes.push(queue.enter(enter(Lane::Batch, 0)).await.unwrap());
    }
    assert_eq!((queue.status().in_flight, queue.status().in_flight_max), (1000, None));
    assert!(!queue.is_bounded());
    drop(passes);
    assert_eq!(queue.status().in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn one_beyond_the_bound_waits_and_gets_the_slot_that_comes_free() {
    let queue = queue(Some(2));
    let (first, _second) =
        (queue.enter(enter(Lane::Standard, 0)).await.unwrap(), queue.enter(enter(Lane::Standard, 0)).await);
    assert_eq!(first.waited(), Duration::ZERO);
    let mut third = waiting(&queue, enter(Lane::Standard, 0));
    assert_eq!(queue.status().waiting, [0, 1, 0]);
    ms(250).await;
    drop(first);
    let status = queue.status();
    assert_eq!((status.in_flight, status.waiting), (2, [0, 0, 0]), "handed over, not set free");
    assert_eq!(started(&mut third).unwrap().waited(), Duration::from_millis(250));
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_never_overtakes_one_who_waits() {
    let queue = queue(Some(1));
    let first = queue.enter(enter(Lane::Batch, 0)).await.unwrap();
    let mut waits = waiting(&queue, enter(Lane::Batch, 0));
    drop(first);
    let mut newcomer = waiting(&queue, enter(Lane::Interactive, 0));
    let pass = started(&mut waits).unwrap();
    drop(pass);
    assert!(started(&mut newcomer).is_some());
}

/// Fills a queue of one slot with these, then lets them go one by one: their order.
async fn order(requests: &[(Lane, usize)]) -> Vec<(Lane, usize)> {
    let queue = queue(Some(1));
    let mut last = Some(queue.enter(enter(Lane::Standard, 99)).await.unwrap());
    let mut waits: Vec<Option<Entering>> =
        requests.iter().map(|&(lane, service)| Some(waiting(&queue, enter(lane, service)))).collect();
    let mut order = Vec::new();
    while order.len() < requests.len() {
        drop(last.take());
        for (index, slot) in waits.iter_mut().enumerate() {
            if let Some(pass) = slot.as_mut().and_then(started) {
                assert!(last.replace(pass).is_none(), "one at a time");
                order.push(requests[index]);
                *slot = None;
            }
        }
        assert!(last.is_some(), "a slot was lost");
    }
    order
}

#[tokio::test(start_paused = true)]
async fn lanes_go_in_their_order_and_services_take_turns() {
    use Lane::{Batch, Interactive, Standard};
    let got = order(&[
        (Batch, 1),
        (Standard, 1),
        (Standard, 1),
        (Standard, 1),
        (Standard, 2),
        (Standard, 3),
        (Interactive, 1),
    ])
    .await;
    let wanted =
        [(Interactive, 1), (Standard, 1), (Standard, 2), (Standard, 3), (Standard, 1), (Standard, 1), (Batch, 1)];
    assert_eq!(got, wanted);
}

#[tokio::test(start_paused = true)]
async fn batch_gets_its_floor_while_interactive_requests_keep_coming() {
    let queue = queue(Some(1));
    let mut pass = Some(queue.enter(enter(Lane::Interactive, 0)).await.unwrap());
    let mut lines: [Vec<Entering>; 2] = [Vec::new(), Vec::new()];
    let (mut starts, mut batch) = (0, 0);
    while starts < 2000 {
        for (line, lane) in lines.iter_mut().zip([Lane::Interactive, Lane::Batch]) {
            while line.len() < 3 {
                line.push(waiting(&queue, enter(lane, 0)));
            }
        }
        drop(pass.take());
        for (index, line) in lines.iter_mut().enumerate() {
            if let Some(got) = started(&mut line[0]) {
                drop(line.remove(0));
                (starts, batch) = (starts + 1, batch + index);
                pass = Some(got);
            }
        }
    }
    assert_eq!(batch, 2000 / 20 - 1, "0.05 of the starts: the 21st, the 41st, …");
}

#[tokio::test(start_paused = true)]
async fn who_gives_up_leaves_the_queue_and_hands_on_what_it_was_given() {
    let queue = queue(Some(1));
    let first = queue.enter(enter(Lane::Standard, 0)).await.unwrap();
    let (leaves, given, mut last) = (
        waiting(&queue, enter(Lane::Standard, 1)),
        waiting(&queue, enter(Lane::Standard, 1)),
        waiting(&queue, enter(Lane::Standard, 2)),
    );
    drop(leaves);
    assert_eq!(queue.status().waiting, [0, 2, 0]);
    drop(first);
    assert_eq!(queue.status().waiting, [0, 1, 0], "the second one has a slot and does not know it yet");
    drop(given);
    drop(started(&mut last).expect("the slot was handed on"));
    let status = queue.status();
    assert_eq!((status.in_flight, status.waiting), (0, [0, 0, 0]));
}

#[tokio::test(start_paused = true)]
async fn who_can_not_be_in_time_any_more_is_refused_when_that_is_certain() {
    let queue = queue(Some(1));
    let _first = queue.enter(enter(Lane::Standard, 0)).await.unwrap();
    let late = Enter { first_token_p50_ns: Some(300_000_000), ..within(1000, Lane::Interactive) };
    let mut late = waiting(&queue, late);
    ms(699).await;
    assert!(poll(&mut late).is_none());
    ms(2).await;
    let refusal = poll(&mut late).expect("its time is up").unwrap_err();
    let Refusal::TooLate { waited, .. } = refusal else { panic!("{refusal:?}") };
    assert!(waited >= Duration::from_millis(700));
    let failure = refusal.failure("house/qwen");
    assert_eq!((failure.code, failure.retry_after_s), (Code::QueueTooLate, Some(1)));
    assert!(
        failure.message().contains("waited 70") && failure.message().contains("house/qwen"),
        "{}",
        failure.message()
    );
    let status = queue.status();
    assert_eq!((status.waiting, status.refused_too_late, status.in_flight), ([0, 0, 0], 1, 1));
}

#[tokio::test(start_paused = true)]
async fn who_would_start_too_late_is_refused_at_once() {
    let queue = queue(Some(2));
    for _ in 0..40 {
        let pass = queue.enter(enter(Lane::Standard, 0)).await.unwrap();
        ms(4000).await;
        drop(pass);
    }
    let _busy =
        (queue.enter(enter(Lane::Standard, 0)).await.unwrap(), queue.enter(enter(Lane::Standard, 0)).await.unwrap());
    // Four seconds each on two slots: one comes free every two seconds.
    let _waits = waiting(&queue, within(3000, Lane::Interactive));
    let refusal = poll(&mut entering(&queue, within(3000, Lane::Interactive))).expect("no wait").unwrap_err();
    let Refusal::TooLate { waited, expected, retry_after } = refusal else { panic!("{refusal:?}") };
    assert_eq!(waited, Duration::ZERO);
    let near = |span: Duration, to_ms: u128| span.as_millis().abs_diff(to_ms) < 50;
    assert!(near(expected, 4000) && near(retry_after, 1000), "{refusal:?}");
    assert_eq!(refusal.failure("d").retry_after_s, Some(1 + u32::try_from(retry_after.as_secs()).unwrap()));
    let _in_time = waiting(&queue, within(5000, Lane::Interactive));
}

#[tokio::test(start_paused = true)]
async fn a_slot_that_comes_free_passes_over_those_whose_time_is_up() {
    let queue = queue(Some(1));
    let first = queue.enter(enter(Lane::Standard, 0)).await.unwrap();
    let mut late = waiting(&queue, within(100, Lane::Interactive));
    let mut other = waiting(&queue, enter(Lane::Batch, 0));
    ms(150).await;
    drop(first);
    assert!(started(&mut other).is_some());
    assert!(matches!(poll(&mut late), Some(Err(Refusal::TooLate { .. }))));
    assert_eq!(queue.status().refused_too_late, 1);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_and_prefers_earlier_lanes() {
    let queue = queue(Some(1));
    queue.configure(Some(1), Rule { requests_max: 2, ..Rule::default() });
    let _first = queue.enter(enter(Lane::Standard, 0)).await.unwrap();
    let (mut older, mut younger) = (waiting(&queue, enter(Lane::Batch, 0)), waiting(&queue, enter(Lane::Batch, 1)));
    let refusal = poll(&mut entering(&queue, enter(Lane::Batch, 0))).unwrap().unwrap_err();
    assert_eq!(refusal, Refusal::Full { waiting: 2, waiting_max: 2 });
    let failure = refusal.failure("house/qwen");
    assert_eq!((failure.code, failure.retry_after_s), (Code::QueueFull, Some(1)));
    let _interactive = waiting(&queue, enter(Lane::Interactive, 0));
    assert!(matches!(poll(&mut younger), Some(Err(Refusal::Full { .. }))), "its place was taken");
    assert!(poll(&mut older).is_none());
    let status = queue.status();
    assert_eq!((status.waiting, status.refused_full), ([1, 0, 1], 2));
}

#[tokio::test(start_paused = true)]
async fn a_changed_bound_takes_effect_without_losing_anybody() {
    let queue = queue(Some(1));
    let first = queue.enter(enter(Lane::Standard, 0)).await.unwrap();
    let mut waits: Vec<Entering> = (0..4).map(|_| waiting(&queue, enter(Lane::Standard, 0))).collect();
    queue.configure(Some(3), Rule::default());
    let (second, third) = (started(&mut waits[0]).unwrap(), started(&mut waits[1]).unwrap());
    assert!(started(&mut waits[2]).is_none());
    queue.configure(Some(1), Rule::default());
    drop((first, second));
    assert!(started(&mut waits[2]).is_none(), "still one in flight");
    drop(third);
    let fourth = started(&mut waits[2]).unwrap();
    assert!(started(&mut waits[3]).is_none());
    queue.configure(None, Rule::default());
    let fifth = started(&mut waits[3]).unwrap();
    assert_eq!(queue.status().in_flight, 2);
    drop((fourth, fifth));
    assert_eq!(queue.status().in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn those_let_through_without_a_bound_count_once_there_is_one() {
    let queue = queue(None);
    let (first, second) =
        (queue.enter(enter(Lane::Standard, 0)).await.unwrap(), queue.enter(enter(Lane::Standard, 0)).await.unwrap());
    queue.configure(Some(1), Rule::default());
    let mut waits = waiting(&queue, enter(Lane::Standard, 0));
    drop(first);
    assert!(started(&mut waits).is_none());
    drop(second);
    let pass = started(&mut waits).expect("the last one without a bound woke it");
    assert_eq!(queue.status().in_flight, 1);
    drop(pass);
    assert_eq!(queue.status().in_flight, 0);
}

#[derive(Clone, Debug)]
enum Act {
    Enter { lane: usize, service: usize, deadline_ms: Option<u64> },
    Poll(usize),
    Cancel(usize),
    Leave(usize),
    Bound(Option<u32>),
    Pass(u64),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (0_usize..3, 0_usize..3, prop::option::of(1_u64..400)).prop_map(|(lane, service, deadline_ms)| Act::Enter { lane, service, deadline_ms }),
        4 => any::<usize>().prop_map(Act::Poll),
        2 => any::<usize>().prop_map(Act::Cancel),
        4 => any::<usize>().prop_map(Act::Leave),
        1 => prop::option::weighted(0.8, 1_u32..5).prop_map(Act::Bound),
        2 => (1_u64..200).prop_map(Act::Pass),
    ];
    prop::collection::vec(act, 0..120)
}

/// Everybody there is in one interleaving.
struct Crowd {
    queue: Arc<Queue>,
    bound: Option<u32>,
    entering: Vec<Entering>,
    passes: Vec<Pass>,
}

impl Crowd {
    async fn act(&mut self, act: Act) {
        match act {
            Act::Enter { lane, service, deadline_ms } => {
                let deadline = deadline_ms.map(|ms| (Instant::now() + Duration::from_millis(ms)).into_std());
                let asked = Enter { deadline, ..enter(Lane::ALL[lane], service) };
                self.entering.push(entering(&self.queue, asked));
                self.poll(self.entering.len() - 1);
            }
            Act::Poll(index) if !self.entering.is_empty() => self.poll(index % self.entering.len()),
            Act::Cancel(index) if !self.entering.is_empty() => {
                drop(self.entering.swap_remove(index % self.entering.len()));
            }
            Act::Leave(index) if !self.passes.is_empty() => drop(self.passes.swap_remove(index % self.passes.len())),
            Act::Bound(bound) => {
                self.bound = bound;
                self.queue.configure(bound, Rule { requests_max: 6, ..Rule::default() });
            }
            Act::Pass(span) => ms(span).await,
            Act::Poll(_) | Act::Cancel(_) | Act::Leave(_) => {}
        }
    }

    fn poll(&mut self, index: usize) {
        if let Some(got) = poll(&mut self.entering[index]) {
            drop(self.entering.swap_remove(index));
            self.passes.extend(got.ok());
        }
    }
}

async fn interleaving(acts: Vec<Act>) -> Result<(), TestCaseError> {
    let mut crowd = Crowd { queue: queue(Some(2)), bound: Some(2), entering: Vec::new(), passes: Vec::new() };
    crowd.queue.configure(Some(2), Rule { requests_max: 6, ..Rule::default() });
    for act in acts {
        let before = crowd.queue.status();
        crowd.act(act.clone()).await;
        let now = crowd.queue.status();
        let waiting: u32 = now.waiting.iter().sum();
        let most = crowd.bound.unwrap_or(u32::MAX);
        prop_assert!(now.in_flight <= most.max(before.in_flight), "{act:?}: {before:?} {now:?}");
        prop_assert!(waiting == 0 || now.in_flight >= most, "a slot is free and {waiting} wait: {act:?} {now:?}");
        prop_assert!(waiting <= 6);
        prop_assert!(crowd.passes.len() <= now.in_flight as usize);
        prop_assert!(waiting as usize <= crowd.entering.len());
    }
    // As many cancelled as poll on, in turns.
    while let Some(last) = crowd.entering.pop() {
        drop(last);
        crowd.passes.pop();
        if !crowd.entering.is_empty() {
            crowd.poll(0);
        }
    }
    crowd.passes.clear();
    let end = crowd.queue.status();
    prop_assert_eq!((end.in_flight, end.waiting), (0, [0, 0, 0]));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn no_slot_is_lost_in_any_interleaving(acts in acts()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(interleaving(acts))?;
    }
}

/// Many threads, a bound of three, callers that leave at any moment: never more than three, and everybody who stays
/// gets through.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_bound_holds_on_many_threads() {
    let queue = queue(Some(3));
    queue.configure(Some(3), Rule { requests_max: 10_000, ..Rule::default() });
    let inside = Arc::new(AtomicU32::new(0));
    let tasks: Vec<_> = (0..2000_usize)
        .map(|number| {
            let (queue, inside) = (Arc::clone(&queue), Arc::clone(&inside));
            tokio::spawn(async move {
                let enter = queue.enter(enter(Lane::ALL[number % 3], number % 7));
                if number % 5 == 0 {
                    // Polled a few times, then dropped, wherever it is.
                    let yields = async {
                        for _ in 0..number % 11 {
                            tokio::task::yield_now().await;
                        }
                    };
                    tokio::select! { biased; pass = enter => drop(pass), () = yields => {} }
                    return;
                }
                let _pass = enter.await.unwrap();
                assert!(inside.fetch_add(1, Ordering::SeqCst) < 3);
                tokio::task::yield_now().await;
                inside.fetch_sub(1, Ordering::SeqCst);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let end = queue.status();
    assert_eq!((end.in_flight, end.waiting, end.refused_full), (0, [0, 0, 0], 0));
}

/// The bound comes and goes while requests do: whoever waits is woken, also by those that were let through without one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_bound_that_comes_and_goes_strands_nobody() {
    let queue = queue(None);
    let swaps = {
        let queue = Arc::clone(&queue);
        tokio::spawn(async move {
            for swap in 0..2000_u32 {
                queue.configure((swap % 2 == 0).then_some(1), Rule { requests_max: 10_000, ..Rule::default() });
                tokio::task::yield_now().await;
            }
            queue.configure(Some(1), Rule { requests_max: 10_000, ..Rule::default() });
        })
    };
    let tasks: Vec<_> = (0..4000_usize)
        .map(|number| {
            let queue = Arc::clone(&queue);
            tokio::spawn(async move {
                let pass = queue.enter(enter(Lane::ALL[number % 3], number % 7)).await;
                tokio::task::yield_now().await;
                drop(pass.unwrap());
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    swaps.await.unwrap();
    let end = queue.status();
    assert_eq!((end.in_flight, end.waiting), (0, [0, 0, 0]));
}
