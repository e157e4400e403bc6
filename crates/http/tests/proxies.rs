//! Ways out through a proxy, on real sockets: a tunnel for https, the absolute form for http. The names of the
//! providers are known to no resolver: only a proxy can have led there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;

use paceline_http::{
    AddressRule, Bytes, CallError, ClientTls, Deadlines, HeaderMap, Method, Proxies, SendError, ServerOptions,
    ServerTls, Upstream, UpstreamFault, UpstreamOptions, client_tls,
};
use support::{PATIENCE, Server, echo, handler, in_ms, options, read_until};
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// `user:p@ss`, as a header.
const AUTHORIZATION: &str = "proxy-authorization: Basic dXNlcjpwQHNz";

/// What a proxy does with a connection once it has read a head.
#[derive(Clone)]
enum Does {
    /// Joins it to that address, after saying this; `Forward` hands on the head it read besides.
    Tunnel(SocketAddr, &'static str),
    Forward(SocketAddr),
    Say(&'static str),
    Hang,
}

/// A proxy that tells of each head it reads.
struct Through {
    address: SocketAddr,
    heads: mpsc::UnboundedReceiver<String>,
}

impl Through {
    async fn that(does: Does) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (told, heads) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(play(stream, does.clone(), told.clone()));
            }
        });
        Self { address, heads }
    }

    fn options(&self, tls: ClientTls, without: &str) -> UpstreamOptions {
        let url = format!("http://user:p%40ss@{}", self.address);
        UpstreamOptions { proxies: Arc::new(Proxies::new(Some(&url), Some(&url), without).unwrap()), ..options(tls) }
    }

    fn upstream(&self, base: &str) -> Upstream {
        Upstream::new(base, self.options(client_tls().unwrap(), "")).unwrap()
    }

    async fn head(&mut self) -> String {
        tokio::time::timeout(PATIENCE, self.heads.recv()).await.expect("a head").unwrap()
    }
}

async fn play(mut stream: TcpStream, does: Does, told: mpsc::UnboundedSender<String>) {
    let head = read_until(&mut stream, "\r\n\r\n").await;
    told.send(head.clone()).unwrap();
    let (address, first_in, first_out) = match does {
        Does::Tunnel(address, said) => (address, said, String::new()),
        Does::Forward(address) => (address, "", head),
        Does::Say(said) => return stream.write_all(said.as_bytes()).await.unwrap(),
        Does::Hang => return std::future::pending().await,
    };
    let mut there = TcpStream::connect(address).await.unwrap();
    there.write_all(first_out.as_bytes()).await.unwrap();
    stream.write_all(first_in.as_bytes()).await.unwrap();
    let _ = copy_bidirectional(&mut stream, &mut there).await;
}

