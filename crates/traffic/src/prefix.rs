//! Which prompt prefixes were sent lately: by hash, bounded, forgotten in two generations. Tells whether a prefix
//! repeats (then it is worth a place in the provider's cache) and what changed since the prompt before.

use paceline_policy::{PromptSeen, prefix_miss};
use paceline_types::PrefixUse;
use parking_lot::Mutex;
use rustc_hash::FxHashMap;

/// Prompts remembered in one generation; two are kept.
const GENERATION_MAX: usize = 32_768;

/// Prompts sent lately, by conversation and by use case.
#[derive(Debug, Default)]
pub struct Prefixes {
    kept: Mutex<Generations>,
}

#[derive(Debug, Default)]
struct Generations {
    young: FxHashMap<u64, PromptSeen>,
    old: FxHashMap<u64, PromptSeen>,
}

/// One prompt as the memory is asked about it.
#[derive(Clone, Copy, Debug)]
pub struct Prompt<'a> {
    /// Hash of (service, use case).
    pub use_case: u64,
    /// Hash of (service, use case, session or first message).
    pub conversation: u64,
    pub seen: PromptSeen,
    /// Hashes of the messages up to each message's end.
    pub histories: &'a [u64],
}

impl Prefixes {
    /// Notes a prompt. Returns why it cannot be in the provider's cache, if it turns out not to be, and whether its
    /// tools and system prompt were sent before.
    pub fn note(&self, prompt: &Prompt<'_>) -> (PrefixUse, bool) {
        let Prompt { use_case, conversation, seen, histories } = *prompt;
        let stable = mix(use_case, seen.tools, seen.system);
        let mut kept = self.kept.lock();
        let repeats = kept.put(stable, seen).is_some();
        let same_talk = kept.put(conversation, seen);
        let same_use_case = kept.put(use_case, seen);
        drop(kept);
        let continues = same_talk.is_some_and(|before| histories.contains(&before.history));
        let before = same_talk.or(same_use_case);
        // Another conversation of the same use case shares tools and system only: that its messages differ is no cause.
        (prefix_miss(before.as_ref(), &seen, continues || same_talk.is_none()), repeats)
    }
}

impl Generations {
    /// Stores a prompt under `key`; returns the one that was there.
    fn put(&mut self, key: u64, seen: PromptSeen) -> Option<PromptSeen> {
        if self.young.len() >= GENERATION_MAX && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        let before = self.young.insert(key, seen);
        before.or_else(|| self.old.remove(&key))
    }
}

fn mix(a: u64, b: u64, c: u64) -> u64 {
    (a.rotate_left(5) ^ b).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23) ^ c.wrapping_mul(0xff51_afd7_ed55_8ccd)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(conversation: u64, system: u64, histories: &[u64]) -> Prompt<'_> {
        let history = histories.last().copied().unwrap_or_default();
        let seen = PromptSeen { tools: 1, system, history, at_s: 10 };
        Prompt { use_case: 7, conversation, seen, histories }
    }

    #[test]
    fn a_conversation_that_goes_on_keeps_its_prefix_and_a_rewritten_one_does_not() {
        let prefixes = Prefixes::default();
        assert_eq!(prefixes.note(&prompt(1, 5, &[11])), (PrefixUse::First, false));
        assert_eq!(prefixes.note(&prompt(1, 5, &[11, 12, 13])), (PrefixUse::Provider, true));
        assert_eq!(prefixes.note(&prompt(1, 5, &[11, 99])), (PrefixUse::History, true));
        assert_eq!(prefixes.note(&prompt(1, 6, &[11, 99, 100])), (PrefixUse::System, false));
    }

    #[test]
    fn another_conversation_of_the_use_case_shares_tools_and_system() {
        let prefixes = Prefixes::default();
        prefixes.note(&prompt(1, 5, &[11]));
        assert_eq!(prefixes.note(&prompt(2, 5, &[21])), (PrefixUse::Provider, true));
        assert_eq!(prefixes.note(&prompt(3, 6, &[31])).0, PrefixUse::System);
    }

    #[test]
    fn memory_is_bounded_and_recent_prompts_survive() {
        let prefixes = Prefixes::default();
        for talk in 100..200_000 {
            prefixes.note(&prompt(talk, talk, &[talk]));
        }
        let kept = prefixes.kept.lock();
        assert!(kept.young.len() + kept.old.len() <= 2 * GENERATION_MAX + 2);
        drop(kept);
        assert_ne!(prefixes.note(&prompt(199_999, 199_999, &[199_999])).0, PrefixUse::First);
    }
}
