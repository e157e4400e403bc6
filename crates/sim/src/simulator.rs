//! The provider itself: takes a request from the edge to its answer. The order of things is in `call`.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::HeaderMap;
use paceline_http::{Body, Handler, Request, Response};
use paceline_types::{Api, Dialect};

use crate::ask::{self, Ask};
use crate::config::Config;
use crate::control;
use crate::fault::{Fault, FaultBook};
use crate::model::{Model, Models};
use crate::play::{Play, generate};
use crate::prefix::BLOCK_TOKENS;
use crate::reply;
use crate::route::{self, Route};
use crate::script::{End, Script, Wishes};
use crate::seed::mix;
use crate::shape::{Content, Shaped};
use crate::truth::{Recorder, TruthLog};
use crate::wire::{self, embeddings, models as model_lists, refusal::Refusal};

const BODY_READ: Duration = Duration::from_secs(60);

/// A running simulated provider, without its sockets.
#[derive(Debug)]
pub struct Simulator {
    config: Config,
    models: Models,
    log: Arc<TruthLog>,
    faults: FaultBook,
    calls: AtomicU64,
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
        recorder.truth.request_id = request_id(&request.headers, number);
        let answered = self.answer(api, &mut request, number, &mut recorder).await;
        answered.unwrap_or_else(|(refusal, fault)| refuse(api, &refusal, &fault, &mut recorder)).respond(api, recorder)
    }

    /// Everything between the request's head and the answer's.
    async fn answer(
        &self,
        api: Api,
        request: &mut Request,
        number: u64,
        recorder: &mut Recorder,
    ) -> Result<Answer, (Refusal, Fault)> {
        let plain = |refusal| (refusal, Fault::default());
        let asked = Asked::read(&request.headers).map_err(plain)?;
        if !self.admits(&request.headers) {
            return Err(plain(Refusal::new(401, "Incorrect API key provided.")));
        }
        let (body, _) = request
            .read_body(self.config.body_bytes_max, BODY_READ)
            .await
            .map_err(|error| plain(Refusal::new(400, format!("could not read the body: {error}"))))?;
        let mut ask = ask::read(api, &body, self.models.wants_chain)
            .map_err(|bad| plain(Refusal { param: bad.param, ..Refusal::new(400, bad.message.as_str()) }))?;
        drop(body);
        let model = ask.model.clone().unwrap_or_default();
        let fault = asked.fault.or_else(|| self.faults.draw(&model)).unwrap_or_default();
        note(recorder, &ask, &fault);
        if let Some(delay) = fault.delay {
            tokio::time::sleep(delay).await;
        }
        if let Some(status) = fault.status {
            return Err((Refusal::for_status(status), fault));
        }
        let Some(model) = self.models.find(&model) else {
            let message = format!("The model `{model}` does not exist or you do not have access to it.");
            return Err((Refusal::new(404, message), fault));
        };
        match api {
            Api::CountTokens => Ok(Answer::whole(model_lists::count(ask.prompt_tokens), fault)),
            Api::Embeddings => self.embed(model, &mut ask, fault, recorder).await,
            _ => self.write(api, model, ask, asked.wishes, fault, number, recorder).await,
        }
    }

    async fn embed(
        &self,
        model: &Model,
        ask: &mut Ask,
        fault: Fault,
        recorder: &mut Recorder,
    ) -> Result<Answer, (Refusal, Fault)> {
        let mut pace = model.pace(ask.prompt_tokens, std::mem::take(&mut ask.chain), 1);
        if std::future::poll_fn(|cx| pace.poll_begun(cx)).await.is_err() {
            return Err((Refusal::for_status(503), fault));
        }
        std::future::poll_fn(|cx| pace.poll_more(cx, 0)).await;
        recorder.tokens(0, true);
        Ok(Answer::whole(embeddings::whole(self.config.seed, ask, !fault.no_usage), fault))
    }

    #[allow(clippy::too_many_arguments)]
    async fn write(
        &self,
        api: Api,
        model: &Model,
        mut ask: Ask,
        mut wishes: Wishes,
        fault: Fault,
        number: u64,
        recorder: &mut Recorder,
    ) -> Result<Answer, (Refusal, Fault)> {
        if api == Api::Completions {
            (wishes.tools, wishes.reasoning_tokens, ask.tool) = (false, 0, None);
        } else if matches!(api, Api::Messages | Api::Responses) {
            ask.choices = 1;
        }
        let mut script = Script::decide(self.config.seed, &ask, &wishes, model.answer_length);
        let mut pace = model.pace(ask.prompt_tokens, std::mem::take(&mut ask.chain), script.total());
        let Ok(cached_tokens) = std::future::poll_fn(|cx| pace.poll_begun(cx)).await else {
            return Err((Refusal::for_status(if api == Api::Messages { 529 } else { 503 }), fault));
        };
        self.complete(&mut script, &ask, wishes.cached_tokens.unwrap_or(cached_tokens), &fault, number);
        recorder.truth.cached_tokens = script.cached_tokens;
        recorder.truth.planned_tokens = script.output_tokens(script.total());
        recorder.truth.finish = match script.end {
            End::Stop => "stop",
            End::Length => "length",
            End::ToolCalls => "tool_calls",
        };
        if ask.stream {
            let play = Play::new(api, script, pace, wishes.tokens_per_event, &fault);
            return Ok(Answer { status: 200, content: Content::Stream(Box::new(play)), fault });
        }
        generate(&script, &mut pace, fault.stall, recorder).await;
        Ok(Answer::whole(wire::whole(api, &script), fault))
    }

    /// What a script learns once its answer begins.
    fn complete(&self, script: &mut Script, ask: &Ask, cached_tokens: u32, fault: &Fault, number: u64) {
        script.id = format!("{:016x}{:08x}", mix(self.config.seed ^ number), number & 0xffff_ffff);
        script.created = self.log.clock.unix_ns(std::time::Instant::now()) / 1_000_000_000;
        script.cached_tokens = cached_tokens.min(ask.prompt_tokens);
        if ask.cache_marked {
            let whole_blocks = ask.prompt_tokens / BLOCK_TOKENS * BLOCK_TOKENS;
            script.cache_write_tokens = whole_blocks.saturating_sub(script.cached_tokens);
        }
        script.usage_every_chunk |= fault.usage_every_chunk;
        script.no_usage = fault.no_usage;
        script.no_terminal = fault.no_terminal;
    }

    fn admits(&self, headers: &HeaderMap) -> bool {
        let bearer = text(headers, "authorization").map(|value| value.strip_prefix("Bearer ").unwrap_or(value));
        let keys = [bearer, text(headers, "x-api-key"), text(headers, "api-key")];
        self.config.keys.is_empty()
            || keys.into_iter().flatten().any(|key| self.config.keys.iter().any(|own| own == key))
    }

    fn list_models(&self, request: &Request, one: Option<&str>) -> Response {
        let dialect =
            if request.headers.contains_key("anthropic-version") { Dialect::Anthropic } else { Dialect::OpenAi };
        if !self.admits(&request.headers) {
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
            Route::Health => reply::json(200, "{}"),
            Route::WrongMethod => reply::refusal(&Refusal::new(405, "Method not allowed."), Dialect::OpenAi, ""),
            Route::Unknown => reply::refusal(&Refusal::new(404, "Unknown address."), Dialect::OpenAi, ""),
        }
    }
}

