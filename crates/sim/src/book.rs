//! Which fault befalls which request: the alternatives of a request's own header, then the default faults. Counts what
//! is bounded in number, and draws what is bounded in share; it does not apply faults.

use std::collections::{HashMap, VecDeque};
use std::str::FromStr;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::fault::{Fault, FaultError};
use crate::seed::Seed;

/// Rules held at once.
const RULES_MAX: usize = 256;
/// Requests whose attempts are counted at once; the oldest are forgotten.
const COUNTED_MAX: usize = 65_536;

/// The alternatives of one header, `FAULT[|FAULT…]`: the first that is meant for the request befalls it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Faults(pub Vec<Fault>);

impl FromStr for Faults {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        text.split('|').map(Fault::from_str).collect::<Result<_, _>>().map(Self)
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

/// The default faults in force, in the order they were set, and the counts of those asked for by header.
#[derive(Debug)]
pub struct FaultBook {
    rules: Mutex<(Vec<(DefaultFault, Fault)>, Seed)>,
    counted: Mutex<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    by_request: HashMap<String, u32>,
    order: VecDeque<String>,
}

impl FaultBook {
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { rules: Mutex::new((Vec::new(), Seed::new(seed))), counted: Mutex::default() }
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

    /// The default fault that befalls a request to `model` now.
    pub fn draw(&self, model: &str) -> Option<Fault> {
        let (rules, seed) = &mut *self.rules.lock();
        for (rule, fault) in rules {
            let meant = rule.model.as_deref().is_none_or(|only| only == model) && rule.count != Some(0);
            if meant && fault.is_meant_for(model) && befalls(seed, rule.probability) && befalls(seed, fault.share()) {
                rule.count = rule.count.map(|count| count - 1);
                return Some(fault.clone());
            }
        }
        None
    }

    /// Of a header's alternatives, the one that befalls this attempt of `request` at `model`.
    pub fn choose(&self, faults: &Faults, model: &str, request: &str) -> Option<Fault> {
        for (index, fault) in faults.0.iter().enumerate() {
            let meant = fault.is_meant_for(model) && befalls(&mut self.rules.lock().1, fault.share());
            if meant && fault.times.is_none_or(|times| self.counted.lock().next(&format!("{request}/{index}")) < times)
            {
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

fn befalls(seed: &mut Seed, share: f64) -> bool {
    share >= 1.0 || seed.unit() < share
}

impl Counted {
    /// How often it was asked for this request before.
    fn next(&mut self, request: &str) -> u32 {
        if let Some(count) = self.by_request.get_mut(request) {
            *count += 1;
            return *count - 1;
        }
        if self.order.len() >= COUNTED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_request.remove(&oldest);
        }
        self.by_request.insert(request.to_owned(), 1);
        self.order.push_back(request.to_owned());
        0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

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

    #[test]
    fn a_header_s_fault_may_be_for_one_deployment_some_attempts_or_a_share() {
        let book = FaultBook::new(1);
        let faults: Faults = "status=503;at=east;times=2 | reset;at=west | gzip;p=0.25".parse().unwrap();
        let choose = |model, request| book.choose(&faults, model, request).map(|fault| fault.to_string());
        assert_eq!(choose("west", "1").as_deref(), Some("reset;at=west"));
        let east: Vec<_> = (0..2).filter_map(|_| choose("east", "1")).collect();
        assert_eq!(east, ["status=503;at=east;times=2"; 2]);
        assert_ne!(choose("east", "1"), Some("status=503;at=east;times=2".into()), "the third attempt goes well");
        assert_eq!(choose("east", "2").as_deref(), Some("status=503;at=east;times=2"), "another request");
        let compressed = (0..400).filter(|_| choose("north", "3").is_some()).count();
        assert!((60..140).contains(&compressed), "{compressed}");
        assert!("reset|boom".parse::<Faults>().is_err());
    }

    #[test]
    fn attempts_are_counted_for_the_latest_requests_only() {
        let mut counted = Counted::default();
        assert_eq!((counted.next("a"), counted.next("a")), (0, 1));
        for request in 0..COUNTED_MAX {
            counted.next(&request.to_string());
        }
        assert_eq!(counted.by_request.len(), COUNTED_MAX);
        assert_eq!(counted.next("a"), 0, "long forgotten");
    }
}
