//! Bodies passed on while they come in: a raw caller, the edge, the upstream half, and a raw provider.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::BodyExt;
use hyper_util::rt::{TokioExecutor, TokioIo};
use paceline_http::{
    BodyError, Bytes, Deadlines, HeaderMap, Method, Request, RequestHead, Response, SendError, ServerOptions, Upstream,
};
use support::{PATIENCE, Provider, Server, handler, in_ms, read_to_close, read_until, text};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

const LIMIT_BYTES: u64 = 4 << 20;

/// An edge that passes every body on, and what came of it.
struct Relay {
    server: Server,
    provider: Provider,
    failed: mpsc::UnboundedReceiver<SendError>,
}

impl Relay {
    async fn start(limit_bytes: u64, within_idle: Duration, head_ms: Option<u64>) -> Self {
        let provider = Provider::start().await;
        let upstream = Arc::clone(&provider.upstream);
        let (failing, failed) = mpsc::unbounded_channel();
        let answer = handler(move |request| {
            let (upstream, failing) = (Arc::clone(&upstream), failing.clone());
            async move {
                let deadlines = Deadlines { connect: None, head: head_ms.and_then(in_ms) };
                match relay(&upstream, request, limit_bytes, within_idle, deadlines).await {
                    Ok(response) => response,
                    Err(error) => {
                        let said = text(502, error.to_string());
                        failing.send(error).unwrap();
                        said
                    }
                }
            }
        });
        Self { server: Server::with(ServerOptions::default(), answer), provider, failed }
    }

    async fn plain() -> Self {
        Self::start(LIMIT_BYTES, PATIENCE, None).await
    }

    /// A caller that has said `bytes`, and the provider's connection after the request's head.
    async fn asked(&self, bytes: &[u8]) -> (TcpStream, TcpStream, String) {
        let mut caller = self.server.connect().await;
        caller.write_all(bytes).await.unwrap();
        let mut stream = self.provider.accept().await;
        let head = read_until(&mut stream, "\r\n\r\n").await;
        (caller, stream, head)
    }

    async fn failure(&mut self) -> SendError {
        tokio::time::timeout(PATIENCE, self.failed.recv()).await.expect("a failure").unwrap()
    }
}

async fn relay(
    upstream: &Upstream,
    mut request: Request,
    limit_bytes: u64,
    within_idle: Duration,
    deadlines: Deadlines,
) -> Result<Response, SendError> {
    let body = request.take_body(limit_bytes, within_idle);
    let headers = HeaderMap::new();
    let mut answer = upstream.send_stream(RequestHead::new(&Method::POST, "/", &headers), body, deadlines).await?;
    let mut gathered = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        gathered.extend_from_slice(&chunk);
    }
    Ok(text(answer.status, gathered))
}

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

