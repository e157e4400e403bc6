//! One attempt at one deployment: sends, waits for the head, and holds what comes back until it is certain that this
//! answer will do: the first token of a stream, the whole of a short answer. Nothing of it has reached the caller, so
//! that another deployment can still take over. Touches no usage record: attempts can race.

use std::time::{Duration, Instant};

use bytes::Bytes;
use paceline_http::{Answer, AnswerError, BodyError, Deadlines, Method, RequestHead, SendError};
use paceline_policy::Ended;
use paceline_providers::{ErrorKind, error_kind};
use paceline_traffic::Probe;
use paceline_types::{Code, Dialect, Failure};

use crate::clock::Clock;
use crate::edit::Outgoing;
use crate::headers;
use crate::prepare::Prepared;
use crate::relay::Tap;
use crate::running::Running;

/// Answers up to this size are gathered before the first byte leaves.
pub(crate) const GATHERED_BYTES_MAX: usize = 128 * 1024;
/// A stream is held back for its first token no longer than this many bytes.
const HELD_BYTES_MAX: usize = 64 * 1024;
/// Nor longer than this, where no deadline says less: callers and proxies give up on silent connections.
const HELD_MAX: Duration = Duration::from_secs(25);

/// An answer that has begun.
pub(crate) struct Opened {
    pub answer: Answer,
    pub deployment: usize,
    /// When this attempt began, queueing done.
    pub began: Instant,
    pub held: Held,
}

/// What has been read of an answer before the caller got anything.
pub(crate) enum Held {
    /// A stream of events: what may leave.
    Stream { tap: Box<Tap>, out: Vec<Bytes> },
    /// Anything else: its first bytes.
    Whole { parts: Vec<Bytes>, bytes: usize, ended: bool },
}

/// An attempt without an answer.
pub(crate) struct Missed {
    pub ended: Ended,
    pub failure: Failure,
    /// Something may have reached the provider, which may bill it.
    pub sent: bool,
    /// It was sent a second time, the pooled connection having been dead.
    pub reconnected: bool,
    /// It was one of the few that try a resting deployment.
    pub probe: Option<Probe>,
}

impl Opened {
    /// What is wrong with the answer, told by its status, its error body or its first event; none when it will do.
    pub(crate) fn fault(&self, dialect: Dialect) -> Option<Ended> {
        let parts = match &self.held {
            Held::Stream { tap, .. } => return tap.facts().provider_error.then_some(Ended::ErrorEvent),
            Held::Whole { parts, .. } => parts,
        };
        let status = self.answer.status;
        if status / 100 == 2 {
            return None;
        }
        let body = parts.first().map_or(&[][..], |part| part);
        Some(match error_kind(dialect, status, body) {
            ErrorKind::ContextTooLong => Ended::ContextTooLong,
            ErrorKind::ContentFiltered => Ended::ContentFiltered,
            ErrorKind::QuotaExhausted => Ended::QuotaExhausted,
            _ => Ended::Status(status),
        })
    }

    /// From sending to the first token, where there was one.
    pub(crate) fn first_token_ns(&self, prepared: &Prepared) -> Option<u64> {
        let Held::Stream { tap, .. } = &self.held else { return None };
        Some(tap.facts().first_ns?.saturating_sub(prepared.nanos(self.answer.sent)))
    }

    /// The provider's own word on when to come back: `retry-after-ms` (OpenAI) or `retry-after` in whole seconds.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let number = |name| self.answer.headers.get(name)?.to_str().ok()?.trim().parse().ok();
        number("retry-after-ms").map(Duration::from_millis).or_else(|| number("retry-after").map(Duration::from_secs))
    }
}

/// Sends and waits until the answer will do. `hold` is false when nobody could take over: then the head of a stream is
/// enough (of a compressed one the first bytes, since no error event could be added to it).
pub(crate) async fn attempt(
    running: &Running,
    prepared: &Prepared,
    outgoing: Outgoing,
    hold: bool,
) -> Result<Opened, Missed> {
    let began = Instant::now();
    let clock = prepared.clock.of_attempt(began);
    let connect = prepared.clock.connect.map(|span| began + span);
    let (connect, _) = clock.sooner(connect, Code::ProviderTimeoutConnect);
    let (head, head_code) = clock.sooner(clock.first_token, Code::ProviderTimeoutFirstToken);
    let request = RequestHead {
        leave_out: headers::stays,
        more: &outgoing.more,
        ..RequestHead::new(&Method::POST, &prepared.path, &prepared.headers)
    };
    let deployment = outgoing.deployment;
    let name = &running.plan.deployments[deployment].name;
    let upstream = &running.providers[outgoing.provider].upstream;
    let answer = upstream
        .send(request, outgoing.body, Deadlines { connect, head })
        .await
        .map_err(|error| unsent(name, &error, head_code))?;
    let held = if answer.status / 100 == 2 && is_event_stream(&answer) {
        let tap = Box::new(Tap::new(prepared.api, &answer.headers, prepared.withhold_usage, prepared.assemble));
        Held::Stream { tap, out: Vec::new() }
    } else {
        Held::Whole { parts: Vec::new(), bytes: 0, ended: false }
    };
    let mut opened = Opened { answer, deployment, began, held };
    let compressed = matches!(&opened.held, Held::Stream { tap, .. } if tap.is_compressed());
    if hold || compressed || matches!(opened.held, Held::Whole { .. }) {
        opened.gather(prepared, &clock).await.map_err(|(error, code)| unfinished(name, &opened, error, code))?;
    }
    Ok(opened)
}

