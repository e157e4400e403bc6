//! Runs the tables of `scenarios/{lanes,failover,breaker}.md`, and what must hold of those rules however things go.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod table;

use std::collections::VecDeque;

use paceline_plan::document::{Deployment, Fallback, Lane, Model, Outlier, PriorityOrder, Provider, Queue, Traffic};
use paceline_plan::{Plan, sample};
use paceline_policy::{
    Admit, Again, Circuit, Count, ENDINGS, Ended, History, LANES, Need, Outlook, Patience, Peer, Place, Reason,
    Standing, Step, Tally, Trial, Turns, Verdict, Waiting, Worse, back_off_ns, candidates_allowed, decide, ending,
    engine_priority, half_of, may_retry, outlier, patience, place, starts_ahead, trips,
};
use proptest::prelude::*;
use table::{check, section};

const MS: u64 = 1_000_000;
const LANES_MD: &str = include_str!("../scenarios/lanes.md");
const FAILOVER_MD: &str = include_str!("../scenarios/failover.md");
const BREAKER_MD: &str = include_str!("../scenarios/breaker.md");

fn waiting(cell: &str) -> Waiting {
    let counts: Vec<u32> = cell.split(' ').map(|count| count.parse().unwrap()).collect();
    counts.try_into().unwrap()
}

fn lane(name: &str) -> Lane {
    Lane::ALL.into_iter().find(|lane| lane.name() == name).expect("a lane's name")
}

fn number(cell: &str) -> Option<u64> {
    (cell != "-").then(|| cell.parse().unwrap())
}

#[test]
fn who_starts_next_holds() {
    check(section(LANES_MD, "Who starts next"), |row| {
        let (mut waiting, mut turns) = (waiting(&row[0]), Turns::default());
        let mut starts = String::new();
        while let Some(lane) = turns.pick(&waiting) {
            turns.started(lane, &waiting, &Queue::default());
            waiting[lane as usize] -= 1;
            starts.push_str(&lane.name()[..1]);
        }
        starts
    });
}

#[test]
fn a_place_to_wait_holds() {
    check(section(LANES_MD, "A place to wait"), |row| {
        let queue = Queue { requests_max: 20, ..Queue::default() };
        match place(lane(&row[0]), &waiting(&row[1]), &queue) {
            Place::Free => "free".into(),
            Place::Instead(lane) => format!("instead of {}", lane.name()),
            Place::Full => "full".into(),
        }
    });
}

#[test]
fn starts_ahead_holds() {
    check(section(LANES_MD, "Starts ahead"), |row| {
        let mine = number(&row[1]).unwrap();
        let ahead = starts_ahead(lane(&row[0]), u32::try_from(mine).unwrap(), &waiting(&row[2]), &Queue::default());
        format!("{ahead:.1}")
    });
}

#[test]
fn patience_holds() {
    check(section(LANES_MD, "Patience"), |row| {
        let ns = |cell: &str| number(cell).map(|ms| ms * MS);
        let outlook =
            Outlook { ahead: row[0].parse().unwrap(), held_ns: ns(&row[1]), in_flight_max: row[2].parse().unwrap() };
        match patience(&outlook, ns(&row[3]), ns(&row[4])) {
            Patience::Wait { at_most_ns: None } => "waits".into(),
            Patience::Wait { at_most_ns: Some(span) } => format!("waits {} ms at most", span / MS),
            Patience::TooLate { wait_ns, retry_after_ns } => {
                format!("too late: {} ms, again in {} ms", wait_ns / MS, retry_after_ns / MS)
            }
        }
    });
}

#[test]
fn the_engines_priority_holds() {
    check(section(LANES_MD, "Priority of the engine"), |row| {
        let orders = [PriorityOrder::None, PriorityOrder::LowerFirst, PriorityOrder::HigherFirst];
        let order = orders.into_iter().find(|order| serde_name(*order) == row[0]).unwrap();
        let shown = |lane: Lane| engine_priority(lane, order).map_or("-".into(), |value: i64| value.to_string());
        assert_eq!((&row[1], &row[2]), (&shown(Lane::Interactive), &shown(Lane::Standard)));
        shown(Lane::Batch)
    });
}

fn serde_name(order: PriorityOrder) -> &'static str {
    match order {
        PriorityOrder::None => "none",
        PriorityOrder::LowerFirst => "lower-first",
        PriorityOrder::HigherFirst => "higher-first",
    }
}

