//! Cache: an exact earlier answer, the answer of an identical request under way, or the word to go and get it. What may
//! be cached is policy's; where it is kept, the cache crate's; how it reaches the caller, the files below.

mod flight;
mod replay;
mod shared;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use paceline_cache::{Cache, Entry, Found, Head, Key, Lead, Look, Options, Tail};
use paceline_http::{HeaderMap, Response};
use paceline_plan::Plan;
use paceline_plan::document::{CacheRule, CacheScope};
use paceline_policy::{Repeatable, cacheable, stale_may_serve};
use paceline_providers::canonical;
use paceline_types::{Api, CacheUse, Flags};

use crate::gateway::Gateway;
use crate::life::Life;
use crate::prepare::Prepared;
use crate::running::{Running, secret};

/// Times a request looks for somebody else's flight before it goes alone.
const LOOKS_MAX: u32 = 3;

/// What the cache has for a request.
pub(crate) enum Looked {
    /// An answer, or one under way.
    Found(Cached),
    /// To be asked of a deployment.
    Ask(Box<Prepared>),
}

/// An answer that needs no attempt of its own.
pub(crate) enum Cached {
    Hit(Entry, Box<Prepared>),
    /// Past its time, but nobody had a better one.
    Stale(Entry, Box<Prepared>),
    /// Somebody else's flight, its head being there.
    Shared(Head, Tail, Box<Prepared>),
    /// This request's own flight.
    Flight(Flight),
}

/// A request that gets an answer for itself and for all that come meanwhile.
pub(crate) struct Flight {
    pub gateway: Arc<Gateway>,
    pub running: Arc<Running>,
    pub cache: Arc<Cache>,
    pub lead: Lead,
    pub rule: CacheRule,
    pub prepared: Box<Prepared>,
}

impl Cached {
    pub(crate) async fn respond(self, life: Box<Life>) -> Response {
        match self {
            Self::Hit(entry, prepared) | Self::Stale(entry, prepared) => replay::respond(life, &entry, &prepared),
            Self::Shared(head, tail, prepared) => shared::respond(life, head, tail, &prepared),
            Self::Flight(flight) => flight::respond(life, flight).await,
        }
    }
}

/// The cache of a plan; the one before is kept where its bounds did not change.
pub(crate) fn of_plan(plan: &Plan, before: Option<(&Options, &Arc<Cache>)>) -> Option<(Options, Arc<Cache>)> {
    let store = &plan.traffic.cache;
    if store.bytes_max == 0 || plan.use_cases.iter().all(|use_case| use_case.cache.is_none()) {
        return None;
    }
    let options = Options {
        bytes_max: store.bytes_max,
        entry_bytes_max: usize::try_from(store.entry_bytes_max).unwrap_or(usize::MAX),
        url: store.url.as_deref().and_then(secret),
        wait: Duration::from_millis(store.wait_ms),
    };
    if let Some((same, cache)) = before.filter(|(before, _)| **before == options) {
        return Some((same.clone(), Arc::clone(cache)));
    }
    let alone = || Cache::new(&Options { url: None, ..options.clone() });
    let cache = Cache::new(&options).or_else(alone)?;
    Some((options, Arc::new(cache)))
}

/// Looks a request up.
pub(crate) async fn look(
    gateway: &Arc<Gateway>,
    running: &Arc<Running>,
    life: &mut Life,
    prepared: Prepared,
) -> Looked {
    let rule = running.plan.use_cases[prepared.caller.use_case].cache;
    let prepared = Box::new(prepared);
    let (Some(rule), Some((_, cache))) = (rule, &running.cache) else { return Looked::Ask(prepared) };
    if !is_cacheable(&rule, &prepared) {
        return Looked::Ask(prepared);
    }
    let Some(key) = key(running, &rule, life, &prepared) else { return Looked::Ask(prepared) };
    let control = life.scene.cache_control;
    let stale_ms = rule.stale_if_error_ms;
    let look = || Look { now_unix_ms: unix_ms(), stale_ms, may_read: !control.no_cache, may_share: !control.no_store };
    life.record.cache = CacheUse::Bypassed;
    if !control.no_cache && !control.no_store {
        life.record.cache = CacheUse::Miss;
        life.scene.spare = (stale_ms > 0).then(|| Spare { cache: Arc::clone(cache), key, stale_ms });
    }
    for _ in 0..LOOKS_MAX {
        match cache.look(key, look()).await {
            Found::Hit(entry) => {
                life.record.cache = CacheUse::Hit;
                return Looked::Found(Cached::Hit(entry, prepared));
            }
            Found::Follow(mut tail) => {
                let head = tokio::time::timeout(wait_for_head(&prepared), tail.head()).await;
                match head {
                    Ok(Ok(head)) => {
                        life.record.cache = CacheUse::Shared;
                        return Looked::Found(Cached::Shared(head, tail, prepared));
                    }
                    // It ended without an answer that others may have: look again.
                    Ok(Err(_)) => {}
                    // Too slow for this caller: its own attempt is cut short by the same deadline.
                    Err(_) => break,
                }
            }
            Found::Lead(lead) => {
                let (gateway, running, cache) = (Arc::clone(gateway), Arc::clone(running), Arc::clone(cache));
                return Looked::Found(Cached::Flight(Flight { gateway, running, cache, lead, rule, prepared }));
            }
            Found::Alone => break,
        }
    }
    Looked::Ask(prepared)
}

