//! A real Redis or Valkey: shared answers, and what a server that is gone, frozen or back again costs: never an error.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use paceline_cache::{Cache, CacheStatus, Facts, Found, Head, Keep, Key, Look, Options};

const LOOK: Look = Look { now_unix_ms: 1000, stale_ms: 0, may_read: true, may_share: true };
const MINUTE: Keep = Keep { ttl_ms: 60_000, stale_ms: 0 };

struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(port: u16) -> Option<Self> {
        let program = ["valkey-server", "redis-server"].into_iter().find(|program| {
            Command::new(program).arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
        });
        let Some(program) = program else {
            eprintln!("left out: neither valkey-server nor redis-server is installed");
            return None;
        };
        let port = if port == 0 { free_port() } else { port };
        let child = Command::new(program)
            .args(["--port", &port.to_string(), "--save", "", "--appendonly", "no", "--bind", "127.0.0.1"])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Some(Self { child, port })
    }

    fn signal(&self, signal: &str) {
        Command::new("kill").args([signal, &self.child.id().to_string()]).status().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.signal("-CONT");
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn cache(port: u16) -> Cache {
    let url = Some(format!("redis://127.0.0.1:{port}"));
    Cache::new(&Options { bytes_max: 1 << 20, entry_bytes_max: 64 << 10, url, wait: Duration::from_millis(50) })
        .unwrap()
}

async fn store(cache: &Cache, key: Key, body: &'static [u8]) -> bool {
    let Found::Lead(mut lead) = cache.look(key, LOOK).await else { return false };
    lead.head(Head { status: 200, headers: HeaderMap::new() });
    lead.push(Bytes::from_static(body));
    cache.complete(lead, 1000, Some((Facts::default(), MINUTE)));
    true
}

/// Waits until the cache shows it.
async fn until(cache: &Cache, what: &str, seen: impl Fn(&CacheStatus) -> bool) {
    let waits = async {
        while !seen(&cache.status()) {
            // The first use starts the connection.
            let _ = cache.look(Key::of(&[b"nobody has this"]), LOOK).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(30), waits).await.is_ok(), "{what}: {:?}", cache.status());
}

fn is_closed(status: &CacheStatus) -> bool {
    status.remote.is_some_and(|remote| !remote.open)
}

#[tokio::test]
async fn an_answer_kept_by_one_gateway_serves_another() {
    let Some(server) = Server::start(0) else { return };
    let (one, other) = (cache(server.port), cache(server.port));
    until(&one, "connected", is_closed).await;
    until(&other, "connected", is_closed).await;
    let key = Key::of(&[b"k"]);
    assert!(store(&one, key, b"data: hello\n\n").await);
    until(&one, "written", |status| status.remote.unwrap().writes == 1).await;
    let Found::Hit(entry) = other.look(key, LOOK).await else { panic!("it is in the shared store") };
    assert_eq!(entry.parts().concat(), b"data: hello\n\n");
    assert_eq!(other.status().remote.unwrap().hits, 1);
    assert!(
        matches!(other.look(key, Look { now_unix_ms: 61_001, ..LOOK }).await, Found::Lead(_)),
        "its time has passed"
    );
    let late = other.stale(&key, 61_001, 60_000).await;
    assert!(late.is_some_and(|entry| entry.parts().concat() == b"data: hello\n\n"), "it may still stand in");
}

#[tokio::test]
async fn a_server_that_stops_freezes_and_comes_back_is_never_an_error() {
    let Some(server) = Server::start(0) else { return };
    let port = server.port;
    let cache = cache(port);
    until(&cache, "connected", is_closed).await;

    server.signal("-STOP");
    let mut number = 0_u32;
    while is_closed(&cache.status()) {
        number += 1;
        assert!(number < 50, "the circuit stays closed: {:?}", cache.status());
        assert!(store(&cache, Key::of(&[b"frozen", &number.to_le_bytes()]), b"x").await, "a miss, not an error");
    }
    let timeouts = cache.status().remote.unwrap().timeouts;
    for more in 0..100_u32 {
        assert!(store(&cache, Key::of(&[b"open", &more.to_le_bytes()]), b"x").await);
    }
    assert_eq!(cache.status().remote.unwrap().timeouts, timeouts, "nobody waits for a server that does not answer");
    server.signal("-CONT");
    until(&cache, "thawed", is_closed).await;

    drop(server);
    let gone = Key::of(&[b"gone"]);
    assert!(store(&cache, gone, b"x").await);
    until(&cache, "noticed that it is gone", |status| !is_closed(status)).await;
    assert!(matches!(cache.look(gone, LOOK).await, Found::Hit(_)), "memory still serves");
    let _server = Server::start(port).unwrap();
    until(&cache, "back", is_closed).await;
}

#[tokio::test]
async fn an_address_without_a_server_costs_nothing() {
    let cache = cache(free_port());
    for number in 0..50_u32 {
        assert!(store(&cache, Key::of(&[&number.to_le_bytes()]), b"x").await);
    }
    let remote = cache.status().remote.unwrap();
    assert!(remote.open && remote.timeouts == 0 && remote.writes_dropped == 50, "{remote:?}");
    assert!(!format!("{cache:?}").contains("127.0.0.1"), "an address may hold a password");
}
