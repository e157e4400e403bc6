//! The upstream half: HTTP/1.1 to providers, driven from inside the caller's own task, with no task, no queue, no buffer
//! of its own while a stream waits; and HTTP/2 for those that ask for it.

mod addresses;
mod alarm;
mod answer;
mod body;
mod call;
mod chunked;
mod count;
mod dial;
mod error;
mod exchange;
mod head;
mod http2;
mod origin;
mod pool;
mod proxies;
mod request;
#[cfg(test)]
mod tests;
mod tunnel;
mod upload;
mod wire;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Method;

pub use addresses::AddressRule;
pub(crate) use alarm::Alarm;
pub use answer::Answer;
pub use call::{CallError, Called};
pub use count::UpstreamStats;
pub use error::{AnswerError, ProxyFault, SendError, UpstreamFault};
pub use proxies::{Proxies, Proxy};
pub use request::RequestHead;

use crate::tls::ClientTls;
use answer::Transport;
use body::Incoming;
use count::Count;
use dial::Target;
use exchange::{Exchange, Replied, Sending};
use http2::{Lines, Sent, Source};
use origin::Origin;
use pool::Pool;
use request::Outgoing;
use wire::Wire;

/// Bounds of one upstream.
#[derive(Debug, Clone)]
pub struct UpstreamOptions {
    /// Idle connections kept.
    pub idle_max: usize,
    /// Age at which an idle connection is no longer used.
    pub idle_for: Duration,
    /// Age, from its opening, at which a connection takes no further request: a name that moved is followed then.
    pub connection_age_max: Duration,
    /// Connections open at once, pooled and busy; zero for no bound.
    pub connections_max: u32,
    /// Bound on a response head.
    pub head_bytes_max: usize,
    /// Speak HTTP/2: as agreed at the TLS handshake, or, to a plain address, as known beforehand.
    pub http2: bool,
    pub tls: ClientTls,
    /// Where connections may go; judged anew at each one, after its name has been resolved.
    pub addresses: AddressRule,
    /// The proxies on the way out, and what goes without. Behind one, it is the proxy that resolves names.
    pub proxies: Arc<Proxies>,
}

/// When to give up before there is a response head. The connect deadline covers name, connection, a proxy's tunnel and
/// TLS handshake.
#[derive(Debug, Clone, Copy, Default)]
pub struct Deadlines {
    pub connect: Option<Instant>,
    pub head: Option<Instant>,
}

/// One provider address with its pool of idle connections. Share it in an `Arc`.
pub struct Upstream {
    target: Target,
    pool: Arc<Pool>,
    count: Arc<Count>,
    /// Where HTTP/2 is spoken.
    lines: Option<Lines>,
    head_bytes_max: usize,
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Upstream").field("authority", &self.target.authority()).finish_non_exhaustive()
    }
}

/// What came of one try on one connection.
struct Tried {
    wire: Wire,
    replied: Replied,
    sent: Instant,
}

impl Upstream {
    /// An upstream at `base` (`https://host[:port][/prefix]`). Opens nothing yet.
    ///
    /// # Errors
    /// When `base` is not such a URL, or its host is an address or a name that `options.addresses` refuses.
    pub fn new(base: &str, options: UpstreamOptions) -> Result<Self, UpstreamFault> {
        let origin = Origin::parse(base)?;
        if !options.addresses.permits_host(&origin.host) {
            return Err(UpstreamFault::Address);
        }
        Ok(Self::with_target(Target::tcp(origin, &options), &options))
    }

    /// An upstream behind a Unix socket, plain HTTP.
    #[must_use]
    pub fn unix(path: impl AsRef<Path>, options: &UpstreamOptions) -> Self {
        Self::with_target(Target::Unix { path: path.as_ref().to_owned() }, options)
    }

    fn with_target(target: Target, options: &UpstreamOptions) -> Self {
        let pool = Arc::new(Pool::new(options));
        let count = Arc::new(Count::new(options.connections_max));
        let speaks = options.http2 && target.may_speak_http2();
        let lines = speaks.then(|| Lines::new(options, target.is_secure()));
        Self { target, pool, count, lines, head_bytes_max: options.head_bytes_max }
    }

    /// Connections waiting in the pool.
    #[must_use]
    pub fn idle_connections(&self) -> usize {
        self.pool.len() + self.lines.as_ref().map_or(0, Lines::idle)
    }

