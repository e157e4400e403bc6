//! The response head: complete or not, the same wherever it is cut; every ambiguous framing refused.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::upstream::error::SendError;
use crate::upstream::head::{Framing, Head, parse};

fn framing(head: &Head) -> &'static str {
    match head.framing {
        Framing::Length(_) => "length",
        Framing::Chunked(_) => "chunked",
        Framing::Close => "close",
    }
}

fn read(wire: &str) -> Result<Head, SendError> {
    parse(wire.as_bytes(), false).map(|parsed| parsed.expect("a whole head").0)
}

#[test]
fn framing_and_persistence_follow_the_standard() {
    let cases = [
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", "length", true),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\n", "length", true),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5, 5\r\n\r\n", "length", true),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "chunked", true),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nConnection: close\r\n\r\n", "chunked", false),
        ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: foo, Close\r\n\r\n", "length", false),
        ("HTTP/1.1 200 OK\r\n\r\n", "close", false),
        ("HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\n", "length", false),
        ("HTTP/1.0 200 OK\r\ncontent-length: 5\r\nconnection: keep-alive\r\n\r\n", "length", true),
        ("HTTP/1.1 204 No Content\r\n\r\n", "length", true),
        ("HTTP/1.1 304 Not Modified\r\ncontent-length: 500\r\n\r\n", "length", true),
        ("HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n", "length", true),
        (
            "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
            "close",
            false,
        ),
    ];
    for (wire, expected, keep_alive) in cases {
        let head = read(wire).unwrap();
        assert_eq!((framing(&head), head.keep_alive), (expected, keep_alive), "{wire:?}");
    }
}

#[test]
fn an_answer_to_head_has_no_body_whatever_it_says() {
    for fields in ["content-length: 500\r\n", "transfer-encoding: chunked\r\n", ""] {
        let wire = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
        let (head, _) = parse(wire.as_bytes(), true).unwrap().unwrap();
        assert!(matches!(head.framing, Framing::Length(0)), "{fields:?}");
    }
}

#[test]
fn every_head_that_two_parsers_could_read_differently_is_refused() {
    let refused = [
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "content-length: 5\r\ncontent-length: 6\r\n",
        "content-length: 5, 6\r\n",
        "content-length: +5\r\n",
        "content-length: -5\r\n",
        "content-length: 5 5\r\n",
        "content-length: 0x5\r\n",
        "content-length: \r\n",
        "content-length: 5,\r\n",
        "content-length: 99999999999999999999\r\n",
        "transfer-encoding: gzip, chunked\r\n",
        "transfer-encoding: chunked, identity\r\n",
        "transfer-encoding: identity\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: xchunked\r\n",
        "folded: a\r\n b\r\n",
        "spaced : a\r\n",
        "nul: a\0b\r\n",
        "no colon\r\n",
        ": empty name\r\n",
    ];
    for fields in refused {
        let wire = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
        assert!(matches!(parse(wire.as_bytes(), false), Err(SendError::Malformed)), "{fields:?}");
    }
    for wire in [
        "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        "HTTP/1.1 101 Switching\r\n\r\n",
        "HTTP/1.1 099 X\r\n\r\n",
        "HTTP/2 200\r\n\r\n",
        "SSH-2.0-OpenSSH\r\n",
        "<html>",
        "\x16\x03\x01\x02",
        "HTTP/1.1 2000 OK\r\n\r\n",
    ] {
        assert!(matches!(parse(wire.as_bytes(), false), Err(SendError::Malformed)), "{wire:?}");
    }
}

#[test]
fn values_keep_their_bytes_and_repeated_fields_their_order() {
    let wire = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nset-cookie: b=2\r\nx-latin: caf\xe9\r\nempty:\r\ncontent-length: 0\r\n\r\n";
    let (head, length) = parse(wire, false).unwrap().unwrap();
    assert_eq!(length, wire.len());
    let cookies: Vec<_> = head.headers.get_all("set-cookie").iter().map(|value| value.as_bytes()).collect();
    assert_eq!(cookies, [b"a=1", b"b=2"]);
    assert_eq!(head.headers["x-latin"].as_bytes(), b"caf\xe9");
    assert_eq!(head.headers["empty"].as_bytes(), b"");
}

#[test]
fn too_many_fields_are_refused() {
    let wire = format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(200));
    assert!(matches!(parse(wire.as_bytes(), false), Err(SendError::HeadTooLarge)));
}

proptest! {
    #[test]
    fn no_prefix_of_a_head_is_a_head_and_none_is_an_error(
        fields in vec(("[a-z][a-z0-9-]{0,12}", "[ -~]{0,20}"), 0..8),
        early in 0..3_usize,
        body in "[ -~]{0,20}",
    ) {
        let mut wire = "HTTP/1.1 102 Processing\r\nx: y\r\n\r\n".repeat(early);
        wire.push_str("HTTP/1.1 200 OK\r\n");
        for (name, value) in &fields {
            wire.push_str(&format!("x-{name}: {value}\r\n"));
        }
        wire.push_str("content-length: 20\r\n\r\n");
        let length = wire.len();
        wire.push_str(&body);
        for cut in 0..length {
            prop_assert!(matches!(parse(&wire.as_bytes()[..cut], false), Ok(None)), "cut at {}", cut);
        }
        let (head, taken) = parse(wire.as_bytes(), false).unwrap().unwrap();
        prop_assert_eq!((taken, head.headers.len()), (length, fields.len() + 1));
        for (name, value) in &fields {
            let name = format!("x-{name}");
            let value = value.trim_matches(' ').as_bytes();
            prop_assert!(head.headers.get_all(&name).iter().any(|have| have.as_bytes() == value));
        }
    }

    #[test]
    fn no_bytes_panic(wire in vec(any::<u8>(), 0..200)) {
        let _ = parse(&wire, false);
        let mut begun = b"HTTP/1.1 200 OK\r\n".to_vec();
        begun.extend_from_slice(&wire);
        let _ = parse(&begun, true);
    }
}
