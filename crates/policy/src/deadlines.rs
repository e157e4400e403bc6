//! Deadlines: the class's, tightened by what the caller or its SDK will wait for; never loosened. Waiting longer than
//! the caller does helps nobody and costs a slot and tokens.
//!
//! What the SDKs send, read in their sources (seconds, all of them):
//! - `x-stainless-read-timeout`: OpenAI and Anthropic for Python (`_base_client.py`, `_build_headers`; openai 3.54,
//!   anthropic 2.12): httpx's read timeout, `str(600)` or `0.5`. It runs anew with every read: a stream's first token and
//!   each pause after it must keep it, a whole answer comes in what amounts to one read.
//! - `x-stainless-timeout`: OpenAI and Anthropic for Node (`src/client.ts`, `buildHeaders`): the request's own timeout in
//!   whole seconds, cut off below, and only where the call set one. `fetchWithTimeout` ends it when the response's head
//!   is there: a stream's first token must keep it, since the head may wait for that here; a whole answer's head comes
//!   with its end. Anthropic for Python sends it too, as a copy of the read timeout, or `NOT_GIVEN`, or `None`.

use paceline_plan::Plan;
use paceline_plan::document::Deadlines;

use crate::Caller;

/// The deadlines of a caller's use case.
#[must_use]
pub fn deadlines(plan: &Plan, caller: &Caller) -> Deadlines {
    plan.use_cases[caller.use_case].deadlines
}

/// How long a caller waits, in milliseconds; none where it did not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Patient {
    /// `x-paceline-timeout-ms`: from receipt to the end.
    pub total_ms: Option<u64>,
    /// To the response's head.
    pub head_ms: Option<u64>,
    /// For each read.
    pub read_ms: Option<u64>,
}

impl Patient {
    /// From the texts of `x-paceline-timeout-ms`, `x-stainless-timeout` and `x-stainless-read-timeout`. What is no
    /// positive number says nothing.
    #[must_use]
    pub fn read(paceline: Option<&str>, timeout: Option<&str>, read_timeout: Option<&str>) -> Self {
        let total_ms = paceline.and_then(|text| text.trim().parse().ok()).filter(|&ms| ms > 0);
        let read_ms = read_timeout.and_then(seconds);
        // Node cuts 1.9 s down to `1`, and 0.5 s to `0`: a second more is surely no longer than it waits at most.
        let cut_off =
            |text: &str| text.trim().parse::<u64>().ok().map(|whole| whole.saturating_add(1).saturating_mul(1000));
        // Beside a read timeout it is Python's copy of that.
        let head_ms = if read_ms.is_some() { None } else { timeout.and_then(|text| cut_off(text).or(seconds(text))) };
        Self { total_ms, head_ms, read_ms }
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn seconds(text: &str) -> Option<u64> {
    let seconds: f64 = text.trim().parse().ok()?;
    (seconds.is_finite() && seconds > 0.0 && seconds < 1e9).then(|| (seconds * 1000.0).ceil() as u64)
}

/// The class's deadlines as far as the caller waits. `streamed`: the caller asked for a stream.
#[must_use]
pub fn tighten(class: Deadlines, caller: &Patient, streamed: bool) -> Deadlines {
    let (first, stall, total) = if streamed {
        (sooner(caller.head_ms, caller.read_ms), caller.read_ms, caller.total_ms)
    } else {
        (None, None, sooner(caller.total_ms, sooner(caller.head_ms, caller.read_ms)))
    };
    Deadlines {
        connect_ms: class.connect_ms,
        first_token_ms: bound(class.first_token_ms, first),
        stall_ms: bound(class.stall_ms, stall),
        total_ms: bound(class.total_ms, total),
    }
}

fn sooner(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    one.into_iter().chain(other).min()
}

/// Zero is no deadline of the class's.
fn bound(class_ms: u64, caller_ms: Option<u64>) -> u64 {
    match caller_ms {
        Some(caller_ms) if class_ms == 0 || caller_ms < class_ms => caller_ms,
        _ => class_ms,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CLASS: Deadlines = Deadlines { connect_ms: 1000, first_token_ms: 10_000, stall_ms: 10_000, total_ms: 60_000 };

    #[test]
    fn the_headers_as_the_sdks_send_them() {
        let read = Patient::read;
        let python = Patient { read_ms: Some(600_000), ..Patient::default() };
        assert_eq!(read(None, None, Some("600")), python, "OpenAI for Python");
        assert_eq!(read(None, Some("600.0"), Some("600.0")), python, "Anthropic for Python");
        assert_eq!(read(None, Some("NOT_GIVEN"), Some("600")), python);
        let node = |ms| Patient { head_ms: Some(ms), ..Patient::default() };
        assert_eq!((read(None, Some("60"), None), read(None, Some("0"), None)), (node(61_000), node(1000)));
        assert_eq!(read(None, None, Some("0.5")).read_ms, Some(500));
        assert_eq!(read(Some("2500"), None, None).total_ms, Some(2500));
        for nonsense in ["", "None", "-1", "0", "nan", "inf", "1e99", "12s"] {
            assert_eq!(read(Some(nonsense), None, Some(nonsense)), Patient::default(), "{nonsense}");
        }
    }

    #[test]
    fn a_read_timeout_tightens_a_streams_pauses_and_a_whole_answers_end() {
        let caller = Patient { read_ms: Some(5000), ..Patient::default() };
        let streamed = tighten(CLASS, &caller, true);
        assert_eq!((streamed.first_token_ms, streamed.stall_ms, streamed.total_ms), (5000, 5000, 60_000));
        let whole = tighten(CLASS, &caller, false);
        assert_eq!((whole.first_token_ms, whole.stall_ms, whole.total_ms), (10_000, 10_000, 5000));
    }

    #[test]
    fn where_the_class_has_none_the_callers_holds() {
        let none = Deadlines { connect_ms: 0, first_token_ms: 0, stall_ms: 0, total_ms: 0 };
        assert_eq!(tighten(none, &Patient::default(), true), none);
        let caller = Patient { total_ms: Some(700), head_ms: Some(61_000), read_ms: None };
        assert_eq!(tighten(none, &caller, true), Deadlines { first_token_ms: 61_000, total_ms: 700, ..none });
    }

    proptest! {
        #[test]
        fn never_looser(class in proptest::array::uniform4(0_u64..100), caller in proptest::array::uniform3(proptest::option::of(1_u64..100)), streamed in any::<bool>()) {
            let [connect_ms, first_token_ms, stall_ms, total_ms] = class;
            let class = Deadlines { connect_ms, first_token_ms, stall_ms, total_ms };
            let [total, head_ms, read_ms] = caller;
            let got = tighten(class, &Patient { total_ms: total, head_ms, read_ms }, streamed);
            let pairs = [(got.connect_ms, connect_ms), (got.first_token_ms, first_token_ms), (got.stall_ms, stall_ms), (got.total_ms, total_ms)];
            for (got, class) in pairs {
                prop_assert!(got == class || (got > 0 && (class == 0 || got < class)));
            }
        }
    }
}
