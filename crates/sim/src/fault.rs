//! Faults on request: the grammar of the `x-sim-fault` header and of `POST /sim/fault`, and the book of default faults.
//! `PART[;PART…]` with the parts of [`Fault`]'s fields; it does not apply them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::seed::Seed;

/// What shall go wrong with one answer. Times are real milliseconds, whatever the simulator's speed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// `status=429`: an error body with this status instead of an answer.
    pub status: Option<u16>,
    /// `retry-after=2`: the header of that name, in seconds.
    pub retry_after: Option<u32>,
    /// `delay=300`: wait before the answer's head.
    pub delay: Option<Duration>,
    /// `stall=500@3`: after three tokens, stop for half a second.
    pub stall: Option<(Duration, u32)>,
    /// `cut=200`: the connection ends after 200 bytes of body.
    pub cut: Option<u64>,
    /// `no-terminal`: the stream ends cleanly without its last event.
    pub no_terminal: bool,
    /// `no-usage`: counts are left out.
    pub no_usage: bool,
    /// `usage-every-chunk`: counts so far on every chunk (chat, completions).
    pub usage_every_chunk: bool,
    /// `error-event=3`: after three tokens, an error event in the dialect's form, and the end.
    pub error_event: Option<u32>,
    /// `gzip`: the body is compressed.
    pub gzip: bool,
    /// `trickle=7/20`: seven bytes every 20 ms.
    pub trickle: Option<(usize, Duration)>,
    /// `reset`: the connection ends before any byte.
    pub reset: bool,
}

/// A text that is not a fault.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a fault; known: status=S, retry-after=S, delay=MS, stall=MS@TOKEN, cut=BYTES, no-terminal, no-usage, usage-every-chunk, error-event=TOKEN, gzip, trickle=BYTES/MS, reset"
)]
pub struct FaultError(String);

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let mut fault = Self::default();
        for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            fault.add(part).ok_or_else(|| FaultError(part.to_owned()))?;
        }
        Ok(fault)
    }
}

impl Fault {
    fn add(&mut self, part: &str) -> Option<()> {
        let (name, value) = part.split_once('=').map_or((part, ""), |(name, value)| (name.trim(), value.trim()));
        match name {
            "status" => self.status = Some(value.parse().ok().filter(|status| (400..600).contains(status))?),
            "retry-after" => self.retry_after = Some(value.parse().ok()?),
            "delay" => self.delay = Some(millis(value)?),
            "stall" => {
                let (length, token) = value.split_once('@')?;
                self.stall = Some((millis(length)?, token.parse().ok()?));
            }
            "cut" => self.cut = Some(value.parse().ok()?),
            "error-event" => self.error_event = Some(value.parse().ok()?),
            "trickle" => {
                let (bytes, pause) = value.split_once('/')?;
                self.trickle = Some((bytes.parse().ok().filter(|&bytes| bytes > 0)?, millis(pause)?));
            }
            "no-terminal" if value.is_empty() => self.no_terminal = true,
            "no-usage" if value.is_empty() => self.no_usage = true,
            "usage-every-chunk" if value.is_empty() => self.usage_every_chunk = true,
            "gzip" if value.is_empty() => self.gzip = true,
            "reset" if value.is_empty() => self.reset = true,
            _ => return None,
        }
        Some(())
    }

    /// True when nothing shall go wrong.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

fn millis(value: &str) -> Option<Duration> {
    value.parse().ok().map(Duration::from_millis)
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        self.status.inspect(|status| parts.push(format!("status={status}")));
        self.retry_after.inspect(|after| parts.push(format!("retry-after={after}")));
        self.delay.inspect(|delay| parts.push(format!("delay={}", delay.as_millis())));
        self.stall.inspect(|(length, token)| parts.push(format!("stall={}@{token}", length.as_millis())));
        self.cut.inspect(|cut| parts.push(format!("cut={cut}")));
        self.error_event.inspect(|token| parts.push(format!("error-event={token}")));
        self.trickle.inspect(|(bytes, pause)| parts.push(format!("trickle={bytes}/{}", pause.as_millis())));
        let flags = [
            (self.no_terminal, "no-terminal"),
            (self.no_usage, "no-usage"),
            (self.usage_every_chunk, "usage-every-chunk"),
            (self.gzip, "gzip"),
            (self.reset, "reset"),
        ];
        parts.extend(flags.into_iter().filter(|(set, _)| *set).map(|(_, name)| name.to_owned()));
        out.write_str(&parts.join(";"))
    }
}

