//! The server edge against raw callers: what is refused and how, slow callers, bodies, and connections that end early.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::Duration;

use paceline_http::{Body, BodyError, Response, ServerOptions};
use support::{PATIENCE, Server, echo, handler, read_to_close, read_until, text};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or("none")
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// A refusal of ours: JSON that says what to do, whole by its own length.
fn assert_refusal(answer: &str, expected: &str, case: &str) {
    assert_eq!(status(answer), expected, "{case}: {answer:?}");
    let lower = answer.to_lowercase();
    assert!(lower.contains("content-type: application/json"), "{case}: {answer:?}");
    assert!(lower.contains(&format!("content-length: {}\r\n", body(answer).len())), "{case}: {answer:?}");
    assert!(body(answer).contains("\"code\":\"head_invalid\"") && body(answer).ends_with("}}"), "{case}: {answer:?}");
}

#[tokio::test]
async fn shapes_used_to_smuggle_get_a_clear_refusal_and_never_reach_the_handler() {
    let server = Server::start(handler(|_| async { panic!("a handler saw it") }));
    let cases = [
        ("both lengths", "content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
        ("both, the other way", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
        ("two lengths", "content-length: 5\r\ncontent-length: 6\r\n\r\nhello!"),
        ("signed length", "content-length: +5\r\n\r\nhello"),
        ("length in words", "content-length: five\r\n\r\nhello"),
        ("coding that is not chunked", "transfer-encoding: gzip\r\n\r\n"),
        ("coding after chunked", "transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
        ("folded header", "x-a: b\r\n c\r\n\r\n"),
        ("folded first header", " x-a: b\r\n\r\n"),
        ("blank before colon", "content-length : 5\r\n\r\nhello"),
        ("bare line feeds", "x-a: b\ncontent-length: 0\n\n"),
        ("one bare line feed", "x-a: b\nx-c: d\r\n\r\n"),
        ("bare carriage return", "x-a: b\rx-c: d\r\n\r\n"),
        ("nul in a value", "x-a: b\0c\r\n\r\n"),
        ("no colon", "nonsense\r\n\r\n"),
        ("utf-8 in a name", "x-\u{e9}: b\r\n\r\n"),
    ];
    for (case, fields) in cases {
        let answer = server.say(format!("POST /v1/x HTTP/1.1\r\nhost: h\r\n{fields}")).await;
        assert_refusal(&answer, "400", case);
    }
    for line in [
        "POST /a b HTTP/1.1",
        "P\u{1}ST / HTTP/1.1",
        "POST / HTTP/3.0",
        "POST / FTP/1.1",
        "\u{16}\u{3}\u{1}\u{2}",
        "POST  / HTTP/1.1",
    ] {
        let answer = server.say(format!("{line}\r\nhost: h\r\n\r\n")).await;
        assert_refusal(&answer, "400", line);
    }
}

#[tokio::test]
async fn an_http_1_0_request_with_a_coding_is_refused() {
    let server = Server::start(handler(|_| async { panic!("a handler saw it") }));
    let answer = server.say("POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n").await;
    assert_refusal(&answer, "400", "coding in 1.0");
}

#[tokio::test]
async fn heads_over_their_bounds_get_431_and_414() {
    let server = Server::start(handler(|_| async { panic!("a handler saw it") }));
    let many = "x-a: b\r\n".repeat(20_000);
    assert_refusal(&server.say(format!("GET / HTTP/1.1\r\nhost: h\r\n{many}\r\n")).await, "431", "20,000 headers");
    let some = "a: b\r\n".repeat(150);
    assert_refusal(&server.say(format!("GET / HTTP/1.1\r\nhost: h\r\n{some}\r\n")).await, "431", "150 headers");
    let large = "v".repeat(200_000);
    assert_refusal(&server.say(format!("GET / HTTP/1.1\r\nhost: h\r\nx: {large}\r\n\r\n")).await, "431", "large value");
    let long = "p".repeat(60_000);
    let roomy = Server::with(
        ServerOptions { head_bytes_max: 100_000, ..ServerOptions::default() },
        handler(|_| async { text(200, "") }),
    );
    assert_eq!(status(&roomy.say(format!("GET /{long} HTTP/1.1\r\nconnection: close\r\n\r\n")).await), "200");
    let longer = "p".repeat(70_000);
    assert_refusal(&roomy.say(format!("GET /{longer} HTTP/1.1\r\nhost: h\r\n\r\n")).await, "414", "long target");
}

#[tokio::test]
async fn stated_bounds_are_the_bounds() {
    let options = ServerOptions { head_bytes_max: 10_000, headers_max: 10, ..ServerOptions::default() };
    let server = Server::with(options, handler(|_| async { text(200, "in") }));
    let request = |fields: &str| format!("GET / HTTP/1.1\r\nconnection: close\r\n{fields}\r\n");
    assert_eq!(status(&server.say(request(&"a: b\r\n".repeat(9))).await), "200");
    assert_refusal(&server.say(request(&"a: b\r\n".repeat(10))).await, "431", "11 headers");
    assert_refusal(&server.say(request(&format!("x: {}\r\n", "v".repeat(11_000)))).await, "431", "11,000 bytes");
}

#[tokio::test]
async fn one_address_holds_no_more_connections_than_it_may() {
    let options = ServerOptions { connections_per_address_max: 2, ..ServerOptions::default() };
    let server = Server::with(options, handler(|_| async { text(200, "in") }));
    let request = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let (mut one, two) = (server.connect().await, server.connect().await);
    // A connection is counted when it is accepted, in the order in which they came.
    let mut third = server.connect().await;
    assert_eq!(read_to_close(&mut third).await, "", "closed at once");
    one.write_all(request.as_bytes()).await.unwrap();
    assert!(read_to_close(&mut one).await.starts_with("HTTP/1.1 200"));
    drop(two);
    let again = async {
        while !server.say(request).await.starts_with("HTTP/1.1 200") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.expect("places that came back are given again");
}

#[tokio::test]
async fn chunk_framing_that_is_invalid_is_the_handler_s_to_refuse() {
    let server = Server::start(handler(echo));
    let cases = [
        ("5\r\nhelloX\r\n0\r\n\r\n", "Invalid"),
        ("zz\r\nhello\r\n0\r\n\r\n", "Invalid"),
        ("-1\r\nhello\r\n0\r\n\r\n", "Invalid"),
        ("fffffffffffffffff\r\nhello\r\n0\r\n\r\n", "Invalid"),
        ("5;ext\nhello\r\n0\r\n\r\n", "Invalid"),
        ("5\nhello\r\n0\r\n\r\n", "Invalid"),
    ];
    for (chunks, expected) in cases {
        let head = "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
        let answer = server.say(format!("{head}{chunks}")).await;
        assert_eq!((status(&answer), body(&answer)), ("400", expected), "{chunks:?}");
    }
    let extension = format!("5;{}\r\nhello\r\n0\r\n\r\n", "e".repeat(50_000));
    let answer = server.say(format!("POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n{extension}")).await;
    assert_eq!((status(&answer), body(&answer)), ("400", "Invalid"));
}

#[tokio::test]
async fn sound_requests_of_unusual_shape_are_served() {
    let server = Server::start(handler(|mut request: paceline_http::Request| async move {
        let (body, _) = request.read_body(1000, PATIENCE).await.unwrap();
        text(200, format!("{} {} {}", request.method, request.path(), body.len()))
    }));
    let cases = [
        ("GET http://elsewhere:1/abs?x=1 HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n", "GET /abs 0"),
        ("\r\n\r\nGET /led HTTP/1.1\r\nconnection: close\r\n\r\n", "GET /led 0"),
        (
            "POST /c HTTP/1.1\r\nTRANSFER-ENCODING: Chunked\r\nconnection: close\r\n\r\n5;a=b\r\nhello\r\n0\r\nx: y\r\n\r\n",
            "POST /c 5",
        ),
        (
            "POST /same HTTP/1.1\r\ncontent-length: 2\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok",
            "POST /same 2",
        ),
        ("GET /old HTTP/1.0\r\n\r\n", "GET /old 0"),
        ("BREW /pot HTTP/1.1\r\nconnection: close\r\n\r\n", "BREW /pot 0"),
    ];
    for (wire, expected) in cases {
        let answer = server.say(wire).await;
        assert_eq!((status(&answer), body(&answer)), ("200", expected), "{wire:?}");
    }
}

#[tokio::test]
async fn line_ends_in_a_body_are_not_taken_for_a_head_s() {
    let server = Server::start(handler(|request: paceline_http::Request| async move {
        drop(request);
        text(200, "unread")
    }));
    let mut stream = server.connect().await;
    for _ in 0..3 {
        let body = "{\n\"content-length:\n transfer-encoding:\"\n}\n\n";
        let head = format!("POST / HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(head.as_bytes()).await.unwrap();
        assert_eq!(status(&read_until(&mut stream, "unread").await), "200");
    }
    let server = Server::start(handler(echo));
    let mut stream = server.connect().await;
    for _ in 0..3 {
        stream.write_all(b"POST / HTTP/1.1\r\ncontent-length: 7\r\n\r\n").await.unwrap();
        stream.write_all(b"a\nb\n\nc.").await.unwrap();
        assert_eq!(status(&read_until(&mut stream, "c.").await), "200");
    }
}

#[tokio::test]
async fn the_second_head_of_a_connection_is_looked_at_too() {
    let server = Server::start(handler(echo));
    let mut stream = server.connect().await;
    stream.write_all(b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    read_until(&mut stream, "ok").await;
    stream
        .write_all(b"POST / HTTP/1.1\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n")
        .await
        .unwrap();
    assert_refusal(&read_to_close(&mut stream).await, "400", "second head");
}

#[tokio::test]
async fn a_slow_head_gets_408_and_a_silent_connection_is_closed() {
    let options = ServerOptions { head_read: Duration::from_millis(60), ..ServerOptions::default() };
    let server = Server::with(options, handler(echo));
    for begun in ["GET / HTTP/1.1\r\nhost: h\r\nx-slow:", "G", "PRI * HT"] {
        assert_refusal(&server.say(begun).await, "408", begun);
    }
    assert_eq!(server.say("").await, "", "nobody to explain it to");
    // A drip of bytes does not buy time.
    let mut stream = server.connect().await;
    let dripping = async {
        loop {
            if stream.write_all(b"x").await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, dripping).await.expect("it was cut off");
}

#[tokio::test]
async fn a_kept_connection_may_be_silent_for_longer_than_a_head_and_its_next_head_is_timed() {
    let options = ServerOptions { head_read: Duration::from_millis(300), ..ServerOptions::default() };
    let server = Server::with(options, handler(echo));
    let mut stream = server.connect().await;
    stream.write_all(b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    read_until(&mut stream, "ok").await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    stream.write_all(b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    read_until(&mut stream, "ok").await;
    stream.write_all(b"POST / HT").await.unwrap();
    assert_refusal(&read_to_close(&mut stream).await, "408", "second head");
}

/// Answers with what `read_body` said of a bound of ten bytes and a short time.
async fn bounded(mut request: paceline_http::Request) -> Response {
    match request.read_body(10, Duration::from_millis(80)).await {
        Ok((body, at)) => {
            assert!(at >= request.received);
            text(200, body)
        }
        Err(error) => text(if error == BodyError::TooLarge { 413 } else { 400 }, format!("{error:?}")),
    }
}

#[tokio::test]
async fn bodies_are_bounded_in_size_and_time() {
    let server = Server::start(handler(bounded));
    let head = "POST / HTTP/1.1\r\nhost: h\r\n";
    let cases = [
        (format!("{head}content-length: 10\r\nconnection: close\r\n\r\n0123456789"), "200", "0123456789"),
        (format!("{head}content-length: 11\r\n\r\n"), "413", "TooLarge"),
        (format!("{head}content-length: 1048576\r\n\r\n{}", "x".repeat(1 << 20)), "413", "TooLarge"),
        (format!("{head}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n"), "413", "TooLarge"),
        (format!("{head}content-length: 9\r\n\r\nhello"), "400", "Timeout"),
        (format!("{head}transfer-encoding: chunked\r\n\r\n5\r\nhel"), "400", "Timeout"),
    ];
    for (wire, expected, said) in cases {
        let answer = server.say(&wire).await;
        assert_eq!((status(&answer), body(&answer)), (expected, said), "{}", &wire[..80.min(wire.len())]);
    }
}

#[tokio::test]
async fn a_body_cut_by_the_caller_is_told_to_the_handler() {
    let (tell, mut hear) = mpsc::unbounded_channel();
    let server = Server::start(handler(move |mut request: paceline_http::Request| {
        let tell = tell.clone();
        async move {
            let read = request.read_body(100, PATIENCE).await;
            tell.send(read.map(|_| ()).unwrap_err()).unwrap();
            text(400, "")
        }
    }));
    for wire in ["content-length: 10\r\n\r\nhello", "transfer-encoding: chunked\r\n\r\n5\r\nhel"] {
        let mut stream = server.connect().await;
        stream.write_all(format!("POST / HTTP/1.1\r\n{wire}").as_bytes()).await.unwrap();
        drop(stream);
        assert_eq!(hear.recv().await, Some(BodyError::Cut), "{wire:?}");
    }
}

#[tokio::test]
async fn a_caller_that_waits_for_100_is_told_to_go_on() {
    let server = Server::start(handler(echo));
    let mut stream = server.connect().await;
    stream.write_all(b"POST / HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n").await.unwrap();
    assert_eq!(read_until(&mut stream, "\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"hello").await.unwrap();
    assert_eq!(status(&read_until(&mut stream, "hello").await), "200");
}

#[tokio::test]
async fn an_answer_given_before_the_body_was_read_is_not_lost_in_a_reset() {
    let server = Server::start(handler(|_| async { text(401, "who are you?") }));
    // More than the kernel's buffers hold, sent whole before the answer is looked at.
    let large = vec![b'x'; 12 << 20];
    let mut stream = server.connect().await;
    stream.write_all(format!("POST / HTTP/1.1\r\ncontent-length: {}\r\n\r\n", large.len()).as_bytes()).await.unwrap();
    stream.write_all(&large).await.unwrap();
    let answer = read_to_close(&mut stream).await;
    assert_eq!((status(&answer), body(&answer)), ("401", "who are you?"));
}

#[tokio::test]
async fn a_caller_that_leaves_takes_the_handler_with_it() {
    let (dropped, mut hears) = mpsc::unbounded_channel::<()>();
    let (entered, mut inside) = mpsc::unbounded_channel();
    let server = Server::start(handler(move |mut request: paceline_http::Request| {
        let (dropped, entered) = (dropped.clone(), entered.clone());
        async move {
            request.read_body(100, PATIENCE).await.unwrap();
            entered.send(dropped.clone().downgrade()).unwrap();
            std::future::pending::<()>().await;
            drop(dropped);
            text(200, "")
        }
    }));
    let mut stream = server.connect().await;
    stream.write_all(b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
    let held = inside.recv().await.unwrap();
    assert!(held.strong_count() >= 2);
    drop(stream);
    // One sender is the closure's own; the request's goes with it.
    while held.strong_count() > 1 {
        tokio::task::yield_now().await;
    }
    assert!(hears.try_recv().is_err());
}

#[tokio::test]
async fn connections_beyond_the_bound_wait_their_turn() {
    let options = ServerOptions { connections_max: 1, ..ServerOptions::default() };
    let server = Server::with(options, handler(echo));
    let mut first = server.connect().await;
    first.write_all(b"POST / HTTP/1.1\r\ncontent-length: 1\r\n\r\n1").await.unwrap();
    read_until(&mut first, "\r\n\r\n1").await;
    let mut second = server.connect().await;
    second.write_all(b"POST / HTTP/1.1\r\ncontent-length: 1\r\n\r\n2").await.unwrap();
    assert_eq!(server.drain.connections(), 1);
    drop(first);
    assert_eq!(status(&read_until(&mut second, "\r\n\r\n2").await), "200");
    assert_eq!(server.drain.connections(), 1);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server =
        Server::start(handler(|request: paceline_http::Request| async move { text(200, request.path().to_owned()) }));
    let answer =
        server.say("GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\nconnection: close\r\n\r\n").await;
    let order: Vec<_> = ["/1", "/2", "/3"].iter().map(|path| answer.find(path).unwrap()).collect();
    assert!(order.is_sorted(), "{answer:?}");
}

#[tokio::test]
async fn empty_bodies_and_head_answers_are_framed_right() {
    let server = Server::start(handler(|_| async {
        let mut response = Response::new(Body::Empty);
        *response.status_mut() = paceline_http::StatusCode::NOT_FOUND;
        response
    }));
    let answer = server.say("GET / HTTP/1.1\r\nconnection: close\r\n\r\n").await;
    assert_eq!(status(&answer), "404");
    let server = Server::start(handler(|_| async { text(200, "twelve bytes") }));
    let mut stream = server.connect().await;
    stream.write_all(b"HEAD / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert_eq!(answer.matches("content-length: 12").count(), 2, "{answer:?}");
    assert_eq!(answer.matches("twelve bytes").count(), 1, "{answer:?}");
}
