//! Window: counts of the recent past in two halves that take turns, each small enough for one atomic word. A sum covers
//! between half a window and a whole one. Shared by breakers, outliers and retry budgets.

/// The half of the window that `now_ns` falls into; consecutive numbers, so that a count knows which half it is of.
#[must_use]
pub fn half_of(now_ns: u64, window_ms: u64) -> u64 {
    now_ns / (window_ms.max(2) * 500_000)
}

/// What happened in one half of a window: how many, and how many of them were marked (failed, retried). One word:
/// 24 bits for the half's number, 20 for each count; counts stay at their most instead of wrapping.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally(u64);

/// The two counts of a tally, or of both halves together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub all: u32,
    pub marked: u32,
}

const COUNT_BITS: u32 = 20;
const COUNT_MAX: u64 = (1 << COUNT_BITS) - 1;
const HALF_MASK: u64 = (1 << 24) - 1;

impl Tally {
    #[must_use]
    pub const fn from_word(word: u64) -> Self {
        Self(word)
    }

    #[must_use]
    pub const fn word(self) -> u64 {
        self.0
    }

    /// The counts, if they are of this half.
    #[must_use]
    pub fn at(self, half: u64) -> Count {
        // The number is kept one up: a word of zero is of no half.
        if self.0 >> (2 * COUNT_BITS) != (half + 1) & HALF_MASK {
            return Count::default();
        }
        let part = |bits: u64| u32::try_from(bits & COUNT_MAX).unwrap_or(u32::MAX);
        Count { all: part(self.0 >> COUNT_BITS), marked: part(self.0) }
    }

    /// With more counted; counts of an older half are forgotten.
    #[must_use]
    pub fn add(self, half: u64, more: Count) -> Self {
        let so_far = self.at(half);
        let sum = |one: u32, other: u32| (u64::from(one) + u64::from(other)).min(COUNT_MAX);
        let number = (half + 1) & HALF_MASK;
        Self(number << (2 * COUNT_BITS) | sum(so_far.all, more.all) << COUNT_BITS | sum(so_far.marked, more.marked))
    }
}

impl Count {
    pub const ONE: Self = Self { all: 1, marked: 0 };
    pub const ONE_MARKED: Self = Self { all: 1, marked: 1 };

    /// Both halves of a window together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self { all: self.all.saturating_add(other.all), marked: self.marked.saturating_add(other.marked) }
    }

    /// Marked as a share of all; zero of nothing.
    #[must_use]
    pub fn share(self) -> f64 {
        if self.all == 0 { 0.0 } else { f64::from(self.marked) / f64::from(self.all) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_new_half_begins_at_zero_and_the_old_one_is_gone() {
        let tally = Tally::default().add(7, Count::ONE).add(7, Count::ONE_MARKED);
        assert_eq!(tally.at(7), Count { all: 2, marked: 1 });
        assert_eq!((tally.at(6), tally.at(8)), (Count::default(), Count::default()));
        assert_eq!(tally.add(9, Count::ONE).at(9), Count::ONE);
        assert_eq!(Tally::default().at(0), Count::default());
    }

    #[test]
    fn halves_follow_each_other() {
        assert_eq!(half_of(0, 10_000), 0);
        assert_eq!(half_of(4_999_999_999, 10_000), 0);
        assert_eq!(half_of(5_000_000_000, 10_000), 1);
        assert_eq!(half_of(u64::MAX, 0), u64::MAX / 1_000_000);
    }

    proptest! {
        #[test]
        fn counts_are_exact_up_to_their_most(half in any::<u32>(), adds in proptest::collection::vec((0_u32..90_000, 0_u32..90_000), 0..40)) {
            let half = u64::from(half);
            let (mut tally, mut all, mut marked) = (Tally::default(), 0_u64, 0_u64);
            for (more, more_marked) in adds {
                tally = tally.add(half, Count { all: more, marked: more_marked });
                all = (all + u64::from(more)).min(COUNT_MAX);
                marked = (marked + u64::from(more_marked)).min(COUNT_MAX);
                let count = tally.at(half);
                prop_assert_eq!((u64::from(count.all), u64::from(count.marked)), (all, marked));
            }
        }
    }
}
