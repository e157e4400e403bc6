//! The APIs around generation, for what a gateway relays as it comes: which address asks for what, and its answer. The
//! same headers, faults and truths as for the others; `api` in the truth is the name here.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::Method;
use paceline_http::{Request, Response};
use paceline_types::Api;
use serde_json::Value;

use crate::answer::Answer;
use crate::asked::{self, Asked};
use crate::fault::Fault;
use crate::multipart::{self, Part};
use crate::script::{Script, Wishes};
use crate::seed::{hash_bytes, mix};
use crate::shelf::Item;
use crate::simulator::{CREATED, Simulator};
use crate::wire::{media, refusal::Refusal, stored};

/// A kind of object or call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Images,
    Transcriptions,
    Speech,
    Moderations,
    Rerank,
    Files,
    Batches,
    Responses,
    MessageBatches,
}

/// One address of theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) kind: Kind,
    pub(crate) id: Option<String>,
    /// What follows the id: `content`, `cancel`.
    pub(crate) rest: String,
}

impl Kind {
    const ALL: [(Self, &'static str); 9] = [
        (Self::Images, "/images/generations"),
        (Self::Transcriptions, "/audio/transcriptions"),
        (Self::Speech, "/audio/speech"),
        (Self::Moderations, "/moderations"),
        (Self::Rerank, "/rerank"),
        (Self::Files, "/files"),
        (Self::Batches, "/batches"),
        (Self::Responses, "/responses"),
        (Self::MessageBatches, "/messages/batches"),
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Transcriptions => "transcriptions",
            Self::Speech => "speech",
            Self::Moderations => "moderations",
            Self::Rerank => "rerank",
            Self::Files => "files",
            Self::Batches => "batches",
            Self::Responses => "stored_responses",
            Self::MessageBatches => "message_batches",
        }
    }

    /// Prefix of ids, and the name a deletion calls it by.
    const fn stored(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Files => Some(("file-", "file")),
            Self::Batches => Some(("batch_", "batch")),
            Self::Responses => Some(("resp_", "response")),
            Self::MessageBatches => Some(("msgbatch_", "message_batch")),
            _ => None,
        }
    }

    const fn api(self) -> Api {
        if matches!(self, Self::MessageBatches) { Api::Messages } else { Api::Chat }
    }
}

/// The address that a path without `/v1` names.
pub(crate) fn find(path: &str) -> Option<Address> {
    Kind::ALL.into_iter().find_map(|(kind, own)| {
        let rest = path.strip_prefix(own)?;
        if rest.is_empty() {
            // Responses are made by the call of that name.
            return (kind != Kind::Responses).then_some(Address { kind, id: None, rest: String::new() });
        }
        let (id, rest) = rest.strip_prefix('/')?.split_once('/').unwrap_or((&rest[1..], ""));
        let known = kind.stored().is_some() && !id.is_empty();
        known.then(|| Address { kind, id: Some(id.to_owned()), rest: rest.to_owned() })
    })
}

/// A request as far as these APIs care.
struct Given {
    fields: Value,
    parts: Vec<Part>,
    body: Bytes,
    wishes: Wishes,
    id: String,
    seed: u64,
}

impl Simulator {
    /// Answers a request for one of these addresses.
    pub(crate) async fn elsewhere(&self, address: Address, mut request: Request) -> Response {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let api = address.kind.api();
        let mut recorder = self.log().begin(request.received);
        recorder.truth.api = address.kind.name();
        recorder.truth.request_id = asked::request_id(&request.headers, number);
        let answer = match self.given(&mut request, number).await {
            Ok((given, fault, tag)) => {
                recorder.truth.model = given.model().to_owned();
                recorder.truth.tag = tag;
                recorder.truth.request_bytes = given.body.len() as u64;
                recorder.truth.fault = (!fault.is_none()).then(|| fault.to_string());
                let method = request.method.clone();
                drop(request);
                if let Some(delay) = fault.delay {
                    tokio::time::sleep(delay).await;
                }
                match fault.refusal(api, given.prompt_tokens()) {
                    Some(refusal) => Err((refusal, fault)),
                    None => self
                        .made(&address, &method, &given, &fault)
                        .map_err(|refusal| (refusal, fault.clone()))
                        .map(|(kind, body)| Answer::whole(body, fault).of_kind(kind)),
                }
            }
            Err(refusal) => Err((refusal, Fault::default())),
        };
        answer
            .unwrap_or_else(|(refusal, fault)| Answer::refused(api, &refusal, fault, &recorder.truth.request_id))
            .respond(api, recorder)
    }

