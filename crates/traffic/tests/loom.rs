//! The counters of limits under every order in which their threads can act: never more than the bound, and all of it is
//! given back. The very source of the counters, on loom's atomics and locks in place of the real ones: no build of the
//! crate differs for it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../src/limits/counter.rs"]
#[allow(dead_code, unreachable_pub)]
mod counter;

use loom::sync::Arc;
use loom::thread;
use paceline_policy::{MINUTE_NS, Refused, cost_ns};

use counter::Counter;
use sync::{AtomicU32, Ordering};

/// What `crate::sync` is to the counters here.
mod sync {
    pub(crate) use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};

    /// loom's lock, with the face of the one that cannot be poisoned.
    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
            self.0.lock().unwrap()
        }
    }
}

/// As `limits` defines it: the counters take it from the module above them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Now {
    pub(crate) mono_ns: u64,
    pub(crate) unix_s: u64,
}

const NOW: Now = Now { mono_ns: 0, unix_s: 1_795_435_200 };
/// A thread is interrupted so often at most where it could go on: the faults of such code show with two, and every order of
/// three threads without a bound takes hours.
const PREEMPTIONS_MAX: usize = 3;

/// Runs `each` on as many threads, in every order.
fn together(threads: usize, each: fn(usize, &Counter, &AtomicU32), after: fn(&Counter, u32)) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(PREEMPTIONS_MAX);
    model.check(move || {
        let shared = Arc::new((Counter::default(), AtomicU32::new(0)));
        let run = |number: usize| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || each(number, &shared.0, &shared.1))
        };
        let others: Vec<_> = (1..threads).map(run).collect();
        each(0, &shared.0, &shared.1);
        others.into_iter().for_each(|other| other.join().unwrap());
        after(&shared.0, shared.1.load(Ordering::Acquire));
    });
}

#[test]
fn requests_in_flight_never_exceed_their_bound_and_all_leave() {
    const LIMIT: u32 = 2;
    together(
        3,
        |_, counter, inside| {
            if counter.enter(Some(LIMIT)).is_some() {
                assert!(inside.fetch_add(1, Ordering::AcqRel) < LIMIT, "one too many");
                inside.fetch_sub(1, Ordering::AcqRel);
                counter.leave();
            }
        },
        |counter, inside| assert_eq!((counter.in_flight(), inside), (0, 0)),
    );
}

#[test]
fn somebody_is_let_in_whatever_the_order() {
    together(
        3,
        |_, counter, admitted| {
            if counter.enter(Some(1)).is_some() {
                admitted.fetch_add(1, Ordering::AcqRel);
            }
        },
        |counter, admitted| assert_eq!((counter.in_flight(), admitted), (1, 1)),
    );
}

#[test]
fn a_minutes_requests_are_given_out_once_each() {
    together(
        3,
        |_, counter, admitted| {
            if counter.take_request(NOW, cost_ns(1, 2)).is_ok() {
                admitted.fetch_add(1, Ordering::AcqRel);
            }
        },
        |counter, admitted| assert_eq!((admitted, counter.requests_left(NOW, 2).left), (2, 0)),
    );
}

#[test]
fn requests_that_were_never_sent_leave_nothing_behind() {
    together(
        3,
        |_, counter, _| {
            if let Ok(taken) = counter.take_request(NOW, cost_ns(1, 2)) {
                counter.give_back_request(NOW, taken);
            }
        },
        |counter, _| assert_eq!(counter.requests_left(NOW, 2).left, 2),
    );
}

#[test]
fn tokens_settled_with_less_and_with_more_add_up() {
    const LIMIT: u64 = 100;
    together(
        2,
        |number, counter, _| {
            let taken = counter.take_tokens(NOW, cost_ns(40, LIMIT)).unwrap();
            counter.settle_tokens(NOW, taken, cost_ns([10, 50][number], LIMIT));
        },
        |counter, _| {
            let left = counter.tokens_left(NOW, LIMIT);
            assert_eq!((left.left, left.reset_ns), (40, MINUTE_NS / 100 * 60));
        },
    );
}

#[test]
fn money_spent_and_reserved_never_passes_its_limit() {
    together(
        3,
        |_, counter, admitted| match counter.reserve(NOW, 40, [Some(100), None]) {
            Ok(_) => {
                assert!(counter.money(NOW).0 <= 100);
                counter.settle_money(NOW, NOW.unix_s, 40, 35);
                admitted.fetch_add(1, Ordering::AcqRel);
            }
            Err(Refused::Money { spent, reserved, .. }) => assert!(spent + reserved > 60, "{spent} {reserved}"),
            Err(other) => panic!("{other:?}"),
        },
        |counter, admitted| assert_eq!(counter.money(NOW), (35 * i64::from(admitted), 35 * i64::from(admitted))),
    );
}
