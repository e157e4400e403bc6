//! What we say to a caller whose head is no head: in the place of hyper's own bare refusals, and by ourselves.

/// The body of a refusal: the shape both dialects' SDKs read a message from.
pub(super) fn head_refusal(status: &str) -> String {
    let message = match status {
        "408" => "The request's head did not arrive in time",
        "414" => "The request's target is too long",
        "431" => "The request's head has too many headers or is too large",
        _ => "The request's head is not valid HTTP",
    };
    format!(
        "{{\"type\":\"error\",\"error\":{{\"message\":\"{message}. Correct the request's headers [paceline G305: run `paceline \
         explain G305`]\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"head_invalid\"}}}}"
    )
}

/// A bare refusal with its body.
pub(super) fn refusal(bare: &[u8]) -> Vec<u8> {
    let status = bare.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()).unwrap_or("400");
    let body = head_refusal(status);
    let status_line = bare.split(|&byte| byte == b'\r').next().unwrap_or_default();
    let mut answer = status_line.to_vec();
    let fields =
        format!("\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
    answer.extend_from_slice(fields.as_bytes());
    answer.extend_from_slice(body.as_bytes());
    answer
}
