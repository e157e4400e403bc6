//! Cap: the output bound spliced in when the caller set none. Never in observe mode, never where nothing is generated.

use paceline_plan::Plan;
use paceline_types::{Api, CapField, Mode};

use crate::Caller;

/// The field to add and its value; `None` when the request stays as it is.
#[must_use]
pub fn cap(plan: &Plan, caller: &Caller, cap_set: bool, api: Api, deployment: usize) -> Option<(&'static str, u32)> {
    if cap_set || caller.mode == Mode::Observe {
        return None;
    }
    let tokens = plan.use_cases[caller.use_case].max_output_tokens?;
    let field = match api {
        Api::Chat => plan.deployments[deployment].chat_cap_field,
        Api::Completions | Api::Messages => CapField::MaxTokens,
        Api::Responses => CapField::MaxOutputTokens,
        Api::Embeddings | Api::CountTokens | Api::Models | Api::Passthrough => return None,
    };
    Some((field.name(), tokens))
}
