//! Prefix: the provider's own prompt cache. Hashes the regions of a prompt that is long enough to be cached, asks for
//! the cache where the caller did not, and notes what a miss would be due to. Keeps hashes, never text.

use std::hash::{Hash, Hasher};
use std::time::Instant;

use paceline_plan::Deployment;
use paceline_plan::document::PromptCache;
use paceline_policy::PromptSeen;
use paceline_providers::{Edits, Regions, regions};

use paceline_traffic::Prompt;
use paceline_types::Mode;
use rustc_hash::FxHasher;

use crate::gateway::Gateway;
use crate::life::Life;
use crate::prepare::Prepared;
use crate::running::Running;

/// What the edits need to know to ask for a prompt cache.
#[derive(Default)]
pub(crate) struct Marks {
    regions: Option<Regions>,
    /// Tools and system prompt were sent before: worth writing into the cache.
    repeats: bool,
    /// `SERVICE-HASH`: requests with the same prefix should meet at one machine.
    key: String,
}

/// Looks at the prompt's regions, where a deployment has a prompt cache that wants to be asked for.
pub(crate) fn note(gateway: &Gateway, running: &Running, life: &mut Life, prepared: &mut Prepared) {
    let plan = &running.plan;
    let wanted = |&deployment: &usize| {
        let deployment = &plan.deployments[deployment];
        deployment.prompt_cache != PromptCache::None && is_long_enough(deployment, prepared.body.len())
    };
    if !prepared.api.generates() || !prepared.deployments.iter().any(wanted) {
        return;
    }
    let Some(regions) = regions(prepared.api, &prepared.body, &prepared.facts) else { return };
    let caller = &prepared.caller;
    let use_case = hash((caller.service, caller.use_case, &life.record.model));
    let talk = if life.record.session.is_empty() { regions.first_message } else { hash(&life.record.session) };
    let seen = PromptSeen {
        tools: regions.tools,
        system: regions.system,
        history: regions.histories.last().copied().unwrap_or_default(),
        at_s: gateway.mono_ns(Instant::now()) / 1_000_000_000,
    };
    let prompt = Prompt { use_case, conversation: hash((use_case, talk)), seen, histories: &regions.histories };
    let (miss, repeats) = gateway.shared.prefixes.note(&prompt);
    life.scene.prefix_miss = miss;
    let asks = plan.use_cases[caller.use_case].prompt_cache && caller.mode != Mode::Observe;
    if asks {
        let service = &plan.services[caller.service].name;
        let key = format!("{service}-{:016x}", hash((regions.tools, regions.system)));
        prepared.marks = Marks { regions: Some(regions), repeats, key };
    }
}

/// Asks one deployment for its prompt cache; false when there is nothing to ask.
pub(crate) fn mark(edits: &mut Edits<'_>, prepared: &Prepared, deployment: &Deployment) -> bool {
    let Some(regions) = &prepared.marks.regions else { return false };
    match deployment.prompt_cache {
        PromptCache::Markers if prepared.marks.repeats && is_long_enough(deployment, regions.prefix_bytes) => {
            edits.mark_prefix(regions)
        }
        PromptCache::Key => edits.prompt_cache_key(&prepared.marks.key),
        _ => false,
    }
}

fn is_long_enough(deployment: &Deployment, bytes: usize) -> bool {
    #[allow(clippy::cast_precision_loss)]
    let tokens = bytes as f64 / deployment.bytes_per_token;
    tokens >= f64::from(deployment.prompt_cache_tokens_min)
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = FxHasher::default();
    value.hash(&mut hasher);
    hasher.finish()
}
