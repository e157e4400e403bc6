//! A finished request as spans: one of kind SERVER for what its caller waited for, one of kind CLIENT for each attempt.
//! Tokens and money stand on the first alone, so that a sum over spans counts them once.

use std::sync::Arc;
use std::time::Instant;

use paceline_plan::document::Names;
use paceline_types::{
    CODES, CacheUse, Flags, LimitMask, Metric, Outcome, PERCENTILES, TokenSource, UNDEFINED, UsageRecord,
};

use crate::attributes::Attributes;
use crate::content;
use crate::messages::{Event, Kind, Span, Status};
use crate::names as n;
use crate::places::{Place, Places};
use crate::trace::{Attempt, End, Trace};

/// The flags of a span say whether its parent is another process's.
const REMOTE_IS_KNOWN: u32 = 0x100;
const REMOTE: u32 = 0x200;
const ERROR: i32 = 2;

/// Everything a request's spans are made of.
#[derive(Debug)]
pub(crate) struct Finished {
    pub record: UsageRecord,
    pub trace: Trace,
    /// Zero of the record's times.
    pub began: Instant,
    pub places: Arc<Places>,
    pub deployment: Option<usize>,
    pub team: Option<Arc<str>>,
    pub class: Option<Arc<str>>,
}

impl Finished {
    /// Spans, the request's own first.
    pub(crate) fn spans(&self, choice: Names, now_unix_s: u64) -> Vec<Span> {
        let mut spans = Vec::with_capacity(1 + self.trace.attempts.len());
        spans.push(self.request(choice, now_unix_s));
        let attempts = self.trace.attempts.iter().zip(1..);
        spans.extend(attempts.map(|(attempt, number)| self.attempt(choice, attempt, number)));
        spans
    }

    fn request(&self, choice: Names, now_unix_s: u64) -> Span {
        let record = &self.record;
        let operation = n::operation(record.api);
        let model = Some(&*record.model_asked).filter(|model| !model.is_empty()).unwrap_or(&record.model);
        let mut to = Attributes::new(choice);
        to.text(n::OPERATION, operation);
        to.text(n::REQUEST_MODEL, model);
        if let Some(place) = self.places.get(self.deployment) {
            to.text(n::PROVIDER, &place.provider);
            to.text(n::DEPLOYMENT, &place.name);
        }
        conventional(&mut to, record);
        self.ours(&mut to);
        if let Some(captured) = &self.trace.captured
            && now_unix_s < captured.until_unix_s
        {
            content::put(&mut to, record.api, captured);
        }
        let context = &self.trace.context;
        let remote = if context.parent.is_some() { REMOTE } else { 0 };
        Span {
            trace_id: context.trace.to_vec(),
            span_id: self.trace.span.to_vec(),
            trace_state: self.trace.state.clone().unwrap_or_default(),
            parent_span_id: context.parent.map(|parent| parent.to_vec()).unwrap_or_default(),
            flags: u32::from(context.sampled) | REMOTE_IS_KNOWN | remote,
            name: format!("{operation} {model}").trim_end().to_owned(),
            kind: Kind::Server.into(),
            start_time_unix_nano: self.unix_ns(0),
            end_time_unix_nano: self.unix_ns(record.end_us),
            attributes: to.list,
            events: self.events(choice),
            status: record.outcome.is_failure().then(|| status(record.outcome.name())),
        }
    }

    /// Who, whose, under which rules, and what came of it.
    fn ours(&self, to: &mut Attributes) {
        let record = &self.record;
        to.text(n::REQUEST, std::str::from_utf8(&record.id.hex()).unwrap_or_default());
        to.text(n::SERVICE, &record.service);
        to.text(n::USE_CASE, &record.use_case);
        to.text(n::TEAM, self.team.as_deref().unwrap_or_default());
        to.text(n::CLASS, self.class.as_deref().unwrap_or_default());
        to.text(n::MODEL, &record.model);
        to.text(n::LANE, record.lane.name());
        to.text(n::MODE, record.mode.name());
        to.text(n::OUTCOME, record.outcome.name());
        if let Some((_, row)) = CODES.iter().find(|(code, _)| record.code != 0 && *code as u16 == record.code) {
            to.text(n::CODE, row.code);
        }
        to.texts(n::BUDGET_JUDGED, limits(record.judged));
        to.texts(n::BUDGET_OVER, limits(record.over));
        if record.cache != CacheUse::None {
            to.text(n::CACHE, record.cache.name());
        }
        to.int(n::ATTEMPTS, record.attempts);
        let overhead_ns =
            [record.overhead_in_ns, record.overhead_back_ns].map(|ns| if ns == UNDEFINED { 0 } else { ns });
        to.double(n::OVERHEAD_S, overhead_ns.into_iter().map(f64::from).sum::<f64>() / 1e9);
        if let Ok(nanousd) = u64::try_from(record.cost_nanousd) {
            #[allow(clippy::cast_precision_loss)]
            to.double(n::COST_AMOUNT, nanousd as f64 / 1e9);
            to.text(n::COST_CURRENCY, "USD");
            to.text(n::COST_SOURCE, "local");
        }
    }