/// An answer that has been decided.
struct Answer {
    status: u16,
    content: Content,
    fault: Fault,
}

impl Answer {
    fn whole(body: Vec<u8>, fault: Fault) -> Self {
        Self { status: 200, content: Content::Whole(Some(body.into())), fault }
    }

    fn respond(self, api: Api, mut recorder: Recorder) -> Response {
        recorder.head(self.status);
        let request_id = recorder.truth.request_id.clone();
        let length = match &self.content {
            Content::Whole(Some(body)) => Some(body.len()),
            _ => None,
        };
        let mut response = reply::json(self.status, "");
        if length.is_none() {
            reply::as_events(&mut response);
        }
        let fault = self.fault;
        let untouched = !(fault.gzip || fault.reset || fault.cut.is_some() || fault.trickle.is_some());
        reply::identify(&mut response, api.dialect(), &request_id);
        reply::apply(&mut response, &fault);
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

fn refuse(api: Api, refusal: &Refusal, fault: &Fault, recorder: &mut Recorder) -> Answer {
    let body = refusal.body(api.dialect(), &recorder.truth.request_id);
    Answer { status: refusal.status, content: Content::Whole(Some(body.into())), fault: fault.clone() }
}

fn note(recorder: &mut Recorder, ask: &Ask, fault: &Fault) {
    recorder.truth.model = ask.model.clone().unwrap_or_default();
    recorder.truth.streamed = ask.stream;
    recorder.truth.prompt_tokens = ask.prompt_tokens;
    recorder.truth.fault = (!fault.is_none()).then(|| fault.to_string());
}

/// What a request asks of the simulator, by header.
struct Asked {
    wishes: Wishes,
    fault: Option<Fault>,
}

impl Asked {
    fn read(headers: &HeaderMap) -> Result<Self, Refusal> {
        let fault = text(headers, "x-sim-fault").map(Fault::from_str).transpose();
        let wishes = Wishes {
            output_tokens: number(headers, "x-sim-output-tokens")?,
            reasoning_tokens: number(headers, "x-sim-reasoning")?.unwrap_or(0),
            tools: number(headers, "x-sim-tools")?.unwrap_or(0) > 0,
            cached_tokens: number(headers, "x-sim-cached-tokens")?,
            tokens_per_event: number(headers, "x-sim-tokens-per-event")?.unwrap_or(1),
        };
        Ok(Self { wishes, fault: fault.map_err(|error| Refusal::new(400, format!("x-sim-fault: {error}")))? })
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn number(headers: &HeaderMap, name: &str) -> Result<Option<u32>, Refusal> {
    text(headers, name)
        .map(|value| value.trim().parse().map_err(|_| Refusal::new(400, format!("{name}: must be a whole number"))))
        .transpose()
}

fn request_id(headers: &HeaderMap, number: u64) -> String {
    text(headers, "x-paceline-request-id")
        .or_else(|| text(headers, "x-request-id"))
        .map_or_else(|| format!("req_{number:024x}"), |id| id.chars().take(128).collect())
}