    async fn given(&self, request: &mut Request, number: u64) -> Result<(Given, Fault, String), Refusal> {
        let asked = Asked::read(&request.headers)?;
        if !asked::bears_key(&request.headers, &self.config.keys) {
            return Err(Refusal::for_status(401));
        }
        let body = self.body(request).await?;
        let kind = request.headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let parts = multipart::parts(kind, &body);
        if kind.starts_with("multipart/") && parts.is_none() {
            return Err(Refusal::new(400, "Could not parse multipart form"));
        }
        let fields = if parts.is_some() || body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&body)
                .map_err(|error| Refusal::new(400, format!("could not read the JSON body: {error}")))?
        };
        let number = asked.wishes.seed.unwrap_or(number);
        let id = format!("{:016x}{:08x}", mix(self.config.seed ^ number), number & 0xffff_ffff);
        let seed = mix(self.config.seed ^ hash_bytes(number, b"elsewhere"));
        let given = Given { fields, parts: parts.unwrap_or_default(), body, wishes: asked.wishes, id, seed };
        let fault = self.fault(asked.faults.as_ref(), given.model(), &asked.tag, &request.headers, number);
        Ok((given, fault, asked.tag))
    }

    /// Content type and body of the answer.
    fn made(
        &self,
        address: &Address,
        method: &Method,
        given: &Given,
        fault: &Fault,
    ) -> Result<(&'static str, Vec<u8>), Refusal> {
        let usage = !fault.no_usage;
        let json = |body: Vec<u8>| Ok((JSON, body));
        match (address.kind, &address.id, method) {
            (kind, Some(id), _) => self.stored(kind, id, &address.rest, method),
            (kind, None, &Method::GET) if kind.stored().is_some() => {
                let (prefix, _) = kind.stored().unwrap_or_default();
                json(stored::list(kind.api().dialect(), &self.shelf.list(prefix)).into_bytes())
            }
            (_, None, method) if method != Method::POST => Err(Refusal::new(405, "Method not allowed.")),
            (Kind::Images, ..) if given.fields["stream"] == true => {
                let partial = given.fields["partial_images"].as_u64().unwrap_or(0);
                Ok((EVENTS, media::image_events(given.seed, CREATED, given.prompt_tokens(), partial, usage)))
            }
            (Kind::Images, ..) => {
                let count = given.fields["n"].as_u64().unwrap_or(1);
                json(media::images(given.seed, CREATED, given.prompt_tokens(), count, usage))
            }
            (Kind::Speech, ..) => {
                let tokens = given.wishes.output_tokens.unwrap_or(given.prompt_tokens() * 8).clamp(1, 100_000);
                Ok(("audio/mpeg", media::speech(given.seed, tokens as usize * 250)))
            }
            (Kind::Transcriptions, ..) => {
                let audio = given.file()?;
                let tokens = given.wishes.output_tokens.unwrap_or(8);
                let text = Script::words(given.seed, tokens);
                let heard = u32::try_from(audio.content.len().div_ceil(1000)).unwrap_or(u32::MAX);
                json(media::transcription(&text, heard, tokens, usage))
            }
            (Kind::Moderations, ..) => {
                let inputs = given.fields["input"].as_array().map_or(1, Vec::len);
                json(media::moderation(&given.id, given.model(), u32::try_from(inputs).unwrap_or(u32::MAX)))
            }
            (Kind::Rerank, ..) => {
                let documents = given.fields["documents"].as_array().map_or(0, Vec::len);
                json(media::rerank(&given.id, given.model(), documents, given.prompt_tokens(), usage))
            }
            (kind, ..) => self.make(kind, given).map(|made| (JSON, made.into_bytes())),
        }
    }

    /// Makes an object and keeps it.
    fn make(&self, kind: Kind, given: &Given) -> Result<String, Refusal> {
        let (prefix, _) = kind.stored().unwrap_or_default();
        let id = format!("{prefix}{}", given.id);
        let (json, content) = match kind {
            Kind::Files => {
                let file = given.file()?;
                let name = file.filename.as_deref().unwrap_or("upload");
                let content = given.body.slice(file.content.clone());
                (stored::file(&id, CREATED, name, given.part("purpose").unwrap_or("batch"), content.len()), content)
            }
            Kind::Batches => {
                let field = |name: &str| given.fields[name].as_str().unwrap_or_default();
                let file = field("input_file_id");
                if self.shelf.get(file).is_none() {
                    return Err(Refusal::new(400, format!("No such File object: {file}")));
                }
                (stored::batch(&id, CREATED, field("endpoint"), file, "validating"), Bytes::new())
            }
            _ => {
                let requests = given.fields["requests"].as_array().map_or(0, Vec::len);
                (stored::message_batch(&id, requests, "in_progress"), Bytes::new())
            }
        };
        self.shelf.put(Item { id, json: json.clone(), content });
        Ok(json)
    }

    /// An object by its id: read, its content, cancelled, deleted.
    fn stored(&self, kind: Kind, id: &str, rest: &str, method: &Method) -> Result<(&'static str, Vec<u8>), Refusal> {
        let (prefix, object) = kind.stored().unwrap_or_default();
        let missing = || Refusal::new(404, format!("No such {object}: {id}"));
        if !id.starts_with(prefix) {
            return Err(missing());
        }
        match (method, rest) {
            (&Method::GET, "") => Ok((JSON, self.shelf.get(id).ok_or_else(missing)?.json.into_bytes())),
            (&Method::GET, "content") if kind == Kind::Files => {
                Ok(("application/octet-stream", self.shelf.get(id).ok_or_else(missing)?.content.to_vec()))
            }
            (&Method::POST, "cancel") if kind != Kind::Files => {
                let mut item = self.shelf.take(id).ok_or_else(missing)?;
                for (from, to) in [("\"validating\"", "\"cancelling\""), ("\"in_progress\"", "\"canceling\"")] {
                    item.json = item.json.replace(from, to);
                }
                self.shelf.put(item.clone());
                Ok((JSON, item.json.into_bytes()))
            }
            (&Method::DELETE, "") => {
                self.shelf.take(id).ok_or_else(missing)?;
                Ok((JSON, stored::deleted(id, object).into_bytes()))
            }
            _ => Err(Refusal::new(405, "Method not allowed.")),
        }
    }
}

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream; charset=utf-8";

