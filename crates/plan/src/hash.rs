//! The plan's own hash, computed over the bytes as sent: canonical JSON (sorted keys, no spaces, UTF-8 unescaped, as
//! Python's `json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)` writes it) without the
//! member `"hash":"…",`. Nothing is parsed and written again, so no two number formats have to agree.

use sha2::{Digest, Sha256};

use crate::PlanFault;

/// Hex SHA-256 of a canonical document's bytes without its `hash` member, and the first eight bytes as a number.
pub(crate) fn verify(bytes: &[u8], stated: &str) -> Result<u64, PlanFault> {
    let is_hex = stated.len() == 64 && stated.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !is_hex {
        return Err(PlanFault::new("hash", "not 64 lower-case hex digits", "write the SHA-256 of the rest"));
    }
    let member = format!("\"hash\":\"{stated}\",");
    let mut places = memchr_all(bytes, member.as_bytes());
    let (Some(at), None) = (places.next(), places.next()) else {
        return Err(PlanFault::new("hash", "the document is not canonical JSON", "sort keys, leave no spaces"));
    };
    let mut hasher = Sha256::new();
    hasher.update(&bytes[..at]);
    hasher.update(&bytes[at + member.len()..]);
    let digest = hasher.finalize();
    if hex(&digest) != stated {
        return Err(PlanFault::new("hash", "the document was changed after it was hashed", "send it as it was made"));
    }
    Ok(digest[..8].iter().fold(0, |number, &byte| number << 8 | u64::from(byte)))
}

/// The hash a document ought to state: for those who make plans in Rust (tests, samples).
pub(crate) fn compute(canonical_without_hash: &[u8]) -> String {
    hex(&Sha256::digest(canonical_without_hash))
}

fn memchr_all<'a>(haystack: &'a [u8], needle: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    haystack.windows(needle.len()).enumerate().filter(move |(_, window)| *window == needle).map(|(at, _)| at)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(64), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}
