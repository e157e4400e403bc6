//! Answers on their way out: streams, aborts, HTTP/2, TLS, Unix sockets, drain, and the whole relay with both halves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use paceline_http::{
    Abort, Answer, Body, Bytes, Chunks, ClientTls, Deadlines, Drain, HeaderMap, Listen, Method, RequestHead, Response,
    ServerOptions, ServerTls, StatusCode, Upstream, UpstreamOptions, bind_tcp, bind_unix, serve,
};
use support::{
    PATIENCE, Provider, Server, echo, fed, handler, in_ms, options, read_to_close, read_until, streaming, text,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const GET: &[u8] = b"GET / HTTP/1.1\r\nhost: h\r\n\r\n";

fn piece(text: &'static str) -> Result<Bytes, Abort> {
    Ok(Bytes::from_static(text.as_bytes()))
}

#[tokio::test]
async fn pieces_leave_as_they_come() {
    let (body, feed, _) = fed();
    let server = Server::start(streaming(body, None));
    let mut stream = server.connect().await;
    stream.write_all(GET).await.unwrap();
    feed.send(piece("one")).unwrap();
    assert!(read_until(&mut stream, "3\r\none\r\n").await.contains("transfer-encoding: chunked"));
    feed.send(piece("two")).unwrap();
    read_until(&mut stream, "3\r\ntwo\r\n").await;
    drop(feed);
    read_until(&mut stream, "0\r\n\r\n").await;
}

/// A body of one piece, known to be the last.
struct Last(Option<Bytes>);

impl Chunks for Last {
    fn poll_chunk(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Abort>>> {
        assert!(self.0.is_some(), "asked again after the end");
        Poll::Ready(self.0.take().map(Ok))
    }

    fn is_end(&self) -> bool {
        self.0.is_none()
    }
}

#[tokio::test]
async fn the_last_piece_and_the_end_leave_together() {
    let server = Server::start(handler(|_| async { Response::new(Body::stream(Last(Some("last".into())), None)) }));
    let mut stream = server.connect().await;
    stream.write_all(GET).await.unwrap();
    let mut room = [0; 1024];
    let read = stream.read(&mut room).await.unwrap();
    assert!(room[..read].ends_with(b"4\r\nlast\r\n0\r\n\r\n"), "{:?}", String::from_utf8_lossy(&room[..read]));
}

#[tokio::test]
async fn a_stream_of_known_length_states_it() {
    let (body, feed, _) = fed();
    let server = Server::start(streaming(body, Some(6)));
    feed.send(piece("one")).unwrap();
    feed.send(piece("two")).unwrap();
    drop(feed);
    let answer = server.say(b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n").await;
    assert!(answer.contains("content-length: 6\r\n") && answer.ends_with("\r\n\r\nonetwo"), "{answer:?}");
}

#[tokio::test]
async fn an_abort_closes_without_the_last_chunk_after_what_was_said_before() {
    let (body, feed, _) = fed();
    let server = Server::start(streaming(body, None));
    let mut stream = server.connect().await;
    stream.write_all(GET).await.unwrap();
    feed.send(piece("data: error\n\n")).unwrap();
    feed.send(Err(Abort)).unwrap();
    let answer = read_to_close(&mut stream).await;
    assert!(answer.ends_with("D\r\ndata: error\n\n\r\n"), "{answer:?}");
}

#[tokio::test]
async fn a_stream_shorter_than_its_length_is_an_abort() {
    let (body, feed, _) = fed();
    let server = Server::start(streaming(body, Some(100)));
    feed.send(piece("short")).unwrap();
    drop(feed);
    let mut answer = server.upstream().get("/").await;
    if let Ok(called) = &mut answer {
        panic!("taken for whole: {called:?}");
    }
}

#[tokio::test]
async fn to_a_caller_of_1_0_an_abort_is_a_reset_and_not_an_end() {
    let (body, feed, _) = fed();
    let server = Server::start(streaming(body, None));
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    feed.send(piece("half")).unwrap();
    read_until(&mut stream, "half").await;
    feed.send(Err(Abort)).unwrap();
    assert_eq!(stream.read_u8().await.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_caller_that_leaves_drops_the_stream() {
    let (body, feed, mut hears) = fed();
    let server = Server::start(streaming(body, None));
    let mut stream = server.connect().await;
    stream.write_all(GET).await.unwrap();
    feed.send(piece("one")).unwrap();
    read_until(&mut stream, "one\r\n").await;
    drop(stream);
    assert_eq!(tokio::time::timeout(PATIENCE, hears.recv()).await.expect("the body is dropped"), None);
}

type H2 = hyper::client::conn::http2::SendRequest<Full<Bytes>>;

async fn h2(io: impl hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static) -> H2 {
    let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await.unwrap();
    tokio::spawn(connection);
    sender
}

#[tokio::test]
async fn http_2_without_tls_is_spoken_to_who_begins_with_it() {
    let server = Server::start(handler(echo));
    let mut sender = h2(TokioIo::new(server.connect().await)).await;
    for size in [0, 10, 300_000] {
        let request = hyper::Request::post("http://h/x").body(Full::new(Bytes::from(vec![b'x'; size]))).unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!((response.status().as_u16(), response.version()), (200, hyper::Version::HTTP_2));
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes().len(), size);
    }
}

#[tokio::test]
async fn an_abort_resets_the_http_2_stream_alone_after_what_was_said_before() {
    let (body, feed, _) = fed();
    let server = Server::start(streaming(body, None));
    let mut sender = h2(TokioIo::new(server.connect().await)).await;
    let request = || hyper::Request::get("http://h/").body(Full::default()).unwrap();
    let mut body = sender.send_request(request()).await.unwrap().into_body();
    feed.send(piece("said")).unwrap();
    feed.send(Err(Abort)).unwrap();
    let frame = body.frame().await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "said");
    assert!(body.frame().await.unwrap().is_err());
    assert_eq!(sender.send_request(request()).await.unwrap().status(), 200, "the connection lives on");
}

#[tokio::test]
async fn an_http_2_caller_that_resets_drops_the_stream_and_a_slow_body_times_out() {
    let (body, feed, mut hears) = fed();
    let server = Server::start(streaming(body, None));
    let mut sender = h2(TokioIo::new(server.connect().await)).await;
    let request = hyper::Request::get("http://h/").body(Full::default()).unwrap();
    let mut body = sender.send_request(request).await.unwrap().into_body();
    feed.send(piece("said")).unwrap();
    body.frame().await.unwrap().unwrap();
    drop(body);
    assert_eq!(tokio::time::timeout(PATIENCE, hears.recv()).await.expect("the body is dropped"), None);

    let server = Server::start(handler(|mut request: paceline_http::Request| async move {
        text(400, format!("{:?}", request.read_body(100, Duration::from_millis(40)).await.map(|_| ())))
    }));
    let (near, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(server.connect().await))
            .await
            .unwrap();
    tokio::spawn(connection);
    let mut near = near;
    let request = hyper::Request::post("http://h/").body(Never).unwrap();
    let answer = near.send_request(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
    assert_eq!(answer, "Err(Timeout)");
}

/// A body that never comes.
struct Never;

impl hyper::body::Body for Never {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
        Poll::Pending
    }
}

/// A self-signed certificate for localhost: the server's side, and what trusts it.
fn certificate() -> (ServerTls, ClientTls) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let (pem, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    (ServerTls::from_pem(pem.as_bytes(), key.as_bytes()).unwrap(), ClientTls::trusting(pem.as_bytes()).unwrap())
}

fn tls_server(tls: ServerTls) -> Server {
    Server::with(ServerOptions { tls: Some(tls), ..ServerOptions::default() }, handler(echo))
}

#[tokio::test]
async fn tls_there_and_back_with_the_connection_kept() {
    let (server_tls, client_tls) = certificate();
    let server = tls_server(server_tls);
    let upstream = Upstream::new(&format!("https://localhost:{}", server.address.port()), options(client_tls)).unwrap();
    for size in [0, 10, 100_000, 3 << 20] {
        let called = upstream.post("/", vec![b'x'; size]).await.unwrap();
        assert_eq!((called.status, called.body.len()), (200, size));
        assert_eq!(upstream.idle_connections(), 1);
    }
    assert_eq!(server.drain.connections(), 1, "one connection did it all");
}

#[tokio::test]
async fn a_certificate_nobody_vouches_for_and_a_server_without_tls_are_tls_errors() {
    let (server_tls, _) = certificate();
    let (_, other) = certificate();
    let server = tls_server(server_tls);
    let base = format!("https://localhost:{}", server.address.port());
    let error = Upstream::new(&base, options(other.clone())).unwrap().get("/").await.unwrap_err();
    assert!(error.to_string().starts_with("TLS handshake failed"), "{error}");
    let plain = Server::start(handler(echo));
    let base = format!("https://localhost:{}", plain.address.port());
    let error = Upstream::new(&base, options(other.clone())).unwrap().get("/").await.unwrap_err();
    assert!(error.to_string().starts_with("TLS handshake failed"), "{error}");
    // One that accepts and says nothing runs into the connect deadline.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://127.0.0.1:{}", silent.local_addr().unwrap().port());
    let upstream = Upstream::new(&base, options(other)).unwrap();
    let deadlines = Deadlines { connect: in_ms(30), head: None };
    let error = upstream.call(&Method::GET, "/", &HeaderMap::new(), Bytes::new(), deadlines).await.unwrap_err();
    assert!(error.to_string().contains("no connection in time"), "{error}");
}

#[tokio::test]
async fn http_2_is_chosen_under_tls_and_plain_text_there_is_closed() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let server = tls_server(
        ServerTls::from_pem(made.cert.pem().as_bytes(), made.signing_key.serialize_pem().as_bytes()).unwrap(),
    );
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = connector.connect("localhost".try_into().unwrap(), server.connect().await).await.unwrap();
    let mut sender = h2(TokioIo::new(stream)).await;
    let request = hyper::Request::post("https://localhost/").body(Full::new("hello".into())).unwrap();
    let body = sender.send_request(request).await.unwrap().into_body();
    assert_eq!(body.collect().await.unwrap().to_bytes(), "hello");
    assert!(!server.say(GET).await.contains("200"));
}

#[tokio::test]
async fn a_unix_socket_serves_with_its_mode_and_replaces_one_that_was_left_behind() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gateway.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let listener = bind_unix(&path, 0o600).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let drain = Drain::new();
    let running = tokio::spawn(serve(Listen::Unix(listener), ServerOptions::default(), handler(echo), drain.clone()));
    let upstream = Upstream::unix(&path, &options(paceline_http::client_tls().unwrap()));
    for _ in 0..2 {
        assert_eq!(upstream.post("/", "hello").await.unwrap().text(), "hello");
    }
    assert_eq!(bind_unix(&path, 0o600).unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    drain.start(PATIENCE);
    assert!(running.await.unwrap().connections >= 1, "one more if the question whether anybody listens was accepted");
    std::fs::write(dir.path().join("file"), "kept").unwrap();
    assert!(bind_unix(&dir.path().join("file"), 0o600).is_err(), "no file that is not a socket is removed");
}

#[test]
fn an_address_in_use_is_an_error_at_the_binder() {
    let first = bind_tcp("127.0.0.1:0".parse().unwrap()).unwrap();
    assert_eq!(bind_tcp(first.local_addr().unwrap()).unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn a_drain_closes_idle_connections_refuses_new_ones_and_finishes_a_running_stream() {
    let (body, feed, _) = fed();
    let server = Server::start(streaming(body, None));
    let mut running = server.connect().await;
    running.write_all(GET).await.unwrap();
    feed.send(piece("one")).unwrap();
    read_until(&mut running, "one\r\n").await;
    let mut idle = server.connect().await;
    idle.write_all(GET).await.unwrap();
    read_until(&mut idle, "\r\n\r\n").await;
    let mut silent = server.connect().await;

    server.drain.start(PATIENCE);
    assert_eq!(read_to_close(&mut idle).await, "");
    assert_eq!(read_to_close(&mut silent).await, "");
    while TcpStream::connect(server.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    feed.send(piece("two")).unwrap();
    drop(feed);
    assert_eq!(read_to_close(&mut running).await, "3\r\ntwo\r\n0\r\n\r\n");
    let stats = server.running.await.unwrap();
    assert_eq!((stats.cut, server.drain.connections()), (0, 0));
}

#[tokio::test]
async fn a_drain_finishes_http_2_streams_too() {
    let (body, feed, _) = fed();
    let server = Server::start(streaming(body, None));
    let mut sender = h2(TokioIo::new(server.connect().await)).await;
    let request = hyper::Request::get("http://h/").body(Full::default()).unwrap();
    let mut body = sender.send_request(request).await.unwrap().into_body();
    server.drain.start(PATIENCE);
    feed.send(piece("late")).unwrap();
    drop(feed);
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "late");
    assert!(body.frame().await.is_none());
    assert_eq!(server.running.await.unwrap().cut, 0);
}

#[tokio::test]
async fn a_drain_cuts_what_outlasts_its_limit_and_a_second_order_may_be_sooner() {
    let (body, _feed, mut hears) = fed();
    let server = Server::start(streaming(body, None));
    let mut running = server.connect().await;
    running.write_all(GET).await.unwrap();
    read_until(&mut running, "\r\n\r\n").await;
    server.drain.start(Duration::from_secs(3600));
    server.drain.start(Duration::ZERO);
    assert_eq!(server.running.await.unwrap().cut, 1);
    assert_eq!(read_to_close(&mut running).await, "");
    assert_eq!(hears.recv().await, None, "the body is dropped");
}

/// An answer relayed as it comes.
struct Relay(Answer);

impl Chunks for Relay {
    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Abort>>> {
        self.0.poll_chunk(context).map(|polled| polled.map_err(|_| Abort).transpose())
    }

    fn is_end(&self) -> bool {
        self.0.is_end()
    }
}

fn relay(upstream: Arc<Upstream>) -> Server {
    Server::start(handler(move |mut request: paceline_http::Request| {
        let upstream = Arc::clone(&upstream);
        async move {
            let (body, _) = request.read_body(1 << 20, PATIENCE).await.unwrap();
            let headers = HeaderMap::new();
            let head = RequestHead::new(&request.method, request.path(), &headers);
            match upstream.send(head, vec![body], Deadlines::default()).await {
                Ok(answer) => {
                    let length = answer.content_length;
                    Response::new(Body::stream(Relay(answer), length))
                }
                Err(_) => text(502, ""),
            }
        }
    }))
}

#[tokio::test]
async fn a_relayed_stream_keeps_its_pieces_its_length_and_both_connections() {
    let provider = Provider::start().await;
    let relay = relay(Arc::clone(&provider.upstream));
    let mut caller = relay.connect().await;
    caller.write_all(GET).await.unwrap();
    let mut far = provider.answer("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
    read_until(&mut caller, "\r\n\r\n").await;
    for event in ["data: 1\n\n", "data: 2\n\n"] {
        far.write_all(format!("9\r\n{event}\r\n").as_bytes()).await.unwrap();
        read_until(&mut caller, &format!("9\r\n{event}\r\n")).await;
    }
    far.write_all(b"0\r\n\r\n").await.unwrap();
    read_until(&mut caller, "0\r\n\r\n").await;
    for _ in 0..2 {
        caller.write_all(GET).await.unwrap();
        read_until(&mut far, "\r\n\r\n").await;
        far.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody").await.unwrap();
        assert!(read_until(&mut caller, "\r\n\r\nbody").await.contains("content-length: 4\r\n"));
        assert_eq!(provider.upstream.idle_connections(), 1);
    }
}

#[tokio::test]
async fn a_caller_that_leaves_cancels_upstream_before_and_after_the_head() {
    let provider = Provider::start().await;
    let relay = relay(Arc::clone(&provider.upstream));
    let mut caller = relay.connect().await;
    caller.write_all(GET).await.unwrap();
    let mut far = provider.answer("").await;
    drop(caller);
    assert_eq!(read_to_close(&mut far).await, "");

    let mut caller = relay.connect().await;
    caller.write_all(GET).await.unwrap();
    let mut far = provider.answer("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n").await;
    read_until(&mut caller, "1\r\nx\r\n").await;
    drop(caller);
    assert_eq!(read_to_close(&mut far).await, "");
    assert_eq!(provider.upstream.idle_connections(), 0);
}

#[tokio::test]
async fn a_provider_that_cuts_its_stream_is_a_break_to_the_caller_and_never_an_end() {
    for (wire, seen) in [
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n", "4\r\nhalf\r\n"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf", "half"),
    ] {
        let provider = Provider::start().await;
        let relay = relay(Arc::clone(&provider.upstream));
        let mut caller = relay.connect().await;
        caller.write_all(GET).await.unwrap();
        drop(provider.answer(wire).await);
        let answer = read_to_close(&mut caller).await;
        assert!(answer.ends_with(seen), "{answer:?}");
    }
}

#[tokio::test]
async fn many_callers_at_once_get_their_own_answers() {
    let server = Server::start(handler(echo));
    let upstream = Arc::new(
        Upstream::new(
            &format!("http://{}", server.address),
            UpstreamOptions { idle_max: 8, ..options(paceline_http::client_tls().unwrap()) },
        )
        .unwrap(),
    );
    let relay = relay(upstream);
    let callers: Vec<_> = (0..32)
        .map(|caller| {
            let upstream = relay.upstream();
            tokio::spawn(async move {
                for round in 0..20 {
                    let body = format!("{caller}-{round}-{}", "x".repeat(caller * 97 * round));
                    assert_eq!(upstream.post("/", body.clone()).await.unwrap().text(), body);
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
}

/// A stream with nothing in it, of a length that belongs to another answer.
struct Nothing;

impl Chunks for Nothing {
    fn poll_chunk(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Abort>>> {
        Poll::Ready(None)
    }

    fn is_end(&self) -> bool {
        true
    }
}

#[tokio::test]
async fn an_answer_that_may_have_no_body_may_say_how_long_it_would_be() {
    let server = Server::start(handler(|request| async move {
        let status = request.path().trim_start_matches('/').parse::<u16>().unwrap();
        let mut response = Response::new(Body::stream(Nothing, Some(500)));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        response
    }));
    let mut stream = server.connect().await;
    for (method, status) in [("GET", 304), ("HEAD", 200), ("GET", 204), ("HEAD", 304)] {
        stream.write_all(format!("{method} /{status} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
        let head = read_until(&mut stream, "\r\n\r\n").await;
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{method} {status}: {head}");
    }
    let mut sender = h2(TokioIo::new(server.connect().await)).await;
    for (method, status) in [("GET", 304), ("HEAD", 200), ("GET", 204), ("HEAD", 304)] {
        let request = hyper::Request::builder().method(method).uri(format!("http://h/{status}"));
        let answer = sender.send_request(request.body(Full::new(Bytes::new())).unwrap()).await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{method}");
        assert_eq!(answer.into_body().collect().await.expect("an end").to_bytes(), "", "{method} {status}");
    }
}
