//! HTTP/2 to providers: our own edge as the peer, and a bare one that refuses, says goodbye and counts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::HashSet;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use h2::{Reason, server};
use paceline_http::{
    Abort, Answer, AnswerError, Body, Bytes, Chunks, ClientTls, Deadlines, HeaderMap, Method, RequestHead, Response,
    SendError, ServerOptions, ServerTls, Upstream, UpstreamOptions, client_tls,
};
use support::{PATIENCE, Server, echo, handler, in_ms, options, text};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

fn over_http2(base: &str, change: impl FnOnce(&mut UpstreamOptions)) -> Upstream {
    let mut options = UpstreamOptions { http2: true, ..options(client_tls().unwrap()) };
    change(&mut options);
    Upstream::new(base, options).unwrap()
}

fn to(server: &Server) -> Upstream {
    over_http2(&format!("http://{}", server.address), |_| {})
}

async fn post(upstream: &Upstream, body: impl Into<Bytes>, deadlines: Deadlines) -> Result<Answer, SendError> {
    upstream.send(RequestHead::new(&Method::POST, "/x", &HeaderMap::new()), vec![body.into()], deadlines).await
}

async fn gather(answer: &mut Answer) -> Result<Vec<u8>, AnswerError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// A peer of bare streams: what `answer` does with each, by its number since the start.
struct Peer {
    base: String,
    connections: Arc<AtomicU32>,
}

type Stream = (http::Request<h2::RecvStream>, server::SendResponse<Bytes>);

impl Peer {
    async fn start(streams_max: u32, answer: impl Fn(u32, Stream) -> Next + Send + Sync + Clone + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (connections, number) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::SeqCst);
                let (answer, number) = (answer.clone(), Arc::clone(&number));
                tokio::spawn(async move { serve(socket, streams_max, &number, answer).await });
            }
        });
        Self { base, connections }
    }

    fn upstream(&self) -> Upstream {
        over_http2(&self.base, |_| {})
    }
}

/// What becomes of the connection after a stream.
enum Next {
    Goes,
    /// GOAWAY: what was begun is finished.
    SaysGoodbye,
    /// The socket is closed.
    Dies,
}

async fn serve(socket: TcpStream, streams_max: u32, number: &AtomicU32, answer: impl Fn(u32, Stream) -> Next) {
    let mut connection = server::Builder::new().max_concurrent_streams(streams_max).handshake(socket).await.unwrap();
    while let Some(Ok(stream)) = connection.accept().await {
        match answer(number.fetch_add(1, Ordering::SeqCst), stream) {
            Next::Goes => {}
            Next::SaysGoodbye => connection.graceful_shutdown(),
            Next::Dies => return,
        }
    }
}

fn ok(mut respond: server::SendResponse<Bytes>) -> Next {
    let mut body = respond.send_response(http::Response::new(()), false).unwrap();
    body.send_data(Bytes::from_static(b"ok"), true).unwrap();
    Next::Goes
}

#[tokio::test]
async fn an_answer_comes_with_its_head_body_and_the_same_bytes() {
    let server = Server::start(handler(|request| async move {
        let (version, host) = (request.uri.scheme_str().map(str::to_owned), request.uri.authority().cloned());
        let mut response = echo(request).await;
        response.headers_mut().insert("x-seen", format!("{version:?} {host:?}").parse().unwrap());
        response
    }));
    let upstream = to(&server);
    let body = Bytes::from(vec![b'x'; 300_000]);
    let mut headers = HeaderMap::new();
    headers.insert("connection", "keep-alive".parse().unwrap());
    headers.insert("te", "gzip".parse().unwrap());
    headers.insert("x-kept", "1".parse().unwrap());
    let head = RequestHead::new(&Method::POST, "/v1/x?y=1", &headers);
    let mut answer =
        upstream.send(head, vec![body.slice(..100_000), body.slice(100_000..)], Deadlines::default()).await.unwrap();
    assert_eq!((answer.status, answer.content_length, answer.reconnected), (200, Some(300_000), false));
    assert!(answer.headers["x-seen"].to_str().unwrap().contains("127.0.0.1"), "{:?}", answer.headers);
    assert!(gather(&mut answer).await.unwrap() == body);
    assert!(answer.is_end());
    assert_eq!(answer.chunk().await.unwrap(), None, "the end is for good");
    let again = post(&upstream, "hello", Deadlines::default()).await.unwrap();
    assert_eq!(again.connect, Duration::ZERO, "one connection serves both");
    drop(again);
    let stats = upstream.stats();
    assert_eq!((stats.open, stats.dialled, stats.reused), (1, 1, 1));
}

