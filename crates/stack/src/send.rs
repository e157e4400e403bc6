//! Send: attempts until one will do. For each: the deployment's health, its own limits, its queue, the edits, the
//! attempt itself, and when it fails the policy's word on what next. What the caller gets is one answer, or the failure
//! of the last attempt.

use std::sync::Arc;
use std::time::{Duration, Instant};

use paceline_http::Answer;
use paceline_policy::{Ended, History, Standing, Step, Verdict, decide, ending};
use paceline_traffic::{Admission, Enter, Order, Pass, Probe, order};
use paceline_types::{Code, Failure, Flags, UNDEFINED};

use crate::attempt::{Held, Missed, Opened};
use crate::clock::Clock;
use crate::edit::{self, Outgoing};
use crate::gateway::Gateway;
use crate::headers;
use crate::hedge;
use crate::ident;
use crate::life::Life;
use crate::limits;
use crate::prepare::Prepared;
use crate::running::Running;

/// An answer that will do, with what it holds on to until it ends.
pub(crate) struct Sent {
    pub answer: Answer,
    pub held: Option<Held>,
    pub clock: Clock,
    pub assemble: bool,
    pub advice: Option<String>,
    /// What is left of the limits that apply.
    pub rates: Option<limits::Left>,
    /// The place at the deployment, given back when the answer has ended.
    _pass: Option<Pass>,
}

impl Sent {
    /// An answer that is passed on as it comes.
    pub(crate) fn plain(answer: Answer, clock: Clock, rates: Option<limits::Left>, advice: Option<String>) -> Self {
        Self { answer, held: None, clock, assemble: false, advice, rates, _pass: None }
    }
}

/// One request on its way from deployment to deployment.
pub(crate) struct Journey<'a> {
    pub gateway: &'a Gateway,
    pub running: &'a Arc<Running>,
    pub prepared: &'a Prepared,
    pub history: History,
    pub order: Order,
    /// When the first attempt began.
    first: Instant,
    /// Of the last attempt that was really made.
    failure: Option<Failure>,
    /// Of the last attempt that failed for another reason than want of room.
    last: Option<Ended>,
}

/// What one deployment's turn came to.
pub(crate) struct Turn {
    pub deployment: usize,
    pub result: Result<Arrived, Missed>,
}

impl Turn {
    /// What is wrong with it; none when the answer will do.
    pub(crate) fn fault(&self, prepared: &Prepared) -> Option<Ended> {
        match &self.result {
            Ok(arrived) => arrived.opened.fault(prepared.api.dialect()),
            Err(missed) => Some(missed.ended),
        }
    }
}

/// How a request ended that nobody is asked for any more.
#[derive(Clone, Copy)]
pub(crate) struct GivenUp {
    pub ended: Ended,
    /// The last deployment, where it may bill for what it did.
    pub billed_by: Option<usize>,
}

/// An answer and the place at the deployment that gave it.
pub(crate) struct Arrived {
    pub opened: Opened,
    pub pass: Pass,
    pub probe: Option<Probe>,
}

/// A deployment that may be sent to now.
pub(crate) struct Cleared {
    pub outgoing: Outgoing,
    pub pass: Pass,
    pub probe: Option<Probe>,
}

/// Sends the request until an answer will do.
pub(crate) async fn send(
    gateway: &Gateway,
    running: &Arc<Running>,
    life: &mut Life,
    prepared: &Prepared,
) -> Result<Sent, Failure> {
    let mut journey = Journey::new(gateway, running, prepared);
    let mut deployment = journey.order.candidates[0];
    life.sent();
    loop {
        let mut turn = journey.turn(life, deployment).await;
        let Some(ended) = turn.fault(prepared) else { return journey.arrived(life, turn) };
        match journey.after(life, ended, &mut turn) {
            Step::Again { deployment: again, pause_ns } => {
                // The place at the deployment is not held while waiting.
                drop(turn);
                tokio::time::sleep(Duration::from_nanos(pause_ns)).await;
                deployment = again;
            }
            Step::Next { deployment: next } => deployment = next,
            Step::GiveUp { .. } => return journey.gave_up(life, turn, ended),
        }
    }
}

