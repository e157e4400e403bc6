//! The models a simulator answers for, each with its own timing, and one more for names it does not know.

use std::collections::HashMap;
use std::time::Duration;

use serde::Serialize;

use crate::config::{Config, ModelConfig};
use crate::driver::{Driver, EngineStats};
use crate::feed::{Pace, Paced};
use crate::params::{AnswerLength, Timing};
use crate::seed::hash_bytes;

/// One model.
#[derive(Debug)]
pub struct Model {
    source: Source,
    pub answer_length: AnswerLength,
}

#[derive(Debug)]
enum Source {
    Instant,
    Paced { first: Duration, interval: Duration },
    Engine(Driver),
}

impl Model {
    /// Must be called on a runtime: an engine is a task.
    fn start(model: &ModelConfig, config: &Config) -> Self {
        let source = match model.timing(config.default_preset, config.speed) {
            Timing::Instant => Source::Instant,
            Timing::Paced { first_ns, token_ns } => Source::Paced { first: nanos(first_ns), interval: nanos(token_ns) },
            Timing::Batch(params) => {
                Source::Engine(Driver::start(params, hash_bytes(config.seed, model.name.as_bytes())))
            }
        };
        Self { source, answer_length: model.answer_length(config.default_preset) }
    }

    /// When the tokens of one answer will exist; the clock starts now.
    #[must_use]
    pub(crate) fn pace(&self, prompt_tokens: u32, chain: Vec<u64>, output_tokens: u32) -> Pace {
        match &self.source {
            Source::Instant => Pace::Instant { flushed: true },
            Source::Paced { first, interval } => Pace::Paced(Paced::new(*first, *interval)),
            Source::Engine(driver) => Pace::Engine(driver.submit(prompt_tokens, chain, output_tokens)),
        }
    }

    /// True when an engine wants to know the prompt's blocks.
    #[must_use]
    pub const fn wants_chain(&self) -> bool {
        self.engine().is_some()
    }

    const fn engine(&self) -> Option<&Driver> {
        match &self.source {
            Source::Engine(driver) => Some(driver),
            _ => None,
        }
    }
}

/// All of them.
#[derive(Debug)]
pub struct Models {
    by_name: HashMap<String, Model>,
    names: Vec<String>,
    other: Option<Model>,
}

/// What one engine is doing.
#[derive(Debug, Serialize)]
pub struct ModelStats {
    /// The configured name; `*` for all others.
    pub model: String,
    #[serde(flatten)]
    pub engine: EngineStats,
}

impl Models {
    /// Must be called on a runtime.
    #[must_use]
    pub fn start(config: &Config) -> Self {
        let by_name: HashMap<_, _> =
            config.models.iter().map(|model| (model.name.clone(), Model::start(model, config))).collect();
        let other = (!config.strict_models).then(|| Model::start(&ModelConfig::default(), config));
        let names = config.models.iter().map(|model| model.name.clone()).collect();
        Self { by_name, names, other }
    }

    /// The model of that name, or the one for all others.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Model> {
        self.by_name.get(name).or(self.other.as_ref())
    }

    /// Configured names, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// What every engine is doing.
    #[must_use]
    pub fn stats(&self) -> Vec<ModelStats> {
        let named = self.names.iter().filter_map(|name| Some((name.as_str(), self.by_name.get(name)?)));
        named
            .chain(self.other.iter().map(|model| ("*", model)))
            .filter_map(|(name, model)| Some(ModelStats { model: name.into(), engine: model.engine()?.stats() }))
            .collect()
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
const fn nanos(value: f64) -> Duration {
    Duration::from_nanos(value as u64)
}
