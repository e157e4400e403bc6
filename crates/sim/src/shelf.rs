//! What was made here and can be asked for again: files, batches, responses. Bounded: the oldest leave. Another simulator
//! knows nothing of it, as another provider would not.

use std::collections::VecDeque;

use bytes::Bytes;
use parking_lot::Mutex;

const ITEMS_MAX: usize = 4096;
const BYTES_MAX: usize = 256 << 20;

/// One object: its id, its JSON, and of a file its content.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) json: String,
    pub(crate) content: Bytes,
}

impl Item {
    fn bytes(&self) -> usize {
        self.json.len() + self.content.len()
    }
}

/// Everything that was made.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    items: Mutex<(VecDeque<Item>, usize)>,
}

impl Shelf {
    pub(crate) fn put(&self, item: Item) {
        let (items, bytes) = &mut *self.items.lock();
        *bytes += item.bytes();
        items.push_back(item);
        while items.len() > ITEMS_MAX || *bytes > BYTES_MAX {
            let Some(oldest) = items.pop_front() else { return };
            *bytes -= oldest.bytes();
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<Item> {
        self.items.lock().0.iter().find(|item| item.id == id).cloned()
    }

    pub(crate) fn take(&self, id: &str) -> Option<Item> {
        let (items, bytes) = &mut *self.items.lock();
        let item = items.iter().position(|item| item.id == id).and_then(|at| items.remove(at))?;
        *bytes -= item.bytes();
        Some(item)
    }

    /// The JSON of those whose id begins so, oldest first.
    pub(crate) fn list(&self, prefix: &str) -> Vec<(String, String)> {
        let items = self.items.lock();
        let found = items.0.iter().filter(|item| item.id.starts_with(prefix));
        found.map(|item| (item.id.clone(), item.json.clone())).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_can_be_had_listed_and_taken_and_the_oldest_leave() {
        let shelf = Shelf::default();
        let item =
            |id: usize| Item { id: format!("file-{id}"), json: "{}".into(), content: Bytes::from_static(b"abc") };
        for id in 0..=ITEMS_MAX {
            shelf.put(item(id));
        }
        assert!(shelf.get("file-0").is_none());
        assert_eq!((shelf.list("file-").len(), shelf.list("batch_").len()), (ITEMS_MAX, 0));
        assert_eq!(&shelf.take("file-7").unwrap().content[..], b"abc");
        assert!(shelf.get("file-7").is_none());
        assert_eq!(shelf.items.lock().1, (ITEMS_MAX - 1) * 5);
    }
}