fn ended(name: &str) -> Ended {
    match name {
        "connect" => Ended::Connect,
        "tls" => Ended::Tls,
        "timeout-connect" => Ended::TimeoutConnect,
        "timeout-first-token" => Ended::TimeoutFirstToken,
        "cut" => Ended::Cut,
        "malformed" => Ended::Malformed,
        "error-event" => Ended::ErrorEvent,
        "context-too-long" => Ended::ContextTooLong,
        "content-filtered" => Ended::ContentFiltered,
        "quota" => Ended::QuotaExhausted,
        "queue" => Ended::Queue,
        "limit" => Ended::Limit,
        "unusable" => Ended::Unusable,
        "timeout-total" => Ended::TimeoutTotal,
        "own" => Ended::Own,
        status => Ended::Status(status.parse().expect("an ending's name or a status")),
    }
}

#[test]
fn endings_hold() {
    let table = section(FAILOVER_MD, "Endings");
    check(table, |row| {
        let found = ending(ended(&row[0]));
        let again = match found.again {
            Again::Any => "any",
            Again::Other => "other",
            Again::Never => "never",
        };
        assert_eq!((again, &row[0]), (&*row[1], &row[0]));
        if found.fails { "fails".into() } else { "-".into() }
    });
    let rows = table.lines().filter(|line| line.starts_with("| ")).count() - 1;
    let beyond =
        [302, 405, 418, 520].iter().filter(|status| ENDINGS.iter().all(|row| row.ended != Ended::Status(**status)));
    assert_eq!(rows, ENDINGS.len() + beyond.count(), "every row of the table in code is in the table of the scenarios");
}

fn deployment(name: &str) -> usize {
    ["a", "b", "c", "d"].iter().position(|each| *each == name).expect("a deployment's letter")
}

/// `a 429/800`: an attempt and how it ended; `hedge b`: a second copy.
fn note(history: &mut History, event: &str) -> Option<Ended> {
    let (subject, what) = event.split_once(' ').unwrap();
    if subject == "hedge" {
        history.hedged(deployment(what));
        return None;
    }
    let (what, wait) = what.split_once('/').map_or((what, None), |(what, wait)| (what, number(wait)));
    history.ended(deployment(subject), ended(what), 0, wait.map(|ms| ms * MS));
    Some(ended(what))
}

#[test]
fn steps_hold() {
    check(section(FAILOVER_MD, "Steps"), |row| {
        let candidates: Vec<usize> = row[0].split(' ').filter(|name| *name != "-").map(deployment).collect();
        let mut history = History::default();
        let ended = row[1].split(", ").filter_map(|event| note(&mut history, event)).last().unwrap();
        let standing = Standing {
            rule: &Traffic::default().retry,
            history: &history,
            ended,
            candidates: &candidates,
            now_ns: 0,
            left_ns: number(&row[2]).map(|ms| ms * MS),
            jitter: 0.5,
        };
        let letter = |deployment: usize| char::from(b'a' + u8::try_from(deployment).unwrap());
        match decide(&standing, || row[3] == "yes") {
            Step::Next { deployment } => format!("next {}", letter(deployment)),
            Step::Again { deployment, pause_ns } => format!("again {} in {} ms", letter(deployment), pause_ns / MS),
            Step::GiveUp { reason } => format!("give up: {}", reason_name(reason)),
        }
    });
}

fn reason_name(reason: Reason) -> &'static str {
    assert!(!reason.text().is_empty());
    match reason {
        Reason::Final => "final",
        Reason::Attempts => "attempts",
        Reason::NoneLeft => "none-left",
        Reason::RetryAfter => "retry-after",
        Reason::Deadline => "deadline",
        Reason::Budget => "budget",
    }
}

/// The sample plan with `large` at a mirror and, last, at a smaller model.
fn plan_with_fallback(fallback: Fallback) -> Plan {
    let mut document = sample::document("http://127.0.0.1:4199/v1");
    document.providers.push(Provider { name: "mirror".into(), ..document.providers[0].clone() });
    let large = document.deployments[2].clone();
    document.deployments.push(Deployment { name: "mirror/gpt-5.4".into(), provider: "mirror".into(), ..large });
    let deployments = ["openai/gpt-5.4", "mirror/gpt-5.4", "openai/gpt-5.4-mini"].map(Into::into).to_vec();
    document.models[2] = Model { name: "large".into(), deployments };
    document.use_cases[0].fallback = fallback;
    Plan::read(&sample::bytes(&document)).expect("the changed plan is sound")
}

