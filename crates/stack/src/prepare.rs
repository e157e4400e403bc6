//! Prepare: all that a request takes along whichever deployment it goes to: body and facts, headers, path, deadlines,
//! the deployments that may serve it. `edit` turns it into the bytes for one of them.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use paceline_http::{HeaderMap, HeaderValue, Request};
use paceline_policy::{Caller, Choice, candidates_allowed, deadlines, tighten};
use paceline_providers::{RequestFacts, assemblable};

use paceline_types::{Api, Code, Failure, Flags};

use crate::clock::Spans;
use crate::headers;
use crate::life::Life;
use crate::prefix::Marks;
use crate::running::{Credential, Running};

/// A request ready to be sent to any of its deployments.
pub(crate) struct Prepared {
    pub api: Api,
    pub began: Instant,
    pub caller: Caller,
    pub facts: RequestFacts,
    pub body: Bytes,
    pub headers: HeaderMap,
    /// Path below the provider's base URL, with the caller's query string.
    pub path: Cow<'static, str>,
    pub id: HeaderValue,
    pub clock: Spans,
    /// In order of preference: those this process has a key for and the use case may fall back to.
    pub deployments: Vec<usize>,
    /// The provider is asked for a stream.
    pub streamed: bool,
    /// The caller is not: the stream is put together here.
    pub assemble: bool,
    /// The stream is asked for its usage, which the caller did not ask for: withheld unless put together here.
    pub ask_usage: bool,
    pub withhold_usage: bool,
    pub marks: Marks,
    pub advice: Option<String>,
    pub patience: Patience,
}

/// Which deadlines are the caller's own, shorter ones: those say nothing of a deployment.
#[derive(Clone, Copy, Default)]
pub(crate) struct Patience {
    pub first_token: bool,
    pub total: bool,
}

impl Prepared {
    /// Nanoseconds from the request's beginning.
    pub(crate) fn nanos(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.began).as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Takes the request's parts together.
pub(crate) fn prepare(
    running: &Arc<Running>,
    life: &mut Life,
    caller: Caller,
    choice: Choice,
    facts: RequestFacts,
    body: Bytes,
    request: &mut Request,
) -> Result<Prepared, Failure> {
    let api = life.record.api;
    let use_case = &running.plan.use_cases[caller.use_case];
    life.scene.free = api == Api::CountTokens;
    let asked_stream = facts.stream && api.generates();
    let assemble = !asked_stream && use_case.stream_upstream && api.generates() && assemblable(api, &facts, &body);
    let streamed = asked_stream || assemble;
    let counted_on_request = matches!(api, Api::Chat | Api::Completions);
    let ask_usage = streamed && counted_on_request && (assemble || facts.include_usage != Some(true));
    if assemble {
        life.record.flags.set(Flags::ASSEMBLED);
    }
    if ask_usage && !assemble {
        life.record.flags.set(Flags::USAGE_ADDED);
    }
    let class = deadlines(&running.plan, &caller);
    let deadlines = tighten(class, &life.scene.patient, asked_stream);
    let patience = Patience {
        first_token: deadlines.first_token_ms != class.first_token_ms,
        total: deadlines.total_ms != class.total_ms,
    };
    let mut headers = std::mem::take(&mut request.headers);
    headers::strip_named(&mut headers);
    if let Some(trace) = &life.trace {
        headers::strip_trace(&mut headers, trace);
    }
    let path = match request.uri.query() {
        Some(query) => Cow::Owned(format!("{}?{query}", api.provider_path())),
        None => Cow::Borrowed(api.provider_path()),
    };
    let id = HeaderValue::from_bytes(&life.record.id.hex())
        .map_err(|_| Failure::new(Code::Internal, "A request id was not a header value"))?;
    let advice = caller.advice.iter().chain(&choice.advice).cloned().reduce(|left, right| format!("{left}; {right}"));
    let deployments =
        with_a_key(running, &choice, candidates_allowed(&running.plan, caller.use_case, choice.deployments.clone()))?;
    Ok(Prepared {
        api,
        began: life.began,
        clock: Spans::new(deadlines, life.began, streamed),
        deployments,
        streamed,
        assemble,
        ask_usage,
        withhold_usage: ask_usage && !assemble,
        marks: Marks::default(),
        caller,
        facts,
        body,
        headers,
        path,
        id,
        advice,
        patience,
    })
}

/// Those of `deployments` whose provider's key this process has.
fn with_a_key(running: &Running, choice: &Choice, mut deployments: Vec<usize>) -> Result<Vec<usize>, Failure> {
    let provider = |deployment: usize| running.plan.deployments[deployment].provider;
    let missing = |deployment: usize| match &running.providers[provider(deployment)].credential {
        Credential::Missing(place) => Some(place),
        _ => None,
    };
    deployments.retain(|&deployment| missing(deployment).is_none());
    if !deployments.is_empty() {
        return Ok(deployments);
    }
    let places: Vec<String> = choice
        .deployments
        .iter()
        .filter_map(|&deployment| {
            let place = missing(deployment)?;
            Some(format!("{} ({place})", running.plan.providers[provider(deployment)].name))
        })
        .collect();
    Err(Failure::new(Code::ProviderKeyMissing, format!("No key for provider {}", places.join(", "))))
}