impl<'a> Journey<'a> {
    fn new(gateway: &'a Gateway, running: &'a Arc<Running>, prepared: &'a Prepared) -> Self {
        let first = Instant::now();
        let now_ns = gateway.mono_ns(first);
        let order = order(&running.plan, &running.deployment_states, prepared.deployments.clone(), now_ns);
        if let Some(&deployment) = order.candidates.first() {
            running.deployment_states[deployment].health.request(now_ns, &running.plan.traffic.retry);
        }
        let use_case = prepared.caller.use_case;
        if running.plan.use_cases[use_case].hedge.is_some() {
            running.hedges[use_case].request(now_ns);
        }
        Self { gateway, running, prepared, history: History::default(), order, first, failure: None, last: None }
    }

    fn now_ns(&self) -> u64 {
        self.gateway.mono_ns(Instant::now())
    }

    /// One attempt at one deployment, from its health to its first token; a hedge may answer in its place.
    async fn turn(&mut self, life: &mut Life, deployment: usize) -> Turn {
        match self.clear(life, deployment).await {
            Ok(mut cleared) => {
                self.note_attempt(life, &mut cleared.outgoing, false);
                hedge::attempt(self, life, cleared).await
            }
            Err(missed) => Turn { deployment, result: Err(missed) },
        }
    }

    /// What stands before an attempt: the deployment's own limits, then its health and its queue.
    async fn clear(&self, life: &mut Life, deployment: usize) -> Result<Cleared, Missed> {
        let now = || self.gateway.now(Instant::now());
        if let Some(reserved) = &mut life.reserved {
            reserved
                .add_deployment(&self.running.limits, deployment, now)
                .map_err(|failure| unsent(Ended::Limit, *failure))?;
        }
        let cleared = self.enter(life, deployment).await;
        if let (Err(_), Some(reserved)) = (&cleared, &mut life.reserved) {
            reserved.drop_deployment(now(), false);
        }
        cleared
    }

    /// Health and queue of a deployment; with leave to send, the request as it will be sent.
    pub(crate) async fn enter(&self, life: &Life, deployment: usize) -> Result<Cleared, Missed> {
        let state = &self.running.deployment_states[deployment];
        let now_ns = self.now_ns();
        let probe = match state.health.admit(now_ns, &self.running.plan.traffic.breaker, self.order.need) {
            Admission::Yes => None,
            Admission::Probe(probe) => Some(probe),
            Admission::No { until_ns } => return Err(resting(&state.name, until_ns.saturating_sub(now_ns))),
        };
        let enter = Enter {
            lane: life.record.lane,
            service: self.prepared.caller.service,
            // The class's first-token limit, or the whole answer's where there is no stream.
            deadline: self.prepared.clock.first_token_or_total(),
            first_token_p50_ns: state.queue.is_bounded().then(|| state.health.first_token_p50_ns(now_ns)).flatten(),
        };
        let refused = |refusal: paceline_traffic::Refusal| unsent(Ended::Queue, refusal.failure(&state.name));
        let pass = state.queue.enter(enter).await.map_err(refused)?;
        Ok(Cleared { outgoing: edit::outgoing(self.running, self.prepared, deployment), pass, probe })
    }

    /// True for a deployment not asked yet that has no one waiting: a hedge does not queue.
    pub(crate) fn has_room(&self, deployment: usize) -> bool {
        let status = self.running.deployment_states[deployment].queue.status();
        !self.history.has_tried(deployment) && status.in_flight_max.is_none_or(|most| status.in_flight < most)
    }

    /// Notes in the record and in the trace that an attempt leaves.
    pub(crate) fn note_attempt(&self, life: &mut Life, outgoing: &mut Outgoing, hedge: bool) {
        if let Some(trace) = &mut life.trace {
            let told = trace.attempt(outgoing.deployment, ident::random(), hedge);
            outgoing.more.extend(headers::traceparent(told));
        }
        let record = &mut life.record;
        record.attempts = record.attempts.saturating_add(1);
        record.flags.0 |= outgoing.flags.0;
        if let Some(tokens) = outgoing.cap_tokens {
            record.cap_tokens = tokens;
        }
        life.scene.deployment = Some(outgoing.deployment);
        self.running.plan.deployments[outgoing.deployment].name.as_ref().clone_into(&mut record.deployment);
    }