    fn events(&self, choice: Names) -> Vec<Event> {
        let record = &self.record;
        let mut events = Vec::new();
        let mut add = |us: u32, name: &str, attributes: Attributes| {
            let time_unix_nano = self.unix_ns(us);
            events.push(Event { time_unix_nano, name: name.to_owned(), attributes: attributes.list });
        };
        if record.cache != CacheUse::None && record.body_us != UNDEFINED {
            let mut attributes = Attributes::new(choice);
            attributes.text(n::CACHE, record.cache.name());
            add(record.body_us, n::EVENT_CACHE, attributes);
        }
        if record.queue_us != UNDEFINED && record.sent_us != UNDEFINED {
            let mut attributes = Attributes::new(choice);
            attributes.double(n::QUEUE_S, f64::from(record.queue_us) / 1e6);
            add(record.sent_us.saturating_sub(record.queue_us), n::EVENT_QUEUED, attributes);
        }
        if record.first_us != UNDEFINED {
            add(record.first_us, n::EVENT_FIRST_TOKEN, Attributes::new(choice));
        }
        events
    }

    fn attempt(&self, choice: Names, attempt: &Attempt, number: i64) -> Span {
        let record = &self.record;
        let operation = n::operation(record.api);
        let mut to = Attributes::new(choice);
        to.text(n::OPERATION, operation);
        let place = self.places.get(Some(attempt.deployment));
        if let Some(Place { name, model, provider, address, port }) = place {
            to.text(n::PROVIDER, provider);
            to.text(n::REQUEST_MODEL, model);
            to.text(n::SERVER_ADDRESS, address);
            to.int(n::SERVER_PORT, *port);
            to.text(n::DEPLOYMENT, name);
        }
        let answered = attempt.end == End::Answered;
        to.int(n::ATTEMPT, number);
        to.bool(n::ATTEMPT_HEDGE, attempt.hedge);
        to.bool(n::ATTEMPT_ANSWERED, answered);
        let (status_code, error) = self.ending(attempt);
        if status_code != 0 {
            to.int(n::STATUS_CODE, status_code);
        }
        to.text(n::ERROR_TYPE, &error);
        if answered {
            to.text(n::RESPONSE_MODEL, &record.model_served);
        }
        let micros =
            |at: Instant| u32::try_from(at.saturating_duration_since(self.began).as_micros()).unwrap_or(UNDEFINED - 1);
        let model = place.map_or("", |place| &place.model);
        Span {
            trace_id: self.trace.context.trace.to_vec(),
            span_id: attempt.span.to_vec(),
            parent_span_id: self.trace.span.to_vec(),
            flags: u32::from(self.trace.context.sampled) | REMOTE_IS_KNOWN,
            name: format!("{operation} {model}").trim_end().to_owned(),
            kind: Kind::Client.into(),
            start_time_unix_nano: self.unix_ns(micros(attempt.began)),
            end_time_unix_nano: self.unix_ns(attempt.ended.map_or(record.end_us, micros)),
            attributes: to.list,
            status: (!error.is_empty()).then(|| status(&error)),
            ..Span::default()
        }
    }

    /// An attempt's status code, 0 for none, and what it failed by, empty for nothing.
    fn ending(&self, attempt: &Attempt) -> (u16, String) {
        match attempt.end {
            End::Dropped => (0, String::new()),
            End::Status(status) => (status, status.to_string()),
            End::Failed(word) => (0, word.to_owned()),
            End::Answered => {
                let status = self.record.provider_status;
                let broke_off = self.record.outcome.is_failure();
                let by_outcome = if broke_off { self.record.outcome.name().to_owned() } else { String::new() };
                (status, if status >= 400 { status.to_string() } else { by_outcome })
            }
        }
    }