#[tokio::test]
async fn a_stated_length_is_passed_on_and_pieces_leave_as_they_come() {
    let relay = Relay::plain().await;
    let (mut caller, mut stream, head) = relay.asked(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n").await;
    assert!(head.contains("\r\ncontent-length: 10\r\n") && !head.contains("transfer-encoding"), "{head}");
    caller.write_all(b"first").await.unwrap();
    assert_eq!(read_until(&mut stream, "first").await, "first", "before the rest was there");
    caller.write_all(b"other").await.unwrap();
    assert_eq!(read_until(&mut stream, "other").await, "other");
    stream.write_all(OK).await.unwrap();
    assert!(read_until(&mut caller, "\r\n\r\nok").await.starts_with("HTTP/1.1 200"));
    assert_eq!(relay.provider.upstream.idle_connections(), 1);
    // The same connections again, on both sides.
    caller.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi").await.unwrap();
    assert!(read_until(&mut stream, "\r\n\r\nhi").await.contains("content-length: 2\r\n"));
    stream.write_all(OK).await.unwrap();
    read_until(&mut caller, "\r\n\r\nok").await;
    assert_eq!(relay.provider.upstream.stats().dialled, 1);
}

#[tokio::test]
async fn without_a_length_the_body_goes_out_in_chunks() {
    let relay = Relay::plain().await;
    let (mut caller, mut stream, head) =
        relay.asked(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n").await;
    assert!(head.contains("\r\ntransfer-encoding: chunked\r\n") && !head.contains("content-length"), "{head}");
    caller.write_all(b"1a;x=y\r\nabcdefghijklmnopqrstuvwxyz\r\n").await.unwrap();
    assert_eq!(read_until(&mut stream, "z\r\n").await, "1a\r\nabcdefghijklmnopqrstuvwxyz\r\n");
    caller.write_all(b"2\r\nhi\r\n0\r\nx-trailer: gone\r\n\r\n").await.unwrap();
    assert_eq!(read_until(&mut stream, "0\r\n\r\n").await, "2\r\nhi\r\n0\r\n\r\n");
    stream.write_all(OK).await.unwrap();
    read_until(&mut caller, "\r\n\r\nok").await;
    assert_eq!(relay.provider.upstream.idle_connections(), 1);
}

#[tokio::test]
async fn no_body_is_a_body_of_length_nothing() {
    let relay = Relay::plain().await;
    let (mut caller, mut stream, head) = relay.asked(b"POST / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(head.contains("\r\ncontent-length: 0\r\n"), "{head}");
    stream.write_all(OK).await.unwrap();
    read_until(&mut caller, "\r\n\r\nok").await;
}

#[tokio::test]
async fn a_body_stated_too_large_reaches_no_provider() {
    let mut relay = Relay::start(9, PATIENCE, None).await;
    let mut caller = relay.server.connect().await;
    caller.write_all(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n0123456789").await.unwrap();
    assert!(read_until(&mut caller, "over its bound").await.starts_with("HTTP/1.1 502"));
    let error = relay.failure().await;
    assert!(matches!(error, SendError::Body(BodyError::TooLarge)) && !error.nothing_sent(), "{error}");
    assert_eq!(relay.provider.upstream.stats().dialled, 0);
}

/// What a provider saw of a body that failed, and how it failed.
async fn failed(relay: &mut Relay, mut stream: TcpStream) -> (String, BodyError) {
    let seen = read_to_close(&mut stream).await;
    assert_eq!(relay.provider.upstream.idle_connections(), 0);
    match relay.failure().await {
        SendError::Body(error) => (seen, error),
        error => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_body_that_grows_too_large_breaks_the_providers_connection() {
    let mut relay = Relay::start(9, PATIENCE, None).await;
    let (mut caller, mut stream, _) =
        relay.asked(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\n01234\r\n").await;
    read_until(&mut stream, "01234\r\n").await;
    caller.write_all(b"5\r\n56789\r\n").await.unwrap();
    let (seen, error) = failed(&mut relay, stream).await;
    assert_eq!((seen.as_str(), error), ("", BodyError::TooLarge), "no last chunk");
}

#[tokio::test]
async fn bad_chunks_and_slow_callers_break_the_providers_connection() {
    let mut relay = Relay::start(LIMIT_BYTES, PATIENCE, None).await;
    let (_caller, stream, _) =
        relay.asked(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n").await;
    assert_eq!(failed(&mut relay, stream).await.1, BodyError::Invalid);
    let mut relay = Relay::start(LIMIT_BYTES, Duration::from_millis(20), None).await;
    let (_caller, stream, _) = relay.asked(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf").await;
    let (seen, error) = failed(&mut relay, stream).await;
    assert_eq!((seen.as_str(), error), ("half", BodyError::Timeout));
}

#[tokio::test]
async fn a_caller_that_leaves_in_mid_body_breaks_the_providers_connection() {
    for framing in ["content-length: 10", "transfer-encoding: chunked"] {
        let relay = Relay::plain().await;
        let (caller, mut stream, _) =
            relay.asked(format!("POST / HTTP/1.1\r\nhost: x\r\n{framing}\r\n\r\n2\r\nhi\r\n").as_bytes()).await;
        read_until(&mut stream, "hi\r\n").await;
        drop(caller);
        assert_eq!(read_to_close(&mut stream).await, "", "{framing}");
        assert_eq!(relay.provider.upstream.stats().open, 0);
    }
}

#[tokio::test]
async fn an_answer_before_the_bodys_end_is_passed_on_at_once() {
    for status in ["200 OK", "413 Payload Too Large"] {
        let relay = Relay::plain().await;
        let (mut caller, mut stream, _) =
            relay.asked(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf").await;
        read_until(&mut stream, "half").await;
        stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 5\r\n\r\nearly").as_bytes()).await.unwrap();
        assert!(read_until(&mut caller, "early").await.starts_with(&format!("HTTP/1.1 {status}")));
        assert_eq!(read_to_close(&mut stream).await, "", "nothing more of the body");
        assert_eq!(relay.provider.upstream.stats().open, 0);
    }
}

#[tokio::test]
async fn a_provider_that_does_not_read_stops_the_caller() {
    let relay = Relay::start(u64::MAX, PATIENCE, None).await;
    let length: usize = 64 << 20;
    let head = format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
    let (mut caller, mut stream, _) = relay.asked(head.as_bytes()).await;
    let piece = vec![b'x'; 64 * 1024];
    let mut said = 0;
    // Sockets' buffers fill, then nothing moves.
    while let Ok(wrote) = tokio::time::timeout(Duration::from_millis(500), caller.write(&piece)).await {
        said += wrote.unwrap();
        assert!(said < length, "all of it went somewhere");
    }
    let saying = tokio::spawn(async move {
        let rest = vec![b'x'; length - said];
        caller.write_all(&rest).await.unwrap();
        caller
    });
    let (mut heard, mut room) = (0, vec![0; 256 * 1024]);
    while heard < length {
        let read = tokio::time::timeout(PATIENCE, stream.read(&mut room)).await.expect("it goes on").unwrap();
        assert!(read > 0 && room[..read].iter().all(|&byte| byte == b'x'));
        heard += read;
    }
    stream.write_all(OK).await.unwrap();
    read_until(&mut saying.await.unwrap(), "\r\n\r\nok").await;
}

#[tokio::test]
async fn a_provider_has_its_time_for_each_piece_and_for_the_head_after_the_last() {
    let mut relay = Relay::start(u64::MAX, PATIENCE, Some(50)).await;
    let (mut caller, _stream, _) =
        relay.asked(format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", 64 << 20).as_bytes()).await;
    let saying = tokio::spawn(async move { caller.write_all(&vec![b'x'; 64 << 20]).await });
    assert!(matches!(relay.failure().await, SendError::TimeoutHead), "it takes nothing");
    drop(relay);
    drop(saying);
    let mut relay = Relay::start(u64::MAX, PATIENCE, Some(50)).await;
    let (_caller, _stream, _) = relay.asked(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi").await;
    assert!(matches!(relay.failure().await, SendError::TimeoutHead), "it says nothing");
}

#[tokio::test]
async fn a_slow_callers_time_is_not_the_providers() {
    let relay = Relay::start(LIMIT_BYTES, PATIENCE, Some(500)).await;
    let (mut caller, mut stream, _) = relay.asked(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\nha").await;
    read_until(&mut stream, "ha").await;
    // Longer than the provider has: what is tested is that nothing happens meanwhile.
    tokio::time::sleep(Duration::from_millis(700)).await;
    caller.write_all(b"lf").await.unwrap();
    read_until(&mut stream, "lf").await;
    stream.write_all(OK).await.unwrap();
    assert!(read_until(&mut caller, "\r\n\r\nok").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_dead_pooled_connection_is_replaced_only_before_the_body_was_touched() {
    for (body, touched) in [("", false), ("hi", true)] {
        let mut relay = Relay::plain().await;
        let (mut caller, mut stream, _) = relay.asked(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await;
        stream.write_all(OK).await.unwrap();
        read_until(&mut caller, "\r\n\r\nok").await;
        caller
            .write_all(format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\n{body}").as_bytes())
            .await
            .unwrap();
        read_until(&mut stream, &format!("\r\n\r\n{body}")).await;
        drop(stream);
        if touched {
            assert!(matches!(relay.failure().await, SendError::Cut));
            assert_eq!(relay.provider.upstream.stats().dialled, 1);
            continue;
        }
        let mut stream = relay.provider.accept().await;
        caller.write_all(b"four").await.unwrap();
        read_until(&mut stream, "\r\n\r\nfour").await;
        stream.write_all(OK).await.unwrap();
        read_until(&mut caller, "\r\n\r\nok").await;
    }
}

#[tokio::test]
async fn who_expects_to_be_told_to_go_on_is_told_once_the_provider_is_connected() {
    let relay = Relay::plain().await;
    let (mut caller, mut stream, _) =
        relay.asked(b"POST / HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n").await;
    assert_eq!(read_until(&mut caller, "\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    caller.write_all(b"hi").await.unwrap();
    read_until(&mut stream, "hi").await;
    stream.write_all(OK).await.unwrap();
    read_until(&mut caller, "\r\n\r\nok").await;
}

#[tokio::test]
async fn http_2_bodies_are_passed_on_with_and_without_a_length() {
    for length in [Some(5), None] {
        let relay = Relay::plain().await;
        let io = TokioIo::new(relay.server.connect().await);
        let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        let (mut body, feed) = Fed::new();
        body.length = length;
        let request = hyper::Request::post("http://h/").body(body).unwrap();
        let answer = tokio::spawn(sender.send_request(request));
        let mut stream = relay.provider.accept().await;
        let head = read_until(&mut stream, "\r\n\r\n").await;
        assert_eq!(head.contains("\r\ncontent-length: 5\r\n"), length.is_some(), "{head}");
        feed.send(Bytes::from_static(b"he")).unwrap();
        let seen = read_until(&mut stream, if length.is_some() { "he" } else { "he\r\n" }).await;
        feed.send(Bytes::from_static(b"llo")).unwrap();
        drop(feed);
        let seen = seen + &read_until(&mut stream, if length.is_some() { "llo" } else { "0\r\n\r\n" }).await;
        assert_eq!(seen, if length.is_some() { "hello" } else { "2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n" });
        stream.write_all(OK).await.unwrap();
        let answer = answer.await.unwrap().unwrap();
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "ok");
    }
}

/// An HTTP/2 caller's body, said piece by piece.
struct Fed {
    pieces: mpsc::UnboundedReceiver<Bytes>,
    length: Option<u64>,
}

impl Fed {
    fn new() -> (Self, mpsc::UnboundedSender<Bytes>) {
        let (feed, pieces) = mpsc::unbounded_channel();
        (Self { pieces, length: None }, feed)
    }
}

impl http_body::Body for Fed {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        self.pieces.poll_recv(context).map(|piece| piece.map(|piece| Ok(http_body::Frame::data(piece))))
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.length.map_or_else(http_body::SizeHint::default, http_body::SizeHint::with_exact)
    }
}
