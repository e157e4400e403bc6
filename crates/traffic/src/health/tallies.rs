//! Two `policy::Tally` words that take turns: counts of a recent window, exact under concurrency, without a lock.

use std::sync::atomic::{AtomicU64, Ordering};

use paceline_policy::{Count, Tally};

/// Counts of the running half and of the one before it.
#[derive(Debug, Default)]
pub(super) struct Tallies([AtomicU64; 2]);

impl Tallies {
    /// The window's counts.
    pub(super) fn sum(&self, half: u64) -> Count {
        let at = |half: u64| Tally::from_word(self.word(half).load(Ordering::Relaxed)).at(half);
        match half.checked_sub(1) {
            Some(before) => at(half).and(at(before)),
            None => at(half),
        }
    }

    /// Counts more and tells the window's counts with it.
    pub(super) fn add(&self, half: u64, more: Count) -> Count {
        self.add_if(half, more, |_| true);
        self.sum(half)
    }

    /// Counts more if the window's counts so far allow it.
    pub(super) fn add_if(&self, half: u64, more: Count, allows: impl Fn(Count) -> bool) -> bool {
        let before = half
            .checked_sub(1)
            .map_or(Count::default(), |before| Tally::from_word(self.word(before).load(Ordering::Relaxed)).at(before));
        let added = |word: u64| {
            let tally = Tally::from_word(word);
            allows(tally.at(half).and(before)).then(|| tally.add(half, more).word())
        };
        self.word(half).fetch_update(Ordering::Relaxed, Ordering::Relaxed, added).is_ok()
    }

    pub(super) fn clear(&self) {
        self.0.iter().for_each(|word| word.store(0, Ordering::Relaxed));
    }

    fn word(&self, half: u64) -> &AtomicU64 {
        &self.0[usize::from(half % 2 == 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_its_two_halves_and_no_more() {
        let tallies = Tallies::default();
        assert_eq!(tallies.add(7, Count::ONE_MARKED), Count::ONE_MARKED);
        assert_eq!(tallies.add(8, Count::ONE), Count { all: 2, marked: 1 });
        assert_eq!(tallies.add(9, Count::ONE), Count { all: 2, marked: 0 });
        assert_eq!(tallies.sum(10), Count::ONE);
        assert_eq!(tallies.sum(11), Count::default());
        tallies.clear();
        assert_eq!(tallies.sum(9), Count::default());
        assert_eq!(tallies.add(0, Count::ONE), Count::ONE, "the very first half has none before it");
    }

    #[test]
    fn what_is_allowed_is_judged_on_the_whole_window() {
        let tallies = Tallies::default();
        let three = |count: Count| count.all < 3;
        assert!(tallies.add_if(7, Count::ONE, three) && tallies.add_if(7, Count::ONE, three));
        assert!(tallies.add_if(8, Count::ONE, three));
        assert!(!tallies.add_if(8, Count::ONE, three), "two before and one now");
        assert!(tallies.add_if(9, Count::ONE, three), "the first two have gone");
    }

    #[test]
    fn counts_are_exact_on_many_threads() {
        let tallies = Tallies::default();
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| while tallies.add_if(3, Count::ONE, |count| count.all < 2500) {});
            }
        });
        assert_eq!(tallies.sum(3).all, 2500);
    }
}
