//! What a caller's answer turned out to be: compared with the references byte for byte, and where it was broken off taken
//! apart into the answer's beginning and an error event of the gateway's. Says nothing of what it should have been.

use paceline_testkit::{End, Heard};
use paceline_types::{Api, Code, Dialect};
use serde_json::Value;

use crate::case::Case;
use crate::expect::Ending;
use crate::reference::Reference;
use crate::wrong::Wrong;

/// What an answer that ended is, or why it is nothing that may be.
pub(crate) fn classify(
    case: &Case,
    heard: &Heard,
    disturbed: &Reference,
    undisturbed: &Reference,
) -> Result<Ending, String> {
    let id = heard.header("x-paceline-request-id").unwrap_or_default();
    let own_code = heard.header("x-paceline-code");
    match heard.end {
        End::Whole if own_code.is_some() => {
            let code = own_error(case, &heard.body).ok_or("an error of the gateway's not in the caller's dialect")?;
            if Some(code.row().code) != own_code || code.row().status != heard.status {
                return Err(format!(
                    "the error's head and body disagree: {own_code:?}, {}, {}",
                    heard.status,
                    code.row().code
                ));
            }
            Ok(Ending::Refused(code))
        }
        End::Whole => {
            let exact = |reference: &Reference| {
                reference.status == heard.status && is_due(case, &heard.body, &reference.due(id))
            };
            let told = matches!(case.wrong, Wrong::ErrorEvent(_));
            let failed =
                || serde_json::from_slice::<Value>(&heard.body).is_ok_and(|answer| answer["status"] == "failed");
            if told && case.is_assembled() && failed() {
                return Ok(Ending::Told);
            }
            match (exact(disturbed), exact(undisturbed)) {
                (true, _) if told => Ok(Ending::Told),
                (true, _) => Ok(Ending::Exact),
                (false, true) => Ok(Ending::Mended),
                _ => Err(format!(
                    "an end without an error, but not the exact answer: {}",
                    difference(case, heard, &disturbed.due(id))
                )),
            }
        }
        End::Broken if heard.status == 0 => Err("no answer at all".into()),
        End::Broken => broken(case, heard, &[disturbed.due(id), undisturbed.due(id)]),
        End::Left => Err("the caller left".into()),
    }
}

/// The caller's bytes are those due; an assembled answer is the same as JSON.
fn is_due(case: &Case, body: &[u8], due: &[u8]) -> bool {
    let assembled = case.is_assembled();
    body == due || (assembled && matches!(documents(body, due), Some((one, other)) if one == other))
}

/// An answer that was broken off: the beginning of a sound one, and perhaps an error event of ours.
fn broken(case: &Case, heard: &Heard, due: &[Vec<u8>]) -> Result<Ending, String> {
    let (begun, code) = split_event(case, &heard.body);
    let told = matches!(case.wrong, Wrong::ErrorEvent(_));
    if told && due[0] == heard.body {
        return Ok(Ending::Told);
    }
    if !due.iter().any(|due| due.starts_with(begun)) {
        return Err(format!(
            "what came before the break is not the answer's beginning: {}",
            difference(case, heard, &due[0])
        ));
    }
    if due.iter().any(|due| !due.is_empty() && due == begun) && !matches!(case.wrong.content(), Wrong::NoTerminal) {
        return Err("the whole answer, and then a break".into());
    }
    match code {
        Some(code) => Ok(Ending::Broken(code)),
        // In the middle of an event, or of a compressed answer, the break alone can tell.
        None => Ok(Ending::Broken(silent_code(case))),
    }
}

/// What a break without words stands for.
const fn silent_code(case: &Case) -> Code {
    match case.wrong {
        Wrong::LongStall(0) => Code::ProviderTimeoutFirstToken,
        Wrong::LongStall(_) => Code::ProviderTimeoutStall,
        _ => Code::ProviderCut,
    }
}

