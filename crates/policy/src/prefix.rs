//! Prefix: why a provider's prompt cache could not help, told from hashes of the prompt's regions. No text is kept.

use paceline_types::PrefixUse;

/// What is remembered of a prompt: hashes of its regions, and when it was sent (seconds).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PromptSeen {
    pub tools: u64,
    pub system: u64,
    /// Of all messages.
    pub history: u64,
    pub at_s: u64,
}

/// The longest a provider keeps a prefix that nobody reads: five minutes (Anthropic), five to ten (OpenAI).
pub const PREFIX_KEPT_S: u64 = 300;

/// Why the prompt `now` cannot have found the one `before` it in the provider's cache. `continues` says that the
/// earlier messages are the beginning of the present ones. Regions are compared in the order in which they stand in
/// the prompt: a change in one spoils all behind it.
#[must_use]
pub fn prefix_miss(before: Option<&PromptSeen>, now: &PromptSeen, continues: bool) -> PrefixUse {
    let Some(before) = before else { return PrefixUse::First };
    if before.tools != now.tools {
        PrefixUse::Tools
    } else if before.system != now.system {
        PrefixUse::System
    } else if now.at_s.saturating_sub(before.at_s) > PREFIX_KEPT_S {
        PrefixUse::Expired
    } else if continues {
        PrefixUse::Provider
    } else {
        PrefixUse::History
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: PromptSeen = PromptSeen { tools: 1, system: 2, history: 3, at_s: 1000 };

    fn miss(now: PromptSeen, continues: bool) -> PrefixUse {
        prefix_miss(Some(&BEFORE), &now, continues)
    }

    #[test]
    fn the_first_region_that_changed_is_the_cause() {
        let now = PromptSeen { at_s: 1100, history: 4, ..BEFORE };
        assert_eq!(prefix_miss(None, &now, false), PrefixUse::First);
        assert_eq!(miss(PromptSeen { tools: 9, system: 9, ..now }, true), PrefixUse::Tools);
        assert_eq!(miss(PromptSeen { system: 9, ..now }, true), PrefixUse::System);
        assert_eq!(miss(now, false), PrefixUse::History);
        assert_eq!(miss(now, true), PrefixUse::Provider);
    }

    #[test]
    fn a_prefix_nobody_read_for_long_is_gone_though_unchanged() {
        let late = PromptSeen { at_s: 1000 + PREFIX_KEPT_S + 1, history: 4, ..BEFORE };
        assert_eq!(miss(late, true), PrefixUse::Expired);
        assert_eq!(miss(PromptSeen { at_s: 1000 + PREFIX_KEPT_S, ..late }, true), PrefixUse::Provider);
    }
}
