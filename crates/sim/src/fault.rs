//! Faults on request: the grammar of the `x-sim-fault` header and of `POST /sim/fault`. `PART[;PART…]` with the parts of
//! [`Fault`]'s fields; which request it befalls is the book's matter, and applying it the answer's.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use paceline_types::Api;

pub use crate::book::{DefaultFault, FaultBook, Faults};
use crate::wire::refusal::Refusal;

/// Headers asked for by `big-head`, at most.
const HEAD_BYTES_MAX: usize = 16 << 20;

/// What shall go wrong with one answer. Times are real milliseconds, whatever the simulator's speed.
#[derive(Clone, Debug, Default, PartialEq)]
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
    /// `rst`: a cut is a reset of the connection, not its end.
    pub rst: bool,
    /// `end=200`: a stream ends after 200 bytes as if that were its end, as some proxies make of a cut.
    pub end: Option<u64>,
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
    /// `usage-doubled`: counts come twice (in a whole answer, the key does).
    pub usage_doubled: bool,
    /// `context-too-long` or `content-filtered`: the provider's own refusal of the prompt, with status 400.
    pub refused: Option<Refused>,
    /// `finish-filtered`: the answer ends as one does that a content filter stopped.
    pub finish_filtered: bool,
    /// `redirect`: 302 to a metadata address.
    pub redirect: bool,
    /// `big-head=BYTES`: so many bytes of headers nobody needs.
    pub big_head: Option<usize>,
    /// `at=MODEL`: only at this model, so that one of two deployments is sick.
    pub at: Option<String>,
    /// `times=N`: only the first N attempts of a request.
    pub times: Option<u32>,
    /// `p=SHARE`: only this share of requests, drawn from the simulator's seed.
    pub probability: Option<f64>,
}

/// Why a provider turns a prompt away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    ContextTooLong,
    ContentFiltered,
}

/// A text that is not a fault.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a fault; known: status=S, retry-after=S, delay=MS, stall=MS@TOKEN, cut=BYTES, rst, end=BYTES, no-terminal, no-usage, usage-every-chunk, error-event=TOKEN, gzip, trickle=BYTES/MS, reset, usage-doubled, context-too-long, content-filtered, finish-filtered, redirect, big-head=BYTES, at=MODEL, times=N, p=SHARE"
)]
pub struct FaultError(pub(crate) String);

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
            "end" => self.end = Some(value.parse().ok()?),
            "error-event" => self.error_event = Some(value.parse().ok()?),
            "trickle" => {
                let (bytes, pause) = value.split_once('/')?;
                self.trickle = Some((bytes.parse().ok().filter(|&bytes| bytes > 0)?, millis(pause)?));
            }
            "big-head" => self.big_head = Some(value.parse().ok().filter(|&bytes| bytes <= HEAD_BYTES_MAX)?),
            "at" if !value.is_empty() => self.at = Some(value.to_owned()),
            "times" => self.times = Some(value.parse().ok()?),
            "p" => self.probability = Some(value.parse().ok().filter(|share| (0.0..=1.0).contains(share))?),
            _ if value.is_empty() => return self.switch(name),
            _ => return None,
        }
        Some(())
    }

    /// The parts without a value.
    fn switch(&mut self, name: &str) -> Option<()> {
        match name {
            "no-terminal" => self.no_terminal = true,
            "no-usage" => self.no_usage = true,
            "usage-every-chunk" => self.usage_every_chunk = true,
            "usage-doubled" => self.usage_doubled = true,
            "gzip" => self.gzip = true,
            "reset" => self.reset = true,
            "rst" => self.rst = true,
            "finish-filtered" => self.finish_filtered = true,
            "redirect" => self.redirect = true,
            "context-too-long" => self.refused = Some(Refused::ContextTooLong),
            "content-filtered" => self.refused = Some(Refused::ContentFiltered),
            _ => return None,
        }
        Some(())
    }

    /// True when requests to this model are meant.
    #[must_use]
    pub fn is_meant_for(&self, model: &str) -> bool {
        self.at.as_deref().is_none_or(|at| at == model)
    }

    /// The share of requests it befalls.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.probability.unwrap_or(1.0)
    }

    /// The refusal it asks for, in the provider's words.
    #[must_use]
    pub fn refusal(&self, api: Api, prompt_tokens: u32) -> Option<Refusal> {
        match (self.refused, self.status) {
            (Some(Refused::ContextTooLong), _) => Some(Refusal::context_too_long(api, prompt_tokens)),
            (Some(Refused::ContentFiltered), _) => Some(Refusal::content_filtered(api)),
            (None, Some(status)) => Some(Refusal::for_status(status)),
            (None, None) => self.redirect.then(|| Refusal::for_status(302)),
        }
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
        self.end.inspect(|end| parts.push(format!("end={end}")));
        self.error_event.inspect(|token| parts.push(format!("error-event={token}")));
        self.trickle.inspect(|(bytes, pause)| parts.push(format!("trickle={bytes}/{}", pause.as_millis())));
        let flags = [
            (self.no_terminal, "no-terminal"),
            (self.no_usage, "no-usage"),
            (self.usage_every_chunk, "usage-every-chunk"),
            (self.gzip, "gzip"),
            (self.reset, "reset"),
            (self.rst, "rst"),
            (self.usage_doubled, "usage-doubled"),
            (self.refused == Some(Refused::ContextTooLong), "context-too-long"),
            (self.refused == Some(Refused::ContentFiltered), "content-filtered"),
            (self.finish_filtered, "finish-filtered"),
            (self.redirect, "redirect"),
        ];
        parts.extend(flags.into_iter().filter(|(set, _)| *set).map(|(_, name)| name.to_owned()));
        self.big_head.inspect(|bytes| parts.push(format!("big-head={bytes}")));
        self.at.as_ref().inspect(|model| parts.push(format!("at={model}")));
        self.times.inspect(|times| parts.push(format!("times={times}")));
        self.probability.inspect(|share| parts.push(format!("p={share}")));
        out.write_str(&parts.join(";"))
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
            "end=7",
            "cut=7;rst",
            "error-event=4;gzip",
            "trickle=7/20",
            "no-terminal;no-usage;usage-every-chunk;gzip;reset",
            "usage-doubled;context-too-long",
            "content-filtered;finish-filtered;redirect;big-head=70000;at=gpt-x;times=2;p=0.25",
        ] {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        }
        assert!("".parse::<Fault>().unwrap().is_none());
        assert_eq!(" reset ; delay = 5 ".parse::<Fault>().unwrap().to_string(), "delay=5;reset");
    }

    #[test]
    fn what_is_not_a_fault_is_refused_and_named() {
        for text in [
            "boom",
            "status=200",
            "status=x",
            "stall=5",
            "trickle=0/5",
            "cut=-1",
            "gzip=1",
            "p=2",
            "at=",
            "big-head=99999999",
        ] {
            let error = text.parse::<Fault>().unwrap_err();
            assert!(error.to_string().contains(text) && error.to_string().contains("trickle=BYTES/MS"), "{error}");
        }
    }
}
