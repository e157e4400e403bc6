//! HTTP/2 to a provider: few connections, many streams. A request gets a seat on a connection that has room; where none
//! has, one request at a time opens another, and past the bound on connections it waits for a seat until its deadline.
//! What the peer says it never looked at (GOAWAY, REFUSED_STREAM) is asked again elsewhere, unseen.

mod body;
mod exchange;
mod line;
mod source;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use http::{HeaderMap, Method, Uri, header};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::count::Count;
use super::dial::{Offer, Target};
use super::error::SendError;
use super::pool::Pool;
use super::wire::Wire;
use super::{Answer, Deadlines, RequestHead, UpstreamOptions};
use exchange::{Failed, exchange};
use line::{Line, Seat};

pub(super) use body::Body;
pub(super) use source::Source;

/// How often a request that the peer never looked at is asked again.
const UNSEEN_MAX: u32 = 3;

/// The HTTP/2 connections of one origin.
pub(super) struct Lines {
    lines: Mutex<Vec<Line>>,
    /// A seat became free, or a connection went away.
    freed: Arc<Notify>,
    dialling: tokio::sync::Mutex<()>,
    /// The peer chose HTTP/1.1 at a handshake; it is asked that way from then on.
    http1_only: AtomicBool,
    secure: bool,
    idle_for: Duration,
    connection_age_max: Duration,
    head_bytes_max: usize,
}

/// A place to send a request.
pub(super) enum Found {
    Seat(Seat),
    /// The peer speaks HTTP/1.1.
    Http1(Box<Wire>),
}

impl Lines {
    pub(super) fn new(options: &UpstreamOptions, secure: bool) -> Self {
        Self {
            lines: Mutex::default(),
            freed: Arc::default(),
            dialling: tokio::sync::Mutex::default(),
            http1_only: AtomicBool::new(false),
            secure,
            idle_for: options.idle_for,
            connection_age_max: options.connection_age_max,
            head_bytes_max: options.head_bytes_max,
        }
    }

    /// False once the peer has chosen HTTP/1.1.
    pub(super) fn is_spoken(&self) -> bool {
        !self.http1_only.load(Ordering::Relaxed)
    }

    /// Connections without a request.
    pub(super) fn idle(&self) -> usize {
        self.lines.lock().iter().filter(|line| line.is_idle()).count()
    }

    /// A seat, at the latest when the head is due.
    ///
    /// # Errors
    /// When no connection can be opened, or none has room in time.
    pub(super) async fn find(
        &self,
        target: &Target,
        count: &Arc<Count>,
        deadlines: Deadlines,
    ) -> Result<Found, SendError> {
        loop {
            let freed = self.freed.notified();
            if let Some(seat) = self.seat() {
                count.on_reuse();
                return Ok(Found::Seat(seat));
            }
            let waits = async {
                tokio::select! {
                    dialling = self.dialling.lock() => Some(dialling),
                    () = freed => None,
                }
            };
            // Another request dials: that takes too long, then.
            let Some(_dialling) = in_time(deadlines, waits).await.ok_or(SendError::TimeoutConnect)? else { continue };
            // Whoever dialled before may have left room.
            let freed = self.freed.notified();
            if let Some(seat) = self.seat() {
                count.on_reuse();
                return Ok(Found::Seat(seat));
            }
            match count.enter() {
                Some(place) => return self.open(target, place, deadlines.connect).await,
                None if self.lines.lock().is_empty() => return Err(SendError::TooManyConnections),
                None => in_time(deadlines, freed).await.ok_or(SendError::TooManyConnections)?,
            }
        }
    }

    /// A seat on a connection there is; forgets those that take no more.
    fn seat(&self) -> Option<Seat> {
        let now = Instant::now();
        let mut lines = self.lines.lock();
        lines.retain(|line| line.is_good(now, self.idle_for, self.connection_age_max));
        lines.iter().find_map(Line::sit)
    }

    async fn open(
        &self,
        target: &Target,
        place: super::count::Place,
        deadline: Option<Instant>,
    ) -> Result<Found, SendError> {
        let opening = Instant::now();
        let open = async {
            let socket = target.open_socket(Offer::Http2, deadline).await?;
            if self.secure && !socket.chose_http2() {
                self.http1_only.store(true, Ordering::Relaxed);
                self.freed.notify_waiters();
                return Ok(Found::Http1(Box::new(Wire::new(socket, place))));
            }
            let line = Line::begin(socket, place, Arc::clone(&self.freed), self.idle_for, self.head_bytes_max).await?;
            let mut seat = line.sit().ok_or(SendError::Refused)?;
            seat.connect = opening.elapsed();
            seat.fresh = true;
            self.lines.lock().push(line);
            // Whoever waits for this dialler finds the room it made.
            self.freed.notify_waiters();
            Ok(Found::Seat(seat))
        };
        match deadline {
            Some(deadline) => {
                tokio::time::timeout_at(deadline.into(), open).await.map_err(|_| SendError::TimeoutConnect)?
            }
            None => open.await,
        }
    }
}