#[tokio::test]
async fn many_requests_share_few_connections_and_never_pass_the_peer_s_stream_limit() {
    let (open, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let seen = (Arc::clone(&open), Arc::clone(&most));
    let peer = Peer::start(2, move |_, (_, respond)| {
        let (open, most) = seen.clone();
        most.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        tokio::spawn(async move {
            tokio::task::yield_now().await;
            open.fetch_sub(1, Ordering::SeqCst);
            ok(respond);
        });
        Next::Goes
    })
    .await;
    let upstream = Arc::new(over_http2(&peer.base, |options| options.connections_max = 3));
    let asked: Vec<_> = (0..60)
        .map(|_| {
            let upstream = Arc::clone(&upstream);
            tokio::spawn(async move {
                let mut answer =
                    post(&upstream, "x", Deadlines { connect: in_ms(20_000), head: in_ms(20_000) }).await?;
                Ok::<_, SendError>(gather(&mut answer).await.unwrap())
            })
        })
        .collect();
    for asked in asked {
        assert_eq!(asked.await.unwrap().unwrap(), b"ok");
    }
    assert!(most.load(Ordering::SeqCst) <= 6, "two streams on each of three connections");
    assert!(peer.connections.load(Ordering::SeqCst) <= 3);
}

#[tokio::test]
async fn without_a_free_stream_a_request_waits_no_longer_than_it_has() {
    let peer = Peer::start(1, |_, (_, respond)| {
        std::mem::forget(respond);
        Next::Goes
    })
    .await;
    let upstream = Arc::new(over_http2(&peer.base, |options| options.connections_max = 1));
    let first = tokio::spawn({
        let upstream = Arc::clone(&upstream);
        async move { post(&upstream, "x", Deadlines::default()).await.map(drop) }
    });
    while upstream.stats().open == 0 || upstream.idle_connections() > 0 {
        tokio::task::yield_now().await;
    }
    let error = post(&upstream, "x", Deadlines { connect: in_ms(50), head: in_ms(5000) }).await.unwrap_err();
    assert!(matches!(error, SendError::TooManyConnections), "{error}");
    assert!(error.nothing_sent());
    first.abort();
}

#[tokio::test]
async fn a_refused_stream_is_asked_again_unseen_and_not_for_ever() {
    let peer = Peer::start(100, |number, (_, mut respond)| {
        if number < 2 {
            respond.send_reset(Reason::REFUSED_STREAM);
            return Next::Goes;
        }
        ok(respond)
    })
    .await;
    let mut answer = post(&peer.upstream(), "x", Deadlines::default()).await.unwrap();
    assert!(!answer.reconnected, "nobody looked at it before");
    assert_eq!(gather(&mut answer).await.unwrap(), b"ok");

    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    let peer = Peer::start(100, move |_, (_, mut respond)| {
        counted.fetch_add(1, Ordering::SeqCst);
        respond.send_reset(Reason::REFUSED_STREAM);
        Next::Goes
    })
    .await;
    let error = post(&peer.upstream(), "x", Deadlines::default()).await.unwrap_err();
    assert!(matches!(error, SendError::Refused), "{error}");
    assert_eq!(asked.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn a_peer_that_says_goodbye_finishes_what_it_began_and_the_rest_goes_to_a_new_connection() {
    let peer = Peer::start(100, |number, (_, respond)| {
        ok(respond);
        if number % 5 == 4 { Next::SaysGoodbye } else { Next::Goes }
    })
    .await;
    let upstream = Arc::new(peer.upstream());
    for _ in 0..4 {
        let asked: Vec<_> = (0..25)
            .map(|_| {
                let upstream = Arc::clone(&upstream);
                tokio::spawn(async move {
                    let mut answer = post(&upstream, "x", Deadlines::default()).await?;
                    gather(&mut answer).await.map_err(|_| SendError::Cut)
                })
            })
            .collect();
        for asked in asked {
            assert_eq!(asked.await.unwrap().unwrap(), b"ok");
        }
    }
    assert!(peer.connections.load(Ordering::SeqCst) > 1);
}

#[tokio::test]
async fn a_connection_that_died_under_a_request_is_replaced_once() {
    let peer = Peer::start(100, |number, (_, respond)| {
        if number == 1 {
            return Next::Dies;
        }
        ok(respond)
    })
    .await;
    let upstream = peer.upstream();
    gather(&mut post(&upstream, "x", Deadlines::default()).await.unwrap()).await.unwrap();
    let mut answer = post(&upstream, "x", Deadlines::default()).await.unwrap();
    assert!(answer.reconnected);
    assert_eq!(gather(&mut answer).await.unwrap(), b"ok");

    let peer = Peer::start(100, |_, _| Next::Dies).await;
    let error = post(&peer.upstream(), "x", Deadlines::default()).await.unwrap_err();
    assert!(matches!(error, SendError::Cut), "on a fresh connection it is the provider's failure: {error}");
}

#[tokio::test]
async fn leaving_resets_the_stream_and_keeps_the_connection() {
    let (told, mut heard) = mpsc::unbounded_channel();
    let peer = Peer::start(100, move |number, (_, mut respond)| {
        if number > 0 {
            return ok(respond);
        }
        let told = told.clone();
        tokio::spawn(async move {
            let mut body = respond.send_response(http::Response::new(()), false).unwrap();
            body.send_data(Bytes::from_static(b"first"), false).unwrap();
            let _ = told.send(poll_fn(|context| body.poll_reset(context)).await.unwrap());
        });
        Next::Goes
    })
    .await;
    let upstream = peer.upstream();
    let mut answer = post(&upstream, "x", Deadlines::default()).await.unwrap();
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "first");
    drop(answer);
    assert_eq!(tokio::time::timeout(PATIENCE, heard.recv()).await.unwrap(), Some(Reason::CANCEL));
    assert_eq!(gather(&mut post(&upstream, "x", Deadlines::default()).await.unwrap()).await.unwrap(), b"ok");
    assert_eq!(peer.connections.load(Ordering::SeqCst), 1);
    assert_eq!(upstream.idle_connections(), 1);
}

#[tokio::test]
async fn leaving_before_the_head_resets_the_stream_too() {
    let (told, mut heard) = mpsc::unbounded_channel();
    let peer = Peer::start(100, move |_, (_, mut respond)| {
        let told = told.clone();
        tokio::spawn(async move {
            let _ = told.send(None);
            let _ = told.send(Some(poll_fn(|context| respond.poll_reset(context)).await.unwrap()));
        });
        Next::Goes
    })
    .await;
    let upstream = Arc::new(peer.upstream());
    let asking = tokio::spawn({
        let upstream = Arc::clone(&upstream);
        async move { post(&upstream, "x", Deadlines::default()).await.map(drop) }
    });
    assert_eq!(heard.recv().await, Some(None));
    asking.abort();
    assert_eq!(tokio::time::timeout(PATIENCE, heard.recv()).await.unwrap(), Some(Some(Reason::CANCEL)));
}

#[tokio::test]
async fn deadlines_end_the_wait_for_the_head_and_for_the_body() {
    let peer = Peer::start(100, |number, (_, mut respond)| {
        if number == 0 {
            std::mem::forget(respond);
        } else {
            let mut body = respond.send_response(http::Response::new(()), false).unwrap();
            body.send_data(Bytes::from_static(b"some"), false).unwrap();
            std::mem::forget(body);
        }
        Next::Goes
    })
    .await;
    let upstream = peer.upstream();
    let error = post(&upstream, "x", Deadlines { connect: None, head: in_ms(50) }).await.unwrap_err();
    assert!(matches!(error, SendError::TimeoutHead), "{error}");
    let mut answer = post(&upstream, "x", Deadlines::default()).await.unwrap();
    assert_eq!(answer.chunk().await.unwrap().unwrap(), "some");
    answer.set_deadline(in_ms(50));
    assert_eq!(answer.chunk().await.unwrap_err(), AnswerError::Deadline);
    assert_eq!(answer.chunk().await.unwrap_err(), AnswerError::Deadline, "for good");
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_a_cut() {
    for reason in [Reason::INTERNAL_ERROR, Reason::CANCEL, Reason::NO_ERROR] {
        let peer = Peer::start(100, move |_, (_, mut respond)| {
            tokio::spawn(async move {
                let mut body = respond.send_response(http::Response::new(()), false).unwrap();
                body.send_data(Bytes::from_static(b"some"), false).unwrap();
                tokio::time::sleep(Duration::from_millis(5)).await;
                body.send_reset(reason);
            });
            Next::Goes
        })
        .await;
        let mut answer = post(&peer.upstream(), "x", Deadlines::default()).await.unwrap();
        assert_eq!(gather(&mut answer).await.unwrap_err(), AnswerError::Cut, "{reason}");
    }
}

/// Bytes without end.
struct Endless(Arc<AtomicU32>);

impl Chunks for Endless {
    fn poll_chunk(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Option<Result<Bytes, Abort>>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        std::task::Poll::Ready(Some(Ok(Bytes::from(vec![b'x'; 16 * 1024]))))
    }

    fn is_end(&self) -> bool {
        false
    }
}

#[tokio::test]
async fn a_caller_who_does_not_read_holds_one_window_and_stops_nobody_else() {
    let made = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&made);
    let server = Server::start(handler(move |request| {
        let counted = Arc::clone(&counted);
        async move {
            match request.uri.path() {
                "/endless" => Response::new(Body::stream(Endless(counted), None)),
                _ => text(200, "ok"),
            }
        }
    }));
    let upstream = to(&server);
    let headers = HeaderMap::new();
    let head = RequestHead::new(&Method::GET, "/endless", &headers);
    let mut slow = Vec::new();
    for _ in 0..20 {
        slow.push(upstream.send(head, vec![], Deadlines::default()).await.unwrap());
    }
    for _ in 0..50 {
        assert_eq!(gather(&mut post(&upstream, "x", Deadlines::default()).await.unwrap()).await.unwrap(), b"ok");
    }
    let chunks = made.load(Ordering::SeqCst);
    // Of each stream our window of 64 KB, and what the server holds on its side.
    assert!(chunks < 20 * 40, "{chunks} pieces of 16 KB were made for 20 callers who do not read");
    assert_eq!(upstream.stats().open, 1);
}

fn secure() -> (ServerOptions, ClientTls) {
    let pair = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let (certificate, key) = (pair.cert.pem(), pair.signing_key.serialize_pem());
    let tls = ServerTls::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
    (ServerOptions { tls: Some(tls), ..ServerOptions::default() }, ClientTls::trusting(certificate.as_bytes()).unwrap())
}

#[tokio::test]
async fn at_the_tls_handshake_both_sides_agree_on_http2() {
    let (server_options, tls) = secure();
    let server = Server::with(server_options, handler(echo));
    let base = format!("https://localhost:{}", server.address.port());
    let upstream = over_http2(&base, |options| options.tls = tls);
    let answers = futures_of(&upstream, 30).await;
    assert_eq!(answers, HashSet::from([b"hello".to_vec()]));
    assert_eq!(upstream.stats().dialled, 1, "thirty requests on one connection");
}

async fn futures_of(upstream: &Upstream, count: usize) -> HashSet<Vec<u8>> {
    let mut answers = HashSet::new();
    let mut open = Vec::new();
    for _ in 0..count {
        open.push(post(upstream, "hello", Deadlines::default()).await.unwrap());
    }
    for mut answer in open {
        answers.insert(gather(&mut answer).await.unwrap());
    }
    answers
}

#[tokio::test]
async fn a_peer_that_speaks_only_http1_is_asked_that_way() {
    let pair = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let certificate = pair.cert.pem();
    let key = rustls_pki_types::PrivateKeyDer::try_from(pair.signing_key.serialize_der()).unwrap();
    let mut config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![pair.cert.der().clone()], key)
            .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        let (socket, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(socket).await.unwrap();
        for _ in 0..2 {
            let asked = support::read_until(&mut stream, "\r\n\r\nhello").await;
            assert!(asked.starts_with("POST /x HTTP/1.1\r\n"), "{asked}");
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
        }
        std::future::pending::<()>().await;
    });
    let upstream = over_http2(&base, |options| options.tls = ClientTls::trusting(certificate.as_bytes()).unwrap());
    for _ in 0..2 {
        assert_eq!(gather(&mut post(&upstream, "hello", Deadlines::default()).await.unwrap()).await.unwrap(), b"ok");
    }
    assert_eq!(upstream.stats().dialled, 1);
}

