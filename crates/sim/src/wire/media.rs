//! Answers of the APIs around generation: images, audio, moderation, reranking. Contents are noise of the size asked for.

use super::quoted;
use crate::seed::Seed;

/// Bytes of one image.
const IMAGE_BYTES: usize = 24 * 1024;
const IMAGES_MAX: u64 = 10;
const PARTIAL_IMAGES_MAX: u64 = 3;
/// Output tokens of one image.
const IMAGE_TOKENS: u64 = 1056;

/// `POST /v1/images/generations`: images in base64, and the usage of the models that report one.
#[must_use]
pub fn images(seed: u64, created: u64, prompt_tokens: u32, count: u64, usage: bool) -> Vec<u8> {
    let count = count.clamp(1, IMAGES_MAX);
    let data: Vec<String> = (0..count)
        .map(|index| format!(r#"{{"b64_json":"{}"}}"#, letters(seed.wrapping_add(index), IMAGE_BYTES * 4 / 3)))
        .collect();
    let usage = if usage { image_usage(prompt_tokens, count * IMAGE_TOKENS) } else { String::new() };
    format!(r#"{{"created":{created},"background":"opaque","data":[{}]{usage}}}"#, data.join(",")).into_bytes()
}

/// The same with `stream: true`: so many unfinished images, then the one that is meant, with its usage.
#[must_use]
pub fn image_events(seed: u64, created: u64, prompt_tokens: u32, partial: u64, usage: bool) -> Vec<u8> {
    let partial = partial.min(PARTIAL_IMAGES_MAX);
    let one = |index: u64, name: &str, more: &str| {
        let image = letters(seed.wrapping_add(index), IMAGE_BYTES * 4 / 3);
        format!(
            "event: image_generation.{name}\ndata: {{\"type\":\"image_generation.{name}\",\"b64_json\":\"{image}\",\"created_at\":{created}{more}}}\n\n"
        )
    };
    let output = (partial + 1) * IMAGE_TOKENS;
    let usage = if usage { image_usage(prompt_tokens, output) } else { String::new() };
    let mut events: String =
        (0..partial).map(|index| one(index, "partial_image", &format!(",\"partial_image_index\":{index}"))).collect();
    events.push_str(&one(partial, "completed", &usage));
    events.into_bytes()
}

fn image_usage(input: u32, output: u64) -> String {
    format!(
        r#","usage":{{"total_tokens":{},"input_tokens":{input},"output_tokens":{output},"input_tokens_details":{{"text_tokens":{input},"image_tokens":0}}}}"#,
        u64::from(input) + output
    )
}

/// `POST /v1/audio/transcriptions`: a text, and its usage by tokens.
#[must_use]
pub fn transcription(text: &str, audio_tokens: u32, output_tokens: u32, usage: bool) -> Vec<u8> {
    let usage = match usage {
        true => format!(
            r#","usage":{{"type":"tokens","total_tokens":{},"input_tokens":{audio_tokens},"input_token_details":{{"text_tokens":0,"audio_tokens":{audio_tokens}}},"output_tokens":{output_tokens}}}"#,
            audio_tokens + output_tokens
        ),
        false => String::new(),
    };
    format!(r#"{{"text":{}{usage}}}"#, quoted(text)).into_bytes()
}

/// `POST /v1/audio/speech`: so many bytes of audio, which are none.
#[must_use]
pub fn speech(seed: u64, bytes: usize) -> Vec<u8> {
    let mut seed = Seed::new(seed);
    let mut out = b"ID3".to_vec();
    while out.len() < bytes {
        out.extend_from_slice(&seed.next().to_le_bytes());
    }
    out.truncate(bytes);
    out
}

/// `POST /v1/moderations`: nothing is ever flagged.
#[must_use]
pub fn moderation(id: &str, model: &str, inputs: u32) -> Vec<u8> {
    let names = ["harassment", "hate", "self-harm", "sexual", "violence"];
    let fields = |value: &str| names.map(|name| format!(r#""{name}":{value}"#)).join(",");
    let result =
        format!(r#"{{"flagged":false,"categories":{{{}}},"category_scores":{{{}}}}}"#, fields("false"), fields("1e-6"));
    let results = vec![result; inputs.max(1) as usize].join(",");
    format!(r#"{{"id":"modr-{id}","model":{},"results":[{results}]}}"#, quoted(model)).into_bytes()
}

/// `POST /v1/rerank`: the documents in their order, with falling scores.
#[must_use]
pub fn rerank(id: &str, model: &str, documents: usize, tokens: u32, usage: bool) -> Vec<u8> {
    let results: Vec<String> = (0..documents)
        .map(|index| format!(r#"{{"index":{index},"relevance_score":{:.6}}}"#, 1.0 / (index + 1) as f64))
        .collect();
    let usage = if usage { format!(r#","usage":{{"total_tokens":{tokens}}}"#) } else { String::new() };
    format!(r#"{{"id":"rerank-{id}","model":{},"results":[{}]{usage}}}"#, quoted(model), results.join(",")).into_bytes()
}

fn letters(seed: u64, count: usize) -> String {
    let mut seed = Seed::new(seed);
    (0..count).map(|_| char::from(b'A' + (seed.next() % 26) as u8)).collect()
}
