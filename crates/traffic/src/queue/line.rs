//! The line of those that wait, under the queue's lock: lanes, in them services that take turns, in those first come
//! first served. Knows who is next; what a slot is worth is the queue's matter.

use std::collections::VecDeque;

use paceline_plan::document::{Lane, Queue as Rule};
use paceline_policy::{LANES, Turns, Waiting, held};
use tokio::sync::oneshot;
use tokio::time::Instant as Clock;

/// How waiting ended, unless the one that waits left by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// It has a slot.
    Started,
    /// A request of an earlier lane took its place.
    Displaced,
    /// It was its turn, but too late.
    TooLate,
}

#[derive(Debug)]
pub(super) struct Line {
    pub(super) rule: Rule,
    pub(super) in_flight: u32,
    /// How long requests held their slots lately.
    pub(super) held_ns: Option<u64>,
    turns: Turns,
    lanes: [VecDeque<Service>; LANES],
    waiting: Waiting,
    /// Numbers rise, so that one of many is found quickly.
    next: u64,
}

/// One service's requests in one lane, oldest first. Never empty.
#[derive(Debug)]
struct Service {
    service: usize,
    waiters: VecDeque<Waits>,
}

#[derive(Debug)]
struct Waits {
    number: u64,
    until: Option<Clock>,
    tell: oneshot::Sender<Ended>,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            rule: Rule::default(),
            in_flight: 0,
            held_ns: None,
            turns: Turns::default(),
            lanes: Default::default(),
            waiting: [0; LANES],
            next: 0,
        }
    }
}

impl Line {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting == [0; LANES]
    }

    pub(super) fn waiting(&self) -> Waiting {
        self.waiting
    }

    pub(super) fn held(&mut self, ns: u64) {
        self.held_ns = Some(held(self.held_ns, ns));
    }

    /// How many of the lane start before a new one of `service` would, by their turns.
    pub(super) fn before(&self, lane: Lane, service: usize) -> u32 {
        let lane = &self.lanes[lane as usize];
        let own = lane.iter().find(|each| each.service == service).map_or(0, |each| each.waiters.len());
        let sum: usize =
            lane.iter().map(|each| each.waiters.len().min(own + usize::from(each.service != service))).sum();
        u32::try_from(sum).unwrap_or(u32::MAX)
    }

    /// At the end of its service's requests.
    pub(super) fn join(&mut self, lane: Lane, service: usize, until: Option<Clock>) -> (u64, oneshot::Receiver<Ended>) {
        let (tell, told) = oneshot::channel();
        let number = self.next;
        self.next += 1;
        let waits = Waits { number, until, tell };
        let services = &mut self.lanes[lane as usize];
        match services.iter_mut().find(|each| each.service == service) {
            Some(found) => found.waiters.push_back(waits),
            None => services.push_back(Service { service, waiters: VecDeque::from([waits]) }),
        }
        self.waiting[lane as usize] += 1;
        (number, told)
    }

    /// Leaves by itself. False when it is not there any more: it was told how waiting ended.
    pub(super) fn leave(&mut self, lane: Lane, service: usize, number: u64) -> bool {
        let services = &mut self.lanes[lane as usize];
        let Some(at) = services.iter().position(|each| each.service == service) else { return false };
        let waiters = &mut services[at].waiters;
        let Ok(place) = waiters.binary_search_by_key(&number, |waits| waits.number) else { return false };
        waiters.remove(place);
        if waiters.is_empty() {
            services.remove(at);
        }
        self.waiting[lane as usize] -= 1;
        true
    }

    /// The next one starts and takes a slot. False when nobody waits. Those whose time has passed are told so.
    pub(super) fn start_next(&mut self, now: Clock) -> bool {
        while let Some(lane) = self.turns.pick(&self.waiting) {
            let waiting = self.waiting;
            let Some(waits) = self.take_first(lane) else { return false };
            if waits.until.is_some_and(|until| until < now) {
                let _ = waits.tell.send(Ended::TooLate);
            } else if waits.tell.send(Ended::Started).is_ok() {
                self.turns.started(lane, &waiting, &self.rule);
                self.in_flight += 1;
                return true;
            }
        }
        false
    }

    /// The oldest of the service whose turn it is; that service goes to the end.
    fn take_first(&mut self, lane: Lane) -> Option<Waits> {
        let services = &mut self.lanes[lane as usize];
        let mut service = services.pop_front()?;
        let waits = service.waiters.pop_front();
        if !service.waiters.is_empty() {
            services.push_back(service);
        }
        self.waiting[lane as usize] -= 1;
        waits
    }

    /// The youngest of the lane loses its place.
    pub(super) fn refuse_youngest(&mut self, lane: Lane) {
        let services = &mut self.lanes[lane as usize];
        let newest = |each: &Service| each.waiters.back().map(|waits| waits.number);
        let youngest = services.iter().enumerate().max_by_key(|(_, each)| newest(each)).map(|(at, _)| at);
        let Some(at) = youngest else { return };
        if let Some(waits) = services[at].waiters.pop_back() {
            let _ = waits.tell.send(Ended::Displaced);
            self.waiting[lane as usize] -= 1;
        }
        if services[at].waiters.is_empty() {
            services.remove(at);
        }
    }
}
