//! Runs one model's engine in real time: one task, which sleeps until a step's end and then says which tokens exist.
//! The engine's clock is the schedule's, not the timer's, so late wake-ups delay tokens but do not slow the engine.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::engine::{Engine, Nanos, Next, Work};
use crate::feed::{Feed, Leavers, Reader};
use crate::params::BatchParams;

/// Requests handed over and not yet seen by the engine.
const INBOX: usize = 8192;
/// The engine falls back to real time when it is later than this.
const LATE: Nanos = 200_000_000;

/// What an engine is doing.
#[derive(Debug, Default)]
struct Gauges {
    running: AtomicUsize,
    waiting: AtomicUsize,
    preemptions: AtomicU64,
}

/// The same, to be shown.
#[derive(Debug, Default, Serialize, PartialEq, Eq)]
pub struct EngineStats {
    pub running: usize,
    pub waiting: usize,
    pub preemptions: u64,
}

/// The way to a running engine; the engine ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Driver {
    inbox: mpsc::Sender<(Work, Arc<Feed>, Instant)>,
    leavers: Arc<Leavers>,
    gauges: Arc<Gauges>,
    ids: AtomicU64,
}

impl Driver {
    /// Starts an engine's task on the current runtime.
    #[must_use]
    pub(crate) fn start(params: BatchParams, seed: u64) -> Self {
        let (inbox, arrivals) = mpsc::channel(INBOX);
        let gauges = Arc::new(Gauges::default());
        let leavers = Arc::new(Leavers::default());
        let run = Run {
            engine: Engine::new(params, seed),
            feeds: HashMap::new(),
            epoch: Instant::now(),
            leavers: Arc::clone(&leavers),
            gauges: Arc::clone(&gauges),
        };
        tokio::spawn(run.drive(arrivals));
        Self { inbox, leavers, gauges, ids: AtomicU64::new(0) }
    }

    /// Hands a request over. A full inbox shows as a refusal, as a full queue does.
    #[must_use]
    pub(crate) fn submit(&self, prompt_tokens: u32, chain: Vec<u64>, output_tokens: u32) -> Reader {
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        let feed = Feed::new(id, Arc::clone(&self.leavers));
        let work = Work { id, prompt_tokens, chain, output_tokens };
        if self.inbox.try_send((work, Arc::clone(&feed), Instant::now())).is_err() {
            feed.refuse();
        }
        Reader(feed)
    }

    /// What the engine is doing.
    #[must_use]
    pub(crate) fn stats(&self) -> EngineStats {
        EngineStats {
            running: self.gauges.running.load(Ordering::Relaxed),
            waiting: self.gauges.waiting.load(Ordering::Relaxed),
            preemptions: self.gauges.preemptions.load(Ordering::Relaxed),
        }
    }
}

struct Run {
    engine: Engine,
    /// With the tokens each has still to get.
    feeds: HashMap<u64, (Arc<Feed>, u32)>,
    epoch: Instant,
    leavers: Arc<Leavers>,
    gauges: Arc<Gauges>,
}

impl Run {
    async fn drive(mut self, mut arrivals: mpsc::Receiver<(Work, Arc<Feed>, Instant)>) {
        let mut now = 0;
        loop {
            while let Ok(arrival) = arrivals.try_recv() {
                self.accept(arrival);
            }
            self.forget_leavers();
            let next = self.engine.step(now);
            for admitted in self.engine.admitted() {
                if let Some((feed, _)) = self.feeds.get(&admitted.id) {
                    feed.admit(admitted.cached_tokens);
                }
            }
            self.show();
            let arrival = match next {
                Next::Ends(ends) => {
                    sleep_until(self.epoch + Duration::from_nanos(ends)).await;
                    self.emit();
                    now = if self.now() > ends + LATE { self.now() } else { ends };
                    continue;
                }
                Next::Wait(until) => tokio::select! {
                    arrival = arrivals.recv() => arrival,
                    () = sleep_until(self.epoch + Duration::from_nanos(until)) => { now = self.now(); continue }
                },
                Next::Idle => arrivals.recv().await,
            };
            let Some(arrival) = arrival else { return };
            self.accept(arrival);
            now = self.now();
        }
    }

