//! A panic of a request's task is that request's own end: what it held goes back, it has one record, and the others on
//! the process notice nothing. The panics are real, at the two places a task of the server can be in a request's life:
//! waiting for the answer, and handing it on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Once};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use paceline_http::{
    Abort, Body, Chunks, Drain, Handler, Listen, Request, Response, ServeStats, ServerOptions, bind_tcp, serve,
};
use paceline_plan::document::{CacheRule, CacheScope};
use paceline_plan::sample;
use paceline_stack::Edge;
use paceline_testkit::{Connection, Held, SimProvider, TestGateway, until};
use paceline_types::Outcome;
use serde_json::json;
use tokio::task::JoinHandle;

const ON_PURPOSE: &str = "a panic on purpose";

/// Ours are not shown: writing down where one came from takes longer than the answers of these tests.
fn hush() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let shown = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !panic.to_string().contains(ON_PURPOSE) {
                shown(panic);
            }
        }));
    });
}

/// The gateway's own edge, and a fault in the code around it where a request's `x-panic` says so.
struct Faulty(Edge);

impl Handler for Faulty {
    async fn handle(&self, request: Request) -> Response {
        let panics = request.headers.get("x-panic").map(|place| place.to_str().unwrap().to_owned());
        let mut answering = pin!(self.0.handle(request));
        let mut polls = 0;
        let answered = poll_fn(|context| {
            polls += 1;
            let polled = answering.as_mut().poll(context);
            // By then the request has been sent, and its answer is waited for.
            assert!(panics.as_deref() != Some("waiting") || polls < 3, "{ON_PURPOSE}");
            polled
        });
        let response = answered.await;
        if panics.as_deref() != Some("relaying") {
            return response;
        }
        let (head, body) = response.into_parts();
        let Body::Stream(chunks, length) = body else { panic!("a stream") };
        Response::from_parts(head, Body::stream(FaultyChunks { chunks, passed: 0 }, length))
    }
}

/// Panics when asked for its third piece.
struct FaultyChunks {
    chunks: Box<dyn Chunks>,
    passed: u32,
}

impl Chunks for FaultyChunks {
    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Abort>>> {
        assert!(self.passed < 2, "{ON_PURPOSE}");
        let polled = self.chunks.poll_chunk(context);
        self.passed += u32::from(polled.is_ready());
        polled
    }

    fn is_end(&self) -> bool {
        self.chunks.is_end()
    }
}

/// A gateway whose service may have two requests in flight, behind the faulty edge.
struct House {
    provider: SimProvider,
    gateway: TestGateway,
    address: std::net::SocketAddr,
    drain: Drain,
    served: JoinHandle<ServeStats>,
}

impl House {
    fn start(cache: Option<CacheRule>) -> Self {
        hush();
        let provider = SimProvider::start(&json!({"default_preset": "paced", "models": [
            {"name": "gpt-5.4-mini", "preset": "paced", "token_ms": 5},
        ]}));
        let mut document = sample::document(&provider.base_url());
        for use_case in &mut document.use_cases {
            use_case.cache = cache;
        }
        for service in &mut document.services {
            service.rates.requests_in_flight = Some(2);
            service.rates.tokens_per_minute = Some(1_000_000);
        }
        for deployment in &mut document.deployments {
            deployment.rates.requests_in_flight = Some(2);
        }
        let gateway = TestGateway::start(&document);
        let listener = bind_tcp(([127, 0, 0, 1], 0).into()).unwrap();
        let (address, drain) = (listener.local_addr().unwrap(), Drain::new());
        let edge = Arc::new(Faulty(Edge(Arc::clone(gateway.gateway()))));
        let served = tokio::spawn(serve(Listen::Tcp(listener), ServerOptions::default(), edge, drain.clone()));
        Self { provider, gateway, address, drain, served }
    }

