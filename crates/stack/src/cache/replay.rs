//! An answer from the cache: the very bytes of the first time, which cost nothing now, and say so.

use bytes::{Bytes, BytesMut};
use paceline_cache::Entry;
use paceline_http::{Body, Response, StatusCode};
use paceline_types::Outcome;

use super::is_stream;
use crate::life::Life;
use crate::own;
use crate::prepare::Prepared;
use crate::relay;

/// Answers with a kept answer, fresh or standing in.
pub(super) fn respond(mut life: Box<Life>, entry: &Entry, prepared: &Prepared) -> Response {
    life.record.status = entry.head().status;
    // What it cost the first time is what it would have cost again.
    life.scene.saved_nanousd = Some(entry.facts().cost_nanousd);
    let body = join(entry.parts());
    life.record.response_bytes = u32::try_from(body.len()).unwrap_or(u32::MAX);
    if is_stream(prepared) {
        let now_us = life.micros(std::time::Instant::now());
        (life.record.first_us, life.record.visible_us, life.record.last_us) = (now_us, now_us, now_us);
    }
    life.keep(&body);
    life.finish(Outcome::Ok);
    let mut headers = entry.head().headers.clone();
    own::add(&life, &mut headers, prepared.advice.as_deref(), None);
    let status = StatusCode::from_u16(entry.head().status).unwrap_or(StatusCode::OK);
    relay::assemble((status, headers), Body::Full(body))
}

fn join(parts: &[Bytes]) -> Bytes {
    match parts {
        [only] => only.clone(),
        _ => {
            let mut joined = BytesMut::with_capacity(parts.iter().map(Bytes::len).sum());
            parts.iter().for_each(|part| joined.extend_from_slice(part));
            joined.freeze()
        }
    }
}
