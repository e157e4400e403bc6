//! Account: from instants and counts to metrics, money and exceeded limits. Definitions: docs/metrics.md.

use paceline_plan::{Deployment, Plan};
use paceline_policy::{Measured, cost_nanousd, judge};
use paceline_types::{Flags, Outcome, PrefixUse, TokenSource, Tokens, UNDEFINED, UsageRecord};

use crate::life::Scene;

/// Completes a record whose instants, counts and outcome are set.
pub(crate) fn settle(record: &mut UsageRecord, scene: &Scene) {
    let Some(running) = &scene.running else { return };
    let plan = &running.plan;
    let deployment = scene.deployment.map(|index| &plan.deployments[index]);
    estimate(record, scene, deployment);
    metrics(record, scene);
    money(record, scene, plan, deployment);
    prefix(record, scene);
    if let Some(use_case) = scene.use_case {
        let (judged, over) = judge(&plan.use_cases[use_case].limits, record.outcome, &measured(record));
        record.judged = judged;
        record.over = over;
    }
}

/// Fills in tokens for answers whose usage never came, and says so.
fn estimate(record: &mut UsageRecord, scene: &Scene, deployment: Option<&Deployment>) {
    let went_out = record.attempts > 0 && (record.provider_status == 0 || record.provider_status / 100 == 2);
    if record.token_source != TokenSource::None || !went_out || is_free(record, scene) {
        return;
    }
    let bytes_per_token = deployment.map_or(4.0, |deployment| deployment.bytes_per_token);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    let tokens = |bytes: u64| (bytes as f64 / bytes_per_token).ceil() as u32;
    let output = tokens(scene.text_bytes);
    record.tokens = match scene.tokens_so_far {
        Some(told) => Tokens { output: told.output.max(output), ..told },
        None => Tokens { input: tokens(u64::from(record.request_bytes)), output, ..Tokens::default() },
    };
    record.token_source = TokenSource::Estimated;
}

/// An answer nobody bills: of a kind that costs nothing, or kept from an earlier time although there were attempts.
fn is_free(record: &UsageRecord, scene: &Scene) -> bool {
    scene.free || record.cache.is_served()
}

fn metrics(record: &mut UsageRecord, scene: &Scene) {
    let streamed = record.flags.has(Flags::STREAMED);
    if streamed || record.flags.has(Flags::ASSEMBLED) {
        record.ttft_us = record.first_us;
        record.ttfv_us = record.visible_us;
        record.tpot_ns = tpot_ns(record, scene);
    } else {
        record.stall_us = UNDEFINED;
    }
    if record.outcome == Outcome::Ok {
        record.total_us = if streamed && record.last_us != UNDEFINED { record.last_us } else { record.end_us };
    }
}

/// Nanoseconds per token after the first event; undefined unless the provider said how many tokens there were.
fn tpot_ns(record: &UsageRecord, scene: &Scene) -> u32 {
    let first_tokens = scene.first_event_tokens.unwrap_or(1);
    let rest = record.tokens.output.saturating_sub(first_tokens);
    if record.token_source != TokenSource::Provider || rest == 0 || record.first_us == UNDEFINED {
        return UNDEFINED;
    }
    let spent_ns = u64::from(record.last_us.saturating_sub(record.first_us)) * 1000;
    u32::try_from(spent_ns / u64::from(rest)).unwrap_or(UNDEFINED - 1)
}

fn money(record: &mut UsageRecord, scene: &Scene, plan: &Plan, deployment: Option<&Deployment>) {
    // Providers bill neither what never reached them nor what they refused or failed.
    record.other_cost_nanousd = scene.others.iter().map(|&other| prompt_cost(record, &plan.deployments[other])).sum();
    let failed_there = record.provider_status != 0 && record.provider_status / 100 != 2;
    if record.attempts == 0 || failed_there || is_free(record, scene) {
        record.cost_nanousd = 0;
        record.default_cost_nanousd = scene.saved_nanousd.unwrap_or(record.default_cost_nanousd);
        return;
    }
    let price = |deployment: &Deployment| {
        deployment.price.as_ref().and_then(|price| cost_nanousd(price, &record.tokens)).unwrap_or(-1)
    };
    let cost = deployment.map_or(-1, price);
    let default_cost = scene.default_deployment.map_or(-1, |index| price(&plan.deployments[index]));
    record.cost_nanousd = cost;
    record.default_cost_nanousd = default_cost;
}

/// What an attempt that never got to answer costs: the prompt, as far as anyone knows.
fn prompt_cost(record: &UsageRecord, deployment: &Deployment) -> i64 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let estimated = (f64::from(record.request_bytes) / deployment.bytes_per_token).ceil() as u32;
    let input = if record.tokens.input > 0 { record.tokens.input } else { estimated };
    let tokens = Tokens { input, ..Tokens::default() };
    deployment.price.as_ref().and_then(|price| cost_nanousd(price, &tokens)).unwrap_or(0)
}

/// Whether the provider's prompt cache helped, and if not, why.
fn prefix(record: &mut UsageRecord, scene: &Scene) {
    if record.token_source == TokenSource::Provider && !record.cache.is_served() {
        record.prefix = if record.tokens.cached > 0 { PrefixUse::Hit } else { scene.prefix_miss };
    }
}

/// The record's figures in the units of its limits.
fn measured(record: &UsageRecord) -> Measured {
    let defined = |value: u32, per_ms: f64| (value != UNDEFINED).then(|| f64::from(value) / per_ms);
    #[allow(clippy::cast_precision_loss)]
    let cost_usd = (record.cost_nanousd >= 0).then(|| record.cost_nanousd as f64 / 1e9);
    Measured {
        streamed: record.flags.has(Flags::STREAMED),
        ttft_ms: defined(record.ttft_us, 1e3),
        ttfv_ms: defined(record.ttfv_us, 1e3),
        tpot_ms: defined(record.tpot_ns, 1e6),
        stall_ms: defined(record.stall_us, 1e3),
        total_ms: defined(record.total_us, 1e3),
        cost_usd,
        job_age_ms: None,
    }
}
