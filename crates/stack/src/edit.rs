//! Edit: the caller's bytes with the few splices the standards ask for, and the headers that go with them.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use paceline_http::{HeaderMap, HeaderName, HeaderValue, Request};
use paceline_policy::{Caller, Choice, cap};
use paceline_providers::{Edits, RequestFacts};
use paceline_types::{Api, Code, Failure, Flags};

use crate::headers;
use crate::life::Life;
use crate::running::{Credential, Running};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-paceline-request-id");

/// A request ready to leave.
pub(crate) struct Outgoing {
    pub deployment: usize,
    pub provider: usize,
    /// Path below the provider's base URL, with the caller's query string.
    pub path: Cow<'static, str>,
    pub headers: HeaderMap,
    /// Headers of ours: the provider's credential, its fixed ones, the request's id.
    pub more: Vec<(HeaderName, HeaderValue)>,
    pub body: Vec<Bytes>,
    pub streamed: bool,
    /// The caller streams without asking for usage: the extra event is ours to withhold.
    pub withhold_usage: bool,
    pub advice: Option<String>,
}

/// Prepares the request for the first deployment this process can reach.
pub(crate) fn outgoing(
    running: &Arc<Running>,
    life: &mut Life,
    caller: &Caller,
    choice: &Choice,
    facts: &RequestFacts,
    body: Bytes,
    request: &mut Request,
) -> Result<Outgoing, Failure> {
    let plan = &running.plan;
    let api = life.record.api;
    let deployment = first_with_a_key(running, choice)?;
    let provider = plan.deployments[deployment].provider;
    life.scene.deployment = Some(deployment);
    life.scene.free = api == Api::CountTokens;
    plan.deployments[deployment].name.as_ref().clone_into(&mut life.record.deployment);

    let mut edits = Edits::new(body, facts);
    // Every occurrence: a provider that takes the first of two must not run another model than the one resolved.
    edits.model(&plan.deployments[deployment].model);
    if let Some((field, tokens)) = cap(plan, caller, facts.cap_set, api, deployment) {
        edits.cap(field, tokens);
        life.record.flags.set(Flags::CAP_ADDED);
        life.record.cap_tokens = tokens;
    }
    let streamed = facts.stream && api.generates();
    let withhold_usage = streamed && matches!(api, Api::Chat | Api::Completions) && facts.include_usage != Some(true);
    if withhold_usage {
        edits.include_usage();
        life.record.flags.set(Flags::USAGE_ADDED);
    }
    let mut headers = std::mem::take(&mut request.headers);
    headers::strip_named(&mut headers);
    let more = own_headers(running, provider, life, &headers)?;
    let path = match request.uri.query() {
        Some(query) => Cow::Owned(format!("{}?{query}", api.provider_path())),
        None => Cow::Borrowed(api.provider_path()),
    };
    let advice = caller.advice.iter().chain(&choice.advice).cloned().reduce(|left, right| format!("{left}; {right}"));
    Ok(Outgoing {
        deployment,
        provider,
        path,
        headers,
        more,
        body: edits.into_parts(),
        streamed,
        withhold_usage,
        advice,
    })
}

fn first_with_a_key(running: &Running, choice: &Choice) -> Result<usize, Failure> {
    let provider = |deployment: usize| running.plan.deployments[deployment].provider;
    let usable =
        |deployment: usize| !matches!(running.providers[provider(deployment)].credential, Credential::Missing(_));
    if let Some(&deployment) = choice.deployments.iter().find(|&&deployment| usable(deployment)) {
        return Ok(deployment);
    }
    let places: Vec<String> = choice
        .deployments
        .iter()
        .filter_map(|&deployment| match &running.providers[provider(deployment)].credential {
            Credential::Missing(place) => {
                Some(format!("{} ({place})", running.plan.providers[provider(deployment)].name))
            }
            _ => None,
        })
        .collect();
    Err(Failure::new(Code::ProviderKeyMissing, format!("No key for provider {}", places.join(", "))))
}

fn own_headers(
    running: &Running,
    provider: usize,
    life: &Life,
    headers: &HeaderMap,
) -> Result<Vec<(HeaderName, HeaderValue)>, Failure> {
    let provider = &running.providers[provider];
    let mut more = Vec::with_capacity(provider.fixed.len() + 2);
    more.extend(provider.fixed.iter().filter(|(name, _)| !headers.contains_key(name)).cloned());
    if let Credential::Header(name, value) = &provider.credential {
        more.push((name.clone(), value.clone()));
    }
    let id = HeaderValue::from_bytes(&life.record.id.hex())
        .map_err(|_| Failure::new(Code::Internal, "A request id was not a header value"))?;
    more.push((REQUEST_ID, id));
    Ok(more)
}