    fn accept(&mut self, (work, feed, at): (Work, Arc<Feed>, Instant)) {
        if feed.left() {
            return;
        }
        let tokens = work.output_tokens.max(1);
        let since = at.checked_duration_since(self.epoch).unwrap_or_default();
        if self.engine.submit(nanos(since), work) {
            self.feeds.insert(feed.id(), (feed, tokens));
        } else {
            feed.refuse();
        }
    }

    /// Tells every answer about its token, and lets go of those that have all.
    fn emit(&mut self) {
        for id in self.engine.emitted() {
            let Some((feed, left)) = self.feeds.get_mut(id) else { continue };
            feed.push();
            *left -= 1;
            if *left == 0 {
                self.feeds.remove(id);
            }
        }
    }

    fn forget_leavers(&mut self) {
        let left = std::mem::take(&mut *self.leavers.lock());
        for id in left {
            if self.feeds.remove(&id).is_some() {
                self.engine.cancel(id);
            }
        }
    }

    fn show(&self) {
        self.gauges.running.store(self.engine.running(), Ordering::Relaxed);
        self.gauges.waiting.store(self.engine.waiting(), Ordering::Relaxed);
        self.gauges.preemptions.store(self.engine.preemptions(), Ordering::Relaxed);
    }

    fn now(&self) -> Nanos {
        nanos(self.epoch.elapsed())
    }
}

fn nanos(duration: Duration) -> Nanos {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::future::poll_fn;

    use super::*;
    use crate::feed::Pace;
    use crate::params::Preset;
    use crate::simulation::{Arrival, Simulation};

    /// Instants of a request's tokens, in nanoseconds after `begun`, on the paused clock.
    async fn tokens(reader: Reader, begun: Instant, count: u32) -> Vec<Nanos> {
        let mut pace = Pace::Engine(reader);
        poll_fn(|cx| pace.poll_begun(cx)).await.unwrap();
        let mut seen = Vec::new();
        while seen.len() < count as usize {
            let have = u32::try_from(seen.len()).unwrap();
            let exist = poll_fn(|cx| pace.poll_more(cx, have)).await;
            seen.resize(exist as usize, nanos(begun.elapsed()));
        }
        seen
    }

    #[tokio::test(start_paused = true)]
    async fn real_time_follows_the_same_schedule_as_virtual_time() {
        let params = BatchParams::preset(Preset::Small).unwrap();
        let arrivals: Vec<_> = (0..4).map(|text| Arrival::new(0, text, 500 + 900 * text as u32, 40)).collect();
        let truth = Simulation::new(params.clone(), 9).run(&arrivals);
        let driver = Driver::start(params, 9);
        let begun = Instant::now();
        let mut running = Vec::new();
        for arrival in arrivals {
            let reader = driver.submit(arrival.prompt_tokens, arrival.blocks, arrival.output_tokens);
            running.push(tokio::spawn(tokens(reader, begun, arrival.output_tokens)));
        }
        for (request, truth) in running.into_iter().zip(truth) {
            for (seen, truth) in request.await.unwrap().into_iter().zip(truth.tokens) {
                // The timer counts whole milliseconds; the engine does not.
                assert!(seen >= truth && seen - truth <= 2_000_000, "{seen} for {truth}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_leaves_early_is_never_run() {
        let driver = Driver::start(BatchParams::preset(Preset::Small).unwrap(), 1);
        drop(driver.submit(10, Vec::new(), 1000));
        tokens(driver.submit(10, Vec::new(), 2), Instant::now(), 2).await;
        assert_eq!(driver.stats(), EngineStats::default(), "the second is done, and the first never was there");
    }
}
