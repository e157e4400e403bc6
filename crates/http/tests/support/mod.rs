//! Real sockets for the tests: a server with a handler made of a closure, raw callers, and raw providers that say
//! exactly the bytes they are told to.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use paceline_http::{
    Abort, AddressRule, Body, Bytes, Chunks, ClientTls, Deadlines, Drain, Handler, HeaderMap, Listen, Method, Request,
    RequestHead, Response, ServeStats, ServerOptions, StatusCode, Upstream, UpstreamOptions, bind_tcp, client_tls,
    serve,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Longer than any test should take: only a test that fails gets there.
pub const PATIENCE: Duration = Duration::from_secs(20);

type Answering = Pin<Box<dyn Future<Output = Response> + Send>>;

/// A handler made of a closure.
pub struct Closure(Box<dyn Fn(Request) -> Answering + Send + Sync>);

impl Handler for Closure {
    async fn handle(&self, request: Request) -> Response {
        (self.0)(request).await
    }
}

pub fn handler<F, A>(answer: F) -> Arc<Closure>
where
    F: Fn(Request) -> A + Send + Sync + 'static,
    A: Future<Output = Response> + Send + 'static,
{
    Arc::new(Closure(Box::new(move |request| Box::pin(answer(request)))))
}

pub fn text(status: u16, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Body::Full(body.into()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

/// Answers with the body it was sent, or says what was wrong with it.
pub async fn echo(mut request: Request) -> Response {
    match request.read_body(8 << 20, PATIENCE).await {
        Ok((body, _)) => text(200, body),
        Err(error) => text(400, format!("{error:?}")),
    }
}

pub struct Server {
    pub address: SocketAddr,
    pub drain: Drain,
    pub running: JoinHandle<ServeStats>,
}

impl Server {
    pub fn start(handler: Arc<Closure>) -> Self {
        Self::with(ServerOptions::default(), handler)
    }

    pub fn with(options: ServerOptions, handler: Arc<Closure>) -> Self {
        let listener = bind_tcp("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let drain = Drain::new();
        let running = tokio::spawn(serve(Listen::Tcp(listener), options, handler, drain.clone()));
        Self { address, drain, running }
    }

    pub fn upstream(&self) -> Upstream {
        upstream(&format!("http://{}", self.address))
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes on a fresh connection and reads until the server closes.
    pub async fn say(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        // The server may answer and stop reading before all is out.
        let _ = stream.write_all(bytes.as_ref()).await;
        read_to_close(&mut stream).await
    }
}

/// Everything until the peer closes or resets.
pub async fn read_to_close(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut bytes = Vec::new();
    let mut room = [0; 4096];
    loop {
        match tokio::time::timeout(PATIENCE, stream.read(&mut room)).await.expect("the peer closes") {
            Ok(0) | Err(_) => return String::from_utf8_lossy(&bytes).into_owned(),
            Ok(read) => bytes.extend_from_slice(&room[..read]),
        }
    }
}

/// Reads until `end` has come.
pub async fn read_until(stream: &mut (impl AsyncReadExt + Unpin), end: &str) -> String {
    let mut bytes = Vec::new();
    while !bytes.ends_with(end.as_bytes()) {
        let byte = tokio::time::timeout(PATIENCE, stream.read_u8()).await.expect("an answer");
        bytes.push(byte.unwrap_or_else(|error| panic!("{error} after {:?}", String::from_utf8_lossy(&bytes))));
    }
    String::from_utf8(bytes).unwrap()
}

pub fn options(tls: ClientTls) -> UpstreamOptions {
    UpstreamOptions {
        idle_max: 4,
        idle_for: Duration::from_secs(60),
        connection_age_max: Duration::MAX,
        connections_max: 0,
        http2: false,
        head_bytes_max: 64 * 1024,
        tls,
        addresses: AddressRule::default(),
        proxies: Arc::default(),
    }
}

pub fn upstream(base: &str) -> Upstream {
    Upstream::new(base, options(client_tls().unwrap())).unwrap()
}

pub fn in_ms(ms: u64) -> Option<Instant> {
    Some(Instant::now() + Duration::from_millis(ms))
}

/// A provider of raw bytes: hands out each connection it accepts.
pub struct Provider {
    listener: TcpListener,
    pub upstream: Arc<Upstream>,
}

impl Provider {
    pub async fn start() -> Self {
        Self::with(|options| options).await
    }

    pub async fn with(change: impl FnOnce(UpstreamOptions) -> UpstreamOptions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let upstream = Upstream::new(&base, change(options(client_tls().unwrap()))).unwrap();
        Self { listener, upstream: Arc::new(upstream) }
    }

    pub async fn accept(&self) -> TcpStream {
        tokio::time::timeout(PATIENCE, self.listener.accept()).await.expect("a connection").unwrap().0
    }

    /// Starts a request in a task of its own.
    pub fn ask(&self, deadlines: Deadlines) -> JoinHandle<Result<paceline_http::Answer, paceline_http::SendError>> {
        self.ask_with(vec![], deadlines)
    }

    pub fn ask_with(
        &self,
        body: Vec<Bytes>,
        deadlines: Deadlines,
    ) -> JoinHandle<Result<paceline_http::Answer, paceline_http::SendError>> {
        let upstream = Arc::clone(&self.upstream);
        tokio::spawn(async move {
            let headers = HeaderMap::new();
            let head = RequestHead::new(&Method::POST, "/", &headers);
            upstream.send(head, body, deadlines).await
        })
    }

    /// Accepts, reads one request head, and says `bytes`.
    pub async fn answer(&self, bytes: &str) -> TcpStream {
        let mut stream = self.accept().await;
        read_until(&mut stream, "\r\n\r\n").await;
        stream.write_all(bytes.as_bytes()).await.unwrap();
        stream
    }
}

/// A body fed from outside; tells when it is dropped.
pub struct Fed {
    pieces: mpsc::UnboundedReceiver<Result<Bytes, Abort>>,
    ended: bool,
    _dropped: mpsc::UnboundedSender<()>,
}

/// The feeding end, and what hears of the drop.
pub fn fed() -> (Fed, mpsc::UnboundedSender<Result<Bytes, Abort>>, mpsc::UnboundedReceiver<()>) {
    let (feed, pieces) = mpsc::unbounded_channel();
    let (dropped, hears) = mpsc::unbounded_channel();
    (Fed { pieces, ended: false, _dropped: dropped }, feed, hears)
}

impl Chunks for Fed {
    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Abort>>> {
        let polled = self.pieces.poll_recv(context);
        self.ended |= matches!(polled, Poll::Ready(None)) || self.pieces.is_closed() && self.pieces.is_empty();
        polled
    }

    fn is_end(&self) -> bool {
        self.ended
    }
}

/// A handler that answers every request with the same fed body, once.
pub fn streaming(body: Fed, length: Option<u64>) -> Arc<Closure> {
    let body = parking_lot::Mutex::new(Some(body));
    handler(move |_| {
        let body = body.lock().take();
        async move { Response::new(body.map_or(Body::Empty, |body| Body::stream(body, length))) }
    })
}
