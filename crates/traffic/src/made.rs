//! Who made what: identifiers of files, batches and stored responses, and the provider that answers for them. Bounded,
//! forgotten in two generations; what is forgotten is asked of the first provider that takes the path.

use std::sync::Arc;

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

/// Identifiers remembered in one generation; two are kept.
const GENERATION_MAX: usize = 32_768;

type Names = FxHashMap<Box<str>, Arc<str>>;

/// Identifiers and the provider that gave them.
#[derive(Debug, Default)]
pub struct Made {
    kept: Mutex<(Names, Names)>,
}

impl Made {
    pub fn note(&self, id: &str, provider: &Arc<str>) {
        let mut kept = self.kept.lock();
        let (young, old) = &mut *kept;
        if young.len() >= GENERATION_MAX {
            *old = std::mem::take(young);
        }
        young.insert(id.into(), Arc::clone(provider));
    }

    #[must_use]
    pub fn find(&self, id: &str) -> Option<Arc<str>> {
        let kept = self.kept.lock();
        kept.0.get(id).or_else(|| kept.1.get(id)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_remembered_and_the_rest_forgotten() {
        let (made, provider) = (Made::default(), Arc::from("openai"));
        for number in 0..100_000 {
            made.note(&format!("file-{number}"), &provider);
        }
        assert_eq!(made.find("file-99999").as_deref(), Some("openai"));
        assert_eq!(made.find("file-0"), None);
        let kept = made.kept.lock();
        assert!(kept.0.len() + kept.1.len() <= 2 * GENERATION_MAX);
    }
}
