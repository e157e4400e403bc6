//! Sockets and HTTP: the server edge, the upstream half, the pool, TLS, deadlines.
//!
//! The edge (`server`) is hyper's: framing, HTTP/2 and what stands against smuggling are its business. The upstream
//! half (`upstream`) is our own HTTP/1.1 on httparse: it is driven from inside the server's `poll_frame`, has no task
//! and no queue of its own, and turns one read into one frame. Providers that ask for it are spoken to in
//! HTTP/2, on the h2 crate (`upstream::http2`). No hyper type leaves this crate, and nothing in here
//! knows what a request means.
//!
//! What a caller gets who does not speak HTTP:
//!
//! | seen | answer |
//! |---|---|
//! | method, target, version, header or length field malformed; folded header; differing content-lengths | 400 |
//! | both content-length and transfer-encoding; a header line that ends in a bare LF | 400 |
//! | too many headers, or a head over its bound | 431 |
//! | target over 64 KiB | 414 |
//! | head not complete in time | 408 |
//! | chunk framing invalid, body cut or too slow | what the handler makes of `BodyError` |
//!
//! hyper answers the first, third and fourth rows itself, with an empty body, before a handler could know of them; the
//! edge (`server::socket`, `server::refusal`) puts a small JSON error body into that answer. All of them close the connection, and a
//! connection closed with unread input lingers for a moment, so that the answer is not lost in a reset.

mod server;
mod tls;
mod upstream;

pub use bytes::{Bytes, BytesMut};
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};

pub use server::{
    Abort, AbortWithReset, Body, BodyError, BodyStream, Chunks, Drain, Handler, Listen, Request, Response, ServeStats,
    ServerOptions, bind_tcp, bind_unix, receive_listener, send_listener, serve,
};
pub use tls::{ClientTls, ServerTls, TlsError, client_tls};
pub use upstream::{
    AddressRule, Answer, AnswerError, CallError, Called, Deadlines, Proxies, Proxy, ProxyFault, RequestHead, SendError,
    Upstream, UpstreamFault, UpstreamOptions, UpstreamStats,
};
