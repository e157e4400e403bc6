//! A stream put together for a caller who did not ask for one: first-token and stall deadlines hold, and the caller
//! gets what the provider would have answered without a stream.

use bytes::Bytes;
use paceline_http::{Body, HeaderValue, Response};
use paceline_providers::{Assembler, NotWhole};
use paceline_types::{Code, Failure, Outcome, UNDEFINED};

use super::{Tap, assemble, cut_short, head, note_stream};
use crate::life::Life;
use crate::refuse;
use crate::send::Sent;

/// Reads the stream to its end and answers with the whole.
pub(super) async fn respond(mut life: Box<Life>, mut sent: Box<Sent>, mut tap: Box<Tap>, out: Vec<Bytes>) -> Response {
    life.record.status = sent.answer.status;
    let mut assembler = Assembler::new(life.record.api);
    out.iter().for_each(|chunk| assembler.push(chunk));
    let ended = gather(&life, &mut sent, &mut tap, &mut assembler).await;
    note_stream(&mut life, &tap);
    if let Err(failure) = ended {
        return refuse::refuse(life, &failure);
    }
    let body = match assembler.finish() {
        Ok(body) => body,
        Err(fault) => {
            let failed = fault == NotWhole::Failed;
            let code = if failed { Code::ProviderFailedInStream } else { Code::ProviderMalformed };
            let what = format!("Deployment {}: {fault}", life.record.deployment);
            return refuse::refuse(life, &Failure::new(code, what));
        }
    };
    let back = sent.answer.read_at().elapsed().as_nanos();
    life.record.overhead_back_ns = u32::try_from(back).unwrap_or(UNDEFINED - 1);
    life.keep(&body);
    life.finish(if tap.facts().provider_error { Outcome::ProviderError } else { Outcome::Ok });
    let (status, mut headers) = head(&life, &mut sent);
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.remove("cache-control");
    headers.remove("content-encoding");
    assemble((status, headers), Body::Full(body))
}

/// Reads until the terminal event.
async fn gather(life: &Life, sent: &mut Sent, tap: &mut Tap, assembler: &mut Assembler) -> Result<(), Failure> {
    let mut read_at = sent.answer.read_at();
    while !tap.facts().terminal {
        let clock = &sent.clock;
        let (deadline, code) = if tap.facts().first_ns.is_none() {
            clock.sooner(clock.first_token, Code::ProviderTimeoutFirstToken)
        } else {
            clock.sooner(clock.stall.map(|stall| read_at + stall), Code::ProviderTimeoutStall)
        };
        sent.answer.set_deadline(deadline);
        let early =
            |code| Failure::new(code, format!("The stream from deployment {} ended early", life.record.deployment));
        let chunk = match sent.answer.chunk().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => {
                assembler.push(&tap.end());
                return if tap.facts().terminal { Ok(()) } else { Err(early(Code::ProviderCut)) };
            }
            Err(error) => return Err(early(cut_short(&error, code).0)),
        };
        read_at = sent.answer.read_at();
        let out = tap.push(chunk, life.nanos(read_at));
        assembler.push(&out);
    }
    Ok(())
}
