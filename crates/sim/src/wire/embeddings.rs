//! OpenAI embeddings: vectors of length one, deterministic, as numbers or in base64 of little-endian 32-bit floats.

use super::quoted;
use crate::ask::Ask;
use crate::seed::{Seed, hash_bytes};

/// Numbers in a vector when the caller does not say.
const DIMENSIONS: u32 = 1536;
const DIMENSIONS_MAX: u32 = 8192;

/// The whole answer; `usages` says how often its counts are told: once, unless a fault wants otherwise.
#[must_use]
pub fn whole(seed: u64, ask: &Ask, usages: usize) -> Vec<u8> {
    let model = ask.model.as_deref().unwrap_or_default();
    let mut seed = Seed::new(hash_bytes(seed ^ u64::from(ask.prompt_tokens), model.as_bytes()));
    let dimensions = ask.dimensions.unwrap_or(DIMENSIONS).clamp(1, DIMENSIONS_MAX);
    let mut out = String::from(r#"{"object":"list","data":["#);
    for index in 0..ask.inputs {
        let vector = vector(&mut seed, dimensions);
        let embedding = if ask.base64 { quoted(&base64(&vector)) } else { numbers(&vector) };
        if index > 0 {
            out.push(',');
        }
        out.push_str(&format!(r#"{{"object":"embedding","index":{index},"embedding":{embedding}}}"#));
    }
    let usage = format!(r#","usage":{{"prompt_tokens":{0},"total_tokens":{0}}}"#, ask.prompt_tokens).repeat(usages);
    out.push_str(&format!(r#"],"model":{}{usage}}}"#, quoted(model)));
    out.into_bytes()
}

#[allow(clippy::cast_possible_truncation)]
fn vector(seed: &mut Seed, dimensions: u32) -> Vec<f32> {
    let raw: Vec<f64> = (0..dimensions).map(|_| seed.unit() - 0.5).collect();
    let length = raw.iter().map(|value| value * value).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
    raw.into_iter().map(|value| (value / length) as f32).collect()
}

fn numbers(vector: &[f32]) -> String {
    let numbers: Vec<String> = vector.iter().map(ToString::to_string).collect();
    format!("[{}]", numbers.join(","))
}

fn base64(vector: &[f32]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
    let mut out = String::with_capacity(bytes.len() * 4 / 3 + 4);
    for part in bytes.chunks(3) {
        let number = part.iter().fold(0_u32, |number, &byte| number << 8 | u32::from(byte)) << (8 * (3 - part.len()));
        for place in 0..4 {
            let letter = LETTERS[(number >> (18 - 6 * place) & 63) as usize];
            out.push(if place > part.len() { '=' } else { char::from(letter) });
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn both_encodings_hold_the_same_unit_vectors() {
        let ask = Ask { model: Some("e".into()), inputs: 2, dimensions: Some(5), prompt_tokens: 9, ..Ask::default() };
        let plain: serde_json::Value = serde_json::from_slice(&whole(1, &ask, 1)).unwrap();
        let vector: Vec<f64> =
            plain["data"][1]["embedding"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect();
        assert_eq!((vector.len(), plain["usage"]["total_tokens"].as_u64()), (5, Some(9)));
        assert!((vector.iter().map(|value| value * value).sum::<f64>() - 1.0).abs() < 1e-6);
        let coded: serde_json::Value = serde_json::from_slice(&whole(1, &Ask { base64: true, ..ask }, 0)).unwrap();
        let text = coded["data"][1]["embedding"].as_str().unwrap();
        assert_eq!((text.len(), text.ends_with('=')), (28, true));
        assert!(coded.get("usage").is_none());
    }

    #[test]
    fn base64_is_the_standard_one() {
        assert_eq!(base64(&[1.0, -2.5]), "AACAPwAAIMA=");
        assert_eq!(base64(&[f32::from_le_bytes(*b"Man!")]), "TWFuIQ==");
    }
}
