//! One flight for identical requests: every reader gets every byte, and nobody who leaves disturbs the others.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use paceline_cache::{Broken, Cache, Facts, Found, Head, Keep, Key, Lead, Look, Options, Tail};
use proptest::prelude::*;

const LOOK: Look = Look { now_unix_ms: 1000, stale_ms: 0, may_read: true, may_share: true };
const MINUTE: Keep = Keep { ttl_ms: 60_000, stale_ms: 0 };

fn cache() -> Arc<Cache> {
    let options = Options { bytes_max: 1 << 20, entry_bytes_max: 64 << 10, url: None, wait: Duration::from_millis(5) };
    Arc::new(Cache::new(&options).unwrap())
}

fn head() -> Head {
    Head { status: 200, headers: HeaderMap::new() }
}

async fn read(tail: &mut Tail) -> Result<Vec<u8>, Broken> {
    let mut all = Vec::new();
    while let Some(part) = poll_fn(|context| tail.poll_chunk(context)).await {
        all.extend_from_slice(&part?);
    }
    Ok(all)
}

async fn lead(cache: &Cache, key: Key) -> Lead {
    match cache.look(key, LOOK).await {
        Found::Lead(lead) => lead,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_identical_requests_are_one() {
    let cache = cache();
    let leads = Arc::new(AtomicU32::new(0));
    let key = Key::of(&[b"same"]);
    let one = |_| {
        let (cache, leads) = (Arc::clone(&cache), Arc::clone(&leads));
        tokio::spawn(async move {
            match cache.look(key, LOOK).await {
                Found::Hit(entry) => entry.parts().concat(),
                Found::Follow(mut tail) => read(&mut tail).await.unwrap(),
                Found::Lead(mut lead) => {
                    leads.fetch_add(1, Ordering::Relaxed);
                    let mut tail = lead.tail().unwrap();
                    lead.head(head());
                    for word in ["one ", "two ", "three"] {
                        tokio::task::yield_now().await;
                        lead.push(Bytes::from_static(word.as_bytes()));
                    }
                    cache.complete(lead, 1000, Some((Facts::default(), MINUTE)));
                    read(&mut tail).await.unwrap()
                }
                Found::Alone => panic!("there is room"),
            }
        })
    };
    let all: Vec<_> = (0..1000).map(one).collect();
    for task in all {
        assert_eq!(task.await.unwrap(), b"one two three");
    }
    assert_eq!(leads.load(Ordering::Relaxed), 1);
    assert_eq!((cache.status().entries, cache.status().flights), (1, 0));
}

#[tokio::test]
async fn the_last_reader_to_leave_ends_the_flight_and_only_the_last() {
    let cache = cache();
    let key = Key::of(&[b"k"]);
    let mut lead = lead(&cache, key).await;
    let own = lead.tail().unwrap();
    let Found::Follow(second) = cache.look(key, LOOK).await else { panic!("a flight is under way") };
    drop(own);
    let waits = |lead: &mut Lead| {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        lead.poll_alone(&mut context).is_pending()
    };
    assert!(waits(&mut lead));
    drop(second);
    poll_fn(|context| lead.poll_alone(context)).await;
    assert!(matches!(cache.look(key, LOOK).await, Found::Lead(_)), "nobody joins a flight that was given up");
}

#[tokio::test]
async fn a_flight_given_up_breaks_off_for_everybody() {
    let cache = cache();
    let key = Key::of(&[b"k"]);
    let mut lead = lead(&cache, key).await;
    let mut tail = lead.tail().unwrap();
    lead.head(head());
    lead.push(Bytes::from_static(b"half"));
    drop(lead);
    assert_eq!(read(&mut tail).await, Err(Broken));
    assert_eq!(tail.head().await.unwrap().status, 200);
    assert_eq!(cache.status().entries, 0);
}

#[tokio::test]
async fn what_is_too_large_or_no_success_or_past_its_time_is_not_served() {
    let cache = cache();
    for (name, status, bytes) in [("large", 200, 100 << 10), ("refused", 429, 10)] {
        let key = Key::of(&[name.as_bytes()]);
        let mut lead = lead(&cache, key).await;
        let mut tail = lead.tail().unwrap();
        lead.head(Head { status, headers: HeaderMap::new() });
        lead.push(Bytes::from(vec![b'x'; bytes]));
        cache.complete(lead, 1000, Some((Facts::default(), MINUTE)));
        assert_eq!(read(&mut tail).await.unwrap().len(), bytes, "{name}");
        assert!(matches!(cache.look(key, LOOK).await, Found::Lead(_)), "{name}");
    }
    let key = Key::of(&[b"brief"]);
    let mut lead = lead(&cache, key).await;
    lead.head(head());
    cache.complete(lead, 1000, Some((Facts::default(), Keep { ttl_ms: 50, stale_ms: 0 })));
    let at = |now_unix_ms| Look { now_unix_ms, ..LOOK };
    assert!(matches!(cache.look(key, at(1049)).await, Found::Hit(_)));
    assert!(matches!(cache.look(key, Look { may_read: false, may_share: false, ..at(1049) }).await, Found::Alone));
    assert!(matches!(cache.look(key, at(1050)).await, Found::Lead(_)));
    assert_eq!(cache.status().refused, 2);
}

#[tokio::test]
async fn what_is_too_large_to_keep_waits_for_its_slowest_reader() {
    let cache = cache();
    let key = Key::of(&[b"large"]);
    let mut lead = lead(&cache, key).await;
    let mut tail = lead.tail().unwrap();
    lead.head(head());
    let has_room =
        |lead: &mut Lead| lead.poll_room(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_ready();
    let mut pushed = 0;
    while has_room(&mut lead) {
        lead.push(Bytes::from(vec![b'x'; 16 << 10]));
        pushed += 1;
    }
    assert_eq!(pushed, 5, "the bound, and the part that went past it");
    assert!(matches!(cache.look(key, LOOK).await, Found::Lead(_)), "nobody joins it any more");
    poll_fn(|context| tail.poll_chunk(context)).await.unwrap().unwrap();
    assert!(has_room(&mut lead));
    lead.push(Bytes::from_static(b"end"));
    cache.complete(lead, 1000, Some((Facts::default(), MINUTE)));
    assert_eq!(read(&mut tail).await.unwrap().len(), 4 * (16 << 10) + 3);
    assert_eq!(cache.status().entries, 0);
}

#[tokio::test]
async fn memory_stays_within_its_bound() {
    let cache = cache();
    for number in 0..500_u32 {
        let mut lead = lead(&cache, Key::of(&[&number.to_le_bytes()])).await;
        lead.head(head());
        lead.push(Bytes::from(vec![b'x'; 16 << 10]));
        cache.complete(lead, 1000, Some((Facts::default(), MINUTE)));
    }
    let status = cache.status();
    assert!(status.bytes <= 1 << 20 && status.entries > 10, "{status:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn every_reader_reads_every_byte(parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..20), joins in proptest::collection::vec(0_usize..20, 0..10)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let cache = cache();
            let key = Key::of(&[b"k"]);
            let mut lead = lead(&cache, key).await;
            let mut readers = Vec::new();
            lead.head(head());
            for (index, part) in parts.iter().enumerate() {
                for _ in joins.iter().filter(|&&join| join == index) {
                    let Found::Follow(mut tail) = cache.look(key, LOOK).await else { panic!("a flight is under way") };
                    readers.push(tokio::spawn(async move { read(&mut tail).await }));
                }
                lead.push(Bytes::from(part.clone()));
                tokio::task::yield_now().await;
            }
            cache.complete(lead, 1000, None);
            for reader in readers {
                assert_eq!(reader.await.unwrap().unwrap(), parts.concat());
            }
        });
    }
}

#[tokio::test]
async fn an_old_answer_stands_in_within_its_time_only() {
    let cache = cache();
    let key = Key::of(&[b"old"]);
    let Found::Lead(mut lead) = cache.look(key, LOOK).await else { panic!("nobody has it") };
    lead.head(head());
    lead.push(Bytes::from_static(b"x"));
    cache.complete(lead, 1000, Some((Facts::default(), Keep { ttl_ms: 50, stale_ms: 200 })));
    let at = |now_unix_ms| Look { now_unix_ms, stale_ms: 200, ..LOOK };
    assert!(matches!(cache.look(key, at(1049)).await, Found::Hit(_)));
    assert!(matches!(cache.look(key, at(1050)).await, Found::Lead(_)), "no fresh answer any more");
    assert_eq!(cache.stale(&key, 1249, 200).await.expect("kept").parts(), [Bytes::from_static(b"x")]);
    assert!(cache.stale(&key, 1250, 200).await.is_none(), "too old");
    assert!(cache.stale(&key, 1100, 50).await.is_none(), "the rule of today counts");
    assert!(matches!(cache.look(key, at(1250)).await, Found::Lead(_)));
    assert!(cache.stale(&key, 1100, 200).await.is_none(), "past all use it was let go");
}
