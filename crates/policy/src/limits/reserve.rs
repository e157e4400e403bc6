//! What a request is expected to take, before anybody knows: reserved first, settled with the truth after.

use paceline_plan::Deployment;
use paceline_types::Tokens;

/// Output tokens assumed of a request without a cap.
pub const OUTPUT_TOKENS_ASSUMED: u32 = 1024;

/// Input by the body's length, output by the cap in force (`Some(0)` where nothing is generated).
#[must_use]
pub fn expected_tokens(deployment: &Deployment, body_bytes: usize, cap: Option<u32>) -> Tokens {
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let input = (body_bytes as f64 / deployment.bytes_per_token).ceil() as u32;
    Tokens { input, output: cap.unwrap_or(OUTPUT_TOKENS_ASSUMED), ..Tokens::default() }
}
