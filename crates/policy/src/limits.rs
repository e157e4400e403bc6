//! Limits: what a key, service, use case, team or deployment may do, and the words of a refusal. The arithmetic is pure;
//! `traffic` holds the counters and makes it exact under concurrency.

mod gcra;
mod money;
mod reserve;

use paceline_types::{Code, Failure};

pub use gcra::{MINUTE_NS, RateLeft, charge, cost_ns, left, refund, take};
pub use money::{Period, day_of, month_of};
pub use reserve::{OUTPUT_TOKENS_ASSUMED, expected_tokens};

/// Whose limit it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    Key,
    Service,
    UseCase,
    Team,
    Deployment,
}

impl Subject {
    pub const ALL: [Self; 5] = [Self::Key, Self::Service, Self::UseCase, Self::Team, Self::Deployment];

    /// As spent totals and status name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Service => "service",
            Self::UseCase => "use_case",
            Self::Team => "team",
            Self::Deployment => "deployment",
        }
    }

    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|subject| subject.name() == name)
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Key => "Key",
            Self::Service => "Service",
            Self::UseCase => "Use case",
            Self::Team => "Team",
            Self::Deployment => "Deployment",
        }
    }
}

/// Which of a subject's limits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Refused {
    /// Requests a minute; nanoseconds until there is room.
    Requests {
        limit: u32,
        wait_ns: u64,
    },
    Tokens {
        limit: u64,
        asked: u64,
        wait_ns: u64,
    },
    InFlight {
        limit: u32,
    },
    /// Money: the limit, what is spent, what requests under way may still spend, what this one may, and the seconds
    /// until the period ends. Nano-dollars.
    Money {
        period: Period,
        limit: i64,
        spent: i64,
        reserved: i64,
        asked: i64,
        reset_s: u64,
    },
    /// A money limit applies and the price is unknown.
    Unpriced,
}

/// The refusal for the caller: which limit, whose, its value, the present use, when there is room again.
#[must_use]
pub fn refusal(subject: Subject, name: &str, owner: Option<&str>, refused: Refused) -> Failure {
    let who = match owner {
        Some(owner) => format!("{} {name} (owner {owner})", subject.words()),
        None => format!("{} {name}", subject.words()),
    };
    let seconds = |ns: u64| u32::try_from(ns.div_ceil(1_000_000_000)).unwrap_or(u32::MAX).max(1);
    let (code, what, retry_after_s) = match refused {
        Refused::Requests { limit, wait_ns } => {
            let wait_s = seconds(wait_ns);
            let what =
                format!("{who} has used its {limit} requests a minute; there is room for one more in {wait_s} s");
            (Code::RequestsPerMinute, what, Some(wait_s))
        }
        Refused::Tokens { limit, asked, wait_ns } => {
            let wait_s = seconds(wait_ns);
            let what = format!(
                "{who} has {limit} tokens a minute, and too few are left for the {asked} this request may take; \
                 there is room again in {wait_s} s"
            );
            (Code::TokensPerMinute, what, Some(wait_s))
        }
        Refused::InFlight { limit } => {
            (Code::RequestsInFlight, format!("{who} has {limit} requests in flight, which is its limit"), Some(1))
        }
        Refused::Money { period, limit, spent, reserved, asked, reset_s } => {
            let code = if period == Period::Day { Code::UsdPerDay } else { Code::UsdPerMonth };
            let what = format!(
                "{who} may spend {} a {}: {} is spent, {} is reserved by requests under way, and this one may cost {}; \
                 the {} ends in {}",
                usd(limit),
                period.name(),
                usd(spent),
                usd(reserved),
                usd(asked),
                period.name(),
                span(reset_s)
            );
            // Where only requests under way are in the way, there may be room as soon as one of them has ended.
            let passing = spent < limit && spent.saturating_add(asked) <= limit;
            let wait_s = if passing { 1 } else { u32::try_from(reset_s).unwrap_or(u32::MAX).max(1) };
            (code, what, Some(wait_s))
        }
        Refused::Unpriced => {
            let what = format!("{who} has a money limit, and the price of this model is not known");
            (Code::PriceUnknown, what, None)
        }
    };
    Failure { retry_after_s, ..Failure::new(code, what) }
}

fn usd(nanousd: i64) -> String {
    #[allow(clippy::cast_precision_loss)]
    let usd = nanousd as f64 / 1e9;
    if usd >= 0.01 || nanousd == 0 { format!("${usd:.2}") } else { format!("${usd:.6}") }
}

fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