/// A wait that is no longer than the request has; none when it was too long.
async fn in_time<T>(deadlines: Deadlines, wait: impl Future<Output = T>) -> Option<T> {
    let until = [deadlines.connect, deadlines.head].into_iter().flatten().min();
    match until {
        Some(until) => tokio::time::timeout_at(until.into(), wait).await.ok(),
        None => Some(wait.await),
    }
}

/// Sends over HTTP/2, again where the peer never looked at it, or, once, where the connection proved dead.
///
/// # Errors
/// When there is no response head. The source comes back untouched with a peer that speaks HTTP/1.1.
pub(super) async fn send<'a>(
    lines: &Lines,
    target: &Target,
    count: &Arc<Count>,
    pool: &Pool,
    head: RequestHead<'_>,
    mut source: Source<'a>,
    deadlines: Deadlines,
) -> Result<Sent<'a>, SendError> {
    let (mut reconnected, mut unseen) = (false, 0);
    loop {
        let twice = |error| if reconnected { SendError::Twice(Box::new(error)) } else { error };
        let seat = match lines.find(target, count, deadlines).await.map_err(twice)? {
            Found::Seat(seat) => seat,
            Found::Http1(wire) => {
                pool.put(*wire, Instant::now());
                return Ok(Sent::Http1(source));
            }
        };
        let request = request(head, target, lines.secure, source.length())?;
        let fresh = seat.fresh;
        let tried =
            exchange(seat, request, *head.method == Method::HEAD, source, deadlines.head, lines.head_bytes_max).await;
        let (failed, given_back) = match tried {
            Ok(answer) => return Ok(Sent::Answer(Box::new(Answer { reconnected, ..answer }))),
            Err(failed) => failed,
        };
        let again = given_back.filter(Source::is_whole);
        source = match (&failed, again) {
            (Failed::Unseen, Some(again)) if unseen < UNSEEN_MAX => {
                unseen += 1;
                again
            }
            (Failed::Dead, Some(again)) if !fresh && !reconnected => {
                reconnected = true;
                again
            }
            _ => return Err(twice(failed.into())),
        };
    }
}

/// What came of sending.
pub(super) enum Sent<'a> {
    Answer(Box<Answer>),
    /// The peer speaks HTTP/1.1; nothing was sent.
    Http1(Source<'a>),
}

fn request(
    head: RequestHead<'_>,
    target: &Target,
    secure: bool,
    length: Option<u64>,
) -> Result<http::Request<()>, SendError> {
    let path = format!("{}{}", target.prefix(), head.path);
    let uri = Uri::builder()
        .scheme(if secure { "https" } else { "http" })
        .authority(target.authority())
        .path_and_query(if path.is_empty() { "/" } else { &path })
        .build()
        .map_err(|_| SendError::Target)?;
    let mut headers = HeaderMap::with_capacity(head.headers.len() + head.more.len() + 1);
    let kept = head.headers.iter().filter(|(name, _)| !(head.leave_out)(name.as_str()));
    for (name, value) in kept.chain(head.more.iter().map(|(name, value)| (name, value))) {
        // The one value of `te` that HTTP/2 knows.
        let trailers = *name == header::TE && value.as_bytes() == b"trailers";
        if trailers || !is_of_http1(name.as_str()) {
            headers.append(name.clone(), value.clone());
        }
    }
    if let Some(length) = length.filter(|&length| length > 0 || *head.method == Method::POST) {
        headers.insert(header::CONTENT_LENGTH, length.into());
    }
    let mut request = http::Request::new(());
    (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (head.method.clone(), uri, headers);
    *request.version_mut() = http::Version::HTTP_2;
    Ok(request)
}

/// Headers that HTTP/2 says otherwise, or forbids (RFC 9113, 8.2.2).
fn is_of_http1(name: &str) -> bool {
    matches!(
        name,
        "host"
            | "connection"
            | "content-length"
            | "transfer-encoding"
            | "upgrade"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "http2-settings"
    )
}