    fn unix_ns(&self, us: u32) -> u64 {
        let us = if us == UNDEFINED { 0 } else { us };
        self.record.start_unix_us.saturating_add(u64::from(us)).saturating_mul(1000)
    }
}

/// What the conventions have a name for.
fn conventional(to: &mut Attributes, record: &UsageRecord) {
    if record.api.generates() {
        to.bool(n::REQUEST_STREAM, record.flags.has(Flags::STREAMED));
    }
    if record.cap_tokens != 0 && record.cap_tokens != u32::MAX {
        to.int(n::REQUEST_MAX_TOKENS, record.cap_tokens);
    }
    to.text(n::CONVERSATION, &record.session);
    to.text(n::RESPONSE_MODEL, &record.model_served);
    let reasons = [(Flags::ENDED_BY_LENGTH, "length"), (Flags::FILTERED, "content_filter")];
    to.texts(
        n::FINISH_REASONS,
        reasons.iter().filter(|(flag, _)| record.flags.has(*flag)).map(|(_, why)| (*why).into()),
    );
    if record.flags.has(Flags::STREAMED) && record.first_us != UNDEFINED {
        to.double(n::FIRST_CHUNK, f64::from(record.first_us) / 1e6);
    }
    if record.status != 0 {
        to.int(n::STATUS_CODE, record.status);
    }
    if record.outcome != Outcome::Ok {
        to.text(n::ERROR_TYPE, record.outcome.name());
    }
    if record.token_source == TokenSource::None {
        return;
    }
    let tokens = &record.tokens;
    to.int(n::INPUT_TOKENS, tokens.input);
    to.int(n::OUTPUT_TOKENS, tokens.output);
    let more = [
        (n::CACHE_READ_TOKENS, tokens.cached),
        (n::CACHE_WRITE_TOKENS, tokens.cache_write),
        (n::REASONING_TOKENS, tokens.reasoning),
    ];
    more.into_iter().filter(|(_, count)| *count > 0).for_each(|(name, count)| to.int(name, count));
    to.text(n::TOKEN_SOURCE, record.token_source.name());
}

/// Limits as people write them: `ttft_ms p95`.
fn limits(mask: LimitMask) -> Vec<String> {
    if mask.0 == 0 {
        return Vec::new();
    }
    let all = Metric::ALL.into_iter().flat_map(|metric| PERCENTILES.map(|percentile| (metric, percentile)));
    let named = all.filter(|&(metric, percentile)| mask.contains(metric, percentile));
    named.map(|(metric, percentile)| format!("{} {}", metric.name(), percentile.name())).collect()
}

