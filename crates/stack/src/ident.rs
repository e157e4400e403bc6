//! Request identifiers: time and a per-thread random sequence seeded from the operating system through the
//! standard library's hasher. They name requests; nothing secret depends on them.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

use paceline_types::RequestId;

thread_local! {
    static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(0));
}

/// A fresh identifier, and the wall clock in microseconds it was made at.
pub(crate) fn next() -> (RequestId, u64) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let unix_us = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
    let random = u128::from(splitmix()) << 64 | u128::from(splitmix());
    (RequestId::new(unix_us / 1000, random), unix_us)
}

/// The wall clock in whole seconds.
pub(crate) fn unix_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// 64 random bits, for the identifiers of traces and spans.
pub(crate) fn random() -> u64 {
    splitmix()
}

/// A number from 0 to 1, for jitter.
pub(crate) fn fraction() -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let fraction = (splitmix() >> 11) as f64 / (1_u64 << 53) as f64;
    fraction
}

/// SplitMix64 (Steele, Lea, Flood 2014).
fn splitmix() -> u64 {
    STATE.with(|state| {
        let next = state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        state.set(next);
        let mixed = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn identifiers_do_not_repeat_across_threads() {
        let threads: Vec<_> =
            (0..4).map(|_| std::thread::spawn(|| (0..2000).map(|_| super::next().0).collect::<Vec<_>>())).collect();
        let all: HashSet<_> = threads.into_iter().filter_map(|thread| thread.join().ok()).flatten().collect();
        assert_eq!(all.len(), 8000);
    }
}