/// Where an answer may lie that is past its time, for when no attempt gets one.
#[derive(Clone)]
pub(crate) struct Spare {
    cache: Arc<Cache>,
    key: Key,
    stale_ms: u64,
}

/// An earlier answer in place of the one that no attempt got, the provider being at fault. It costs nothing; what the
/// last attempt may cost all the same stands with those of the other attempts.
pub(crate) async fn instead(life: &mut Life) -> Option<Entry> {
    let given_up = life.scene.given_up.take().filter(|given_up| stale_may_serve(given_up.ended))?;
    let Spare { cache, key, stale_ms } = life.scene.spare.take()?;
    let entry = cache.stale(&key, unix_ms(), stale_ms).await?;
    life.scene.others.extend(given_up.billed_by);
    // Nobody's answer is relayed: it is neither theirs to be named for, nor theirs to be blamed for.
    (life.scene.deployment, life.served_by) = (None, None);
    life.record.flags.0 &= !(Flags::FALLBACK | Flags::HEDGE_WON);
    (life.record.cache, life.record.code) = (CacheUse::Stale, 0);
    Some(entry)
}

fn is_cacheable(rule: &CacheRule, prepared: &Prepared) -> bool {
    let (facts, body) = (&prepared.facts, &prepared.body);
    let asked = Repeatable {
        temperature_zero: facts.is_temperature_zero(body),
        tools: facts.has_tools(body),
        particular: facts.is_particular(body),
    };
    cacheable(rule, prepared.api, asked)
}

/// Everything that may change the answer, and whom it may serve.
fn key(running: &Running, rule: &CacheRule, life: &Life, prepared: &Prepared) -> Option<Key> {
    let plan = &running.plan;
    let use_case = &plan.use_cases[prepared.caller.use_case];
    let scope = match rule.scope {
        CacheScope::Service => &*plan.services[prepared.caller.service].name,
        CacheScope::Organisation => "",
    };
    let body = canonical(&prepared.body)?;
    let mut deployments = String::new();
    for &deployment in &prepared.deployments {
        deployments.push_str(&plan.deployments[deployment].name);
        deployments.push('\n');
    }
    let cap = use_case.max_output_tokens.filter(|_| !prepared.facts.cap_set).unwrap_or_default();
    let header = |name| prepared.headers.get(name).map_or(&b""[..], |value| value.as_bytes());
    Some(Key::of(&[
        scope.as_bytes(),
        &[rule.scope as u8, prepared.api as u8, u8::from(prepared.facts.stream), life.record.mode as u8],
        &[u8::from(prepared.facts.include_usage == Some(true))],
        prepared.path.as_bytes(),
        life.record.model.as_bytes(),
        deployments.as_bytes(),
        &cap.to_le_bytes(),
        header("openai-beta"),
        header("anthropic-beta"),
        header("anthropic-version"),
        &body,
    ]))
}

fn wait_for_head(prepared: &Prepared) -> Duration {
    let left = prepared.clock.left(std::time::Instant::now()).map(Duration::from_nanos);
    left.unwrap_or(Duration::from_secs(600))
}

fn unix_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

/// The headers of an answer that others may have: what is about one request stays with it.
fn common(headers: &HeaderMap) -> HeaderMap {
    let own = |name: &str| {
        ["x-paceline-", "x-ratelimit-", "anthropic-ratelimit-"].iter().any(|prefix| name.starts_with(prefix))
            || matches!(name, "server-timing" | "x-request-id" | "request-id" | "date" | "retry-after" | "cf-ray")
    };
    let kept = headers.iter().filter(|(name, _)| !own(name.as_str()));
    kept.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// True for an answer in events.
fn is_stream(prepared: &Prepared) -> bool {
    prepared.facts.stream && prepared.api != Api::Embeddings
}
