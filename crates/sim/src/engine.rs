//! A batch-step inference engine as a pure state machine on a clock that the caller owns. Each step takes
//! `a + b · running + c · prefill tokens`: so requests queue, a long prompt delays everybody's next token, a held
//! prefix shortens prefill, and a full KV memory throws the youngest request back into the queue. The scheduler is
//! that of continuous batching with chunked prefill. It knows no sockets, no real time and no text.

use std::collections::{BTreeMap, VecDeque};

use crate::params::BatchParams;
use crate::prefix::{BLOCK_TOKENS, PrefixCache};
use crate::seed::Seed;

/// Nanoseconds on the caller's clock.
pub type Nanos = u64;

/// What one request asks of the engine.
#[derive(Clone, Debug)]
pub struct Work {
    /// The caller's name for it; must be unique among those in the engine.
    pub id: u64,
    pub prompt_tokens: u32,
    /// Names of the prompt's whole blocks (see [`PrefixCache`]).
    pub chain: Vec<u64>,
    /// Tokens it will generate; at least one.
    pub output_tokens: u32,
}

/// What `step` decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// A step runs until then; what it emits is true at that instant, and `step` is due again.
    Ends(Nanos),
    /// Nothing to run before that instant.
    Wait(Nanos),
    /// Nothing to do until something is submitted.
    Idle,
}

/// A request whose prefill began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    pub id: u64,
    /// Prompt tokens found in the prefix cache.
    pub cached_tokens: u32,
}

#[derive(Debug)]
struct Job {
    work: Work,
    /// Tokens that must be in memory before the next one can be generated: the prompt, and after a preemption also
    /// what had been generated.
    target: u32,
    filled: u32,
    produced: u32,
    /// KV blocks it occupies.
    blocks: u32,
    announced: bool,
}

impl Job {
    const fn decodes(&self) -> bool {
        self.filled >= self.target
    }

    const fn context(&self) -> u32 {
        self.work.prompt_tokens.saturating_add(self.produced)
    }
}

/// One model's engine.
#[derive(Debug)]
pub struct Engine {
    params: BatchParams,
    seed: Seed,
    cache: PrefixCache,
    /// Submitted, not yet through the front end; by the instant they are.
    arriving: BTreeMap<(Nanos, u64), Job>,
    waiting: VecDeque<Job>,
    /// In order of admission; the last is the first to be preempted.
    running: Vec<Job>,
    blocks_used: u32,
    arrivals: u64,
    preemptions: u64,
    admitted: Vec<Admitted>,
    emitted: Vec<u64>,
}

impl Engine {
    #[must_use]
    pub fn new(params: BatchParams, seed: u64) -> Self {
        let cache = PrefixCache::new((params.cache_tokens / BLOCK_TOKENS) as usize);
        Self {
            params,
            seed: Seed::new(seed),
            cache,
            arriving: BTreeMap::new(),
            waiting: VecDeque::new(),
            running: Vec::new(),
            blocks_used: 0,
            arrivals: 0,
            preemptions: 0,
            admitted: Vec::new(),
            emitted: Vec::new(),
        }
    }

    /// Takes one request; false when the queue is full.
    pub fn submit(&mut self, now: Nanos, mut work: Work) -> bool {
        if self.waiting() >= self.params.max_waiting {
            return false;
        }
        work.output_tokens = work.output_tokens.max(1);
        let overhead = self.seed.log_normal(self.params.overhead_ns, self.params.overhead_sigma);
        let job = Job { target: work.prompt_tokens, work, filled: 0, produced: 0, blocks: 0, announced: false };
        self.arrivals += 1;
        self.arriving.insert((now.saturating_add(nanos(overhead)), self.arrivals), job);
        true
    }

    /// Forgets a request whose caller left.
    pub fn cancel(&mut self, id: u64) {
        self.arriving.retain(|_, job| job.work.id != id);
        self.waiting.retain(|job| job.work.id != id);
        if let Some(at) = self.running.iter().position(|job| job.work.id == id) {
            self.blocks_used -= self.running.remove(at).blocks;
        }
    }

    /// Begins the next step at `now`. Read [`Self::admitted`] (true at `now`) and [`Self::emitted`] (true at the
    /// step's end) before the next call.
    pub fn step(&mut self, now: Nanos) -> Next {
        self.admitted.clear();
        self.emitted.clear();
        while let Some(entry) = self.arriving.first_entry() {
            if entry.key().0 > now {
                break;
            }
            self.waiting.push_back(entry.remove());
        }
        let preempted = self.grow();
        let mut budget = self.params.prefill_budget;
        self.fill(&mut budget);
        if !preempted {
            self.admit(&mut budget);
        }
        if self.running.is_empty() {
            return self.arriving.keys().next().map_or(Next::Idle, |&(ready, _)| Next::Wait(ready));
        }
        let length = self.length(self.params.prefill_budget - budget);
        self.emit();
        Next::Ends(now.saturating_add(length.max(1)))
    }