/// A server that is `provider.test` by its certificate, and what trusts it.
fn tls_server() -> (Server, ClientTls) {
    let made = rcgen::generate_simple_self_signed(vec!["provider.test".into()]).unwrap();
    let (pem, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let tls = Some(ServerTls::from_pem(pem.as_bytes(), key.as_bytes()).unwrap());
    let server = Server::with(ServerOptions { tls, ..ServerOptions::default() }, handler(echo));
    (server, ClientTls::trusting(pem.as_bytes()).unwrap())
}

async fn refused(upstream: &Upstream) -> SendError {
    let error = upstream.post("/", "hello").await.unwrap_err();
    let CallError::Send(error) = error else { panic!("{error}") };
    assert!(!format!("{error} {error:?}").contains("dXNl"), "{error:?}");
    error
}

#[tokio::test]
async fn https_goes_through_a_tunnel_that_is_kept() {
    let (server, trusting) = tls_server();
    for said in ["HTTP/1.1 200 Connection established\r\n\r\n", "HTTP/1.0 200 OK\r\nvia: p\r\n\r\n"] {
        let mut proxy = Through::that(Does::Tunnel(server.address, said)).await;
        let upstream =
            Upstream::new("https://provider.test/v1", proxy.options(trusting.clone(), "other.test")).unwrap();
        for size in [10, 1 << 20] {
            assert_eq!(upstream.post("/chat", vec![b'x'; size]).await.unwrap().body.len(), size);
        }
        let head = proxy.head().await;
        let expected =
            format!("CONNECT provider.test:443 HTTP/1.1\r\nhost: provider.test:443\r\n{AUTHORIZATION}\r\n\r\n");
        assert_eq!(head, expected);
        assert!(proxy.heads.try_recv().is_err(), "one tunnel did it all");
        assert_eq!(upstream.idle_connections(), 1);
    }
}

#[tokio::test]
async fn the_certificate_behind_a_tunnel_is_the_providers() {
    let (server, _) = tls_server();
    let (_, other) = tls_server();
    let proxy = Through::that(Does::Tunnel(server.address, "HTTP/1.1 200 OK\r\n\r\n")).await;
    let upstream = Upstream::new("https://provider.test", proxy.options(other, "")).unwrap();
    let error = refused(&upstream).await;
    assert!(matches!(error, SendError::Tls(_)), "{error}");
}

#[tokio::test]
async fn http_is_asked_for_in_absolute_form() {
    let server = Server::start(handler(|request| async move {
        let seen = request.headers.get("host").map(|host| host.to_str().unwrap().to_owned());
        support::text(200, format!("{} {}", request.uri, seen.unwrap_or_default()))
    }));
    let mut proxy = Through::that(Does::Forward(server.address)).await;
    let upstream = proxy.upstream("http://provider.test:8000/v1");
    let called = upstream.get("/models?x=1").await.unwrap();
    assert_eq!(called.text(), "http://provider.test:8000/v1/models?x=1 provider.test:8000");
    let head = proxy.head().await;
    assert!(head.starts_with("GET http://provider.test:8000/v1/models?x=1 HTTP/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("{AUTHORIZATION}\r\n")), "{head}");
    assert_eq!(upstream.get("/models").await.unwrap().status, 200);
    assert!(proxy.heads.try_recv().is_err(), "the connection was kept");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named_with_what_it_answered() {
    let says = [
        ("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n", "answered 407"),
        ("HTTP/1.1 403 No\r\ncontent-length: 6\r\n\r\nsecret", "answered 403"),
        ("HTTP/1.1 204 No Content\r\n\r\n", "answered 204"),
        ("SSH-2.0-something\r\n\r\n", "answered something that is not HTTP/1.1"),
        ("HTTP/1.1 200 OK\r\n\r\ntoo early", "answered something that is not HTTP/1.1"),
        ("HTTP/1.1 200 OK\r\n", "broke the connection: unexpected end of file"),
    ];
    for (said, expected) in says {
        let proxy = Through::that(Does::Say(said)).await;
        let error = refused(&proxy.upstream("https://provider.test")).await;
        assert_eq!(error.to_string(), format!("proxy {} {expected}", proxy.address), "{said}");
        assert!(error.nothing_sent());
    }
    let endless: &'static str = format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "x".repeat(20_000)).leak();
    let proxy = Through::that(Does::Say(endless)).await;
    assert!(refused(&proxy.upstream("https://provider.test")).await.to_string().contains("not HTTP"));
}

#[tokio::test]
async fn a_407_to_a_plain_request_is_the_proxys_and_any_other_status_is_an_answer() {
    let proxy = Through::that(Does::Say("HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n")).await;
    let error = refused(&proxy.upstream("http://provider.test")).await;
    assert_eq!(error.to_string(), format!("proxy {} answered 407", proxy.address));
    let proxy = Through::that(Does::Say("HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n")).await;
    assert_eq!(proxy.upstream("http://provider.test").post("/", "hello").await.unwrap().status, 403);
}

#[tokio::test]
async fn a_proxy_that_hangs_runs_into_the_connect_deadline_and_one_that_is_not_there_is_named() {
    let mut proxy = Through::that(Does::Hang).await;
    let upstream = proxy.upstream("https://provider.test");
    let deadlines = Deadlines { connect: in_ms(50), head: None };
    let error = upstream.call(&Method::GET, "/", &HeaderMap::new(), Bytes::new(), deadlines).await.unwrap_err();
    assert!(matches!(error, CallError::Send(SendError::TimeoutConnect)), "{error}");
    assert!(proxy.head().await.starts_with("CONNECT "));
    assert_eq!(upstream.stats().open, 0);

    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    proxy.address = gone;
    for base in ["https://provider.test", "http://provider.test"] {
        let error = refused(&proxy.upstream(base)).await.to_string();
        assert!(error.starts_with(&format!("proxy {gone} cannot be reached: ")), "{error}");
    }
}

#[tokio::test]
async fn what_goes_without_a_proxy_does() {
    // A number is a name to everybody but the resolver, which knows it for 127.0.0.1.
    let server = Server::start(handler(echo));
    let mut proxy = Through::that(Does::Hang).await;
    let port = server.address.port();
    for (host, without) in
        [("2130706433", "x.test, 2130706433"), ("2130706433", "*"), ("127.0.0.1", ""), ("localhost", "")]
    {
        let options = proxy.options(client_tls().unwrap(), without);
        let upstream = Upstream::new(&format!("http://{host}:{port}"), options).unwrap();
        assert_eq!(upstream.post("/", "hello").await.unwrap().text(), "hello", "{host} {without}");
    }
    assert!(proxy.heads.try_recv().is_err());
}

#[tokio::test]
async fn a_refused_address_is_refused_behind_a_proxy_too() {
    let mut proxy = Through::that(Does::Say("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")).await;
    let options = proxy.options(client_tls().unwrap(), "");
    for host in ["169.254.169.254", "[fe80::1]", "metadata.google.internal"] {
        let fault = Upstream::new(&format!("http://{host}/v1"), options.clone()).unwrap_err();
        assert_eq!(fault, UpstreamFault::Address, "{host}");
    }
    for host in ["2852039166", "0xa9fea9fe"] {
        let error = refused(&proxy.upstream(&format!("http://{host}"))).await;
        assert!(matches!(&error, SendError::AddressRefused(text) if text == "169.254.169.254"), "{error}");
    }
    assert!(proxy.heads.try_recv().is_err(), "the proxy heard of none of them");
    let allowed = AddressRule::new(&["169.254.169.254".to_owned()]).unwrap();
    let upstream = Upstream::new("http://2852039166", UpstreamOptions { addresses: allowed, ..options }).unwrap();
    assert_eq!(upstream.get("/").await.unwrap().status, 200);
    assert!(proxy.head().await.starts_with("GET http://2852039166/ HTTP/1.1\r\n"));
}