#[test]
fn who_may_take_over_holds() {
    check(section(FAILOVER_MD, "Who may take over"), |row| {
        let fallback = match &*row[0] {
            "any" => Fallback::Any,
            "same-model" => Fallback::SameModel,
            _ => Fallback::None,
        };
        let plan = plan_with_fallback(fallback);
        let all = plan.models[plan.model("large").unwrap()].deployments.clone();
        let allowed = candidates_allowed(&plan, plan.use_case("support-chat").unwrap(), all);
        let names: Vec<&str> = allowed.iter().map(|&each| &*plan.deployments[each].name).collect();
        names.join(", ")
    });
    assert_eq!(candidates_allowed(&plan_with_fallback(Fallback::SameModel), 0, Vec::new()), Vec::<usize>::new());
}

/// One deployment: its breaker with the window the traffic crate keeps for it.
#[derive(Default)]
struct Watched {
    now_ns: u64,
    halves: [Tally; 2],
    circuit: Circuit,
    probes: VecDeque<Trial>,
}

impl Watched {
    fn ended(&mut self, count: Count) {
        let rule = Traffic::default().breaker;
        let half = half_of(self.now_ns, rule.window_ms);
        let own = usize::from(half % 2 == 1);
        self.halves[own] = self.halves[own].add(half, count);
        let before = half.checked_sub(1).map_or(Count::default(), |before| self.halves[1 - own].at(before));
        let recent = self.halves[own].at(half).and(before);
        if count.marked > 0 && trips(&rule, recent) {
            self.circuit.open(self.now_ns, &rule, recent);
        }
    }

    fn probe(&mut self, need: Need) {
        match self.circuit.admit(self.now_ns, &Traffic::default().breaker, need) {
            Admit::Probe(trial) => self.probes.push_back(trial),
            other => panic!("no probe: {other:?}"),
        }
    }

    fn tried(&mut self, verdict: Verdict) {
        let trial = self.probes.pop_front().expect("a probe is under way");
        self.circuit.tried(self.now_ns, &Traffic::default().breaker, trial, verdict);
        if self.circuit.is_closed() {
            self.halves = [Tally::default(); 2];
        }
    }

    fn happens(&mut self, event: &str, need: Need) {
        match event.split_once(' ') {
            None => self.probe(if need == Need::Usual { Need::Usual } else { Need::Few }),
            Some(("wait", ms)) => self.now_ns += number(ms).unwrap() * MS,
            Some(("probe", "good")) => self.tried(Verdict::Good { first_token_ns: None }),
            Some(("probe", "failed")) => self.tried(Verdict::Failed),
            Some(("probe", _)) => self.tried(Verdict::Neither),
            Some((times, how)) => {
                let one = if how == "good" { Count::ONE } else { Count::ONE_MARKED };
                (0..number(times).unwrap()).for_each(|_| self.ended(one));
            }
        }
    }
}

#[test]
fn one_deployments_breaker_holds() {
    check(section(BREAKER_MD, "One deployment"), |row| {
        let need = match &*row[1] {
            "usual" => Need::Usual,
            "few" => Need::Few,
            _ => Need::Any,
        };
        let early = row[0].contains("failed, probe") && !row[0].contains("wait");
        let mut watched = Watched::default();
        row[0].split(", ").for_each(|event| watched.happens(event, if early { Need::Few } else { Need::Usual }));
        match watched.circuit.admit(watched.now_ns, &Traffic::default().breaker, need) {
            Admit::Yes => "yes".into(),
            Admit::Probe(_) => "probe".into(),
            Admit::No { until_ns } => format!("no, {} ms", until_ns.saturating_sub(watched.now_ns) / MS),
        }
    });
}

fn peer(cell: &str) -> Option<Peer> {
    if cell == "-" {
        return None;
    }
    let (rests, cell) = cell.strip_prefix("rests ").map_or((false, cell), |cell| (true, cell));
    let [all, marked, p50_ms] = waiting(cell);
    let count = Count { all, marked };
    Some(Peer { count, first_tokens: all - marked, first_token_p50_ns: Some(u64::from(p50_ms) * MS), rests })
}

