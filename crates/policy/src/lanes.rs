//! Lanes: who starts next at a deployment that is full, who may wait for it, and who should not wait any more.
//! Interactive before standard before batch; the plan's floors keep the later lanes from starving, in starts as in
//! places to wait. Fairness between the services of a lane is taking turns; the queue does that.

use paceline_plan::document::{Lane, PriorityOrder, Queue};

/// How many lanes there are; arrays by lane are in the order of `Lane::ALL`.
pub const LANES: usize = Lane::ALL.len();

/// Requests waiting, by lane.
pub type Waiting = [u32; LANES];

/// What each lane is owed. A lane that waits while others start earns its floor's share of a start with each of them,
/// and goes first once that makes a whole start: so over any run of starts with the lane waiting it gets its share,
/// less a start or two.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Turns {
    owed: [f64; LANES],
}

/// Floats that should make a whole start may come out a hair below it.
const WHOLE: f64 = 1.0 - 1e-9;

impl Turns {
    /// The lane that starts next; none when nothing waits.
    #[must_use]
    pub fn pick(&self, waiting: &Waiting) -> Option<Lane> {
        let waits = |lane: &Lane| waiting[*lane as usize] > 0;
        let owed = |lane: &Lane| self.owed[*lane as usize];
        let due = Lane::ALL.into_iter().filter(|lane| waits(lane) && owed(lane) >= WHOLE);
        due.max_by(|one, other| owed(one).total_cmp(&owed(other))).or_else(|| Lane::ALL.into_iter().find(waits))
    }

    /// Notes that one of `lane` starts; `waiting` as it was before, the one that starts included.
    pub fn started(&mut self, lane: Lane, waiting: &Waiting, queue: &Queue) {
        for each in Lane::ALL {
            let owed = &mut self.owed[each as usize];
            if waiting[each as usize] > 0 {
                *owed += floor(each, queue);
            }
            if each == lane {
                *owed -= 1.0;
            }
            // A lane that started without being owed anything starts no debt: it was nobody else's turn.
            *owed = owed.clamp(0.0, 2.0);
        }
    }
}

/// A lane's floor; the interactive lane has none, it has what the others leave.
const fn floor(lane: Lane, queue: &Queue) -> f64 {
    match lane {
        Lane::Interactive => 0.0,
        Lane::Standard => queue.standard_floor,
        Lane::Batch => queue.batch_floor,
    }
}

/// Whether there is a place to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Free,
    /// Only if the youngest of this lane is refused instead.
    Instead(Lane),
    Full,
}

/// A place in a queue of `requests_max`. Each lane has its floor's share of the places to itself; a full queue makes
/// room for a lane by refusing the youngest of a later one that holds more than its share.
#[must_use]
pub fn place(lane: Lane, waiting: &Waiting, queue: &Queue) -> Place {
    let kept = |each: Lane| whole(floor(each, queue) * f64::from(queue.requests_max));
    let taken: u64 = waiting.iter().map(|&count| u64::from(count)).sum();
    let others = Lane::ALL.into_iter().filter(|each| *each != lane);
    let kept_free: u64 = others.map(|each| u64::from(kept(each).saturating_sub(waiting[each as usize]))).sum();
    if taken + kept_free < u64::from(queue.requests_max) {
        return Place::Free;
    }
    let later = Lane::ALL.into_iter().rev().take_while(|each| *each != lane);
    let over = later.into_iter().find(|each| waiting[*each as usize] > kept(*each));
    over.map_or(Place::Full, Place::Instead)
}

/// What a request that must wait can know of its queue.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outlook {
    /// Starts before its own, as `starts_ahead` expects them.
    pub ahead: f64,
    /// How long a request held its slot lately; none before the first has ended.
    pub held_ns: Option<u64>,
    /// Requests at once.
    pub in_flight_max: u32,
}

impl Outlook {
    /// Expected time until it starts: with every slot taken, one comes free each `held / in_flight_max`.
    #[must_use]
    pub fn wait_ns(&self) -> Option<u64> {
        let each = nanos(self.held_ns?) / f64::from(self.in_flight_max.max(1));
        Some(whole_ns((self.ahead + 1.0) * each))
    }
}

/// Starts that come before the own one: `mine` of the same lane (by the turns of its services), those of earlier lanes
/// as far as the floors let them, and what the floors give to later ones meanwhile.
#[must_use]
pub fn starts_ahead(lane: Lane, mine: u32, waiting: &Waiting, queue: &Queue) -> f64 {
    let count = |each: Lane| f64::from(waiting[each as usize]);
    let earlier: f64 = Lane::ALL.into_iter().take_while(|each| *each != lane).map(count).sum();
    let own = f64::from(mine) + 1.0;
    let later = Lane::ALL.into_iter().rev().take_while(|each| *each != lane).filter(|each| count(*each) > 0.0);
    let left: f64 = 1.0 - later.map(|each| floor(each, queue)).sum::<f64>();
    let in_order = (earlier + own) / left.max(0.1);
    let by_floor = if floor(lane, queue) > 0.0 { own / floor(lane, queue) } else { f64::INFINITY };
    in_order.min(by_floor) - 1.0
}

/// Whether waiting makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Until then at most: later than that the first token could not be in time any more.
    Wait { at_most_ns: Option<u64> },
    /// It would start too late.
    TooLate { wait_ns: u64, retry_after_ns: u64 },
}

/// Can a request that must wait still meet its first-token deadline, `left_ns` from now? What is not known (no
/// deadline, no request ended yet, no first token learned) speaks for waiting.
#[must_use]
pub fn patience(outlook: &Outlook, left_ns: Option<u64>, first_token_p50_ns: Option<u64>) -> Patience {
    let Some(left_ns) = left_ns else { return Patience::Wait { at_most_ns: None } };
    let at_most_ns = left_ns.saturating_sub(first_token_p50_ns.unwrap_or(0));
    let wait_ns = outlook.wait_ns().unwrap_or(0);
    if at_most_ns == 0 || wait_ns > at_most_ns {
        return Patience::TooLate { wait_ns, retry_after_ns: wait_ns.saturating_sub(at_most_ns) };
    }
    Patience::Wait { at_most_ns: Some(at_most_ns) }
}

/// How long requests held their slots, a moving average: one in eight of the newest.
#[must_use]
pub fn held(before_ns: Option<u64>, now_ns: u64) -> u64 {
    before_ns.map_or(now_ns, |before| before - before / 8 + now_ns / 8)
}

/// The `priority` field of an engine's request; none for engines that take none.
#[must_use]
pub const fn engine_priority(lane: Lane, order: PriorityOrder) -> Option<i64> {
    // Steps of ten leave room for callers' own finer order.
    let place = 10 * lane as i64;
    match order {
        PriorityOrder::None => None,
        PriorityOrder::LowerFirst => Some(place),
        PriorityOrder::HigherFirst => Some(20 - place),
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(value: f64) -> u32 {
    value.max(0.0) as u32
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole_ns(value: f64) -> u64 {
    value.max(0.0) as u64
}

#[allow(clippy::cast_precision_loss)]
fn nanos(value: u64) -> f64 {
    value as f64
}
