//! The deadlines of one request: the class's, tightened by what the caller asked for, as spans and then as instants.

use std::time::{Duration, Instant};

use paceline_plan::document::Deadlines;
use paceline_types::Code;

/// Deadlines that hold for every attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spans {
    pub connect: Option<Duration>,
    first_token: Option<Duration>,
    stall: Option<Duration>,
    /// Of the whole request, attempts included.
    pub total: Option<Instant>,
}

impl Spans {
    /// Of a request that began at `began`; a request that is not streamed has no first token to wait for.
    pub(crate) fn new(deadlines: Deadlines, began: Instant, streamed: bool) -> Self {
        let span = |ms: u64| (ms > 0).then(|| Duration::from_millis(ms));
        Self {
            connect: span(deadlines.connect_ms),
            first_token: if streamed { span(deadlines.first_token_ms) } else { None },
            stall: if streamed { span(deadlines.stall_ms) } else { None },
            total: span(deadlines.total_ms).map(|span| began + span),
        }
    }

    /// When the first token must be there if an attempt began now; of an answer without a stream, the whole.
    pub(crate) fn first_token_or_total(&self) -> Option<Instant> {
        let first = self.first_token.map(|span| Instant::now() + span);
        first.into_iter().chain(self.total).min()
    }

    /// Nanoseconds left of the whole request.
    pub(crate) fn left(&self, now: Instant) -> Option<u64> {
        self.total.map(|total| u64::try_from(total.saturating_duration_since(now).as_nanos()).unwrap_or(u64::MAX))
    }

    /// The deadlines of an attempt that begins now.
    pub(crate) fn of_attempt(&self, now: Instant) -> Clock {
        Clock { first_token: self.first_token.map(|span| now + span), stall: self.stall, total: self.total }
    }
}

/// The deadlines of one attempt as instants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    pub first_token: Option<Instant>,
    pub stall: Option<Duration>,
    pub total: Option<Instant>,
}

impl Clock {
    /// The sooner of `soft` and the total deadline, and which it is.
    pub(crate) fn sooner(&self, soft: Option<Instant>, code: Code) -> (Option<Instant>, Code) {
        match (soft, self.total) {
            (Some(soft), Some(total)) if soft < total => (Some(soft), code),
            (Some(soft), None) => (Some(soft), code),
            (_, total) => (total, Code::ProviderTimeoutTotal),
        }
    }
}
