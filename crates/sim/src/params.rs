//! What a simulated model costs: the engine's constants, the answer lengths, and named presets for both. Figures are of
//! the kind published for the engines named; they set a scale and claim nothing about a vendor.

use serde::{Deserialize, Serialize};

/// A named kind of model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// About 8 B parameters on one H100: first token near 100 ms, then 12 ms a token.
    #[default]
    Small,
    /// About 70 B on eight: 200 ms, 25 ms.
    Large,
    /// An autocomplete model: 15 ms, 5 ms.
    Tiny,
    /// A hosted frontier model behind an agent: 1 to 2.5 s at 100,000 tokens of which 96 % are held, 17 ms.
    Frontier,
    /// No delays at all.
    Instant,
    /// A fixed interval between tokens, whatever the load.
    Paced,
}

impl Preset {
    /// Every preset's name.
    pub const NAMES: [&'static str; 6] = ["small", "large", "tiny", "frontier", "instant", "paced"];
}

/// How answers of a model are timed.
#[derive(Clone, Debug, PartialEq)]
pub enum Timing {
    Instant,
    Paced { first_ns: f64, token_ns: f64 },
    Batch(BatchParams),
}

/// Constants of the batch-step engine; times in nanoseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchParams {
    /// Median time a request spends before the scheduler sees it (network, tokeniser, router).
    pub overhead_ns: f64,
    /// Spread of it: standard deviation of the logarithm.
    pub overhead_sigma: f64,
    /// `a`: every step.
    pub step_ns: f64,
    /// `b`: for each request in the batch.
    pub per_running_ns: f64,
    /// `c`: for each prompt token prefilled in the step.
    pub per_prefill_token_ns: f64,
    /// Relative standard deviation of a step.
    pub jitter: f64,
    /// Most prompt tokens prefilled in one step.
    pub prefill_budget: u32,
    pub max_running: usize,
    pub max_waiting: usize,
    /// Tokens that fit in KV memory, prompts and answers of the running requests together.
    pub kv_tokens: u32,
    /// Tokens that the prefix cache holds.
    pub cache_tokens: u32,
}

/// How long answers are when the caller does not say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AnswerLength {
    pub median_tokens: f64,
    pub sigma: f64,
}

const MS: f64 = 1e6;

impl BatchParams {
    const fn of(overhead_ms: f64, step_ms: f64, per_running_ms: f64, per_prefill_token_ms: f64) -> Self {
        Self {
            overhead_ns: overhead_ms * MS,
            overhead_sigma: 0.15,
            step_ns: step_ms * MS,
            per_running_ns: per_running_ms * MS,
            per_prefill_token_ns: per_prefill_token_ms * MS,
            jitter: 0.03,
            prefill_budget: 2048,
            max_running: 128,
            max_waiting: 4096,
            kv_tokens: 400_000,
            cache_tokens: 400_000,
        }
    }

    /// The constants of a preset; `None` for those without an engine.
    #[must_use]
    pub const fn preset(preset: Preset) -> Option<Self> {
        Some(match preset {
            Preset::Small => Self::of(50.0, 11.0, 0.05, 0.04),
            Preset::Large => Self { max_running: 256, ..Self::of(85.0, 23.0, 0.08, 0.09) },
            Preset::Tiny => Self { max_running: 64, ..Self::of(6.0, 4.5, 0.03, 0.008) },
            Preset::Frontier => Self {
                overhead_sigma: 0.3,
                prefill_budget: 512,
                max_running: 1024,
                kv_tokens: 40_000_000,
                cache_tokens: 40_000_000,
                ..Self::of(450.0, 16.5, 0.005, 0.2)
            },
            Preset::Instant | Preset::Paced => return None,
        })
    }

    /// The same engine, `speed` times as fast.
    #[must_use]
    pub fn at_speed(mut self, speed: f64) -> Self {
        self.overhead_ns /= speed;
        self.step_ns /= speed;
        self.per_running_ns /= speed;
        self.per_prefill_token_ns /= speed;
        self
    }
}

impl Preset {
    /// Lengths that fit the preset's use.
    #[must_use]
    pub const fn answer_length(self) -> AnswerLength {
        match self {
            Self::Tiny => AnswerLength { median_tokens: 24.0, sigma: 0.6 },
            Self::Frontier => AnswerLength { median_tokens: 350.0, sigma: 1.0 },
            _ => AnswerLength { median_tokens: 180.0, sigma: 0.8 },
        }
    }
}