fn status(message: &str) -> Status {
    Status { message: message.to_owned(), code: ERROR }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use paceline_plan::{Plan, sample};
    use paceline_types::{Api, Code, Percentile, RequestId, Tokens};

    use super::*;
    use crate::context::Context;
    use crate::messages::{KeyValue, Value};

    fn finished(change: impl FnOnce(&mut UsageRecord, &mut Trace)) -> Finished {
        let plan = Plan::read(&sample::bytes(&sample::document("http://127.0.0.1:9/v1"))).unwrap();
        let mut record = UsageRecord::begin(RequestId::new(1, 1), 1_000_000, Api::Chat);
        (record.outcome, record.model_asked, record.end_us) = (Outcome::Ok, "small".into(), 900);
        let parent = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let mut trace = Trace::new(Context::begin(Some(parent), 0.0, || 7), 5, None);
        change(&mut record, &mut trace);
        Finished {
            record,
            trace,
            began: Instant::now().checked_sub(Duration::from_micros(500)).unwrap(),
            places: Arc::new(Places::of(&plan)),
            deployment: Some(0),
            team: Some("support".into()),
            class: Some("chat".into()),
        }
    }

    fn text<'a>(attributes: &'a [KeyValue], name: &str) -> Option<&'a str> {
        let found = attributes.iter().find(|pair| pair.key == name)?;
        match found.value.as_ref()?.value.as_ref()? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    #[test]
    fn times_and_parents_are_those_of_the_request() {
        let made = finished(|record, trace| {
            record.first_us = 300;
            trace.attempt(0, 9, false);
            trace.answered(0);
        });
        let [request, attempt] = made.spans(Names::New, 0).try_into().unwrap_or_else(|_| unreachable!("two spans"));
        assert_eq!((request.start_time_unix_nano, request.end_time_unix_nano), (1_000_000_000, 1_000_900_000));
        assert_eq!(request.parent_span_id, [0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]);
        assert_eq!(request.flags, 0x301, "sampled, and its parent is another process's");
        assert_eq!((attempt.parent_span_id, attempt.flags), (request.span_id, 0x101));
        assert_eq!(attempt.end_time_unix_nano, request.end_time_unix_nano, "it answered to the end");
        assert_eq!((request.events.len(), request.events[0].time_unix_nano), (1, 1_000_300_000));
        assert_eq!(attempt.name, "chat gpt-5.4-mini");
        assert_eq!(text(&attempt.attributes, "server.address"), Some("127.0.0.1"));
    }

    #[test]
    fn an_attempt_of_more_than_the_record_can_tell_ends_as_late_as_it_can() {
        let mut made = finished(|record, trace| {
            record.end_us = UNDEFINED - 1;
            trace.attempt(0, 9, false);
        });
        made.trace.attempts[0].ended = made.began.checked_add(Duration::from_hours(2));
        let spans = made.spans(Names::New, 0);
        assert_eq!(spans[1].end_time_unix_nano, spans[0].end_time_unix_nano);
        made.record.start_unix_us = u64::MAX;
        assert_eq!(made.spans(Names::New, 0)[0].end_time_unix_nano, u64::MAX, "whatever the clock says");
    }

    #[test]
    fn a_failure_is_an_error_and_a_refusal_only_has_a_type() {
        let failed = finished(|record, trace| {
            (record.outcome, record.code) = (Outcome::TimeoutStall, Code::ProviderTimeoutStall as u16);
            record.over.set(Metric::StallMs, Percentile::P99);
            trace.attempt(0, 9, false);
            trace.answered(0);
        });
        let spans = failed.spans(Names::New, 0);
        assert!(spans.iter().all(|span| span.status.as_ref().is_some_and(|status| status.code == ERROR)));
        assert_eq!(text(&spans[1].attributes, "error.type"), Some("timeout_stall"));
        assert!(text(&spans[0].attributes, "paceline.code").is_some_and(|code| code.starts_with('G')));
        assert!(spans[0].attributes.iter().any(|pair| pair.key == "paceline.budget.over"));
        let refused = finished(|record, _| record.outcome = Outcome::Refused);
        let spans = refused.spans(Names::New, 0);
        assert_eq!((text(&spans[0].attributes, "error.type"), &spans[0].status), (Some("refused"), &None));
    }

    #[test]
    fn an_unknown_cost_and_tokens_nobody_counted_are_not_zero() {
        let spans = finished(|_, _| {}).spans(Names::New, 0);
        let has = |name: &str| spans[0].attributes.iter().any(|pair| pair.key == name);
        assert!(!has("paceline.cost.amount") && !has("gen_ai.usage.input_tokens"));
        let counted = finished(|record, _| {
            (record.token_source, record.cost_nanousd) = (TokenSource::Estimated, 0);
            record.tokens = Tokens { cache_write: 3, ..Tokens::default() };
        });
        let spans = counted.spans(Names::Both, 0);
        let has = |name: &str| spans[0].attributes.iter().any(|pair| pair.key == name);
        assert!(has("paceline.cost.amount") && has("gen_ai.usage.output_tokens"));
        assert!(has("gen_ai.usage.cache_creation.input_tokens") && has("gen_ai.usage.cache_write.input_tokens"));
    }

    #[test]
    fn captured_text_is_there_until_its_end_and_no_longer() {
        let made = finished(|_, trace| {
            let body = bytes::Bytes::from_static(br#"{"messages":[{"role":"user","content":"canary"}]}"#);
            trace.capture(100, 1000, &body);
        });
        let said = |now| text(&made.spans(Names::New, now)[0].attributes, "gen_ai.input.messages").map(str::to_owned);
        assert!(said(99).is_some_and(|messages| messages.contains("canary")));
        assert_eq!(said(100), None);
    }
}