/// Splits an error event of the gateway's off the end.
fn split_event<'b>(case: &Case, body: &'b [u8]) -> (&'b [u8], Option<Code>) {
    let Ok(text) = std::str::from_utf8(body) else { return (body, None) };
    let Some(kept) = text.strip_suffix("\n\n") else { return (body, None) };
    let at = kept.rfind("\n\n").map_or(0, |at| at + 2);
    let event = &text[at..];
    let data = match case.api {
        Api::Messages | Api::Responses => event.strip_prefix("event: error\ndata: "),
        _ => event.strip_prefix("data: "),
    };
    match data.and_then(|data| own_error(case, data.as_bytes())) {
        Some(code) => (&body[..at], Some(code)),
        None => (body, None),
    }
}

/// The code of an error of the gateway's in the caller's dialect.
fn own_error(case: &Case, body: &[u8]) -> Option<Code> {
    let error: Value = serde_json::from_slice(body).ok()?;
    let inner = if error["error"].is_object() { &error["error"] } else { &error };
    let sound = match case.api.dialect() {
        Dialect::Anthropic => error["type"] == "error" && inner["type"].is_string(),
        Dialect::OpenAi => inner["type"].is_string() && inner["code"].is_string(),
    };
    let code = inner["paceline_code"].as_str().filter(|_| sound && inner["message"].is_string())?;
    Code::from_number(code.strip_prefix('G')?.parse().ok()?)
}

/// What a caller had heard when it left can be the beginning of an answer.
pub(crate) fn is_beginning(case: &Case, heard: &Heard, due: &[Vec<u8>]) -> bool {
    if heard.body.is_empty() || heard.header("x-paceline-code").is_some() {
        return true;
    }
    let (begun, _) = split_event(case, &heard.body);
    case.is_assembled() || due.iter().any(|due| due.starts_with(begun))
}

/// Where two bodies part. Simulated words are nobody's, so they may be shown.
fn difference(case: &Case, heard: &Heard, due: &[u8]) -> String {
    if case.is_assembled()
        && let Some((one, other)) = documents(&heard.body, due)
    {
        return json_difference("", &one, &other).unwrap_or_default();
    }
    let at = heard.body.iter().zip(due).take_while(|(one, other)| one == other).count();
    let show = |bytes: &[u8]| {
        let from = at.saturating_sub(20).min(bytes.len());
        String::from_utf8_lossy(&bytes[from..bytes.len().min(at + 60)]).escape_debug().to_string()
    };
    format!(
        "status {}, {} bytes where {} are due, equal up to {at}; heard …{}…, due …{}… ({})",
        heard.status,
        heard.body.len(),
        due.len(),
        show(&heard.body),
        show(due),
        case.shape.name()
    )
}

/// Two answers as documents, without what no event of a stream tells of: that a value is null, or a list empty.
fn documents(one: &[u8], other: &[u8]) -> Option<(Value, Value)> {
    fn told(value: Value) -> Value {
        match value {
            Value::Object(fields) => {
                let told = fields.into_iter().map(|(name, value)| (name, told(value)));
                let silent = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
                told.filter(|(_, value)| !silent(value)).collect()
            }
            Value::Array(values) => values.into_iter().map(told).collect(),
            other => other,
        }
    }
    Some((told(serde_json::from_slice(one).ok()?), told(serde_json::from_slice(other).ok()?)))
}

/// The first place where two documents differ.
fn json_difference(at: &str, heard: &Value, due: &Value) -> Option<String> {
    match (heard, due) {
        (Value::Object(heard), Value::Object(due)) => {
            let names = heard.keys().chain(due.keys().filter(|name| !heard.contains_key(*name)));
            names.map(|name| (name, heard.get(name), due.get(name))).find_map(|(name, heard, due)| match (heard, due) {
                (Some(heard), Some(due)) => json_difference(&format!("{at}/{name}"), heard, due),
                (Some(_), None) => Some(format!("{at}/{name} is there and should not be")),
                _ => Some(format!("{at}/{name} is missing")),
            })
        }
        (Value::Array(heard), Value::Array(due)) if heard.len() == due.len() => {
            let pairs = heard.iter().zip(due).enumerate();
            pairs.into_iter().find_map(|(index, (heard, due))| json_difference(&format!("{at}/{index}"), heard, due))
        }
        _ => (heard != due).then(|| format!("{at} is {heard}, due is {due}")),
    }
}