    /// Sends a streamed request of 60 tokens.
    async fn send(&self, panics: &str) -> Connection {
        let body = r#"{"model":"small","stream":true,"temperature":0,"messages":[{"role":"user","content":"hi"}]}"#;
        let mut connection = Connection::open(self.address).await;
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nx-paceline-use-case: support-chat\r\nx-sim-output-tokens: 60\r\nx-panic: {panics}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            sample::key_text("helpdesk"),
            body.len()
        );
        connection.send(head.as_bytes()).await;
        connection
    }

    async fn is_whole(mut connection: Connection) -> bool {
        let answer = connection.read_answer().await.expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.complete && answer.text().ends_with("data: [DONE]\n\n")
    }

    /// Nothing is held any more: no slot, no place in a queue, no reservation, no connection to the provider.
    async fn require_all_given_back(&self) {
        let gateway = self.gateway.gateway();
        until("everything to be given back", || async {
            let status = gateway.status();
            let limits = status.limits.iter().filter(|limit| limit.limit == "requests_in_flight");
            let held = limits.map(|limit| limit.used).sum::<f64>()
                + status.deployments.iter().map(|deployment| f64::from(deployment.queue.in_flight)).sum::<f64>();
            let slots = gateway.journal().status().in_flight + status.in_flight;
            (held == 0.0 && slots == 0).then_some(())
        })
        .await;
    }

    async fn stop(self) {
        self.drain.start(Duration::from_secs(2));
        let stats = self.served.await.expect("the server itself goes on");
        assert!(stats.connections > 0);
        self.gateway.stop().await;
        self.provider.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_panics_gives_back_what_it_held_and_has_one_record() {
    let before = Held::now();
    for place in ["waiting", "relaying"] {
        let house = House::start(None);
        // Twice as often as the limit lets through: what is not given back would be refused.
        for round in 0..4 {
            let other = house.send("never").await;
            let broken = house.send(place).await.read_to_end().await;
            assert!(!String::from_utf8_lossy(&broken).contains("[DONE]"), "{place}: never a false end");
            assert!(House::is_whole(other).await, "{place}: a neighbour in the same process");
            let records = house.gateway.recorded(2 * (round + 1)).await;
            assert_eq!(records.len(), 2 * (round + 1), "{place}: one record each");
            house.require_all_given_back().await;
        }
        let records = house.gateway.recorded(8).await;
        let failed: Vec<_> = records.iter().filter(|record| record.outcome == Outcome::GatewayError).collect();
        assert_eq!(failed.len(), 4, "{place}: {:?}", records.iter().map(|record| record.outcome).collect::<Vec<_>>());
        // What the provider may bill for them is in the books.
        assert!(failed.iter().all(|record| record.attempts == 1 && record.cost_nanousd > 0), "{place}");
        until("the provider was left", || async { (house.provider.connections() <= 2).then_some(()) }).await;
        house.stop().await;
    }
    let after = before.returned().await;
    assert!(after.tasks <= before.tasks, "{before:?} {after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_a_shared_flight_that_panics_takes_nothing_from_the_others() {
    let rule = CacheRule {
        ttl_ms: 1,
        stale_if_error_ms: 0,
        scope: CacheScope::Service,
        temperature_zero: true,
        tool_calls: false,
    };
    let house = House::start(Some(rule));
    let first = house.send("relaying").await;
    until("the flight has begun", || async { (house.provider.connections() == 1).then_some(()) }).await;
    let (second, third) = (house.send("never").await, house.send("relaying").await);
    let (broken, whole, broken_too) = tokio::join!(first.read_to_end(), House::is_whole(second), third.read_to_end());
    assert!(whole, "the one that leads, and one that follows, panicked; this one did not");
    for broken in [broken, broken_too] {
        assert!(!String::from_utf8_lossy(&broken).contains("[DONE]"));
    }
    let records = house.gateway.recorded(3).await;
    assert_eq!(records.len(), 3);
    let mut outcomes: Vec<_> = records.iter().map(|record| record.outcome).collect();
    outcomes.sort_by_key(|outcome| *outcome as u8);
    // The flight goes on without its first caller, who is gone to it like any other that leaves.
    assert_eq!(outcomes, [Outcome::Ok, Outcome::GatewayError, Outcome::Cancelled]);
    house.require_all_given_back().await;
    assert_eq!(house.provider.truths().await.len(), 1);
    house.stop().await;
}
