//! The provider itself: takes a request from the edge to its answer. The order of things is in `call`.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use paceline_http::{BodyError, Bytes, Handler, HeaderMap, Request, Response};
use paceline_types::{Api, Dialect};

use crate::answer::Answer;
use crate::ask::{self, Ask, BadAsk};
use crate::asked::{self, Asked};
use crate::config::Config;
use crate::control;
use crate::fault::{Fault, FaultBook, Faults};
use crate::model::{Model, Models};
use crate::play::{Play, generate};
use crate::prefix::BLOCK_TOKENS;
use crate::reply;
use crate::route::{self, Route};
use crate::script::{End, Script, Wishes};
use crate::seed::mix;
use crate::shelf::{Item, Shelf};
use crate::truth::{Recorder, TruthLog};
use crate::wire::{self, embeddings, models as model_lists, refusal::Refusal};

const BODY_READ: Duration = Duration::from_secs(60);
/// When an answer of a given seed claims to be made, plus the seed.
pub(crate) const CREATED: u64 = 1_767_225_600;

/// A running simulated provider, without its sockets.
#[derive(Debug)]
pub struct Simulator {
    pub(crate) config: Config,
    models: Models,
    log: Arc<TruthLog>,
    faults: FaultBook,
    pub(crate) calls: AtomicU64,
    pub(crate) shelf: Shelf,
}

impl Simulator {
    /// Starts the engines; must be called on a runtime.
    #[must_use]
    pub fn start(config: Config) -> Arc<Self> {
        Arc::new(Self {
            models: Models::start(&config),
            log: TruthLog::new(config.log_capacity),
            faults: FaultBook::new(config.seed),
            calls: AtomicU64::new(0),
            shelf: Shelf::default(),
            config,
        })
    }

    /// The truth about every request.
    #[must_use]
    pub const fn log(&self) -> &Arc<TruthLog> {
        &self.log
    }

    /// The default faults.
    #[must_use]
    pub const fn faults(&self) -> &FaultBook {
        &self.faults
    }

    /// The models and their engines.
    #[must_use]
    pub const fn models(&self) -> &Models {
        &self.models
    }

    async fn call(&self, api: Api, mut request: Request) -> Response {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let mut recorder = self.log.begin(request.received);
        recorder.truth.api = api.name();
        recorder.truth.request_id = asked::request_id(&request.headers, number);
        let answer = match self.read(api, &mut request, number).await {
            Ok(call) => {
                drop(request);
                call.note(&mut recorder);
                self.answer(call, &mut recorder).await
            }
            Err(refusal) => Err((refusal, Fault::default())),
        };
        answer
            .unwrap_or_else(|(refusal, fault)| Answer::refused(api, &refusal, fault, &recorder.truth.request_id))
            .respond(api, recorder)
    }

    /// Everything that can be wrong with the request itself.
    async fn read(&self, api: Api, request: &mut Request, number: u64) -> Result<Call, Refusal> {
        let asked = Asked::read(&request.headers)?;
        if !asked::bears_key(&request.headers, &self.config.keys) {
            return Err(Refusal::for_status(401));
        }
        let body = self.body(request).await?;
        let refused = |bad: BadAsk| Refusal { param: bad.param, ..Refusal::new(400, bad.message) };
        let mut ask = ask::read(api, &body, false).map_err(refused)?;
        if self.models.find(ask.model()).is_some_and(Model::wants_chain) {
            // Only now is it known that a prefix cache will ask; the other models are spared the work.
            ask = ask::read(api, &body, true).map_err(refused)?;
        }
        let fault = self.fault(asked.faults.as_ref(), ask.model(), &asked.tag, &request.headers, number);
        let (wishes, tag) = (asked.wishes.within(api), asked.tag);
        Ok(Call { api, number, ask, wishes, tag, request_bytes: body.len() as u64, fault })
    }

    /// Reads a body within the bound.
    pub(crate) async fn body(&self, request: &mut Request) -> Result<Bytes, Refusal> {
        let read = request.read_body(self.config.body_bytes_max, BODY_READ).await;
        read.map(|(body, _)| body).map_err(|error| match error {
            BodyError::TooLarge => Refusal::for_status(413),
            other => Refusal::new(400, format!("could not read the body: {other}")),
        })
    }

    /// The fault that befalls this attempt: the header's, else a default one.
    pub(crate) fn fault(
        &self,
        asked: Option<&Faults>,
        model: &str,
        tag: &str,
        headers: &HeaderMap,
        number: u64,
    ) -> Fault {
        let found = match asked {
            Some(faults) if tag.is_empty() => self.faults.choose(faults, model, &asked::request_id(headers, number)),
            Some(faults) => self.faults.choose(faults, model, tag),
            None => self.faults.draw(model),
        };
        found.unwrap_or_default()
    }

    /// Everything between the request and the answer's head.
    async fn answer(&self, call: Call, recorder: &mut Recorder) -> Result<Answer, (Refusal, Fault)> {
        if let Some(delay) = call.fault.delay {
            tokio::time::sleep(delay).await;
        }
        if let Some(refusal) = call.fault.refusal(call.api, call.ask.prompt_tokens) {
            return Err((refusal, call.fault));
        }
        let Some(model) = self.models.find(call.ask.model()) else {
            let message = format!("The model `{}` does not exist or you do not have access to it.", call.ask.model());
            return Err((Refusal::new(404, message), call.fault));
        };
        match call.api {
            Api::CountTokens => Ok(Answer::whole(model_lists::count(call.ask.prompt_tokens), call.fault)),
            Api::Embeddings => self.embed(model, call, recorder).await,
            _ => self.write(model, call, recorder).await,
        }
    }

