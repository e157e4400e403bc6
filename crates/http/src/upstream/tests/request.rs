//! The request on the wire: what is written, and that what belongs to us cannot be overridden.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method};

use crate::upstream::error::SendError;
use crate::upstream::request::{Outgoing, RequestHead};

fn written(method: &Method, prefix: &str, path: &str, headers: &HeaderMap, body: Vec<Bytes>) -> Vec<Bytes> {
    let head = RequestHead::new(method, path, headers);
    Outgoing::new(head, prefix, "provider:8000", body).unwrap().into_parts()
}

#[test]
fn a_small_body_goes_out_in_one_piece_with_its_head() {
    let mut headers = HeaderMap::new();
    headers.insert("accept", HeaderValue::from_static("*/*"));
    let body = vec![Bytes::from_static(b"{\"a\""), Bytes::new(), Bytes::from_static(b":1}")];
    let parts = written(&Method::POST, "/v1", "/chat?x=1", &headers, body);
    assert_eq!(parts.len(), 1);
    assert_eq!(
        parts[0],
        &b"POST /v1/chat?x=1 HTTP/1.1\r\nhost: provider:8000\r\naccept: */*\r\ncontent-length: 7\r\n\r\n{\"a\":1}"[..]
    );
}

#[test]
fn a_large_body_is_not_copied() {
    let large = Bytes::from(vec![b'x'; 20_000]);
    let parts =
        written(&Method::POST, "", "/", &HeaderMap::new(), vec![large.clone(), Bytes::new(), large.slice(..10)]);
    assert_eq!(parts.len(), 3);
    assert!(parts[0].ends_with(b"content-length: 20010\r\n\r\n"));
    assert_eq!(parts[1].as_ptr(), large.as_ptr());
}

#[test]
fn framing_and_host_are_ours() {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("host", "evil"),
        ("content-length", "1"),
        ("transfer-encoding", "chunked"),
        ("connection", "close"),
        ("x", "y"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let parts = written(&Method::POST, "", "/", &headers, vec![]);
    assert_eq!(parts[0], &b"POST / HTTP/1.1\r\nhost: provider:8000\r\nx: y\r\ncontent-length: 0\r\n\r\n"[..]);
    let parts = written(&Method::GET, "", "", &HeaderMap::new(), vec![]);
    assert_eq!(parts[0], &b"GET / HTTP/1.1\r\nhost: provider:8000\r\n\r\n"[..]);
}

#[test]
fn a_target_that_would_break_the_request_line_is_refused() {
    let headers = HeaderMap::new();
    for path in ["/a b", "/a\r\nx: y", "/a\nb", "/\u{7f}"] {
        let head = RequestHead::new(&Method::GET, path, &headers);
        assert!(matches!(Outgoing::new(head, "", "h", vec![]), Err(SendError::Target)), "{path:?}");
    }
}
