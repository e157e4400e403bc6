//! The server: accepts within a bound, one task a connection, until it is told to drain and all have ended.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use super::Response;
use super::connection::{Shared, run};
use super::crowd::Crowd;
use super::drain::Drain;
use super::link::Limits;
use super::listen::{Acceptor, Listen};
use super::request::Request;
use crate::tls::ServerTls;

/// hyper's own bound on header fields; asking for the same number again would move its table to the heap.
const HYPER_HEADERS_MAX: usize = 100;
/// hyper's buffers grow to 400 KB otherwise, which under large prompts is half the process's memory.
const BUFFER_BYTES_MAX: usize = 64 * 1024;
/// Between two requests of a caller. Longer than the SDKs' own, so that it is the caller who closes.
const IDLE: Duration = Duration::from_secs(180);
/// For a caller that is still sending after its answer.
const LINGER: Duration = Duration::from_secs(2);
/// Pause after an accept that failed for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
/// HTTP/2: an echo asked of a silent caller.
const PING_EVERY: Duration = Duration::from_secs(30);
const H2_STREAMS_MAX: u32 = 256;
const H2_WINDOW_BYTES: u32 = 1024 * 1024;

/// Bounds of a server.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    pub head_bytes_max: usize,
    pub headers_max: usize,
    /// Time for a head, from its first byte; of a connection's first head, from the connection's beginning.
    pub head_read: Duration,
    /// Connections at once; further ones wait in the kernel's queue.
    pub connections_max: usize,
    /// Connections at once of one address; a further one is closed. 0 for no bound.
    pub connections_per_address_max: u32,
    /// HTTP/2: streams at once on one connection.
    pub h2_streams_max: u32,
    /// Requests after which a connection takes no more (HTTP/2: GOAWAY; HTTP/1.1: closed after the answer).
    pub requests_per_connection_max: Option<u32>,
    pub tls: Option<ServerTls>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            head_bytes_max: 64 * 1024,
            headers_max: HYPER_HEADERS_MAX,
            head_read: Duration::from_secs(10),
            connections_max: 10_000,
            connections_per_address_max: 0,
            h2_streams_max: H2_STREAMS_MAX,
            requests_per_connection_max: None,
            tls: None,
        }
    }
}

/// Answers requests. The future is dropped when the caller leaves before there is an answer.
pub trait Handler: Send + Sync + 'static {
    fn handle(&self, request: Request) -> impl Future<Output = Response> + Send;
}

/// What a server did in its life.
#[derive(Debug, Default)]
pub struct ServeStats {
    /// Connections accepted.
    pub connections: u64,
    /// Connections closed at once, their address having as many as it may.
    pub crowded: u64,
    /// Connections cut off at the drain's limit.
    pub cut: usize,
    /// Why the listener could not be used at all.
    pub failed: Option<io::Error>,
}

/// Serves until `drain` was started and every connection has ended or been cut at its limit. The listening socket is
/// closed as soon as the drain starts or hands over.
pub async fn serve<H: Handler>(listen: Listen, options: ServerOptions, handler: Arc<H>, drain: Drain) -> ServeStats {
    let limits = Limits { head_read: options.head_read, idle: IDLE, linger: LINGER };
    serve_within(listen, options, limits, handler, drain).await
}

pub(super) async fn serve_within<H: Handler>(
    listen: Listen,
    options: ServerOptions,
    limits: Limits,
    handler: Arc<H>,
    drain: Drain,
) -> ServeStats {
    let acceptor = match Acceptor::new(listen) {
        Ok(acceptor) => acceptor,
        Err(error) => return ServeStats { failed: Some(error), ..ServeStats::default() },
    };
    let shared = Arc::new(Shared {
        handler,
        drain: drain.clone(),
        http1: http1_builder(&options),
        http2: http2_builder(&options),
        tls: options.tls.as_ref().map(|tls| TlsAcceptor::from(Arc::clone(&tls.0))),
        limits,
        requests_max: options.requests_per_connection_max.unwrap_or(u32::MAX),
    });
    let places = Arc::new(Semaphore::new(options.connections_max.clamp(1, Semaphore::MAX_PERMITS)));
    let crowd = Crowd::new(options.connections_per_address_max);
    let (connections, crowded) = accept(&acceptor, &shared, &places, crowd.as_ref(), &drain).await;
    drop(acceptor);
    let cut = drain.finished().await;
    ServeStats { connections, crowded, cut, failed: None }
}

/// Accepts until the drain starts; returns how many came, and how many too many from one address.
async fn accept<H: Handler>(
    acceptor: &Acceptor,
    shared: &Arc<Shared<H>>,
    places: &Arc<Semaphore>,
    crowd: Option<&Arc<Crowd>>,
    drain: &Drain,
) -> (u64, u64) {
    let (mut connections, mut crowded) = (0, 0);
    loop {
        let next = async {
            let permit = Arc::clone(places).acquire_owned().await;
            (acceptor.accept().await, permit)
        };
        let (accepted, permit) = tokio::select! {
            biased;
            () = drain.stopped() => return (connections, crowded),
            next = next => next,
        };
        match accepted {
            Ok(accepted) => {
                connections += 1;
                let among = match (crowd, accepted.address()) {
                    (Some(crowd), Some(address)) => {
                        let Some(among) = crowd.enter(address) else {
                            crowded += 1;
                            continue;
                        };
                        Some(among)
                    }
                    _ => None,
                };
                let place = drain.enter();
                let connection = run(accepted, Arc::clone(shared), place);
                tokio::spawn(async move {
                    connection.await;
                    drop((permit, among));
                });
            }
            // The caller left before we looked.
            Err(error) if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) => {
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

fn http1_builder(options: &ServerOptions) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .max_buf_size(options.head_bytes_max.max(BUFFER_BYTES_MAX))
        .max_header_size(options.head_bytes_max)
        // Ours is `Link`'s: no timer entry per request, and idle connections are not heads.
        .header_read_timeout(None);
    if options.headers_max != HYPER_HEADERS_MAX {
        builder.max_headers(options.headers_max);
    }
    builder
}

fn http2_builder(options: &ServerOptions) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(options.head_bytes_max).unwrap_or(u32::MAX))
        .max_concurrent_streams(options.h2_streams_max)
        .initial_stream_window_size(H2_WINDOW_BYTES)
        .initial_connection_window_size(4 * H2_WINDOW_BYTES)
        .max_send_buf_size(BUFFER_BYTES_MAX)
        .keep_alive_interval(PING_EVERY);
    builder
}
