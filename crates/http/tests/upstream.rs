//! The upstream half against providers of raw bytes: framing, pool, deadlines, cuts, cancellation.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use paceline_http::{Answer, AnswerError, Bytes, Deadlines, HeaderMap, Method, SendError, Upstream, client_tls};
use support::{PATIENCE, Provider, in_ms, options, read_to_close, read_until, upstream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn gather(answer: &mut Answer) -> Result<String, AnswerError> {
    let mut text = String::new();
    while let Some(chunk) = answer.chunk().await? {
        assert!(!chunk.is_empty());
        text.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    Ok(text)
}

/// True once the client has closed or reset the connection.
async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut room = [0; 1024];
    loop {
        match tokio::time::timeout(PATIENCE, stream.read(&mut room)).await {
            Ok(Ok(0) | Err(_)) => return true,
            Ok(Ok(_)) => {}
            Err(_) => return false,
        }
    }
}

#[tokio::test]
async fn every_framing_is_read_and_the_connection_kept_when_it_can_be() {
    let cases = [
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", "hello", 1),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", "hello", 1),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
            "ok",
            1,
        ),
        ("HTTP/1.1 204 No Content\r\n\r\n", "", 1),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "", 1),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok", "ok", 0),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n", "ok", 0),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nextra", "", 0),
    ];
    for (wire, body, kept) in cases {
        let provider = Provider::start().await;
        let asking = provider.ask(Deadlines::default());
        let _stream = provider.answer(wire).await;
        let mut answer = asking.await.unwrap().unwrap();
        assert_eq!(gather(&mut answer).await.unwrap(), body, "{wire:?}");
        assert!(answer.is_end());
        assert_eq!(answer.chunk().await.unwrap(), None, "the end is for good");
        assert_eq!(provider.upstream.idle_connections(), kept, "{wire:?}");
    }
}

#[tokio::test]
async fn a_body_without_length_ends_with_the_connection() {
    let provider = Provider::start().await;
    let asking = provider.ask(Deadlines::default());
    let stream = provider.answer("HTTP/1.1 200 OK\r\n\r\nto the ").await;
    let mut answer = asking.await.unwrap().unwrap();
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "to the ");
    let mut stream = stream;
    stream.write_all(b"end").await.unwrap();
    drop(stream);
    assert_eq!(gather(&mut answer).await.unwrap(), "end");
    assert_eq!(provider.upstream.idle_connections(), 0);
}