    /// Requests whose first prefill began in the current step.
    #[must_use]
    pub fn admitted(&self) -> &[Admitted] {
        &self.admitted
    }

    /// One entry for each token that exists when the current step ends.
    #[must_use]
    pub fn emitted(&self) -> &[u64] {
        &self.emitted
    }

    /// Requests in the batch.
    #[must_use]
    pub const fn running(&self) -> usize {
        self.running.len()
    }

    /// Requests submitted and not yet in the batch.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.arriving.len() + self.waiting.len()
    }

    /// How often a request was thrown back into the queue.
    #[must_use]
    pub const fn preemptions(&self) -> u64 {
        self.preemptions
    }

    /// Gives every decoding request room for its next token, oldest first; takes it from the youngest.
    fn grow(&mut self) -> bool {
        let mut preempted = false;
        let mut at = 0;
        while at < self.running.len() {
            let job = &self.running[at];
            let need = blocks_for(job.context().saturating_add(1));
            if !job.decodes() || need <= job.blocks {
                at += 1;
            } else if self.blocks_used < self.capacity() || self.running.len() == 1 {
                self.blocks_used += need - job.blocks;
                self.running[at].blocks = need;
                at += 1;
            } else {
                self.preempt();
                preempted = true;
            }
        }
        preempted
    }

    fn preempt(&mut self) {
        let Some(mut job) = self.running.pop() else { return };
        self.preemptions += 1;
        self.blocks_used -= job.blocks;
        job.blocks = 0;
        job.filled = 0;
        job.target = job.context();
        self.waiting.push_front(job);
    }

    /// Spends the step's prefill budget on prompts that are already in the batch.
    fn fill(&mut self, budget: &mut u32) {
        for job in &mut self.running {
            if !job.decodes() {
                take(job, budget, &mut self.cache);
            }
        }
    }

    /// Lets waiting requests in while there are seats, memory and budget.
    fn admit(&mut self, budget: &mut u32) {
        while self.running.len() < self.params.max_running && *budget > 0 {
            let Some(job) = self.waiting.front() else { return };
            let need = blocks_for(job.context().saturating_add(1));
            if self.blocks_used.saturating_add(need) > self.capacity() && !self.running.is_empty() {
                return;
            }
            let Some(mut job) = self.waiting.pop_front() else { return };
            // The last token's logits are always computed, so a fully held prompt still prefills its last block.
            let reusable = job.target.saturating_sub(1) / BLOCK_TOKENS;
            let cached_tokens = self.cache.hits(&job.work.chain).min(reusable) * BLOCK_TOKENS;
            job.filled = cached_tokens;
            job.blocks = need;
            self.blocks_used += need;
            if !job.announced {
                job.announced = true;
                self.admitted.push(Admitted { id: job.work.id, cached_tokens });
            }
            take(&mut job, budget, &mut self.cache);
            self.running.push(job);
        }
    }

    /// How long a step with this much prefill takes.
    #[allow(clippy::cast_precision_loss)]
    fn length(&mut self, prefill_tokens: u32) -> Nanos {
        let params = &self.params;
        let mean = params.step_ns
            + params.per_running_ns * self.running.len() as f64
            + params.per_prefill_token_ns * f64::from(prefill_tokens);
        nanos(mean * (1.0 + params.jitter * self.seed.normal()).clamp(0.5, 3.0))
    }

    /// Every request whose context is in memory generates one token; finished ones leave.
    fn emit(&mut self) {
        let (emitted, blocks_used) = (&mut self.emitted, &mut self.blocks_used);
        self.running.retain_mut(|job| {
            if !job.decodes() {
                return true;
            }
            job.produced += 1;
            emitted.push(job.work.id);
            let stays = job.produced < job.work.output_tokens;
            if !stays {
                *blocks_used -= job.blocks;
            }
            stays
        });
    }

    const fn capacity(&self) -> u32 {
        self.params.kv_tokens / BLOCK_TOKENS
    }
}

/// Prefills as much of one prompt as the budget allows; a prompt that is complete is held for others.
fn take(job: &mut Job, budget: &mut u32, cache: &mut PrefixCache) {
    let tokens = (job.target - job.filled).min(*budget);
    *budget -= tokens;
    job.filled += tokens;
    if job.decodes() {
        cache.hold(&job.work.chain);
    }
}

const fn blocks_for(tokens: u32) -> u32 {
    tokens.div_ceil(BLOCK_TOKENS)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
const fn nanos(value: f64) -> Nanos {
    value as Nanos
}