    /// What its connections are and have been.
    #[must_use]
    pub fn stats(&self) -> UpstreamStats {
        self.count.stats(self.idle_connections())
    }

    /// Sends a request and waits for the response head. A pooled connection that proves dead before any response byte
    /// is replaced by a fresh one, once. Dropping the future closes the connection.
    ///
    /// # Errors
    /// When there is no response head; nothing of an answer has been seen then.
    pub async fn send(
        &self,
        mut head: RequestHead<'_>,
        mut body: Vec<Bytes>,
        deadlines: Deadlines,
    ) -> Result<Answer, SendError> {
        if let Some(lines) = self.lines.as_ref().filter(|lines| lines.is_spoken()) {
            // Kept out of the future that every request is.
            match Box::pin(self.over_http2(lines, head, Source::parts(body), deadlines)).await? {
                Sent::Answer(answer) => return Ok(*answer),
                Sent::Http1(Source::Parts { all, .. }) => body = all,
                Sent::Http1(Source::Stream(_)) => return Err(SendError::Malformed),
            }
        }
        let more;
        if let Some(authorization) = self.target.proxy_authorization() {
            more = [head.more, &[authorization]].concat();
            head.more = &more;
        }
        let outgoing = Outgoing::new(head, self.target.prefix(), self.target.authority(), body)?;
        self.carry(outgoing, *head.method == Method::HEAD, deadlines).await
    }

    /// Over HTTP/2. A peer that turns out to speak HTTP/1.1 leaves its connection in the pool, and the source untouched.
    async fn over_http2<'a>(
        &self,
        lines: &Lines,
        head: RequestHead<'_>,
        source: Source<'a>,
        deadlines: Deadlines,
    ) -> Result<Sent<'a>, SendError> {
        http2::send(lines, &self.target, &self.count, &self.pool, head, source, deadlines).await
    }

    /// The same for whatever is to be sent; said again on another connection only if it can be.
    async fn carry(
        &self,
        mut sending: impl Sending,
        to_head_request: bool,
        deadlines: Deadlines,
    ) -> Result<Answer, SendError> {
        let mut reconnected = false;
        if let Some(wire) = self.pool.take() {
            self.count.on_reuse();
            match self.attempt(wire, &mut sending, to_head_request, deadlines.head).await {
                Ok(tried) => return Ok(self.answer(tried, sending, Duration::ZERO, false)),
                Err(SendError::Cut) if sending.rewind() => reconnected = true,
                Err(error) => return Err(error),
            }
        }
        let twice = |error| if reconnected { SendError::Twice(Box::new(error)) } else { error };
        let place = self.count.enter().ok_or(SendError::TooManyConnections).map_err(twice)?;
        let opening = Instant::now();
        let wire = self.target.open(place, deadlines.connect).await.map_err(twice)?;
        let connect = opening.elapsed();
        let tried = self.attempt(wire, &mut sending, to_head_request, deadlines.head).await.map_err(twice)?;
        Ok(self.answer(tried, sending, connect, reconnected))
    }

    async fn attempt(
        &self,
        mut wire: Wire,
        sending: &mut impl Sending,
        to_head_request: bool,
        deadline: Option<Instant>,
    ) -> Result<Tried, SendError> {
        let mut exchange = Exchange::new(to_head_request, self.head_bytes_max, deadline);
        let replied = std::future::poll_fn(|context| exchange.poll(&mut wire, sending, context)).await?;
        self.target.judge(replied.head.status)?;
        let sent = exchange.sent.unwrap_or(replied.at);
        Ok(Tried { wire, replied, sent })
    }

    fn answer(&self, tried: Tried, sending: impl Sending, connect: Duration, reconnected: bool) -> Answer {
        let Tried { wire, replied, sent } = tried;
        let Replied { head, rest, at } = replied;
        let mut body = Incoming::new(wire, Arc::clone(&self.pool), head.framing, head.keep_alive, at);
        if !sending.is_sent() {
            body.still_sending(sending.into_rest(), head.status);
        }
        body.begin(rest);
        Answer {
            status: head.status,
            headers: head.headers,
            connect,
            sent,
            head: at,
            reconnected,
            content_length: head.content_length,
            body: Transport::Http1(body),
        }
    }
}
