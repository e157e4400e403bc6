//! One caller's connection from accept to close: handshake, choice of protocol, and the task that drives hyper under
//! the connection's deadline and the server's drain.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode, Version};
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio_rustls::TlsAcceptor;

use super::body::{AbortWithReset, Body, Served};
use super::drain::{Drain, Place};
use super::link::{Answering, Expiry, Limits, Link};
use super::listen::Accepted;
use super::refusal::head_refusal;
use super::request::Request;
use super::serve::Handler;
use super::socket::{Socket, Stream};
use crate::upstream::Alarm;

/// What all connections of a server share.
pub(super) struct Shared<H> {
    pub handler: Arc<H>,
    pub drain: Drain,
    pub http1: http1::Builder,
    pub http2: http2::Builder<TokioExecutor>,
    pub tls: Option<TlsAcceptor>,
    pub limits: Limits,
    /// Of one connection.
    pub requests_max: u32,
}

/// Serves one connection to its end.
pub(super) async fn run<H: Handler>(accepted: Accepted, shared: Arc<Shared<H>>, mut place: Place) {
    let link = Arc::new(Link::new(shared.limits));
    let (stream, peer, h2) = match (accepted, &shared.tls) {
        (Accepted::Unix(stream), _) => (Stream::Unix(stream), None, None),
        (Accepted::Tcp(stream, peer), None) => (Stream::Tcp(stream), Some(peer), None),
        (Accepted::Tcp(stream, peer), Some(acceptor)) => {
            let Some(Ok(stream)) = beginning(&mut place, &link, acceptor.accept(stream)).await else { return };
            let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            (Stream::Tls(Box::new(stream)), Some(peer), Some(h2))
        }
    };
    let mut socket = Socket::new(stream, Arc::clone(&link));
    let h2 = match h2 {
        Some(h2) => h2,
        None => {
            let peek = poll_fn(|context| socket.poll_is_h2(context));
            match beginning(&mut place, &link, peek).await {
                Some(Ok(h2)) => h2,
                _ => return socket.close_late(),
            }
        }
    };
    let io = TokioIo::new(socket);
    let left = Arc::new(AtomicU32::new(shared.requests_max));
    let service = service(Arc::clone(&shared), Arc::clone(&link), peer, Arc::clone(&left));
    if h2 {
        link.set_h2();
        drive(shared.http2.serve_connection(io, service), &link, place, &left).await;
    } else {
        drive(shared.http1.serve_connection(io, service), &link, place, &left).await;
    }
}

/// hyper's view of the handler.
fn service<H: Handler>(
    shared: Arc<Shared<H>>,
    link: Arc<Link>,
    peer: Option<SocketAddr>,
    left: Arc<AtomicU32>,
) -> impl HttpService<Incoming, ResBody = Served, Error = Infallible, Future: Send> {
    service_fn(move |request| {
        let (shared, link) = (Arc::clone(&shared), Arc::clone(&link));
        // Requests that came before the peer was told find it at nothing already.
        let _ = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        async move { Ok::<_, Infallible>(answer(&shared, link, peer, request).await) }
    })
}

async fn answer<H: Handler>(
    shared: &Shared<H>,
    link: Arc<Link>,
    peer: Option<SocketAddr>,
    request: hyper::Request<Incoming>,
) -> http::Response<Served> {
    let received = Instant::now();
    let suspicious = link.is_suspicious();
    let answering = Answering::begin(&link);
    let close_means_end = request.version() == Version::HTTP_10;
    let (h2, to_head) = (link.is_h2(), request.method() == Method::HEAD);
    let request = Request::new(request, received, peer, link);
    let mut response = if suspicious { refused(request) } else { shared.handler.handle(request).await };
    if !h2 && shared.drain.is_handing_over() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    let resets = close_means_end || response.extensions().get::<AbortWithReset>().is_some();
    // hyper sees to it on HTTP/1; on HTTP/2 it would announce a body, and reset the stream when none comes.
    let bodiless = h2 && (to_head || matches!(response.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED));
    response.map(|body| Served::new(if bodiless { Body::Empty } else { body }, answering, resets))
}

/// The answer to a head that two parsers could frame differently.
fn refused(request: Request) -> http::Response<Body> {
    drop(request);
    let mut response = http::Response::new(Body::Full(Bytes::from(head_refusal("400"))));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Drives what comes before the first request, under the first head's deadline; given up when the server drains.
async fn beginning<T>(
    place: &mut Place,
    link: &Link,
    work: impl Future<Output = io::Result<T>>,
) -> Option<io::Result<T>> {
    let mut work = pin!(work);
    let mut alarm = Alarm::default();
    poll_fn(|context| {
        place.listen(context.waker());
        if place.drain().is_started() {
            return Poll::Ready(None);
        }
        if let Poll::Ready(done) = work.as_mut().poll(context) {
            return Poll::Ready(Some(done));
        }
        let Some(deadline) = link.deadline() else { return Poll::Pending };
        alarm.poll(context, deadline).map(|()| None)
    })
    .await
}

/// A hyper connection, of either protocol.
trait Connection: Future {
    /// Finish what runs, take nothing new.
    fn wind_down(self: Pin<&mut Self>);
}

impl<S> Connection for http1::Connection<TokioIo<Socket>, S>
where
    S: HttpService<Incoming, ResBody = Served, Error = Infallible>,
{
    fn wind_down(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<S> Connection for http2::Connection<TokioIo<Socket>, S, TokioExecutor>
where
    S: HttpService<Incoming, ResBody = Served, Error = Infallible, Future: Send + 'static>,
{
    fn wind_down(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// Drives a connection until it ends; `left` is how many requests it may still take.
async fn drive(connection: impl Connection, link: &Link, mut place: Place, left: &AtomicU32) {
    let mut connection = pin!(connection);
    let mut alarm = Alarm::default();
    let mut winding_down = false;
    poll_fn(|context: &mut Context<'_>| {
        place.listen(context.waker());
        loop {
            if place.drain().is_cut() {
                return Poll::Ready(());
            }
            let stops = place.drain().is_started() || link.is_h2() && place.drain().is_handing_over();
            if stops && !std::mem::replace(&mut winding_down, true) {
                connection.as_mut().wind_down();
            }
            if connection.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            if left.load(Ordering::Relaxed) == 0 && !std::mem::replace(&mut winding_down, true) {
                connection.as_mut().wind_down();
                continue;
            }
            let Some(deadline) = link.waits_until() else { return Poll::Pending };
            ready!(alarm.poll(context, deadline));
            match link.expire() {
                Expiry::Close => return Poll::Ready(()),
                Expiry::WindDown => connection.as_mut().wind_down(),
                Expiry::PollAgain => {}
            }
        }
    })
    .await;
}
