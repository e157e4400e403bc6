//! Send: one attempt at one deployment. Owns the deadlines up to the response head and the meaning of what can go
//! wrong before it. Nothing has reached the caller yet when this fails.

use std::sync::Arc;
use std::time::{Duration, Instant};

use paceline_http::{Answer, Deadlines, Method, RequestHead, SendError};
use paceline_policy::{Caller, deadlines};
use paceline_types::{Code, Failure, Flags};

use crate::edit::Outgoing;
use crate::headers;
use crate::life::Life;
use crate::running::Running;

/// A response head with its body still at the provider.
pub(crate) struct Sent {
    pub answer: Answer,
    pub withhold_usage: bool,
    pub advice: Option<String>,
    pub clock: Clock,
}

/// The deadlines of one request as instants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    pub first_token: Option<Instant>,
    pub stall: Option<Duration>,
    pub total: Option<Instant>,
}

impl Clock {
    /// The class's deadlines from `began` and now, tightened by what the caller asked for.
    fn new(plan: paceline_plan::document::Deadlines, began: Instant, timeout_ms: Option<u64>, streamed: bool) -> Self {
        let span = |ms: u64| (ms > 0).then(|| Duration::from_millis(ms));
        let total = [span(plan.total_ms), timeout_ms.and_then(span)].into_iter().flatten().min();
        Self {
            first_token: if streamed { span(plan.first_token_ms).map(|span| Instant::now() + span) } else { None },
            stall: if streamed { span(plan.stall_ms) } else { None },
            total: total.map(|span| began + span),
        }
    }

    /// The sooner of `soft` and the total deadline, and which it is.
    pub(crate) fn sooner(&self, soft: Option<Instant>, code: Code) -> (Option<Instant>, Code) {
        match (soft, self.total) {
            (Some(soft), Some(total)) if soft < total => (Some(soft), code),
            (Some(soft), None) => (Some(soft), code),
            (_, total) => (total, Code::ProviderTimeoutTotal),
        }
    }
}

/// Sends the request and waits for the response head.
pub(crate) async fn send(
    running: &Arc<Running>,
    life: &mut Life,
    caller: &Caller,
    outgoing: Outgoing,
) -> Result<Sent, Failure> {
    let plan = deadlines(&running.plan, caller);
    let clock = Clock::new(plan, life.began, life.scene.timeout_ms, outgoing.streamed);
    let connect = (plan.connect_ms > 0).then(|| Instant::now() + Duration::from_millis(plan.connect_ms));
    let (connect, _) = clock.sooner(connect, Code::ProviderTimeoutConnect);
    let (head, head_code) = clock.sooner(clock.first_token, Code::ProviderTimeoutFirstToken);
    let request = RequestHead {
        leave_out: headers::stays,
        more: &outgoing.more,
        ..RequestHead::new(&Method::POST, &outgoing.path, &outgoing.headers)
    };
    life.record.attempts = 1;
    life.sent();
    let upstream = &running.providers[outgoing.provider].upstream;
    let sent = upstream.send(request, outgoing.body, Deadlines { connect, head }).await;
    let answer = sent.map_err(|error| {
        let name = &running.plan.deployments[outgoing.deployment].name;
        failure(life, name, &error, head_code)
    })?;
    note(life, &answer);
    Ok(Sent { answer, withhold_usage: outgoing.withhold_usage, advice: outgoing.advice, clock })
}

fn note(life: &mut Life, answer: &Answer) {
    let sent_us = life.micros(answer.sent);
    let headers_us = life.micros(answer.head);
    let record = &mut life.record;
    record.sent_us = sent_us;
    record.headers_us = headers_us;
    record.provider_status = answer.status;
    record.connect_us = u32::try_from(answer.connect.as_micros()).unwrap_or(u32::MAX - 1);
    if answer.reconnected {
        record.flags.set(Flags::RECONNECTED);
    }
    if let Some(body_at) = life.scene.body_at {
        let inside = answer.sent.saturating_duration_since(body_at).saturating_sub(answer.connect);
        record.overhead_in_ns = u32::try_from(inside.as_nanos()).unwrap_or(u32::MAX - 1);
    }
    let provider_request = answer.headers.get("x-request-id").or_else(|| answer.headers.get("request-id"));
    provider_request.and_then(|id| id.to_str().ok()).unwrap_or_default().clone_into(&mut record.provider_request);
}

/// What a failed attempt means for the caller. Names the deployment, never the provider's bytes.
fn failure(life: &mut Life, deployment: &str, error: &SendError, head_code: Code) -> Failure {
    if error.nothing_sent() {
        // Nothing was billed either.
        life.record.attempts = 0;
    }
    let (code, what) = match error {
        SendError::Connect(_) => (Code::ProviderUnreachable, "could not be reached"),
        SendError::Tls(_) => (Code::ProviderUnreachable, "could not be reached: the TLS handshake failed"),
        SendError::TimeoutConnect => (Code::ProviderTimeoutConnect, "did not accept a connection in time"),
        SendError::TimeoutHead => (head_code, "did not answer in time"),
        SendError::Cut | SendError::HeadCut => (Code::ProviderCut, "closed the connection before answering"),
        SendError::Target => (Code::HeadInvalid, "was not asked: the request's query string holds a byte it must not"),
        _ => (Code::ProviderMalformed, "answered something that is not HTTP"),
    };
    Failure::new(code, format!("Deployment {deployment} {what}"))
}
