//! The flight: one request asks a deployment, in a task of its own, for everybody who asks the same meanwhile. Its first
//! caller is a reader like the others, so that leaving takes nothing from them; when nobody reads any more, the task ends
//! and with it the provider's work. What is no plain success goes to the first caller alone: the others ask for themselves.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use paceline_cache::{Broken, Facts, Head, Keep, Lead, Tail};
use paceline_http::{Abort, Body, Chunks, Response};
use paceline_policy::keepable;
use paceline_types::{Code, Dialect, Failure};
use tokio::sync::oneshot;

use super::{Flight, common, replay, unix_ms};
use crate::life::{Ending, Life};
use crate::{refuse, relay};

/// Starts the flight and answers its first caller.
pub(super) async fn respond(mut life: Box<Life>, flight: Flight) -> Response {
    let lost = || {
        let failure = Failure::new(Code::Internal, "The shared attempt ended without a word");
        refuse::response(Dialect::OpenAi, &failure, "")
    };
    let Some(tail) = flight.lead.tail() else { return lost() };
    let left = Arc::new(AtomicBool::new(false));
    let mut leaver = Leaver { left: Arc::clone(&left), done: false };
    life.scene.left = Some(left);
    let (tell, told) = oneshot::channel();
    tokio::spawn(fly(life, flight, tell));
    let Ok(mut response) = told.await else { return lost() };
    if matches!(response.body(), Body::Empty) {
        *response.body_mut() = Body::stream(Reader { tail, leaver, ended: false }, None);
    } else {
        // Nothing to share: the whole answer is this caller's own.
        leaver.done = true;
    }
    response
}

/// Asks a deployment and writes its answer for everybody. Ends early when nobody reads any more.
async fn fly(mut life: Box<Life>, flight: Flight, tell: oneshot::Sender<Response>) {
    let Flight { gateway, running, cache, mut lead, rule, mut prepared } = flight;
    let ending = Arc::new(OnceLock::new());
    life.scene.ending = Some(Arc::clone(&ending));
    let asked = async {
        let served = gateway.serve(&running, &mut life, &mut prepared).await;
        match (super::instead(&mut life).await, served) {
            // Each of those who follow is to say for itself that its answer is an old one.
            (Some(entry), _) => (replay::respond(life, &entry, &prepared), false),
            (None, Ok(sent)) => (relay::respond(life, sent).await, true),
            (None, Err(failure)) => (refuse::refuse(life, &failure), false),
        }
    };
    let (response, may_share) = tokio::select! {
        biased;
        response = asked => response,
        () = poll_fn(|context| lead.poll_alone(context)) => return,
    };
    if !may_share || response.status().as_u16() != 200 {
        // Those who follow learn that there is nothing for them before the one who led gets its own.
        drop(lead);
        let _ = tell.send(response);
        return;
    }
    let (parts, body) = response.into_parts();
    lead.head(Head { status: parts.status.as_u16(), headers: common(&parts.headers) });
    let _ = tell.send(Response::from_parts(parts, Body::Empty));
    if write(&mut lead, body).await.is_err() {
        return;
    }
    let keep_for = Keep { ttl_ms: rule.ttl_ms, stale_ms: rule.stale_if_error_ms };
    let keep = |ending: &Ending| {
        let facts = Facts { tokens: ending.tokens, cost_nanousd: ending.cost_nanousd };
        keepable(ending.outcome, ending.flags).then_some((facts, keep_for))
    };
    let keep = ending.get().and_then(keep);
    cache.complete(lead, unix_ms(), keep);
}

/// Writes a body for everybody.
async fn write(lead: &mut Lead, body: Body) -> Result<(), Broken> {
    match body {
        Body::Empty => {}
        Body::Full(bytes) => lead.push(bytes),
        Body::Stream(mut chunks, _) => loop {
            let part = poll_fn(|context| match chunks.poll_chunk(context) {
                Poll::Pending if lead.poll_alone(context).is_ready() => Poll::Ready(Err(Broken)),
                Poll::Pending => Poll::Pending,
                Poll::Ready(None) => Poll::Ready(Ok(None)),
                Poll::Ready(Some(Ok(part))) => Poll::Ready(Ok(Some(part))),
                Poll::Ready(Some(Err(Abort))) => Poll::Ready(Err(Broken)),
            });
            match part.await? {
                Some(part) => {
                    lead.push(part);
                    poll_fn(|context| lead.poll_room(context)).await;
                }
                None => break,
            }
        },
    }
    Ok(())
}

/// The first caller's reading end; its record is written by the flight.
struct Reader {
    tail: Tail,
    leaver: Leaver,
    ended: bool,
}

impl Chunks for Reader {
    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Abort>>> {
        let part = std::task::ready!(self.tail.poll_chunk(context));
        self.ended = part.is_none() || self.tail.is_end();
        self.leaver.done |= !matches!(part, Some(Ok(_))) || self.ended;
        Poll::Ready(part.map(|part| part.map_err(|Broken| Abort)))
    }

    fn is_end(&self) -> bool {
        self.ended
    }
}

/// Tells the flight when its first caller leaves before the end.
struct Leaver {
    left: Arc<AtomicBool>,
    done: bool,
}

impl Drop for Leaver {
    fn drop(&mut self) {
        if !self.done {
            self.left.store(true, Ordering::Relaxed);
        }
    }
}