impl Opened {
    async fn gather(&mut self, prepared: &Prepared, clock: &Clock) -> Result<(), (AnswerError, Code)> {
        match &mut self.held {
            Held::Whole { parts, bytes, ended } => {
                self.answer.set_deadline(clock.total);
                while *bytes <= GATHERED_BYTES_MAX && !*ended {
                    let chunk = self.answer.chunk().await.map_err(|error| (error, Code::ProviderTimeoutTotal))?;
                    *ended = chunk.is_none() || self.answer.is_end();
                    *bytes += chunk.as_ref().map_or(0, Bytes::len);
                    parts.extend(chunk);
                }
            }
            Held::Stream { tap, out } => {
                let (deadline, code) = clock
                    .sooner(clock.first_token.or(Some(Instant::now() + HELD_MAX)), Code::ProviderTimeoutFirstToken);
                self.answer.set_deadline(deadline);
                while !settled(tap) {
                    let chunk = match self.answer.chunk().await {
                        Ok(Some(chunk)) => chunk,
                        Ok(None) => return Err((AnswerError::Cut, code)),
                        Err(AnswerError::Deadline) if clock.first_token.is_none() => return Ok(()),
                        Err(error) => return Err((error, code)),
                    };
                    let now_ns = prepared.nanos(self.answer.read_at());
                    out.extend(Some(tap.push(chunk, now_ns)).filter(|chunk| !chunk.is_empty()));
                }
            }
        }
        Ok(())
    }
}

/// True when there is nothing more to wait for before the caller gets this stream.
fn settled(tap: &Tap) -> bool {
    let facts = tap.facts();
    facts.first_ns.is_some()
        || facts.terminal
        || facts.provider_error
        || (tap.is_compressed() && tap.bytes > 0)
        || tap.bytes > HELD_BYTES_MAX as u64
}

fn is_event_stream(answer: &Answer) -> bool {
    let kind = answer.headers.get("content-type");
    kind.is_some_and(|kind| {
        kind.as_bytes().get(..17).is_some_and(|kind| kind.eq_ignore_ascii_case(b"text/event-stream"))
    })
}

/// What a failed send means for the caller. Names the deployment, never the provider's bytes.
pub(crate) fn unsent(deployment: &str, error: &SendError, head_code: Code) -> Missed {
    if let SendError::Twice(error) = error {
        return Missed { sent: true, reconnected: true, ..unsent(deployment, error, head_code) };
    }
    let by_proxy;
    let (ended, code, what) = match error {
        SendError::Proxy { .. } => {
            by_proxy = format!("could not be reached: {error}");
            (Ended::Connect, Code::ProviderUnreachable, by_proxy.as_str())
        }
        SendError::Connect(_) => (Ended::Connect, Code::ProviderUnreachable, "could not be reached"),
        SendError::Refused => {
            (Ended::Connect, Code::ProviderUnreachable, "takes no more requests: it refused the stream each time")
        }
        SendError::AddressRefused(_) => {
            (Ended::Connect, Code::ProviderUnreachable, "was not asked: its address is one that is refused")
        }
        SendError::TooManyConnections => {
            (Ended::Connect, Code::ProviderUnreachable, "was not asked: it has as many connections as it may")
        }
        SendError::Tls(_) => (Ended::Tls, Code::ProviderUnreachable, "could not be reached: the TLS handshake failed"),
        SendError::TimeoutConnect => {
            (Ended::TimeoutConnect, Code::ProviderTimeoutConnect, "did not accept a connection in time")
        }
        SendError::TimeoutHead if head_code == Code::ProviderTimeoutTotal => {
            (Ended::TimeoutTotal, head_code, "did not answer in time")
        }
        SendError::TimeoutHead => (Ended::TimeoutFirstToken, head_code, "did not answer in time"),
        SendError::Cut | SendError::HeadCut => {
            (Ended::Cut, Code::ProviderCut, "closed the connection before answering")
        }
        SendError::Body(error) => {
            let code = match error {
                BodyError::TooLarge => Code::BodyTooLarge,
                BodyError::Timeout => Code::BodyTimeout,
                BodyError::Cut => Code::BodyCut,
                _ => Code::BodyMalformed,
            };
            (Ended::Own, code, "was not asked to the end: the request's own body failed")
        }
        SendError::Target => {
            (Ended::Own, Code::HeadInvalid, "was not asked: the request's query string holds a byte it must not")
        }
        _ => (Ended::Malformed, Code::ProviderMalformed, "answered something that is not HTTP"),
    };
    Missed {
        ended,
        failure: Failure::new(code, format!("Deployment {deployment} {what}")),
        sent: !error.nothing_sent(),
        reconnected: false,
        probe: None,
    }
}

/// What an answer that broke off before the caller got anything means.
fn unfinished(deployment: &str, opened: &Opened, error: AnswerError, deadline: Code) -> Missed {
    let (ended, code, what) = match error {
        AnswerError::Deadline if deadline == Code::ProviderTimeoutFirstToken => {
            (Ended::TimeoutFirstToken, deadline, "sent no token in time")
        }
        AnswerError::Deadline => (Ended::TimeoutTotal, deadline, "did not finish its answer in time"),
        AnswerError::Malformed => (Ended::Malformed, Code::ProviderMalformed, "sent a body that is not valid HTTP"),
        _ => (Ended::Cut, Code::ProviderCut, "closed the connection before its answer was complete"),
    };
    let what = format!("Deployment {deployment} (status {}) {what}", opened.answer.status);
    Missed { ended, failure: Failure::new(code, what), sent: true, reconnected: opened.answer.reconnected, probe: None }
}
