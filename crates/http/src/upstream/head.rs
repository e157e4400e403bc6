//! The response head: parsed by httparse, its values sharing one allocation; and what it says about the body's
//! framing. Refuses every head that two parsers could frame differently.

use std::mem::MaybeUninit;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::chunked::Chunked;
use super::error::SendError;

/// Bound on header fields in a response.
const HEADERS_MAX: usize = 128;

/// Room for what the gateway adds on the way to its caller, so that the map need not grow.
const HEADERS_SPARE: usize = 8;

/// How the end of a body is found.
#[derive(Debug)]
pub(super) enum Framing {
    /// This many bytes are left.
    Length(u64),
    Chunked(Chunked),
    /// Up to the end of the connection.
    Close,
}

#[derive(Debug)]
pub(super) struct Head {
    pub status: u16,
    pub headers: HeaderMap,
    pub framing: Framing,
    pub content_length: Option<u64>,
    /// The connection may serve another request after this answer.
    pub keep_alive: bool,
}

/// A head and how many bytes it took, 1xx heads before it included; `None` when more bytes are needed.
pub(super) fn parse(bytes: &[u8], to_head_request: bool) -> Result<Option<(Head, usize)>, SendError> {
    let mut at = 0;
    loop {
        let mut fields = [const { MaybeUninit::uninit() }; HEADERS_MAX];
        let mut response = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        let parsed = config.parse_response_with_uninit_headers(&mut response, &bytes[at..], &mut fields);
        let length = match parsed {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::TooManyHeaders) => return Err(SendError::HeadTooLarge),
            Err(_) => return Err(SendError::Malformed),
        };
        let (Some(status), Some(version)) = (response.code, response.version) else { return Err(SendError::Malformed) };
        match status {
            // We never ask to switch.
            ..=99 | 101 | 1000.. => return Err(SendError::Malformed),
            100..=199 => at += length,
            _ => {
                let headers = headers(&bytes[at..at + length], response.headers)?;
                let head = frame(status, version, headers, to_head_request)?;
                return Ok(Some((head, at + length)));
            }
        }
    }
}

/// The header map: one copy of the head, sliced.
fn headers(head: &[u8], fields: &[httparse::Header<'_>]) -> Result<HeaderMap, SendError> {
    let shared = Bytes::copy_from_slice(head);
    let origin = head.as_ptr() as usize;
    let mut headers = HeaderMap::with_capacity(fields.len() + HEADERS_SPARE);
    for field in fields {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| SendError::Malformed)?;
        let start = (field.value.as_ptr() as usize).saturating_sub(origin);
        let value = shared.get(start..start + field.value.len()).map(|value| shared.slice_ref(value));
        let value = HeaderValue::from_maybe_shared(value.unwrap_or_default()).map_err(|_| SendError::Malformed)?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn frame(status: u16, version: u8, headers: HeaderMap, to_head_request: bool) -> Result<Head, SendError> {
    let content_length = content_length(&headers)?;
    let chunked = transfer_encoding(&headers, version)?;
    let bodiless = to_head_request || matches!(status, 204 | 304);
    let framing = match (chunked, content_length) {
        (true, Some(_)) => return Err(SendError::Malformed),
        _ if bodiless => Framing::Length(0),
        (true, None) => Framing::Chunked(Chunked::new()),
        (false, Some(length)) => Framing::Length(length),
        (false, None) => Framing::Close,
    };
    let keep_alive = !matches!(framing, Framing::Close) && persists(&headers, version);
    Ok(Head { status, headers, framing, content_length, keep_alive })
}

/// All length fields must state the same number.
fn content_length(headers: &HeaderMap) -> Result<Option<u64>, SendError> {
    let mut stated = None;
    for value in headers.get_all(CONTENT_LENGTH) {
        let text = value.to_str().map_err(|_| SendError::Malformed)?;
        for part in text.split(',') {
            let part = part.trim_matches([' ', '\t']);
            if part.is_empty() || !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(SendError::Malformed);
            }
            let length: u64 = part.parse().map_err(|_| SendError::Malformed)?;
            if stated.is_some_and(|stated| stated != length) {
                return Err(SendError::Malformed);
            }
            stated = Some(length);
        }
    }
    Ok(stated)
}

/// True for exactly `chunked`; any other coding is one we did not offer.
fn transfer_encoding(headers: &HeaderMap, version: u8) -> Result<bool, SendError> {
    let mut values = headers.get_all(TRANSFER_ENCODING).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(false),
        (Some(value), None) if version == 1 && value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") => {
            Ok(true)
        }
        _ => Err(SendError::Malformed),
    }
}

fn persists(headers: &HeaderMap, version: u8) -> bool {
    let says = |token: &str| {
        headers.get_all(CONNECTION).iter().any(|value| {
            value
                .as_bytes()
                .split(|&byte| byte == b',')
                .any(|part| part.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
        })
    };
    !says("close") && (version == 1 || says("keep-alive"))
}
