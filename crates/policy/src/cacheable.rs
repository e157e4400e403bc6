//! Cacheable: may an exact earlier answer serve this request, and may this one's answer serve later ones?

use paceline_plan::document::CacheRule;
use paceline_types::{Api, Flags, Outcome};

use crate::endings::{Ended, ending};

/// What a request says of itself that matters to the exact cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repeatable {
    pub temperature_zero: bool,
    pub tools: bool,
    /// Several answers, stored or background answers: not one plain answer to one plain question.
    pub particular: bool,
}

/// The caller's own word: `cache-control`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheControl {
    /// No answer from the cache.
    pub no_cache: bool,
    /// Nothing of this request is kept or shared.
    pub no_store: bool,
}

impl CacheControl {
    #[must_use]
    pub fn read(text: Option<&str>) -> Self {
        let mut control = Self::default();
        for word in text.unwrap_or_default().split(',').map(str::trim) {
            control.no_cache |= word.eq_ignore_ascii_case("no-cache");
            control.no_store |= word.eq_ignore_ascii_case("no-store");
        }
        control
    }
}

/// True when the rule covers this request.
#[must_use]
pub fn cacheable(rule: &CacheRule, api: Api, asked: Repeatable) -> bool {
    let same_each_time = api == Api::Embeddings || !rule.temperature_zero || asked.temperature_zero;
    (api.generates() || api == Api::Embeddings)
        && same_each_time
        && !asked.particular
        && (rule.tool_calls || !asked.tools)
}

/// True when the answer may be kept: whole, well, and not cut by its cap.
#[must_use]
pub fn keepable(outcome: Outcome, flags: Flags) -> bool {
    outcome == Outcome::Ok && !flags.has(Flags::ENDED_BY_LENGTH) && !flags.has(Flags::FILTERED)
}

/// True when an answer past its time may stand in for a request whose attempts ended so: the trouble is the provider's,
/// not the request's nor a limit's of our own.
#[must_use]
pub fn stale_may_serve(ended: Ended) -> bool {
    // Alive, but not for this request now; or resting, so that nothing was sent.
    let at_its_limit = matches!(ended, Ended::Status(409 | 425 | 429 | 498) | Ended::Unusable);
    ending(ended).fails || at_its_limit
}

#[cfg(test)]
mod tests {
    use paceline_plan::document::CacheScope;

    use super::*;

    const RULE: CacheRule = CacheRule {
        ttl_ms: 1000,
        stale_if_error_ms: 0,
        scope: CacheScope::Service,
        temperature_zero: true,
        tool_calls: false,
    };
    const ZERO: Repeatable = Repeatable { temperature_zero: true, tools: false, particular: false };

    #[test]
    fn only_what_is_answered_alike_is_cached() {
        for (rule, api, asked, wanted) in [
            (RULE, Api::Chat, ZERO, true),
            (RULE, Api::Chat, Repeatable::default(), false),
            (CacheRule { temperature_zero: false, ..RULE }, Api::Chat, Repeatable::default(), true),
            (RULE, Api::Embeddings, Repeatable::default(), true),
            (RULE, Api::Chat, Repeatable { tools: true, ..ZERO }, false),
            (CacheRule { tool_calls: true, ..RULE }, Api::Chat, Repeatable { tools: true, ..ZERO }, true),
            (RULE, Api::Responses, Repeatable { particular: true, ..ZERO }, false),
            (RULE, Api::CountTokens, ZERO, false),
        ] {
            assert_eq!(cacheable(&rule, api, asked), wanted, "{api:?} {asked:?}");
        }
    }

    #[test]
    fn errors_and_truncated_answers_are_not_kept() {
        assert!(keepable(Outcome::Ok, Flags(Flags::STREAMED)));
        for (outcome, flag) in [
            (Outcome::Ok, Flags::ENDED_BY_LENGTH),
            (Outcome::Ok, Flags::FILTERED),
            (Outcome::Truncated, 0),
            (Outcome::ProviderError, 0),
        ] {
            assert!(!keepable(outcome, Flags(flag)));
        }
    }

    #[test]
    fn an_old_answer_stands_in_for_a_provider_in_trouble_only() {
        for (ended, wanted) in [
            (Ended::Connect, true),
            (Ended::TimeoutFirstToken, true),
            (Ended::TimeoutTotal, true),
            (Ended::Status(500), true),
            (Ended::Status(429), true),
            (Ended::QuotaExhausted, true),
            (Ended::Unusable, true),
            (Ended::Status(400), false),
            (Ended::Status(403), false),
            (Ended::Status(404), false),
            (Ended::Status(422), false),
            (Ended::ContextTooLong, false),
            (Ended::ContentFiltered, false),
            (Ended::Queue, false),
            (Ended::Limit, false),
            (Ended::Own, false),
        ] {
            assert_eq!(stale_may_serve(ended), wanted, "{ended:?}");
        }
    }

    #[test]
    fn the_callers_word_counts() {
        let read = |text| CacheControl::read(Some(text));
        assert_eq!(read("No-Cache, max-age=0"), CacheControl { no_cache: true, no_store: false });
        assert_eq!(read("no-store"), CacheControl { no_cache: false, no_store: true });
        assert_eq!(CacheControl::read(None), CacheControl::default());
    }
}
