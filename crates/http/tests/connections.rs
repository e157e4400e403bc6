//! How many connections an upstream may have, how old they may be, and what it says about them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use paceline_http::{CallError, Deadlines, SendError, Upstream, UpstreamOptions, UpstreamStats, client_tls};
use support::{Provider, Server, echo, handler, in_ms, options};

#[tokio::test]
async fn a_connection_over_the_bound_is_refused_and_its_place_comes_back() {
    let provider = Provider::with(|options| UpstreamOptions { connections_max: 1, ..options }).await;
    for dropped in [true, false] {
        let asking = provider.ask(Deadlines::default());
        let stream = provider.answer("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\no").await;
        let answer = asking.await.unwrap().unwrap();
        let error = provider.ask(Deadlines::default()).await.unwrap().unwrap_err();
        assert!(matches!(error, SendError::TooManyConnections), "{error}");
        assert!(error.nothing_sent() && error.before_first_byte());
        assert_eq!(provider.upstream.stats().open, 1);
        // Given up by the caller, then cut by the provider.
        if dropped {
            drop(answer);
        } else {
            drop(stream);
            let mut answer = answer;
            answer.chunk().await.unwrap();
            answer.chunk().await.unwrap_err();
        }
        assert_eq!(provider.upstream.stats().open, 0);
    }
    let asking = provider.ask(Deadlines { connect: None, head: in_ms(30) });
    let _silent = provider.answer("").await;
    asking.await.unwrap().unwrap_err();
    let stats = provider.upstream.stats();
    assert_eq!(stats, UpstreamStats { open: 0, idle: 0, dialled: 3, reused: 0, refused: 2 });
}

#[tokio::test]
async fn a_place_is_given_back_when_no_connection_comes_about() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let options = UpstreamOptions { connections_max: 1, ..options(client_tls().unwrap()) };
    let upstream = Upstream::new(&format!("http://{free}"), options).unwrap();
    for dialled in 1..4 {
        let error = upstream.get("/").await.unwrap_err();
        assert!(matches!(error, CallError::Send(SendError::Connect(_))), "{error}");
        assert_eq!(upstream.stats(), UpstreamStats { dialled, ..UpstreamStats::default() });
    }
}

#[tokio::test]
async fn a_pooled_connection_counts_as_open_and_is_used_under_the_bound() {
    let server = Server::start(handler(echo));
    let options = UpstreamOptions { connections_max: 1, ..options(client_tls().unwrap()) };
    let upstream = Upstream::new(&format!("http://{}", server.address), options).unwrap();
    for _ in 0..3 {
        assert_eq!(upstream.post("/", "hello").await.unwrap().text(), "hello");
    }
    assert_eq!(upstream.stats(), UpstreamStats { open: 1, idle: 1, dialled: 1, reused: 2, refused: 0 });
}

#[tokio::test]
async fn a_connection_over_its_age_is_not_used_again() {
    let server = Server::start(handler(echo));
    // Between these two, no time that a test could take.
    for (connection_age_max, dialled) in [(Duration::ZERO, 3), (Duration::MAX, 1)] {
        let options = UpstreamOptions { connection_age_max, ..options(client_tls().unwrap()) };
        let upstream = Arc::new(Upstream::new(&format!("http://{}", server.address), options).unwrap());
        for _ in 0..3 {
            assert_eq!(upstream.post("/", "hello").await.unwrap().text(), "hello");
        }
        let stats = upstream.stats();
        assert_eq!((stats.dialled, stats.reused), (dialled, 3 - dialled), "{connection_age_max:?}");
        assert_eq!(stats.open as usize, stats.idle, "nothing is kept that is not pooled");
    }
}
