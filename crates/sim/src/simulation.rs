//! The engine in virtual time: a list of arrivals in, true instants out. Same parameters, seed and arrivals, same
//! result, on any machine. For tests and for planning; it opens no socket and never sleeps.

use crate::engine::{Engine, Nanos, Next, Work};
use crate::params::BatchParams;
use crate::prefix::BLOCK_TOKENS;
use crate::seed::mix;

/// One request of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    pub at: Nanos,
    pub prompt_tokens: u32,
    /// Names of the prompt's whole 64-token blocks; equal names at equal places mean an equal prefix.
    pub blocks: Vec<u64>,
    pub output_tokens: u32,
}

impl Arrival {
    /// A request whose prompt shares nothing with any other of a different `text`.
    #[must_use]
    pub fn new(at: Nanos, text: u64, prompt_tokens: u32, output_tokens: u32) -> Self {
        let blocks = (0..u64::from(prompt_tokens / BLOCK_TOKENS)).map(|index| mix(text ^ (index << 32))).collect();
        Self { at, prompt_tokens, blocks, output_tokens }
    }
}

/// What became of one arrival.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served {
    pub arrived: Nanos,
    /// When its prefill began; `None` when the queue refused it.
    pub admitted: Option<Nanos>,
    pub cached_tokens: u32,
    /// The instant of each token.
    pub tokens: Vec<Nanos>,
}

impl Served {
    /// From arrival to first token.
    #[must_use]
    pub fn ttft(&self) -> Option<Nanos> {
        Some(self.tokens.first()? - self.arrived)
    }

    /// The largest gap between two tokens.
    #[must_use]
    pub fn stall(&self) -> Option<Nanos> {
        self.tokens.windows(2).map(|pair| pair[1] - pair[0]).max()
    }

    /// Mean time per token after the first.
    #[must_use]
    pub fn tpot(&self) -> Option<Nanos> {
        let gaps = self.tokens.len().checked_sub(1).filter(|&gaps| gaps > 0)? as u64;
        Some((self.tokens.last()? - self.tokens.first()?) / gaps)
    }
}

/// One engine and its virtual clock.
#[derive(Debug)]
pub struct Simulation {
    engine: Engine,
}

impl Simulation {
    #[must_use]
    pub fn new(params: BatchParams, seed: u64) -> Self {
        Self { engine: Engine::new(params, seed) }
    }

    /// Runs until every request is done; results in the order of the arrivals given.
    #[must_use]
    pub fn run(&mut self, arrivals: &[Arrival]) -> Vec<Served> {
        let mut order: Vec<usize> = (0..arrivals.len()).collect();
        order.sort_by_key(|&index| arrivals[index].at);
        let mut coming = order.into_iter().peekable();
        let mut served: Vec<Served> =
            arrivals.iter().map(|arrival| Served { arrived: arrival.at, ..Served::default() }).collect();
        let mut now = 0;
        loop {
            while let Some(index) = coming.next_if(|&index| arrivals[index].at <= now) {
                self.engine.submit(arrivals[index].at, work(index, &arrivals[index]));
            }
            let next = self.engine.step(now);
            for admitted in self.engine.admitted() {
                let request = &mut served[at(admitted.id)];
                request.admitted = Some(now);
                request.cached_tokens = admitted.cached_tokens;
            }
            let coming_at = coming.peek().map(|&index| arrivals[index].at);
            now = match (next, coming_at) {
                (Next::Ends(ends), _) => ends,
                (Next::Wait(until), Some(coming_at)) => until.min(coming_at),
                (Next::Wait(until), None) => until,
                (Next::Idle, Some(coming_at)) => coming_at,
                (Next::Idle, None) => return served,
            };
            for &id in self.engine.emitted() {
                served[at(id)].tokens.push(now);
            }
        }
    }

    /// How often a request was thrown back into the queue.
    #[must_use]
    pub const fn preemptions(&self) -> u64 {
        self.engine.preemptions()
    }
}

fn work(index: usize, arrival: &Arrival) -> Work {
    Work {
        id: index as u64,
        prompt_tokens: arrival.prompt_tokens,
        chain: arrival.blocks.clone(),
        output_tokens: arrival.output_tokens,
    }
}

fn at(id: u64) -> usize {
    usize::try_from(id).unwrap_or(usize::MAX)
}
