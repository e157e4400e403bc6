//! The simulator's configuration, as JSON. Forgiving in what may be left out, strict in names it does not know.

use serde::{Deserialize, Serialize};

use crate::params::{AnswerLength, BatchParams, Preset, Timing};

/// Everything a simulator needs to know.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// `HOST:PORT`; port 0 takes a free one.
    pub listen: String,
    pub models: Vec<ModelConfig>,
    /// For names that `models` lacks.
    pub default_preset: Preset,
    /// Unknown names are refused with 404 instead.
    pub strict_models: bool,
    /// All latencies are divided by it; those of faults are not.
    pub speed: f64,
    pub seed: u64,
    /// When not empty, only these keys are accepted.
    pub keys: Vec<String>,
    /// Requests that the truth log keeps.
    pub log_capacity: usize,
    pub body_bytes_max: usize,
    pub connections_max: usize,
    /// HTTP/2: streams at once on one connection.
    pub h2_streams_max: u32,
    /// Requests after which a connection is wound down: GOAWAY, or closed after the answer.
    pub requests_per_connection_max: Option<u32>,
    /// Worker threads; as many as there are cores when absent.
    pub threads: Option<usize>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:4199".into(),
            models: Vec::new(),
            default_preset: Preset::Small,
            strict_models: false,
            speed: 1.0,
            seed: 1,
            keys: Vec::new(),
            log_capacity: 65_536,
            body_bytes_max: 64 << 20,
            connections_max: 16_384,
            h2_streams_max: 256,
            requests_per_connection_max: None,
            threads: None,
        }
    }
}

/// One model: a preset, and what differs from it. Times in milliseconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ModelConfig {
    pub name: String,
    pub preset: Option<Preset>,
    pub overhead_ms: Option<f64>,
    pub overhead_sigma: Option<f64>,
    pub step_ms: Option<f64>,
    pub per_running_ms: Option<f64>,
    pub per_prefill_token_ms: Option<f64>,
    pub jitter: Option<f64>,
    pub prefill_budget: Option<u32>,
    pub max_running: Option<usize>,
    pub max_waiting: Option<usize>,
    pub kv_tokens: Option<u32>,
    pub cache_tokens: Option<u32>,
    /// Of the `paced` preset: until the first token (default: one interval).
    pub first_ms: Option<f64>,
    /// Of the `paced` preset: between tokens (default: 5).
    pub token_ms: Option<f64>,
    /// Median of answer lengths.
    pub output_tokens: Option<f64>,
    /// Spread of answer lengths: standard deviation of the logarithm.
    pub output_sigma: Option<f64>,
}

/// A configuration that cannot be run.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {message}")]
pub struct ConfigError {
    /// Where: `models[2].step_ms`.
    pub path: String,
    pub message: String,
}

impl Config {
    /// Reads and checks a JSON text.
    ///
    /// # Errors
    /// When it is not JSON of this form, or a value makes no sense.
    pub fn read(json: &str) -> Result<Self, ConfigError> {
        let config: Self = serde_json::from_str(json)
            .map_err(|error| ConfigError { path: "config".into(), message: error.to_string() })?;
        config.check()?;
        Ok(config)
    }

    /// Checks the values.
    ///
    /// # Errors
    /// Names the first that makes no sense.
    pub fn check(&self) -> Result<(), ConfigError> {
        let fault = |path: &str, message: &str| Err(ConfigError { path: path.into(), message: message.into() });
        if !(self.speed.is_finite() && self.speed > 0.0) {
            return fault("speed", "must be above 0");
        }
        for (index, model) in self.models.iter().enumerate() {
            let path = |field: &str| format!("models[{index}].{field}");
            if model.name.is_empty() {
                return fault(&path("name"), "must not be empty");
            }
            if self.models[..index].iter().any(|other| other.name == model.name) {
                return fault(&path("name"), "is there twice");
            }
            if let Some((field, _)) =
                model.numbers().into_iter().find(|(_, value)| !(value.is_finite() && *value >= 0.0))
            {
                return fault(&path(field), "must be a number of 0 or more");
            }
            if model.prefill_budget == Some(0) || model.max_running == Some(0) {
                return fault(&path("prefill_budget"), "and max_running must be at least 1");
            }
        }
        Ok(())
    }
}