    /// What follows an attempt that failed.
    fn after(&mut self, life: &mut Life, ended: Ended, turn: &mut Turn) -> Step {
        let ended = if ended == Ended::TimeoutTotal && self.prepared.patience.total { Ended::Own } else { ended };
        let maybe_billed = self.note_failed(life, ended, turn);
        let billed_by = maybe_billed.then_some(turn.deployment);
        let rules = &self.running.plan.traffic;
        let now_ns = self.now_ns();
        let standing = Standing {
            rule: &rules.retry,
            history: &self.history,
            ended,
            candidates: &self.order.candidates,
            now_ns,
            left_ns: self.prepared.clock.left(Instant::now()),
            jitter: ident::fraction(),
        };
        let health = &self.running.deployment_states[turn.deployment].health;
        let step = decide(&standing, || health.may_retry(now_ns, &rules.retry));
        // That there is no room elsewhere is not why the request fails where an attempt did.
        let full = matches!(ended, Ended::Queue | Ended::Limit);
        let ended = self.last.filter(|_| full).unwrap_or(ended);
        self.last = Some(ended);
        if matches!(step, Step::GiveUp { .. }) {
            life.scene.given_up = Some(GivenUp { ended, billed_by });
        } else {
            life.scene.others.extend(billed_by);
            if let Some(reserved) = &mut life.reserved {
                reserved.drop_deployment(self.gateway.now(Instant::now()), maybe_billed || turn.result.is_ok());
            }
        }
        step
    }

    /// Tells the deployment's health and the request's history of a failed attempt. True when it may be billed although
    /// nothing of it is used.
    pub(crate) fn note_failed(&mut self, life: &mut Life, ended: Ended, turn: &mut Turn) -> bool {
        let rules = &self.running.plan.traffic;
        let now_ns = self.now_ns();
        let deployment = turn.deployment;
        let asked = turn.result.as_ref().ok().and_then(|arrived| arrived.opened.retry_after());
        let (probe, sent, reconnected) = match &mut turn.result {
            Ok(arrived) => (arrived.probe.take(), true, arrived.opened.answer.reconnected),
            Err(missed) => (missed.probe.take(), missed.sent, missed.reconnected),
        };
        if reconnected {
            note_reconnected(life);
        }
        let asked_ns = asked.map(|span| u64::try_from(span.as_nanos()).unwrap_or(u64::MAX));
        let health = &self.running.deployment_states[deployment].health;
        if let Some(span_ns) = asked_ns {
            health.asked_to_wait(now_ns, span_ns, &rules.breaker);
        }
        if !matches!(ended, Ended::Queue | Ended::Limit | Ended::Unusable) {
            // A caller in a hurry says nothing of the deployment.
            let hurried = ended == Ended::TimeoutFirstToken && self.prepared.patience.first_token;
            let verdict = if ending(ended).fails && !hurried { Verdict::Failed } else { Verdict::Neither };
            health.ended(now_ns, rules, verdict, probe);
            if !sent {
                // Nothing was billed either.
                life.record.attempts = life.record.attempts.saturating_sub(1);
            }
            self.failure = turn.result.as_ref().err().map(|missed| missed.failure.clone());
            if let Some(trace) = &mut life.trace {
                let status = turn.result.as_ref().ok().map(|arrived| arrived.opened.answer.status);
                trace.failed(deployment, status.filter(|status| status / 100 != 2), word(ended));
            }
        }
        self.history.ended(deployment, ended, now_ns, asked_ns);
        turn.result.is_err() && sent
    }

    /// The answer that the caller gets.
    fn arrived(&self, life: &mut Life, turn: Turn) -> Result<Sent, Failure> {
        let Arrived { opened, pass, probe } = turn.result.map_err(|missed| missed.failure)?;
        if opened.answer.reconnected {
            note_reconnected(life);
        }
        let now_ns = self.now_ns();
        let first_token_ns = opened.first_token_ns(self.prepared);
        let state = &self.running.deployment_states[opened.deployment];
        state.health.ended(now_ns, &self.running.plan.traffic, Verdict::Good { first_token_ns }, probe);
        Ok(self.sent(life, opened, pass))
    }

    fn sent(&self, life: &mut Life, opened: Opened, pass: Pass) -> Sent {
        let Opened { answer, deployment, began, held } = opened;
        life.scene.deployment = Some(deployment);
        life.served_by = Some(Arc::clone(&self.running.deployment_states[deployment]));
        if let Some(trace) = &mut life.trace {
            trace.answered(deployment);
        }
        let record = &mut life.record;
        self.running.plan.deployments[deployment].name.as_ref().clone_into(&mut record.deployment);
        if deployment != self.prepared.deployments[0] && !record.flags.has(Flags::HEDGE_WON) {
            record.flags.set(Flags::FALLBACK);
        }
        note(life, &answer, began, self.first, pass.waited());
        Sent {
            answer,
            held: Some(held),
            clock: self.prepared.clock.of_attempt(began),
            assemble: self.prepared.assemble,
            advice: self.prepared.advice.clone(),
            rates: limits::left(self.gateway, life),
            _pass: Some(pass),
        }
    }

