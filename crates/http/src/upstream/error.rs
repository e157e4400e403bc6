//! What can go wrong at a provider's connection, before and after the response head. No variant quotes what the
//! provider sent.

use std::io;

use crate::server::BodyError;

/// A base URL that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UpstreamFault {
    #[error("it is not a URL")]
    NotUrl,
    #[error("its scheme is neither http nor https")]
    Scheme,
    #[error("it has no host, or one that no certificate could name")]
    Host,
    #[error("it holds credentials; name a key instead")]
    Credentials,
    #[error("it has a query string")]
    Query,
    #[error("its host is one that is refused: link-local, cloud metadata, unspecified, multicast or broadcast")]
    Address,
}

/// Why there is no response head.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Name not resolved, or no address accepted a connection.
    #[error("cannot connect: {0}")]
    Connect(io::Error),
    /// Every address the host resolved to is one no connection may go to; the first of them.
    #[error("address {0} is refused")]
    AddressRefused(String),
    /// As many connections are open as the upstream may have, all of them busy.
    #[error("too many connections")]
    TooManyConnections,
    #[error("TLS handshake failed: {0}")]
    Tls(String),
    /// The proxy on the way was not reached, or opened no way to the provider.
    #[error("proxy {proxy} {fault}")]
    Proxy { proxy: String, fault: ProxyFault },
    #[error("no connection in time")]
    TimeoutConnect,
    #[error("no response head in time")]
    TimeoutHead,
    /// The connection ended before any byte of a response.
    #[error("connection closed before an answer")]
    Cut,
    /// The connection ended inside the response head.
    #[error("connection closed inside the response head")]
    HeadCut,
    #[error("response head over its bound")]
    HeadTooLarge,
    #[error("response is not HTTP as it was asked for")]
    Malformed,
    /// The provider said, as often as it was asked, that it did not look at the request (HTTP/2).
    #[error("stream refused")]
    Refused,
    /// What became of the request on a fresh connection, after it had been sent on a pooled one that proved dead.
    #[error("{0} (sent a second time, the pooled connection having been dead)")]
    Twice(Box<SendError>),
    /// The request's body, passed on as it came in, did not come to its end.
    #[error("request {0}")]
    Body(BodyError),
    /// The request itself cannot be written as HTTP.
    #[error("request target holds a byte it must not")]
    Target,
}

impl SendError {
    /// True when nothing of the request can have reached the provider.
    #[must_use]
    pub fn nothing_sent(&self) -> bool {
        matches!(
            self,
            Self::Connect(_)
                | Self::AddressRefused(_)
                | Self::TooManyConnections
                | Self::Tls(_)
                | Self::Proxy { .. }
                | Self::TimeoutConnect
                | Self::Target
                | Self::Refused
        )
    }

    /// True when the provider had not answered a single byte.
    #[must_use]
    pub fn before_first_byte(&self) -> bool {
        self.nothing_sent() || matches!(self, Self::TimeoutHead | Self::Cut)
    }
}

/// What a proxy did instead of letting a connection through.
#[derive(Debug, thiserror::Error)]
pub enum ProxyFault {
    #[error("cannot be reached: {0}")]
    Connect(io::Error),
    #[error("broke the connection: {0}")]
    Broke(io::Error),
    #[error("answered {0}")]
    Answered(u16),
    #[error("answered something that is not HTTP/1.1")]
    Malformed,
}

/// Why an answer's body ended before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// The connection was closed in an orderly way, too early.
    #[error("answer cut short")]
    Cut,
    /// The connection broke.
    #[error("connection broke: {0}")]
    Reset(io::ErrorKind),
    #[error("body framing is invalid")]
    Malformed,
    /// The deadline set with `Answer::set_deadline` passed.
    #[error("deadline passed")]
    Deadline,
}
