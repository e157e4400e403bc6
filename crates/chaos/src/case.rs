//! A case: one value of each axis. Its printed name says all of it, and reads back: `chat.stream.cut@123.always.stays.plain`.

use std::fmt;
use std::str::FromStr;

use paceline_sim::seed::hash_bytes;
use paceline_types::Api;

use crate::wrong::Wrong;

/// One cell of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Case {
    pub api: Api,
    pub shape: Shape,
    pub wrong: Wrong,
    pub reach: Reach,
    pub caller: Caller,
    pub traffic: Traffic,
}

/// What kind of answer was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    Whole,
    Stream,
    /// With the usage event that the caller asked for itself.
    StreamUsage,
}

/// Which attempts it goes wrong for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reach {
    Always,
    /// The first attempt at the first deployment only.
    Once,
    /// Every attempt at the first deployment.
    First,
}

/// What the caller does. Bytes count from the answer's first, its head included; times from the request's last byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    Stays,
    LeavesAt(u32),
    LeavesAfter(u32),
    ResetsAt(u32),
    ResetsAfter(u32),
}

/// Which of the plan's means are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Traffic {
    /// One attempt at one deployment, whose connections are closed now and then after an answer.
    Plain,
    /// Further attempts at the same one.
    Retry,
    /// A second deployment.
    Fallback,
    /// A second copy when the first token is late.
    Hedge,
    /// Limits of which each reservation must come back: as many requests at once as the matrix has callers.
    Limits,
    /// Answers that were asked for whole are streamed from the provider.
    Assembled,
    /// The exact cache; each request is made twice, the second time with a provider that is well.
    Cache,
    /// HTTP/2 to providers that take four streams at once, and say GOAWAY now and then.
    Http2,
}

impl Shape {
    pub const ALL: [Self; 3] = [Self::Whole, Self::Stream, Self::StreamUsage];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Stream => "stream",
            Self::StreamUsage => "stream+usage",
        }
    }

    #[must_use]
    pub const fn is_streamed(self) -> bool {
        !matches!(self, Self::Whole)
    }

    /// Those that an API has.
    #[must_use]
    pub const fn of(api: Api) -> &'static [Self] {
        match api {
            Api::Chat | Api::Completions => &Self::ALL,
            Api::Embeddings => &[Self::Whole],
            _ => &[Self::Whole, Self::Stream],
        }
    }
}

impl Reach {
    pub const ALL: [Self; 3] = [Self::Always, Self::Once, Self::First];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Once => "once",
            Self::First => "first",
        }
    }
}

impl Caller {
    const fn parts(self) -> (&'static str, Option<u32>) {
        match self {
            Self::Stays => ("stays", None),
            Self::LeavesAt(byte) => ("leaves@", Some(byte)),
            Self::LeavesAfter(ms) => ("leaves+", Some(ms)),
            Self::ResetsAt(byte) => ("resets@", Some(byte)),
            Self::ResetsAfter(ms) => ("resets+", Some(ms)),
        }
    }

    /// The axis value.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.parts().0
    }

    #[must_use]
    pub const fn stays(self) -> bool {
        matches!(self, Self::Stays)
    }
}

impl Traffic {
    pub const ALL: [Self; 8] = [
        Self::Plain,
        Self::Retry,
        Self::Fallback,
        Self::Hedge,
        Self::Limits,
        Self::Assembled,
        Self::Cache,
        Self::Http2,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Retry => "retry",
            Self::Fallback => "fallback",
            Self::Hedge => "hedge",
            Self::Limits => "limits",
            Self::Assembled => "assembled",
            Self::Cache => "cache",
            Self::Http2 => "http2",
        }
    }

    /// False for what the gateway does not do yet; such cases are left out.
    #[must_use]
    pub const fn is_there(self) -> bool {
        true
    }
}

impl Case {
    /// A number of its own, the same in every run.
    #[must_use]
    pub fn number(&self) -> u64 {
        hash_bytes(1, self.to_string().as_bytes())
    }

    /// Leaving at a moment wants an answer that takes its time.
    #[must_use]
    pub const fn model(&self) -> &'static str {
        if matches!(self.caller, Caller::LeavesAfter(_) | Caller::ResetsAfter(_)) { "slow" } else { "fast" }
    }

    /// What the gateway asks the provider for.
    #[must_use]
    pub const fn upstream_shape(&self) -> Shape {
        match (self.traffic, self.shape) {
            (Traffic::Assembled, Shape::Whole) if self.api.generates() => Shape::StreamUsage,
            (_, shape) => shape,
        }
    }

    /// True when the caller's whole answer is put together of a stream.
    #[must_use]
    pub fn is_assembled(&self) -> bool {
        self.upstream_shape() != self.shape
    }

    /// Names of the values, axis by axis.
    #[must_use]
    pub const fn axes(&self) -> [(&'static str, &'static str); 6] {
        [
            ("api", self.api.name()),
            ("shape", self.shape.name()),
            ("fault", self.wrong.name()),
            ("reach", self.reach.name()),
            ("caller", self.caller.name()),
            ("traffic", self.traffic.name()),
        ]
    }
}

impl fmt::Display for Case {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { api, shape, wrong, reach, caller, traffic } = self;
        write!(out, "{}.{}.{wrong}.{}.", api.name(), shape.name(), reach.name())?;
        match caller.parts() {
            (name, Some(number)) => write!(out, "{name}{number}")?,
            (name, None) => out.write_str(name)?,
        }
        write!(out, ".{}", traffic.name())
    }
}

impl FromStr for Case {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.trim().split('.').collect();
        let [api, shape, wrong, reach, caller, traffic] = parts[..] else {
            return Err(format!("{text:?}: a case's name has six parts, api.shape.fault.reach.caller.traffic"));
        };
        let case = Self {
            api: named(&Api::ALL, Api::name, api)?,
            shape: named(&Shape::ALL, Shape::name, shape)?,
            wrong: wrong.parse()?,
            reach: named(&Reach::ALL, Reach::name, reach)?,
            caller: caller_of(caller)?,
            traffic: named(&Traffic::ALL, Traffic::name, traffic)?,
        };
        Ok(case)
    }
}

fn named<T: Copy>(all: &[T], name: fn(T) -> &'static str, text: &str) -> Result<T, String> {
    all.iter().copied().find(|value| name(*value) == text).ok_or_else(|| {
        let known: Vec<_> = all.iter().map(|value| name(*value)).collect();
        format!("{text:?} is none of {}", known.join(", "))
    })
}

fn caller_of(text: &str) -> Result<Caller, String> {
    let number = |name: &str| text.strip_prefix(name).and_then(|number| number.parse().ok());
    let made = number("leaves@")
        .map(Caller::LeavesAt)
        .or_else(|| number("leaves+").map(Caller::LeavesAfter))
        .or_else(|| number("resets@").map(Caller::ResetsAt))
        .or_else(|| number("resets+").map(Caller::ResetsAfter));
    made.or((text == "stays").then_some(Caller::Stays))
        .ok_or_else(|| format!("{text:?} is none of stays, leaves@BYTE, leaves+MS, resets@BYTE, resets+MS"))
}
