//! A body that panics: it is dropped while the stack unwinds, and no caller takes what came of it for the whole.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::task::{Context, Poll};

use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use paceline_http::{Abort, Body, Bytes, Chunks, Response};
use support::{PATIENCE, Server, handler, read_to_close, read_until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// One piece, then a panic as soon as it may. Tells whether it was dropped in the unwinding.
struct Faulty {
    passed: bool,
    tells: UnboundedSender<bool>,
}

impl Chunks for Faulty {
    fn poll_chunk(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Abort>>> {
        assert!(!self.passed, "a panic on purpose");
        self.passed = true;
        Poll::Ready(Some(Ok(Bytes::from_static(b"half"))))
    }

    fn is_end(&self) -> bool {
        false
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        let _ = self.tells.send(std::thread::panicking());
    }
}

/// Answers `/sound` well and everything else with a body that panics.
fn start() -> (Server, UnboundedReceiver<bool>) {
    let (tells, told) = unbounded_channel();
    let server = Server::start(handler(move |request| {
        let tells = tells.clone();
        async move {
            match request.uri.path() {
                "/sound" => Response::new(Body::Full(Bytes::from_static(b"sound"))),
                _ => Response::new(Body::stream(Faulty { passed: false, tells }, None)),
            }
        }
    }));
    (server, told)
}

async fn in_the_unwinding(told: &mut UnboundedReceiver<bool>) -> bool {
    tokio::time::timeout(PATIENCE, told.recv()).await.expect("the body is dropped").expect("it tells")
}

#[tokio::test]
async fn a_caller_of_1_1_sees_a_connection_that_ends_without_the_last_chunk() {
    let (server, mut told) = start();
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    assert!(!read_to_close(&mut stream).await.contains("\r\n0\r\n"));
    assert!(in_the_unwinding(&mut told).await);
    let mut next = server.connect().await;
    next.write_all(b"GET /sound HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
    read_until(&mut next, "sound").await;
}

#[tokio::test]
async fn a_caller_of_1_0_sees_a_reset_and_not_an_end() {
    let (server, mut told) = start();
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let ended = stream.read_to_end(&mut answer).await;
    assert_eq!(ended.expect_err("no end").kind(), std::io::ErrorKind::ConnectionReset);
    assert!(in_the_unwinding(&mut told).await);
}

#[tokio::test]
async fn a_caller_of_http_2_loses_that_stream_alone() {
    let (server, mut told) = start();
    let io = TokioIo::new(server.connect().await);
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    let get = |path: &str| hyper::Request::get(format!("http://h{path}")).body(Empty::<Bytes>::new()).unwrap();
    let broken = match sender.send_request(get("/")).await {
        Ok(answer) => answer.into_body().collect().await.is_err(),
        Err(_) => true,
    };
    assert!(broken, "no whole answer");
    assert!(in_the_unwinding(&mut told).await);
    let sound = sender.send_request(get("/sound")).await.unwrap();
    assert_eq!(sound.into_body().collect().await.unwrap().to_bytes(), "sound");
}
