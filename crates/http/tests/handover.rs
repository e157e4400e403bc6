//! Two servers on one listening socket, the first told to hand over under load: no request fails, none is repeated.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use paceline_http::{Bytes, Drain, Listen, ServerOptions, bind_tcp, receive_listener, send_listener, serve};
use support::{PATIENCE, Server, handler, read_to_close, read_until, text, upstream};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

fn on(listener: std::net::TcpListener, name: &'static str) -> (Server, Arc<AtomicU64>) {
    let address = listener.local_addr().unwrap();
    let (drain, served) = (Drain::new(), Arc::new(AtomicU64::new(0)));
    let counted = Arc::clone(&served);
    let answer = handler(move |mut request| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move {
            request.read_body(1 << 20, PATIENCE).await.unwrap();
            tokio::task::yield_now().await;
            text(200, name)
        }
    });
    let running = tokio::spawn(serve(Listen::Tcp(listener), ServerOptions::default(), answer, drain.clone()));
    (Server { address, drain, running }, served)
}

/// The same socket twice, by way of another process's end of a Unix stream.
fn pair() -> (std::net::TcpListener, std::net::TcpListener) {
    let ours = bind_tcp("127.0.0.1:0".parse().unwrap()).unwrap();
    let (here, there) = UnixStream::pair().unwrap();
    send_listener(&here, &ours).unwrap();
    (ours, receive_listener(&there).unwrap())
}

/// Callers that ask one request after the other until told to stop; each returns how many it had answered.
fn callers(server: &Server, stop: &Arc<AtomicBool>) -> Vec<JoinHandle<u64>> {
    let caller = |number: usize| {
        let (upstream, stop) = (upstream(&format!("http://{}", server.address)), Arc::clone(stop));
        async move {
            let mut answered = 0;
            while !stop.load(Ordering::Relaxed) {
                let called = upstream.post("/", vec![b'x'; 100 * number]).await.unwrap();
                assert_eq!((called.status, called.reconnected), (200, false), "after {answered}");
                answered += 1;
                if number.is_multiple_of(3) {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
            answered
        }
    };
    (0..16).map(|number| tokio::spawn(caller(number))).collect()
}

/// Waits until `count` has reached `least`.
async fn reaches(count: &AtomicU64, least: u64) {
    let reached = async {
        while count.load(Ordering::Relaxed) < least {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, reached).await.expect("requests are served");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_when_one_of_two_servers_hands_over_under_load() {
    for _ in 0..5 {
        let (ours, theirs) = pair();
        let (first, by_first) = on(ours, "first");
        let stop = Arc::new(AtomicBool::new(false));
        let callers = callers(&first, &stop);
        reaches(&by_first, 200).await;
        let (second, by_second) = on(theirs, "second");
        first.drain.hand_over(PATIENCE);
        let stats = tokio::time::timeout(PATIENCE, first.running).await.expect("all have left").unwrap();
        assert_eq!((stats.cut, first.drain.connections()), (0, 0));
        reaches(&by_second, by_second.load(Ordering::Relaxed) + 200).await;
        stop.store(true, Ordering::Relaxed);
        let mut answered = 0;
        for caller in callers {
            answered += caller.await.unwrap();
        }
        assert_eq!(answered, by_first.load(Ordering::Relaxed) + by_second.load(Ordering::Relaxed));
        second.drain.start(Duration::ZERO);
    }
}

#[tokio::test]
async fn an_idle_connection_is_answered_once_more_and_told_to_close() {
    let (ours, theirs) = pair();
    let (first, _) = on(ours, "first");
    let mut idle = first.connect().await;
    idle.write_all(GET).await.unwrap();
    assert!(!read_until(&mut idle, "first").await.contains("connection: close"));
    // Connected and silent so far: the server knows of it once it knows of a later one.
    let mut silent = first.connect().await;
    let mut later = first.connect().await;
    later.write_all(GET).await.unwrap();
    read_until(&mut later, "first").await;
    first.drain.hand_over(PATIENCE);
    for stream in [&mut idle, &mut silent, &mut later] {
        stream.write_all(GET).await.unwrap();
        let said = read_to_close(stream).await;
        assert!(said.contains("\r\nconnection: close\r\n") && said.ends_with("first"), "{said}");
    }
    assert_eq!(first.running.await.unwrap().cut, 0);
    // Not refused: it waits for whoever accepts next.
    let mut waiting = TcpStream::connect(first.address).await.unwrap();
    waiting.write_all(GET).await.unwrap();
    let (_second, _) = on(theirs, "second");
    read_until(&mut waiting, "second").await;
}

#[tokio::test]
async fn what_is_idle_at_the_limit_is_closed_and_what_runs_is_cut() {
    let (asked, never) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (asking, waiting) = (Arc::clone(&asked), Arc::clone(&never));
    let server = Server::start(handler(move |request| {
        let (asked, never) = (Arc::clone(&asking), Arc::clone(&waiting));
        async move {
            if request.path() == "/never" {
                asked.notify_one();
                never.notified().await;
            }
            text(200, "done")
        }
    }));
    let (mut idle, mut busy) = (server.connect().await, server.connect().await);
    idle.write_all(GET).await.unwrap();
    read_until(&mut idle, "done").await;
    busy.write_all(b"GET /never HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    asked.notified().await;
    server.drain.hand_over(Duration::from_millis(20));
    assert!(server.drain.is_handing_over() && !server.drain.is_started());
    assert_eq!(read_to_close(&mut idle).await, "");
    assert_eq!(read_to_close(&mut busy).await, "");
    assert_eq!(server.running.await.unwrap().cut, 1, "the one that ran");
}

#[tokio::test]
async fn a_drain_after_a_handover_ends_what_is_idle_at_once() {
    let (ours, _theirs) = pair();
    let (first, _) = on(ours, "first");
    let mut idle = first.connect().await;
    idle.write_all(GET).await.unwrap();
    read_until(&mut idle, "first").await;
    first.drain.hand_over(Duration::from_secs(3600));
    first.drain.start(PATIENCE);
    assert_eq!(read_to_close(&mut idle).await, "");
    assert_eq!(first.running.await.unwrap().cut, 0);
}

#[tokio::test]
async fn http_2_gets_its_answers_and_a_goaway() {
    let (started, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (starting, held) = (Arc::clone(&started), Arc::clone(&release));
    let server = Server::start(handler(move |_| {
        let (started, release) = (Arc::clone(&starting), Arc::clone(&held));
        async move {
            started.notify_one();
            release.notified().await;
            text(200, "whole")
        }
    }));
    let io = TokioIo::new(server.connect().await);
    let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = || hyper::Request::get("http://h/").body(Full::new(Bytes::new())).unwrap();
    let answer = tokio::spawn(sender.send_request(request()));
    started.notified().await;
    server.drain.hand_over(PATIENCE);
    release.notify_one();
    let answer = answer.await.unwrap().unwrap();
    assert!(!answer.headers().contains_key("connection"));
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "whole");
    tokio::time::timeout(PATIENCE, connection).await.expect("closed after GOAWAY").unwrap().unwrap();
    assert_eq!(server.running.await.unwrap().cut, 0);
}
