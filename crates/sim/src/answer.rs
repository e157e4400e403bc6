//! An answer that has been decided, on its way to the edge: head, body, and the record that goes along.

use paceline_http::{AbortWithReset, Body, Response};
use paceline_types::Api;

use crate::fault::Fault;
use crate::play::Play;
use crate::reply;
use crate::shape::{Content, Shaped};
use crate::truth::Recorder;
use crate::wire::refusal::Refusal;

/// Status, body, and what shall go wrong with them.
pub(crate) struct Answer {
    status: u16,
    content: Content,
    fault: Fault,
    /// Of a whole body that is not JSON; such bodies have no stated length.
    kind: Option<&'static str>,
}

impl Answer {
    /// One body of JSON.
    pub(crate) fn whole(body: Vec<u8>, fault: Fault) -> Self {
        Self { status: 200, content: Content::Whole(Some(body.into())), fault, kind: None }
    }

    /// Says what a whole body is.
    pub(crate) fn of_kind(self, kind: &'static str) -> Self {
        Self { kind: (kind != "application/json").then_some(kind), ..self }
    }

    /// A stream of events.
    pub(crate) fn stream(play: Play, fault: Fault) -> Self {
        Self { status: 200, content: Content::Stream(Box::new(play)), fault, kind: None }
    }

    /// An error body in the API's dialect.
    pub(crate) fn refused(api: Api, refusal: &Refusal, fault: Fault, request_id: &str) -> Self {
        let body = refusal.body(api.dialect(), request_id);
        Self { status: refusal.status, content: Content::Whole(Some(body.into())), fault, kind: None }
    }

    /// The response; the record enters the log when its body is through.
    pub(crate) fn respond(self, api: Api, mut recorder: Recorder) -> Response {
        recorder.head(self.status);
        let request_id = recorder.truth.request_id.clone();
        let length = match &self.content {
            Content::Whole(Some(body)) if self.kind.is_none() => Some(body.len()),
            _ => None,
        };
        let mut response = reply::json(self.status, "");
        match (self.kind, &self.content) {
            (Some(kind), _) => reply::as_kind(&mut response, kind),
            (None, Content::Stream(_)) => reply::as_events(&mut response),
            (None, Content::Whole(_)) => {}
        }
        let fault = self.fault;
        let fault_free =
            !(fault.gzip || fault.reset || fault.cut.is_some() || fault.end.is_some() || fault.trickle.is_some());
        let untouched = self.kind.is_none() && fault_free;
        reply::identify(&mut response, api.dialect(), &request_id);
        reply::apply(&mut response, &fault);
        if fault.rst {
            response.extensions_mut().insert(AbortWithReset);
        }
        *response.body_mut() = match self.content {
            Content::Whole(Some(body)) if untouched => {
                recorder.truth.bytes = body.len() as u64;
                recorder.end();
                Body::Full(body)
            }
            content => {
                let length = length.filter(|_| !fault.gzip).map(|length| length as u64);
                Body::stream(Shaped::new(content, &fault, recorder), length)
            }
        };
        response
    }
}
