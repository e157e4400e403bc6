//! Limits: what a request may take of its key's, service's, use case's and team's allowance, reserved before it is sent
//! and settled by its guard with what it really took.

use std::time::Instant;

use paceline_policy::{Caller, RateLeft, cost_nanousd, expected_tokens};
use paceline_providers::{Rate, RateView};
use paceline_traffic::{Ask, RatesLeft};
use paceline_types::{Failure, Flags};

use crate::gateway::Gateway;
use crate::life::Life;
use crate::prepare::Prepared;
use crate::running::Running;

/// Reserves what the request is expected to take, at the deployment that is asked first.
pub(crate) fn reserve(
    gateway: &Gateway,
    running: &Running,
    life: &mut Life,
    prepared: &Prepared,
) -> Result<(), Failure> {
    if running.limits.is_empty() {
        return Ok(());
    }
    let plan = &running.plan;
    let deployment = &plan.deployments[prepared.deployments[0]];
    let output = output_tokens(running, prepared).map(|tokens| tokens.saturating_mul(prepared.facts.choices));
    let tokens = expected_tokens(deployment, prepared.body.len(), output);
    let priced = |price| cost_nanousd(price, &tokens);
    let cost_nanousd = if life.scene.free { Some(0) } else { deployment.price.as_ref().and_then(priced) };
    let ask = Ask {
        key: prepared.caller.key,
        service: prepared.caller.service,
        use_case: prepared.caller.use_case,
        now: gateway.now(Instant::now()),
        tokens: u64::from(tokens.input) + u64::from(tokens.output),
        cost_nanousd,
    };
    take(running, life, &ask)
}

/// Reserves; what is left goes with a refusal too.
fn take(running: &Running, life: &mut Life, ask: &Ask) -> Result<(), Failure> {
    match running.limits.reserve(ask) {
        Ok(reserved) => {
            note(life, &reserved);
            life.reserved = Some(reserved);
            Ok(())
        }
        Err(failure) => {
            life.scene.rates = Left::new(running.limits.rates_left(ask), ask.now.unix_s);
            Err(*failure)
        }
    }
}

/// Reserves for a request that is only passed through: nobody knows what it will take, nor what it costs unless nothing
/// is sent.
pub(crate) fn reserve_plain(
    gateway: &Gateway,
    running: &Running,
    life: &mut Life,
    caller: &Caller,
) -> Result<(), Failure> {
    if running.limits.is_empty() {
        return Ok(());
    }
    let ask = Ask {
        key: caller.key,
        service: caller.service,
        use_case: caller.use_case,
        now: gateway.now(Instant::now()),
        tokens: 0,
        cost_nanousd: life.scene.free.then_some(0),
    };
    take(running, life, &ask)
}

/// Notes in the record what the limits said.
pub(crate) fn note(life: &mut Life, reserved: &paceline_traffic::Reserved) {
    if reserved.is_near() {
        life.record.flags.set(Flags::LIMIT_NEAR);
    }
    if reserved.is_unpriced() {
        life.record.flags.set(Flags::UNPRICED_UNDER_LIMIT);
    }
}

/// The most the answer may have; none where nobody said.
fn output_tokens(running: &Running, prepared: &Prepared) -> Option<u32> {
    if !prepared.api.generates() {
        return Some(0);
    }
    let facts = &prepared.facts;
    let own = facts.cap.map(|cap| u32::try_from(cap).unwrap_or(u32::MAX));
    let ours = running.plan.use_cases[prepared.caller.use_case].max_output_tokens;
    if facts.cap_set { own } else { ours }
}

/// What was left of the tightest limits at a moment.
#[derive(Clone, Copy)]
pub(crate) struct Left {
    pub view: RateView,
    pub unix_s: u64,
}

/// What is left of the tightest limits; none where no rate limit applies.
pub(crate) fn left(gateway: &Gateway, life: &Life) -> Option<Left> {
    let now = gateway.now(Instant::now());
    Left::new(life.reserved.as_ref()?.rates_left(now), now.unix_s)
}

impl Left {
    fn new(left: RatesLeft, unix_s: u64) -> Option<Self> {
        let rate = |left: RateLeft| Rate {
            limit: left.limit,
            left: left.left,
            reset_s: left.reset_ns.div_ceil(1_000_000_000),
        };
        let view = RateView { requests: left.requests.map(rate), tokens: left.tokens.map(rate) };
        (view != RateView::default()).then_some(Self { view, unix_s })
    }
}