    /// Nothing more is tried: the provider's own refusal as it came, or our failure.
    fn gave_up(&mut self, life: &mut Life, turn: Turn, ended: Ended) -> Result<Sent, Failure> {
        match turn.result {
            Ok(Arrived { opened, pass, .. }) => {
                // The provider's own words go to the caller: SDKs know them. The record says what they mean.
                let (flag, code) = match ended {
                    Ended::ContextTooLong => (Flags::CONTEXT_TOO_LONG, Code::ContextTooLong as u16),
                    Ended::ContentFiltered => (Flags::FILTERED, Code::ContentFiltered as u16),
                    _ => (0, 0),
                };
                life.record.flags.set(flag);
                life.record.code = code;
                Ok(self.sent(life, opened, pass))
            }
            // That the others rest is no answer to what went wrong where there was an attempt.
            Err(missed) => Err(self.failure.take().unwrap_or(missed.failure)),
        }
    }
}

/// How an attempt ended, in the one word that its span has for it.
fn word(ended: Ended) -> &'static str {
    match ended {
        Ended::Connect => "connect",
        Ended::Tls => "tls",
        Ended::TimeoutConnect => "timeout_connect",
        Ended::TimeoutFirstToken => "timeout_first_token",
        Ended::TimeoutTotal => "timeout_total",
        Ended::Cut => "cut",
        Ended::Malformed => "malformed",
        Ended::ErrorEvent => "error_event",
        Ended::Status(_) => "status",
        Ended::ContextTooLong => "context_too_long",
        Ended::ContentFiltered => "content_filtered",
        Ended::QuotaExhausted => "quota_exhausted",
        Ended::Queue | Ended::Limit | Ended::Unusable => "unsent",
        Ended::Own => "own",
    }
}

/// The request went out twice in one attempt: the pooled connection was dead.
fn note_reconnected(life: &mut Life) {
    life.record.attempts = life.record.attempts.saturating_add(1);
    life.record.flags.set(Flags::RECONNECTED);
}

/// A turn that ended before anything was sent.
fn unsent(ended: Ended, failure: Failure) -> Missed {
    Missed { ended, failure, sent: false, reconnected: false, probe: None }
}

fn resting(name: &str, for_ns: u64) -> Missed {
    let seconds = u32::try_from(for_ns.div_ceil(1_000_000_000)).unwrap_or(u32::MAX).max(1);
    let mut failure = Failure::new(
        Code::DeploymentsUnavailable,
        format!("Every deployment of this model rests after failures; {name} is tried again in {seconds} s"),
    );
    failure.retry_after_s = Some(seconds);
    unsent(Ended::Unusable, failure)
}

/// Writes what the answer's head tells into the record.
pub(crate) fn note(life: &mut Life, answer: &Answer, began: Instant, first: Instant, waited: Duration) {
    let sent_us = life.micros(answer.sent);
    let headers_us = life.micros(answer.head);
    let micros = |span: Duration| u32::try_from(span.as_micros()).unwrap_or(UNDEFINED - 1);
    let record = &mut life.record;
    record.sent_us = sent_us;
    record.headers_us = headers_us;
    record.provider_status = answer.status;
    record.connect_us = micros(answer.connect);
    record.queue_us = if waited.is_zero() { UNDEFINED } else { micros(waited) };
    let retried = began.saturating_duration_since(first).saturating_sub(waited);
    record.retry_us = if record.attempts > 1 { micros(retried) } else { UNDEFINED };
    if let Some(body_at) = life.scene.body_at {
        let to_first = first.saturating_duration_since(body_at);
        let inside = to_first + answer.sent.saturating_duration_since(began).saturating_sub(answer.connect);
        record.overhead_in_ns = u32::try_from(inside.as_nanos()).unwrap_or(UNDEFINED - 1);
    }
    let provider_request = answer.headers.get("x-request-id").or_else(|| answer.headers.get("request-id"));
    provider_request.and_then(|id| id.to_str().ok()).unwrap_or_default().clone_into(&mut record.provider_request);
}