#[tokio::test]
async fn an_answer_in_single_bytes_is_the_same_answer() {
    let provider = Provider::start().await;
    let asking = provider.ask(Deadlines::default());
    let mut stream = provider.answer("").await;
    stream.set_nodelay(true).unwrap();
    let wire =
        b"HTTP/1.1 200 OK\r\nx-a: b\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n1;x\r\n!\r\n0\r\nt: v\r\n\r\n";
    let feeding = tokio::spawn(async move {
        for byte in wire {
            stream.write_all(&[*byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
        stream
    });
    let mut answer = asking.await.unwrap().unwrap();
    assert_eq!(answer.headers["x-a"], "b");
    assert_eq!(gather(&mut answer).await.unwrap(), "hello!");
    assert_eq!(provider.upstream.idle_connections(), 1);
    drop(feeding.await.unwrap());
}

#[tokio::test]
async fn the_end_is_known_with_the_last_piece() {
    let provider = Provider::start().await;
    let asking = provider.ask(Deadlines::default());
    let mut stream = provider.answer("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
    let mut answer = asking.await.unwrap().unwrap();
    assert!(!answer.is_end());
    stream.write_all(b"5\r\nfirst\r\n").await.unwrap();
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "first");
    assert!(!answer.is_end());
    stream.write_all(b"4\r\nlast\r\n0\r\n\r\n").await.unwrap();
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "last");
    assert!(answer.is_end());
    assert_eq!(provider.upstream.idle_connections(), 1, "given back before anybody asked for the end");
}

#[tokio::test]
async fn a_kept_connection_is_used_again() {
    let provider = Provider::start().await;
    let asking = provider.ask(Deadlines::default());
    let mut stream = provider.answer("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n1").await;
    let mut first = asking.await.unwrap().unwrap();
    assert!(!first.connect.is_zero());
    gather(&mut first).await.unwrap();
    for round in 2..5 {
        let asking = provider.ask(Deadlines::default());
        read_until(&mut stream, "\r\n\r\n").await;
        stream.write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{round}").as_bytes()).await.unwrap();
        let mut answer = asking.await.unwrap().unwrap();
        assert!(answer.connect.is_zero() && !answer.reconnected);
        assert_eq!(gather(&mut answer).await.unwrap(), round.to_string());
    }
}

/// Leaves one idle connection in the pool and returns the provider's end of it.
async fn one_idle(provider: &Provider) -> TcpStream {
    let asking = provider.ask(Deadlines::default());
    let stream = provider.answer("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    asking.await.unwrap().unwrap();
    assert_eq!(provider.upstream.idle_connections(), 1);
    stream
}

/// One round of bytes through the runtime's poller: whatever happened on another socket before has been reported.
async fn through_the_poller() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (mut far, _) = listener.accept().await.unwrap();
    for _ in 0..2 {
        near.write_all(b"x").await.unwrap();
        far.read_u8().await.unwrap();
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_connection_closed_while_idle_is_not_used() {
    let provider = Provider::start().await;
    drop(one_idle(&provider).await);
    through_the_poller().await;
    let asking = provider.ask(Deadlines::default());
    let _stream = provider.answer("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let mut answer = asking.await.unwrap().unwrap();
    assert_eq!(gather(&mut answer).await.unwrap(), "ok");
    assert!(!answer.reconnected, "it was seen before anything was sent");
}

#[tokio::test]
async fn a_connection_that_dies_under_the_request_is_replaced_once() {
    let provider = Provider::start().await;
    let mut idle = one_idle(&provider).await;
    let asking = provider.ask_with(vec![Bytes::from_static(b"{}")], Deadlines::default());
    read_until(&mut idle, "\r\n\r\n{}").await;
    drop(idle);
    let mut fresh = provider.accept().await;
    assert!(read_until(&mut fresh, "\r\n\r\n{}").await.starts_with("POST / HTTP/1.1\r\n"), "the whole request again");
    fresh.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    let answer = asking.await.unwrap().unwrap();
    assert!(answer.reconnected && !answer.connect.is_zero());
}

#[tokio::test]
async fn a_fresh_connection_that_dies_is_not_replaced_nor_one_that_began_to_answer() {
    let provider = Provider::start().await;
    let asking = provider.ask(Deadlines::default());
    drop(provider.answer("").await);
    let error = asking.await.unwrap().unwrap_err();
    assert!(matches!(error, SendError::Cut) && error.before_first_byte(), "{error}");

    let mut idle = one_idle(&provider).await;
    let asking = provider.ask(Deadlines::default());
    read_until(&mut idle, "\r\n\r\n").await;
    idle.write_all(b"HTTP/1.1 200").await.unwrap();
    drop(idle);
    let error = asking.await.unwrap().unwrap_err();
    assert!(matches!(error, SendError::HeadCut) && !error.before_first_byte(), "{error}");
}

#[tokio::test]
async fn bytes_nobody_asked_for_disqualify_an_idle_connection() {
    let provider = Provider::start().await;
    let mut idle = one_idle(&provider).await;
    idle.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil").await.unwrap();
    through_the_poller().await;
    let asking = provider.ask(Deadlines::default());
    let _stream = provider.answer("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood").await;
    let mut answer = asking.await.unwrap().unwrap();
    assert_eq!(gather(&mut answer).await.unwrap(), "good");
    assert!(!answer.connect.is_zero() && !answer.reconnected);
    assert!(is_closed(&mut idle).await);
}

#[tokio::test]
async fn the_pool_is_bounded_in_number_and_age() {
    let provider = Provider::start().await;
    let mut streams = Vec::new();
    let mut answers = Vec::new();
    for _ in 0..6 {
        let asking = provider.ask(Deadlines::default());
        streams.push(provider.answer("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n").await);
        answers.push(asking.await.unwrap().unwrap());
    }
    for (stream, answer) in streams.iter_mut().zip(&mut answers) {
        stream.write_all(b"done").await.unwrap();
        assert_eq!(gather(answer).await.unwrap(), "done");
    }
    assert_eq!(provider.upstream.idle_connections(), 4);
    assert!(is_closed(&mut streams[0]).await, "the oldest went first");

    let aged = Upstream::new(
        &format!("http://127.0.0.1:{}", streams[5].local_addr().unwrap().port()),
        paceline_http::UpstreamOptions { idle_for: Duration::ZERO, ..options(client_tls().unwrap()) },
    )
    .unwrap();
    for _ in 0..2 {
        let calling = aged.get("/");
        let serving = provider.answer("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        let (called, _stream) = tokio::join!(calling, serving);
        assert_eq!(called.unwrap().text(), "ok");
    }
}

#[tokio::test]
async fn dropping_the_answer_or_the_request_closes_the_connection() {
    let provider = Provider::start().await;
    let asking = provider.ask(Deadlines::default());
    let mut stream = provider.answer("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n").await;
    let mut answer = asking.await.unwrap().unwrap();
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "hello");
    drop(answer);
    assert!(is_closed(&mut stream).await);

    let asking = provider.ask(Deadlines::default());
    let mut stream = provider.answer("").await;
    asking.abort();
    assert!(is_closed(&mut stream).await);
    assert_eq!(provider.upstream.idle_connections(), 0);
}

#[tokio::test]
async fn deadlines_are_typed_errors() {
    let provider = Provider::start().await;
    let asking = provider.ask(Deadlines { connect: None, head: in_ms(30) });
    let mut silent = provider.answer("").await;
    let error = asking.await.unwrap().unwrap_err();
    assert!(matches!(error, SendError::TimeoutHead), "{error}");
    assert!(is_closed(&mut silent).await);

    let asking = provider.ask(Deadlines::default());
    let mut stalling = provider.answer("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello").await;
    let mut answer = asking.await.unwrap().unwrap();
    answer.set_deadline(in_ms(30));
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "hello", "what is there comes first");
    assert_eq!(answer.chunk().await, Err(AnswerError::Deadline));
    assert_eq!(answer.chunk().await, Err(AnswerError::Deadline), "for good");
    assert!(is_closed(&mut stalling).await);
}

#[tokio::test]
async fn a_deadline_holds_against_a_provider_that_never_stops_sending() {
    let provider = Provider::start().await;
    let asking = provider.ask(Deadlines::default());
    let mut stream = provider.answer("HTTP/1.1 200 OK\r\n\r\n").await;
    let flooding = tokio::spawn(async move { while stream.write_all(&[b'x'; 65536]).await.is_ok() {} });
    let mut answer = asking.await.unwrap().unwrap();
    answer.set_deadline(in_ms(50));
    let error = loop {
        match answer.chunk().await {
            Ok(chunk) => assert!(chunk.is_some()),
            Err(error) => break error,
        }
    };
    assert_eq!(error, AnswerError::Deadline);
    flooding.await.unwrap();
}

#[tokio::test]
async fn a_deadline_moved_on_with_every_piece_does_not_fire() {
    let provider = Provider::start().await;
    let asking = provider.ask(Deadlines { connect: None, head: in_ms(20_000) });
    let mut stream = provider.answer("HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n").await;
    let mut answer = asking.await.unwrap().unwrap();
    for _ in 0..20 {
        answer.set_deadline(in_ms(20_000));
        let (written, chunk) = tokio::join!(stream.write_all(b"x"), answer.chunk());
        written.unwrap();
        assert_eq!(chunk.unwrap().unwrap(), "x");
    }
    assert!(answer.is_end());
    // The alarm that is still armed must not touch the next request.
    let asking = provider.ask(Deadlines::default());
    read_until(&mut stream, "\r\n\r\n").await;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    assert_eq!(asking.await.unwrap().unwrap().status, 200);
}

#[tokio::test]
async fn nobody_listening_and_no_time_to_connect_are_told_apart() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = closed.local_addr().unwrap();
    drop(closed);
    let error = upstream(&format!("http://{address}")).get("/").await.unwrap_err();
    assert!(error.to_string().starts_with("cannot connect"), "{error}");

    // A listener whose queue is full: the handshake of one more connection is not answered.
    let full = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    full.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    full.listen(0).unwrap();
    let address = full.local_addr().unwrap().as_socket().unwrap();
    let mut filling = Vec::new();
    while let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
        filling.push(stream);
    }
    let deadlines = Deadlines { connect: in_ms(30), head: None };
    let upstream = upstream(&format!("http://{address}"));
    let error = upstream.call(&Method::GET, "/", &HeaderMap::new(), Bytes::new(), deadlines).await.unwrap_err();
    assert!(error.to_string().contains("no connection in time"), "{error}");
}

#[tokio::test]
async fn cut_reset_and_malformed_bodies_are_told_apart() {
    let cases = [
        ("content-length: 10\r\n\r\nhello", AnswerError::Cut),
        ("transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", AnswerError::Cut),
        ("transfer-encoding: chunked\r\n\r\n5\r\nhello\r\nX\r\n", AnswerError::Malformed),
    ];
    for (rest, expected) in cases {
        let provider = Provider::start().await;
        let asking = provider.ask(Deadlines::default());
        drop(provider.answer(&format!("HTTP/1.1 200 OK\r\n{rest}")).await);
        let mut answer = asking.await.unwrap().unwrap();
        assert_eq!(gather(&mut answer).await, Err(expected), "{rest:?}");
        assert!(!answer.is_end());
        assert_eq!(provider.upstream.idle_connections(), 0);
    }
    let provider = Provider::start().await;
    let asking = provider.ask(Deadlines::default());
    let stream = provider.answer("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n").await;
    let mut answer = asking.await.unwrap().unwrap();
    stream.set_zero_linger().unwrap();
    drop(stream);
    assert_eq!(answer.chunk().await, Err(AnswerError::Reset(std::io::ErrorKind::ConnectionReset)));
}

#[tokio::test]
async fn heads_that_are_no_heads_or_too_large_are_refused() {
    let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(70_000));
    let large = format!("{endless}\r\n\r\n");
    for (wire, large) in [("HTTP/1.1 200 OK\r\nbad header\r\n\r\n", false), (&endless, true), (&large, true)] {
        let provider = Provider::start().await;
        let asking = provider.ask(Deadlines::default());
        let mut stream = provider.accept().await;
        read_until(&mut stream, "\r\n\r\n").await;
        let _ = stream.write_all(wire.as_bytes()).await;
        let error = asking.await.unwrap().unwrap_err();
        assert_eq!(matches!(error, SendError::HeadTooLarge), large, "{error}");
        assert_eq!(matches!(error, SendError::Malformed), !large, "{error}");
    }
}

#[tokio::test]
async fn an_early_refusal_is_heard_while_a_large_body_is_still_going_out() {
    let provider = Provider::start().await;
    let body = vec![Bytes::from(vec![b'x'; 32 << 20])];
    let asking = provider.ask_with(body, Deadlines::default());
    let mut stream = provider.answer("HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nno!").await;
    let mut answer = asking.await.unwrap().unwrap();
    assert_eq!(answer.status, 413);
    assert_eq!(gather(&mut answer).await.unwrap(), "no!");
    assert_eq!(provider.upstream.idle_connections(), 0, "half a request is still in it");
    assert!(is_closed(&mut stream).await);
}

#[tokio::test]
async fn an_early_acceptance_does_not_stop_the_request() {
    let provider = Provider::start().await;
    let size = 8 << 20;
    let asking = provider.ask_with(vec![Bytes::from(vec![b'x'; size])], Deadlines::default());
    let mut stream = provider.answer("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
    let mut answer = asking.await.unwrap().unwrap();
    let reading = tokio::spawn(async move {
        let mut body = vec![0; size];
        stream.read_exact(&mut body).await.unwrap();
        stream.write_all(b"3\r\nall\r\n0\r\n\r\n").await.unwrap();
        stream
    });
    assert_eq!(gather(&mut answer).await.unwrap(), "all");
    drop(reading.await.unwrap());
}

#[tokio::test]
async fn large_bodies_arrive_as_they_are() {
    let provider = Provider::start().await;
    let parts: Vec<Bytes> = (0..40_u8).map(|index| Bytes::from(vec![index; 50_000])).collect();
    let whole = parts.concat();
    let asking = provider.ask_with(parts, Deadlines::default());
    let mut stream = provider.answer("").await;
    let mut received = vec![0; whole.len()];
    stream.read_exact(&mut received).await.unwrap();
    assert!(received == whole);
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    assert_eq!(asking.await.unwrap().unwrap().status, 200);
    assert_eq!(provider.upstream.idle_connections(), 1);
}

#[tokio::test]
async fn a_head_request_has_no_body_and_keeps_the_connection() {
    let provider = Provider::start().await;
    let upstream = Arc::clone(&provider.upstream);
    let calling = tokio::spawn(async move {
        upstream.call(&Method::HEAD, "/x", &HeaderMap::new(), Bytes::new(), Deadlines::default()).await
    });
    let mut stream = provider.answer("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n").await;
    let called = calling.await.unwrap().unwrap();
    assert_eq!((called.status, called.body.len()), (200, 0));
    assert_eq!(provider.upstream.idle_connections(), 1);
    drop(provider);
    assert_eq!(read_to_close(&mut stream).await, "", "nothing more was sent, and the pool closed it");
}
