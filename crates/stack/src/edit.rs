//! Edit: the caller's bytes with the few splices that the standards and one deployment ask for, and the headers that
//! go with them.

use bytes::Bytes;
use paceline_http::{HeaderMap, HeaderName, HeaderValue};
use paceline_policy::{cap, engine_priority};
use paceline_providers::Edits;
use paceline_types::Flags;

use crate::headers;
use crate::prefix;
use crate::prepare::Prepared;
use crate::running::{Credential, Running};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-paceline-request-id");

/// A request for one deployment, ready to leave.
pub(crate) struct Outgoing {
    pub deployment: usize,
    pub provider: usize,
    /// Headers of ours: the provider's credential, its fixed ones, the request's id, what it takes beyond the usual.
    pub more: Vec<(HeaderName, HeaderValue)>,
    pub body: Vec<Bytes>,
    /// What the edits amount to, for the record.
    pub flags: Flags,
    pub cap_tokens: Option<u32>,
}

/// Prepares the request for one of its deployments.
pub(crate) fn outgoing(running: &Running, prepared: &Prepared, deployment: usize) -> Outgoing {
    let plan = &running.plan;
    let (facts, api) = (&prepared.facts, prepared.api);
    let target = &plan.deployments[deployment];
    let use_case = &plan.use_cases[prepared.caller.use_case];
    let mut flags = Flags::default();
    let mut edits = Edits::new(prepared.body.clone(), facts);
    // Every occurrence: a provider that takes the first of two must not run another model than the one resolved.
    edits.model(&target.model);
    let cap = cap(plan, &prepared.caller, facts.cap_set, api, deployment);
    if let Some((field, tokens)) = cap {
        edits.cap(field, tokens);
        flags.set(Flags::CAP_ADDED);
        if use_case.cap_learned {
            flags.set(Flags::CAP_LEARNED);
        }
    }
    if prepared.assemble {
        edits.stream_on();
    }
    if prepared.ask_usage {
        edits.include_usage();
    }
    if api.generates()
        && let Some(priority) = engine_priority(use_case.lane, target.priority)
    {
        edits.priority(priority);
    }
    if prefix::mark(&mut edits, prepared, target) {
        flags.set(Flags::PROMPT_CACHE_ADDED);
    }
    Outgoing {
        deployment,
        provider: target.provider,
        more: own_headers(running, target.provider, &prepared.headers, &prepared.id),
        body: edits.into_parts(),
        flags,
        cap_tokens: cap.map(|(_, tokens)| tokens),
    }
}

/// What goes to a provider besides the caller's headers: fixed ones, those it takes beyond the usual, the credential, the
/// request's id.
pub(crate) fn own_headers(
    running: &Running,
    provider: usize,
    headers: &HeaderMap,
    id: &HeaderValue,
) -> Vec<(HeaderName, HeaderValue)> {
    let forward = &running.plan.providers[provider].forward_headers;
    let provider = &running.providers[provider];
    let mut more = Vec::with_capacity(provider.fixed.len() + forward.len() + 3);
    more.extend(provider.fixed.iter().filter(|(name, _)| !headers.contains_key(name)).cloned());
    more.extend(headers::forwarded(headers, forward));
    if let Credential::Header(name, value) = &provider.credential {
        more.push((name.clone(), value.clone()));
    }
    more.push((REQUEST_ID, id.clone()));
    more
}