    async fn embed(&self, model: &Model, call: Call, recorder: &mut Recorder) -> Result<Answer, (Refusal, Fault)> {
        let Call { mut ask, fault, .. } = call;
        let mut pace = model.pace(ask.prompt_tokens, std::mem::take(&mut ask.chain), 1);
        let Ok(cached_tokens) = poll_fn(|cx| pace.poll_begun(cx)).await else {
            return Err((Refusal::for_status(503), fault));
        };
        poll_fn(|cx| pace.poll_more(cx, 0)).await;
        recorder.truth.cached_tokens = cached_tokens;
        recorder.tokens(0, true);
        let usages = if fault.no_usage { 0 } else { 1 + usize::from(fault.usage_doubled) };
        Ok(Answer::whole(embeddings::whole(self.config.seed, &ask, usages), fault))
    }

    async fn write(&self, model: &Model, mut call: Call, recorder: &mut Recorder) -> Result<Answer, (Refusal, Fault)> {
        let api = call.api;
        let seed = self.config.seed ^ call.wishes.seed.unwrap_or(0);
        let mut script = Script::decide(seed, &call.ask, &call.wishes, model.answer_length);
        let chain = std::mem::take(&mut call.ask.chain);
        let mut pace = model.pace(call.ask.prompt_tokens, chain, script.total());
        let Ok(cached_tokens) = poll_fn(|cx| pace.poll_begun(cx)).await else {
            return Err((Refusal::for_status(if api == Api::Messages { 529 } else { 503 }), call.fault));
        };
        self.complete(&mut script, &call, cached_tokens);
        recorder.plan(&script);
        if api == Api::Responses && script.store {
            let json = String::from_utf8(wire::whole(api, &script)).unwrap_or_default();
            self.shelf.put(Item { id: format!("resp_{}", script.id), json, content: Bytes::new() });
        }
        if call.ask.stream {
            let play = Play::new(api, script, pace, call.wishes.tokens_per_event, &call.fault);
            return Ok(Answer::stream(play, call.fault));
        }
        generate(&script, &mut pace, call.fault.stall, recorder).await;
        Ok(Answer::whole(wire::whole(api, &script), call.fault))
    }

    /// What a script learns once its answer begins.
    fn complete(&self, script: &mut Script, call: &Call, cached_tokens: u32) {
        let number = call.wishes.seed.unwrap_or(call.number);
        script.id = format!("{:016x}{:08x}", mix(self.config.seed ^ number), number & 0xffff_ffff);
        script.created = match call.wishes.seed {
            Some(seed) => CREATED + seed,
            None => self.log.clock.unix_ns(Instant::now()) / 1_000_000_000,
        };
        script.cached_tokens = call.wishes.cached_tokens.unwrap_or(cached_tokens).min(call.ask.prompt_tokens);
        if call.ask.cache_marked {
            let whole_blocks = call.ask.prompt_tokens / BLOCK_TOKENS * BLOCK_TOKENS;
            script.cache_write_tokens = whole_blocks.saturating_sub(script.cached_tokens);
        }
        script.usage_every_chunk |= call.fault.usage_every_chunk;
        script.no_usage = call.fault.no_usage;
        script.usage_doubled = call.fault.usage_doubled;
        if call.fault.finish_filtered {
            script.end = End::Filtered;
        }
        script.no_terminal = call.fault.no_terminal;
    }

    fn list_models(&self, request: &Request, one: Option<&str>) -> Response {
        let dialect =
            if request.headers.contains_key("anthropic-version") { Dialect::Anthropic } else { Dialect::OpenAi };
        if !asked::bears_key(&request.headers, &self.config.keys) {
            return reply::refusal(&Refusal::for_status(401), dialect, "");
        }
        match one {
            None => reply::json(200, model_lists::list(dialect, &self.models.names().collect::<Vec<_>>())),
            Some(name) if self.models.find(name).is_some() => reply::json(200, model_lists::row(dialect, name)),
            Some(_) => reply::refusal(&Refusal::for_status(404), dialect, ""),
        }
    }
}

impl Handler for Simulator {
    async fn handle(&self, request: Request) -> Response {
        match route::find(&request.method, request.uri.path()) {
            Route::Call(api) => self.call(api, request).await,
            Route::Models => self.list_models(&request, None),
            Route::Model(name) => self.list_models(&request, Some(&name)),
            Route::Requests => control::requests(self, &request),
            Route::Fault => control::fault(self, request).await,
            Route::Stats => control::stats(self),
            Route::Elsewhere(address) => self.elsewhere(address, request).await,
            Route::Health => reply::json(200, "{}"),
            Route::WrongMethod => reply::refusal(&Refusal::new(405, "Method not allowed."), Dialect::OpenAi, ""),
            Route::Unknown => reply::refusal(&Refusal::new(404, "Unknown address."), Dialect::OpenAi, ""),
        }
    }
}

/// One call that was read.
struct Call {
    api: Api,
    number: u64,
    ask: Ask,
    wishes: Wishes,
    tag: String,
    request_bytes: u64,
    fault: Fault,
}

impl Call {
    fn note(&self, recorder: &mut Recorder) {
        recorder.truth.model = self.ask.model().to_owned();
        recorder.truth.tag.clone_from(&self.tag);
        recorder.truth.streamed = self.ask.stream;
        recorder.truth.request_bytes = self.request_bytes;
        recorder.truth.prompt_tokens = self.ask.prompt_tokens;
        recorder.truth.fault = (!self.fault.is_none()).then(|| self.fault.to_string());
    }
}