/// The body of `POST /sim/fault`: one default fault. An empty `fault` removes those of that model.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct DefaultFault {
    pub fault: String,
    /// Only for requests to this model; for all when absent.
    #[serde(default)]
    pub model: Option<String>,
    /// Share of requests it befalls.
    #[serde(default = "always")]
    pub probability: f64,
    /// How many more requests it befalls; without bound when absent.
    #[serde(default)]
    pub count: Option<u64>,
}

const fn always() -> f64 {
    1.0
}

/// Rules held at once.
const RULES_MAX: usize = 256;

/// The default faults in force, in the order they were set.
#[derive(Debug)]
pub struct FaultBook {
    rules: Mutex<(Vec<(DefaultFault, Fault)>, Seed)>,
}

impl FaultBook {
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { rules: Mutex::new((Vec::new(), Seed::new(seed))) }
    }

    /// Sets, or with an empty `fault` removes, a default fault.
    ///
    /// # Errors
    /// When the fault's text cannot be read, or too many are set.
    pub fn set(&self, rule: DefaultFault) -> Result<(), FaultError> {
        let fault: Fault = rule.fault.parse()?;
        let rules = &mut self.rules.lock().0;
        rules.retain(|(old, _)| old.model != rule.model);
        if rules.len() >= RULES_MAX {
            return Err(FaultError("too many default faults".into()));
        }
        if !fault.is_none() {
            rules.push((rule, fault));
        }
        Ok(())
    }

    /// Removes all.
    pub fn clear(&self) {
        self.rules.lock().0.clear();
    }

    /// The fault that befalls a request to `model` now.
    pub fn draw(&self, model: &str) -> Option<Fault> {
        let (rules, seed) = &mut *self.rules.lock();
        for (rule, fault) in rules {
            let meant = rule.model.as_deref().is_none_or(|only| only == model) && rule.count != Some(0);
            if meant && (rule.probability >= 1.0 || seed.unit() < rule.probability) {
                rule.count = rule.count.map(|count| count - 1);
                return Some(fault.clone());
            }
        }
        None
    }

    /// The rules as they were set, with what is left of their counts.
    #[must_use]
    pub fn list(&self) -> Vec<DefaultFault> {
        self.rules.lock().0.iter().map(|(rule, _)| rule.clone()).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_part_reads_back_as_written() {
        for text in [
            "status=429;retry-after=2",
            "delay=300",
            "stall=500@3",
            "cut=0",
            "error-event=4;gzip",
            "trickle=7/20",
            "no-terminal;no-usage;usage-every-chunk;gzip;reset",
        ] {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        }
        assert!("".parse::<Fault>().unwrap().is_none());
        assert_eq!(" reset ; delay = 5 ".parse::<Fault>().unwrap().to_string(), "delay=5;reset");
    }

    #[test]
    fn what_is_not_a_fault_is_refused_and_named() {
        for text in ["boom", "status=200", "status=x", "stall=5", "trickle=0/5", "cut=-1", "gzip=1"] {
            let error = text.parse::<Fault>().unwrap_err();
            assert!(error.to_string().contains(text) && error.to_string().contains("trickle=BYTES/MS"), "{error}");
        }
    }

    #[test]
    fn default_faults_follow_model_count_and_probability() {
        let book = FaultBook::new(1);
        let rule = |fault: &str, model: Option<&str>, probability, count| DefaultFault {
            fault: fault.into(),
            model: model.map(Into::into),
            probability,
            count,
        };
        book.set(rule("reset", Some("a"), 1.0, Some(2))).unwrap();
        book.set(rule("gzip", None, 0.25, None)).unwrap();
        let drawn =
            |model| (0..400).filter_map(|_| book.draw(model)).map(|fault| fault.to_string()).collect::<Vec<_>>();
        let a = drawn("a");
        assert_eq!(a.iter().filter(|fault| *fault == "reset").count(), 2);
        assert!((60..140).contains(&drawn("b").len()));
        book.set(rule("", None, 1.0, None)).unwrap();
        assert_eq!(drawn("b").len(), 0);
        assert!(book.set(rule("nonsense", None, 1.0, None)).is_err());
        assert_eq!(book.list().len(), 1);
        book.clear();
        assert!(book.list().is_empty());
    }
}
