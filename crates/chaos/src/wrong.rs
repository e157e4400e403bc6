//! What goes wrong at the provider: names, the simulator's words for it, and which answers it applies to.

use std::fmt;
use std::str::FromStr;

use paceline_types::Api;

use crate::case::Shape;

/// One fault, or none. Numbers are bytes of the body (`Cut`) or tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wrong {
    Nothing,
    /// The connection ends before any byte.
    Reset,
    Cut(u32),
    /// The same by a reset of the connection.
    ResetCut(u32),
    /// A stream that ends so as if that were its end.
    End(u32),
    Gzip,
    GzipCut(u32),
    /// Well below the class's deadline.
    Stall(u32),
    /// Past it.
    LongStall(u32),
    Trickle,
    NoTerminal,
    ErrorEvent(u32),
    NoUsage,
    UsageEveryChunk,
    UsageDoubled,
    FinishFiltered,
    /// 429 with `Retry-After: 1`.
    TooMany,
    Status(u32),
    ContextTooLong,
    ContentFiltered,
    SlowHead,
    /// Past the deadline for a head.
    LateHead,
    Redirect,
    /// A head over the gateway's bound.
    BigHead,
}

/// Statuses beside 429, which has a name of its own.
pub const STATUSES: [u32; 10] = [401, 403, 404, 408, 409, 425, 500, 502, 503, 529];

impl Wrong {
    /// Name, and number where there is one.
    const fn parts(self) -> (&'static str, Option<u32>) {
        match self {
            Self::Nothing => ("nothing", None),
            Self::Reset => ("reset", None),
            Self::Cut(byte) => ("cut", Some(byte)),
            Self::ResetCut(byte) => ("reset-cut", Some(byte)),
            Self::End(byte) => ("end", Some(byte)),
            Self::Gzip => ("gzip", None),
            Self::GzipCut(byte) => ("gzip-cut", Some(byte)),
            Self::Stall(token) => ("stall", Some(token)),
            Self::LongStall(token) => ("long-stall", Some(token)),
            Self::Trickle => ("trickle", None),
            Self::NoTerminal => ("no-terminal", None),
            Self::ErrorEvent(token) => ("error-event", Some(token)),
            Self::NoUsage => ("no-usage", None),
            Self::UsageEveryChunk => ("usage-every-chunk", None),
            Self::UsageDoubled => ("usage-doubled", None),
            Self::FinishFiltered => ("finish-filtered", None),
            Self::TooMany => ("too-many", None),
            Self::Status(status) => ("status", Some(status)),
            Self::ContextTooLong => ("context-too-long", None),
            Self::ContentFiltered => ("content-filtered", None),
            Self::SlowHead => ("slow-head", None),
            Self::LateHead => ("late-head", None),
            Self::Redirect => ("redirect", None),
            Self::BigHead => ("big-head", None),
        }
    }

    /// The axis value: the name without its number.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.parts().0
    }

    fn from_parts(name: &str, number: Option<u32>) -> Option<Self> {
        let made = match (name, number) {
            ("cut", Some(byte)) => Self::Cut(byte),
            ("reset-cut", Some(byte)) => Self::ResetCut(byte),
            ("end", Some(byte)) => Self::End(byte),
            ("gzip-cut", Some(byte)) => Self::GzipCut(byte),
            ("stall", Some(token)) => Self::Stall(token),
            ("long-stall", Some(token)) => Self::LongStall(token),
            ("error-event", Some(token)) => Self::ErrorEvent(token),
            ("status", Some(status)) => Self::Status(status),
            (name, None) => *SIMPLE.iter().find(|wrong| wrong.name() == name)?,
            _ => return None,
        };
        Some(made)
    }

    /// The part of `x-sim-fault` that asks for it; empty for none.
    #[must_use]
    pub fn fault(self, shape: Shape) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::Cut(byte) => format!("cut={byte}"),
            Self::ResetCut(byte) => format!("cut={byte};rst"),
            Self::End(byte) => format!("end={byte}"),
            Self::GzipCut(byte) => format!("gzip;cut={byte}"),
            Self::Stall(token) => format!("stall=40@{token}"),
            Self::LongStall(token) => format!("stall=2500@{token}"),
            Self::Trickle => "trickle=61/1".into(),
            Self::ErrorEvent(token) => format!("error-event={token}"),
            Self::TooMany => "status=429;retry-after=1".into(),
            Self::Status(status) => format!("status={status}"),
            Self::SlowHead => "delay=40".into(),
            // A whole answer's head has until the total deadline.
            Self::LateHead => format!("delay={}", if shape.is_streamed() { 2500 } else { 5500 }),
            Self::BigHead => "big-head=200000".into(),
            other => other.name().into(),
        }
    }

    /// The same without what only the transport does: the answer of which a caller can see a part.
    #[must_use]
    pub const fn content(self) -> Self {
        match self {
            Self::Reset
            | Self::Cut(_)
            | Self::ResetCut(_)
            | Self::End(_)
            | Self::Stall(_)
            | Self::LongStall(_)
            | Self::Trickle
            | Self::SlowHead
            | Self::LateHead
            | Self::BigHead => Self::Nothing,
            Self::GzipCut(_) => Self::Gzip,
            other => other,
        }
    }

    /// True when this API's answer of this shape can have it.
    #[must_use]
    pub const fn applies(self, api: Api, shape: Shape) -> bool {
        match self {
            Self::NoTerminal | Self::ErrorEvent(_) | Self::End(_) => shape.is_streamed(),
            Self::UsageEveryChunk => shape.is_streamed() && matches!(api, Api::Chat | Api::Completions),
            Self::Stall(_) | Self::LongStall(_) | Self::FinishFiltered => api.generates(),
            _ => true,
        }
    }

    /// True when the provider has failed before any byte of an answer, in a way that another attempt may mend.
    #[must_use]
    pub const fn is_retried(self) -> bool {
        matches!(self, Self::Reset | Self::TooMany | Self::Status(408 | 409 | 425 | 500 | 502 | 503 | 529))
    }
}

/// Those without a number.
pub const SIMPLE: [Wrong; 16] = [
    Wrong::Nothing,
    Wrong::Reset,
    Wrong::Gzip,
    Wrong::Trickle,
    Wrong::NoTerminal,
    Wrong::NoUsage,
    Wrong::UsageEveryChunk,
    Wrong::UsageDoubled,
    Wrong::FinishFiltered,
    Wrong::TooMany,
    Wrong::ContextTooLong,
    Wrong::ContentFiltered,
    Wrong::SlowHead,
    Wrong::LateHead,
    Wrong::Redirect,
    Wrong::BigHead,
];

impl fmt::Display for Wrong {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parts() {
            (name, Some(number)) => write!(out, "{name}@{number}"),
            (name, None) => out.write_str(name),
        }
    }
}

impl FromStr for Wrong {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, number) = text.split_once('@').map_or((text, None), |(name, number)| (name, Some(number)));
        let number = number.map(str::parse).transpose().map_err(|_| format!("{text:?}: what follows @ is a number"))?;
        Self::from_parts(name, number).ok_or_else(|| format!("{text:?} is no fault of the matrix"))
    }
}
