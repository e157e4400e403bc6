//! Our reading of a response beside hyper's client's, on the same bytes cut the same way. Where the two differ, ours
//! must be the stricter.

use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use proptest::collection::vec;
use proptest::prelude::*;
use tokio::io::AsyncWriteExt;

use super::chunked::{decode, encoded};
use crate::upstream::head::{Framing, parse};

/// What a reader made of a response: status and body, or nothing.
type Reading = Option<(u16, Vec<u8>)>;

fn ours(wire: &[u8], cuts: &[usize]) -> Reading {
    let (head, length) = parse(wire, false).ok()??;
    let body = &wire[length..];
    let body = match head.framing {
        Framing::Length(length) => body.get(..usize::try_from(length).ok()?)?.to_vec(),
        Framing::Close => body.to_vec(),
        Framing::Chunked(_) => match decode(body, cuts) {
            Ok((data, true, _)) => data,
            _ => return None,
        },
    };
    Some((head.status, body))
}

fn hypers(wire: &[u8], cuts: &[usize]) -> Reading {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (near, mut far) = tokio::io::duplex(1 << 20);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(near)).await.ok()?;
        let serving = async {
            let mut request = [0; 64];
            tokio::io::AsyncReadExt::read(&mut far, &mut request).await.unwrap();
            let mut rest = wire;
            for &cut in cuts.iter().take_while(|&&cut| cut > 0) {
                let take = cut.min(rest.len());
                far.write_all(&rest[..take]).await.ok();
                tokio::task::yield_now().await;
                rest = &rest[take..];
            }
            far.write_all(rest).await.ok();
            drop(far);
        };
        let asking = async {
            let request = hyper::Request::get("/").header("host", "h").body(String::new()).unwrap();
            let response = sender.send_request(request).await.ok()?;
            let status = response.status().as_u16();
            let body = response.into_body().collect().await.ok()?.to_bytes().to_vec();
            drop(sender);
            Some((status, body))
        };
        let (reading, (), _) = tokio::join!(asking, serving, connection);
        reading
    })
}

fn chunked(body: &[u8]) -> Vec<u8> {
    let mut wire = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    wire.extend_from_slice(body);
    wire
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn sound_chunks_read_the_same((body, data) in encoded(), cuts in vec(1..30_usize, 0..20)) {
        let wire = chunked(&body);
        prop_assert_eq!(ours(&wire, &cuts), Some((200, data)));
        prop_assert_eq!(hypers(&wire, &cuts), ours(&wire, &cuts));
    }

    #[test]
    fn damaged_chunks_never_read_as_something_that_hyper_refuses_or_reads_otherwise(
        (body, _) in encoded(),
        at in any::<prop::sample::Index>(),
        byte in prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'0'), Just(b' '), Just(b';'), any::<u8>()],
        insert in any::<bool>(),
    ) {
        let mut body = body;
        let at = at.index(body.len());
        if insert { body.insert(at, byte) } else { body[at] = byte }
        let wire = chunked(&body);
        if let Some(reading) = ours(&wire, &[]) {
            prop_assert_eq!(hypers(&wire, &[]), Some(reading));
        }
    }

    #[test]
    fn heads_of_all_sorts_read_the_same_or_not_at_all(
        version in prop_oneof![Just("1.1"), Just("1.0")],
        status in prop_oneof![Just(200_u16), Just(204), Just(304), Just(404), Just(500)],
        fields in vec(prop_oneof![
            Just("content-length: 5"), Just("content-length: 7"), Just("transfer-encoding: chunked"),
            Just("transfer-encoding: gzip, chunked"), Just("connection: close"), Just("connection: keep-alive"),
            Just("content-length: 5, 5"), Just("x-other: value"), Just("content-length: x"),
        ], 0..4),
    ) {
        let mut wire = format!("HTTP/{version} {status} X\r\n").into_bytes();
        for field in &fields {
            wire.extend_from_slice(field.as_bytes());
            wire.extend_from_slice(b"\r\n");
        }
        wire.extend_from_slice(b"\r\n5\r\nhello\r\n0\r\n\r\n");
        if let Some(reading) = ours(&wire, &[]) {
            // hyper does not read a list of equal lengths at all.
            if !fields.contains(&"content-length: 5, 5") {
                prop_assert_eq!(hypers(&wire, &[]), Some(reading));
            }
        }
    }
}

#[test]
fn lengths_and_closes_read_the_same() {
    for wire in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"[..],
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell",
        b"HTTP/1.1 200 OK\r\n\r\nto the end",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\n\r\nold",
        b"HTTP/1.1 200 OK\r\ncontent-le",
    ] {
        assert_eq!(ours(wire, &[]), hypers(wire, &[]), "{:?}", String::from_utf8_lossy(wire));
    }
}