#[tokio::test]
async fn a_plain_peer_that_does_not_speak_it_is_a_clear_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.read(&mut [0; 1024]).await;
            let _ =
                socket.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
        }
    });
    let upstream = over_http2(&base, |_| {});
    let error = post(&upstream, "x", Deadlines { connect: in_ms(5000), head: None }).await.unwrap_err();
    assert!(matches!(&error, SendError::Connect(cause) if cause.to_string().contains("HTTP/2")), "{error}");
    assert!(error.nothing_sent());
}

#[tokio::test]
async fn connections_end_with_their_upstream_and_with_age() {
    let (told, mut gone) = mpsc::unbounded_channel();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let told = told.clone();
            tokio::spawn(async move {
                serve(socket, 100, &AtomicU32::new(0), |_, (_, respond)| ok(respond)).await;
                let _ = told.send(());
            });
        }
    });
    let upstream = over_http2(&base, |options| options.connection_age_max = Duration::ZERO);
    for _ in 0..3 {
        gather(&mut post(&upstream, "x", Deadlines::default()).await.unwrap()).await.unwrap();
        // Over its age with the next request, which opens another.
    }
    assert_eq!(upstream.stats().dialled, 3);
    drop(upstream);
    for _ in 0..3 {
        tokio::time::timeout(PATIENCE, gone.recv()).await.expect("the connection ends");
    }
}