#[test]
fn beside_its_peers_holds() {
    check(section(BREAKER_MD, "Beside its peers"), |row| {
        let peers: Vec<Peer> = row.iter().filter_map(|cell| peer(cell)).collect();
        match outlier(&Traffic::default().outlier, &peers) {
            None => "-".into(),
            Some((index, Worse::Fails)) => format!("{} fails", ["a", "b", "c"][index]),
            Some((index, Worse::Slow)) => format!("{} slow", ["a", "b", "c"][index]),
        }
    });
}

fn queues() -> impl Strategy<Value = Queue> {
    (0_u32..40, 0.0_f64..0.5, 0.0_f64..0.4).prop_map(|(requests_max, standard_floor, batch_floor)| Queue {
        requests_max,
        standard_floor,
        batch_floor,
    })
}

fn lanes() -> impl Strategy<Value = Lane> {
    prop::sample::select(Lane::ALL.to_vec())
}

proptest! {
    /// Over any run of starts with a lane waiting all the while, it gets its floor's share, less one start.
    #[test]
    fn no_lane_starves(queue in queues(), arrivals in prop::collection::vec((0_u32..3, 0_u32..3, 0_u32..2), 1..400)) {
        let floors = [0.0, queue.standard_floor, queue.batch_floor];
        let (mut waiting, mut turns): (Waiting, _) = ([0; LANES], Turns::default());
        let mut runs = [(0_u32, 0_u32); LANES];
        for (interactive, standard, batch) in arrivals {
            for (lane, more) in [interactive, standard, batch].into_iter().enumerate() {
                waiting[lane] += more;
            }
            let Some(started) = turns.pick(&waiting) else { continue };
            turns.started(started, &waiting, &queue);
            for lane in 0..LANES {
                if waiting[lane] == 0 {
                    runs[lane] = (0, 0);
                    continue;
                }
                let (starts, own) = &mut runs[lane];
                *starts += 1;
                *own += u32::from(started as usize == lane);
                let due = f64::from(*starts) * floors[lane];
                prop_assert!(f64::from(*own) > due - 2.0, "lane {lane} had {own} of {starts} starts, its floor is {due:.1}");
            }
            waiting[started as usize] -= 1;
        }
    }

    /// Who is picked waits; the first lane that waits is never passed over for a lane that is owed nothing.
    #[test]
    fn only_who_waits_is_picked(waiting in prop::array::uniform3(0_u32..3)) {
        let picked = Turns::default().pick(&waiting);
        prop_assert_eq!(picked, Lane::ALL.into_iter().find(|lane| waiting[*lane as usize] > 0));
    }

    /// Arrivals with nobody leaving: the queue never holds more than its places, and each lane gets its own.
    #[test]
    fn a_queue_holds_its_places_and_no_more(queue in queues(), arrivals in prop::collection::vec(lanes(), 0..200)) {
        let mut waiting: Waiting = [0; LANES];
        let own = [0.0, queue.standard_floor, queue.batch_floor].map(|floor| (floor * f64::from(queue.requests_max)).floor());
        for lane in arrivals {
            let before = waiting;
            match place(lane, &waiting, &queue) {
                Place::Free => waiting[lane as usize] += 1,
                Place::Instead(other) => {
                    prop_assert!(other > lane && f64::from(waiting[other as usize]) > own[other as usize]);
                    waiting[other as usize] -= 1;
                    waiting[lane as usize] += 1;
                }
                Place::Full => prop_assert!(f64::from(before[lane as usize]) >= own[lane as usize], "its own places are free"),
            }
            prop_assert!(waiting.iter().sum::<u32>() <= queue.requests_max);
        }
    }

    /// Attempts, tries of a barred deployment and pauses past the deadline: never more than the bounds.
    #[test]
    fn failover_ends_within_its_bounds(
        endings in prop::collection::vec((0..ENDINGS.len(), prop::option::of(0_u64..9000)), 1..40),
        deployments in 1_usize..5, attempts_max in 1_u32..6, left_ms in prop::option::of(0_u64..5000), jitter in 0.0_f64..1.0,
    ) {
        let mut rule = Traffic::default().retry;
        rule.attempts_max = attempts_max;
        let candidates: Vec<usize> = (0..deployments).collect();
        let (mut history, mut sent, mut now_ns, mut at) = (History::default(), 0, 0, 0);
        let mut barred = Vec::new();
        let until_ns = left_ms.map(|ms| ms * MS);
        for (index, wait_ms) in endings {
            let row = ENDINGS[index];
            prop_assert!(!barred.contains(&at), "asked again after {:?}", row.ended);
            sent += u32::from(!matches!(row.ended, Ended::Queue | Ended::Limit | Ended::Unusable));
            history.ended(at, row.ended, now_ns, wait_ms.map(|ms| ms * MS));
            if row.again != Again::Any {
                barred.push(at);
            }
            prop_assert_eq!(history.attempts(), sent);
            let left_ns = until_ns.map(|until: u64| until.saturating_sub(now_ns));
            let standing = Standing { rule: &rule, history: &history, ended: row.ended, candidates: &candidates, now_ns, left_ns, jitter };
            match decide(&standing, || true) {
                Step::GiveUp { .. } => break,
                Step::Next { deployment } => at = deployment,
                Step::Again { deployment, pause_ns } => {
                    prop_assert!(left_ns.is_none_or(|left| pause_ns < left));
                    prop_assert!(pause_ns <= rule.retry_after_max_ms.max(rule.backoff_max_ms) * MS);
                    (at, now_ns) = (deployment, now_ns + pause_ns);
                }
            }
            prop_assert!(sent < attempts_max, "another after the last");
        }
    }

    #[test]
    fn a_back_off_stays_within_its_most(attempts in 0_u32..100, jitter in -1.0_f64..2.0) {
        let rule = Traffic::default().retry;
        prop_assert!(back_off_ns(&rule, attempts, jitter) <= rule.backoff_max_ms * MS);
    }

    /// Retries stay within their share of the window's requests, or the floor.
    #[test]
    fn retries_stay_within_their_share(steps in prop::collection::vec(any::<bool>(), 0..500)) {
        let rule = Traffic::default().retry;
        let mut count = Count::default();
        for retry in steps {
            if !retry {
                count = count.and(Count::ONE);
            } else if may_retry(&rule, count) {
                count.marked += 1;
            }
            prop_assert!(count.marked <= rule.floor || f64::from(count.marked) <= rule.share * f64::from(count.all));
        }
    }

    /// Whatever the figures: the last one in use is never ejected, and nobody who rests already.
    #[test]
    fn the_last_one_is_never_ejected(peers in prop::collection::vec((0_u32..200, 0_u32..200, 1_u64..5000, any::<bool>()), 0..6)) {
        let rule = Outlier { requests_min: 5, ..Traffic::default().outlier };
        let mut peers: Vec<Peer> = peers.into_iter().map(|(all, marked, p50_ms, rests)| Peer {
            count: Count { all, marked: marked.min(all) },
            first_tokens: all,
            first_token_p50_ns: Some(p50_ms * MS),
            rests,
        }).collect();
        while let Some((index, _)) = outlier(&rule, &peers) {
            prop_assert!(!peers[index].rests);
            peers[index].rests = true;
            prop_assert!(peers.iter().any(|peer| !peer.rests));
        }
    }

    /// Trials under way never exceed what is still wanted, whatever comes in between.
    #[test]
    fn few_try_at_once(steps in prop::collection::vec(0_u8..6, 0..200)) {
        let rule = Traffic::default().breaker;
        let (mut circuit, mut now_ns, mut trials) = (Circuit::default(), 0, VecDeque::new());
        circuit.open(now_ns, &rule, Count { all: 10, marked: 10 });
        for step in steps {
            match step {
                0 | 1 => if let Admit::Probe(trial) = circuit.admit(now_ns, &rule, if step == 0 { Need::Usual } else { Need::Few }) {
                    trials.push_back(trial);
                },
                2 => now_ns += 3000 * MS,
                _ => if let Some(trial) = trials.pop_front() {
                    let verdict = [Verdict::Failed, Verdict::Neither, Verdict::Good { first_token_ns: None }][usize::from(step - 3)];
                    circuit.tried(now_ns, &rule, trial, verdict);
                    if verdict == Verdict::Failed {
                        // Those of the old rest speak for nothing any more.
                        trials.clear();
                    }
                },
            }
            if circuit.is_closed() {
                circuit.open(now_ns, &rule, Count { all: 10, marked: 10 });
                trials.clear();
            }
            prop_assert!(trials.len() <= rule.probes as usize);
        }
    }
}