impl Given {
    fn model(&self) -> &str {
        self.fields["model"].as_str().or_else(|| self.part("model")).unwrap_or_default()
    }

    fn part(&self, name: &str) -> Option<&str> {
        let part = self.parts.iter().find(|part| part.name == name)?;
        std::str::from_utf8(&self.body[part.content.clone()]).ok()
    }

    fn file(&self) -> Result<&Part, Refusal> {
        let missing = || Refusal { param: Some("file"), ..Refusal::new(400, "Missing required parameter: 'file'.") };
        self.parts.iter().find(|part| part.name == "file").ok_or_else(missing)
    }

    /// Tokens of the text fields, four bytes each.
    fn prompt_tokens(&self) -> u32 {
        let text = |name: &str| match &self.fields[name] {
            Value::String(text) => text.len(),
            Value::Array(texts) => texts.iter().filter_map(Value::as_str).map(str::len).sum(),
            _ => 0,
        };
        let bytes: usize = ["prompt", "input", "query", "documents"].into_iter().map(text).sum();
        u32::try_from(bytes.div_ceil(4)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_what_there_is() {
        let found = |path| find(path).map(|address| (address.kind, address.id, address.rest));
        assert_eq!(found("/images/generations"), Some((Kind::Images, None, String::new())));
        assert_eq!(found("/files/file-1/content"), Some((Kind::Files, Some("file-1".into()), "content".into())));
        assert_eq!(found("/messages/batches/b"), Some((Kind::MessageBatches, Some("b".into()), String::new())));
        assert_eq!(found("/responses/resp_1"), Some((Kind::Responses, Some("resp_1".into()), String::new())));
        for none in ["/responses", "/images/generations/x", "/filesystem", "/files/", "/messages"] {
            assert_eq!(found(none), None, "{none}");
        }
    }
}