impl ModelConfig {
    /// How this model is timed, at a speed.
    #[must_use]
    pub fn timing(&self, default: Preset, speed: f64) -> Timing {
        const MS: f64 = 1e6;
        let preset = self.preset.unwrap_or(default);
        let Some(mut params) = BatchParams::preset(preset) else {
            if preset == Preset::Instant {
                return Timing::Instant;
            }
            let token_ms = self.token_ms.unwrap_or(5.0);
            let first_ms = self.first_ms.unwrap_or(token_ms);
            return Timing::Paced { first_ns: first_ms * MS / speed, token_ns: token_ms * MS / speed };
        };
        let set = |value: &mut f64, given: Option<f64>, unit: f64| *value = given.map_or(*value, |given| given * unit);
        set(&mut params.overhead_ns, self.overhead_ms, MS);
        set(&mut params.overhead_sigma, self.overhead_sigma, 1.0);
        set(&mut params.step_ns, self.step_ms, MS);
        set(&mut params.per_running_ns, self.per_running_ms, MS);
        set(&mut params.per_prefill_token_ns, self.per_prefill_token_ms, MS);
        set(&mut params.jitter, self.jitter, 1.0);
        params.prefill_budget = self.prefill_budget.unwrap_or(params.prefill_budget);
        params.max_running = self.max_running.unwrap_or(params.max_running);
        params.max_waiting = self.max_waiting.unwrap_or(params.max_waiting);
        params.kv_tokens = self.kv_tokens.unwrap_or(params.kv_tokens);
        params.cache_tokens = self.cache_tokens.unwrap_or(params.cache_tokens);
        Timing::Batch(params.at_speed(speed))
    }

    /// How long its answers are.
    #[must_use]
    pub fn answer_length(&self, default: Preset) -> AnswerLength {
        let usual = self.preset.unwrap_or(default).answer_length();
        AnswerLength {
            median_tokens: self.output_tokens.unwrap_or(usual.median_tokens),
            sigma: self.output_sigma.unwrap_or(usual.sigma),
        }
    }

    fn numbers(&self) -> Vec<(&'static str, f64)> {
        [
            ("overhead_ms", self.overhead_ms),
            ("overhead_sigma", self.overhead_sigma),
            ("step_ms", self.step_ms),
            ("per_running_ms", self.per_running_ms),
            ("per_prefill_token_ms", self.per_prefill_token_ms),
            ("jitter", self.jitter),
            ("first_ms", self.first_ms),
            ("token_ms", self.token_ms),
            ("output_tokens", self.output_tokens),
            ("output_sigma", self.output_sigma),
        ]
        .into_iter()
        .filter_map(|(field, value)| Some((field, value?)))
        .collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_object_is_a_whole_configuration() {
        let config = Config::read("{}").unwrap();
        assert_eq!(
            (config.listen.as_str(), config.speed, config.default_preset),
            ("127.0.0.1:4199", 1.0, Preset::Small)
        );
    }

    #[test]
    fn overrides_change_the_preset_and_speed_divides() {
        let json = r#"{"speed":2,"models":[{"name":"a","preset":"large","step_ms":10,"max_running":3},
            {"name":"b","preset":"paced","token_ms":8},{"name":"c","preset":"instant"}]}"#;
        let config = Config::read(json).unwrap();
        let timing = |index: usize| config.models[index].timing(config.default_preset, config.speed);
        let Timing::Batch(params) = timing(0) else { unreachable!() };
        assert_eq!((params.step_ns, params.max_running, params.overhead_ns), (5e6, 3, 42.5e6));
        assert_eq!(timing(1), Timing::Paced { first_ns: 4e6, token_ns: 4e6 });
        assert_eq!(timing(2), Timing::Instant);
    }

    #[test]
    fn faults_name_their_place() {
        let fault = |json| Config::read(json).unwrap_err().to_string();
        assert_eq!(fault(r#"{"speed":0}"#), "speed: must be above 0");
        assert_eq!(fault(r#"{"models":[{"name":""}]}"#), "models[0].name: must not be empty");
        assert_eq!(fault(r#"{"models":[{"name":"a"},{"name":"a"}]}"#), "models[1].name: is there twice");
        assert_eq!(
            fault(r#"{"models":[{"name":"a","jitter":-1}]}"#),
            "models[0].jitter: must be a number of 0 or more"
        );
        assert!(fault(r#"{"sped":1}"#).contains("unknown field `sped`"));
        assert!(fault(r#"{"default_preset":"huge"}"#).contains("unknown variant"));
    }
}
