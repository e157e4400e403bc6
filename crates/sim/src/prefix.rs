//! The prefix cache: which 64-token blocks of earlier prompts an engine still holds. A block's name is a hash over
//! itself and all blocks before it, so equal names mean equal prefixes. Least recently used blocks leave first, the
//! tail of a prompt before its head.

use std::collections::{BTreeMap, HashMap};

/// Tokens in one block.
pub const BLOCK_TOKENS: u32 = 64;

/// A bounded set of block names with their recency.
#[derive(Debug)]
pub struct PrefixCache {
    capacity: usize,
    clock: u64,
    stamps: HashMap<u64, u64>,
    order: BTreeMap<u64, u64>,
}

impl PrefixCache {
    /// An empty cache for at most `capacity` blocks.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { capacity, clock: 0, stamps: HashMap::new(), order: BTreeMap::new() }
    }

    /// How many of the leading blocks are held.
    #[must_use]
    pub fn hits(&self, chain: &[u64]) -> u32 {
        let hits = chain.iter().take_while(|name| self.stamps.contains_key(name)).count();
        u32::try_from(hits).unwrap_or(u32::MAX)
    }

    /// Holds a prompt's blocks as the most recently used, and lets the oldest go when there are too many.
    pub fn hold(&mut self, chain: &[u64]) {
        for &name in chain.iter().rev() {
            self.clock += 1;
            if let Some(old) = self.stamps.insert(name, self.clock) {
                self.order.remove(&old);
            }
            self.order.insert(self.clock, name);
        }
        while self.stamps.len() > self.capacity {
            let Some((_, name)) = self.order.pop_first() else { break };
            self.stamps.remove(&name);
        }
    }

    /// Blocks held now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.stamps.len()
    }

    /// True when nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stamps.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_unbroken_prefix_counts() {
        let mut cache = PrefixCache::new(10);
        cache.hold(&[1, 2, 3]);
        assert_eq!(cache.hits(&[1, 2, 9, 3]), 2);
        assert_eq!(cache.hits(&[2, 3]), 2);
        assert_eq!(cache.hits(&[9, 1]), 0);
    }

    #[test]
    fn the_tail_of_the_oldest_prompt_leaves_first() {
        let mut cache = PrefixCache::new(5);
        cache.hold(&[1, 2, 3]);
        cache.hold(&[11, 12, 13]);
        assert_eq!(cache.len(), 5);
        assert_eq!(cache.hits(&[1, 2, 3]), 2);
        cache.hold(&[1]);
        cache.hold(&[21, 22]);
        assert_eq!(cache.hits(&[1]), 1, "touched, so kept");
        assert_eq!(cache.hits(&[11, 12, 13]), 2);
    }

    #[test]
    fn a_cache_without_room_holds_nothing() {
        let mut cache = PrefixCache::new(0);
        cache.hold(&[1, 2]);
        assert!(cache.is_empty());
    }
}
