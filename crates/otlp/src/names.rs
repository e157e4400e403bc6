//! The one table of names: what each figure is called in the GenAI conventions up to v1.41 and in the newer ones, and what
//! is called ours (`paceline.*`). Everything that is exported takes its name from here; docs/telemetry.md lists it.

use paceline_plan::document::Names;
use paceline_types::Api;

/// An attribute under both versions of the conventions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attribute {
    pub v1_41: &'static str,
    pub new: &'static str,
}

const fn same(name: &'static str) -> Attribute {
    Attribute { v1_41: name, new: name }
}

pub(crate) const OPERATION: Attribute = same("gen_ai.operation.name");
pub(crate) const PROVIDER: Attribute = same("gen_ai.provider.name");
pub(crate) const REQUEST_MODEL: Attribute = same("gen_ai.request.model");
pub(crate) const REQUEST_STREAM: Attribute = same("gen_ai.request.stream");
pub(crate) const REQUEST_MAX_TOKENS: Attribute = same("gen_ai.request.max_tokens");
pub(crate) const CONVERSATION: Attribute = same("gen_ai.conversation.id");
pub(crate) const RESPONSE_MODEL: Attribute = same("gen_ai.response.model");
pub(crate) const FINISH_REASONS: Attribute = same("gen_ai.response.finish_reasons");
pub(crate) const FIRST_CHUNK: Attribute = same("gen_ai.response.time_to_first_chunk");
pub(crate) const INPUT_TOKENS: Attribute = same("gen_ai.usage.input_tokens");
pub(crate) const OUTPUT_TOKENS: Attribute = same("gen_ai.usage.output_tokens");
pub(crate) const REASONING_TOKENS: Attribute = same("gen_ai.usage.reasoning.output_tokens");
pub(crate) const CACHE_READ_TOKENS: Attribute = same("gen_ai.usage.cache_read.input_tokens");
pub(crate) const CACHE_WRITE_TOKENS: Attribute =
    Attribute { v1_41: "gen_ai.usage.cache_creation.input_tokens", new: "gen_ai.usage.cache_write.input_tokens" };
pub(crate) const INPUT_MESSAGES: Attribute = same("gen_ai.input.messages");
pub(crate) const OUTPUT_MESSAGES: Attribute = same("gen_ai.output.messages");
pub(crate) const SYSTEM_INSTRUCTIONS: Attribute = same("gen_ai.system_instructions");
pub(crate) const ERROR_TYPE: Attribute = same("error.type");
pub(crate) const SERVER_ADDRESS: Attribute = same("server.address");
pub(crate) const SERVER_PORT: Attribute = same("server.port");
pub(crate) const STATUS_CODE: Attribute = same("http.response.status_code");
pub(crate) const SERVICE: Attribute = same("paceline.service");
pub(crate) const USE_CASE: Attribute = same("paceline.use_case");
pub(crate) const TEAM: Attribute = same("paceline.team");
pub(crate) const CLASS: Attribute = same("paceline.class");
pub(crate) const MODEL: Attribute = same("paceline.model");
pub(crate) const DEPLOYMENT: Attribute = same("paceline.deployment");
pub(crate) const LANE: Attribute = same("paceline.lane");
pub(crate) const MODE: Attribute = same("paceline.mode");
pub(crate) const OUTCOME: Attribute = same("paceline.outcome");
pub(crate) const CODE: Attribute = same("paceline.code");
pub(crate) const REQUEST: Attribute = same("paceline.request.id");
pub(crate) const BUDGET_JUDGED: Attribute = same("paceline.budget.judged");
pub(crate) const BUDGET_OVER: Attribute = same("paceline.budget.over");
pub(crate) const CACHE: Attribute = same("paceline.cache");
pub(crate) const ATTEMPTS: Attribute = same("paceline.attempts");
pub(crate) const ATTEMPT: Attribute = same("paceline.attempt.number");
pub(crate) const ATTEMPT_HEDGE: Attribute = same("paceline.attempt.hedge");
pub(crate) const ATTEMPT_ANSWERED: Attribute = same("paceline.attempt.answered");
pub(crate) const QUEUE_S: Attribute = same("paceline.queue.duration");
pub(crate) const OVERHEAD_S: Attribute = same("paceline.overhead.duration");
pub(crate) const OVERHEAD_WAY: Attribute = same("paceline.overhead.way");
pub(crate) const TOKEN_SOURCE: Attribute = same("paceline.usage.source");
pub(crate) const COST_AMOUNT: Attribute = same("paceline.cost.amount");
pub(crate) const COST_CURRENCY: Attribute = same("paceline.cost.currency");
pub(crate) const COST_SOURCE: Attribute = same("paceline.cost.source");
pub(crate) const CAPTURE_CUT: Attribute = same("paceline.capture.cut");
pub(crate) const TOKEN_TYPE: Attribute = same("gen_ai.token.type");

impl Attribute {
    /// Its names under a choice; the second only where both are wanted and they differ.
    pub(crate) fn names(self, choice: Names) -> (&'static str, Option<&'static str>) {
        match choice {
            Names::V1_41 => (self.v1_41, None),
            Names::New => (self.new, None),
            Names::Both => (self.v1_41, (self.v1_41 != self.new).then_some(self.new)),
        }
    }
}

/// Events on the span of a request.
pub(crate) const EVENT_CACHE: &str = "paceline.cache";
pub(crate) const EVENT_QUEUED: &str = "paceline.queued";
pub(crate) const EVENT_FIRST_TOKEN: &str = "paceline.first_token";

/// Which operations a metric speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    Nothing,
    All,
    /// Text was generated.
    Inference,
    /// Everything else: embeddings, token counts.
    Other,
}

/// What a series counts; the place in its array of distributions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spread {
    ClientS,
    ClientFirstS,
    ServerS,
    ServerFirstS,
    ServerTpotS,
    InputTokens,
    OutputTokens,
    QueueS,
    OverheadInS,
    OverheadBackS,
}

pub(crate) const SPREADS: usize = 10;

/// What a series adds up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Total {
    Requests,
    InputTokens,
    OutputTokens,
    CacheReadTokens,
    CacheWriteTokens,
    ReasoningTokens,
    CostNanousd,
}

pub(crate) const TOTALS: usize = 7;

/// One data point a series, with what tells it from the metric's others.
pub(crate) type Point<T> = (T, Option<(Attribute, &'static str)>);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    Spread(&'static [Point<Spread>], &'static [f64]),
    Total(Total),
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Metric {
    pub name: &'static str,
    pub unit: &'static str,
    pub help: &'static str,
    pub v1_41: Of,
    pub new: Of,
    pub shape: Shape,
}

/// Boundaries that the conventions advise.
const DURATIONS: &[f64] = &[0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const FIRST_TOKENS: &[f64] =
    &[0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
const PER_TOKEN: &[f64] = &[0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5];
const TOKENS: &[f64] = &[
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];
/// Ours: powers of two from 5 µs.
const OVERHEADS: &[f64] =
    &[5e-6, 1e-5, 2e-5, 4e-5, 8e-5, 1.6e-4, 3.2e-4, 6.4e-4, 1.28e-3, 2.56e-3, 5.12e-3, 1.024e-2, 2.048e-2];

const fn spread(
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    (v1_41, new): (Of, Of),
    points: &'static [Point<Spread>],
    boundaries: &'static [f64],
) -> Metric {
    Metric { name, unit, help, v1_41, new, shape: Shape::Spread(points, boundaries) }
}

const fn total(
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    (v1_41, new): (Of, Of),
    of: Total,
) -> Metric {
    Metric { name, unit, help, v1_41, new, shape: Shape::Total(of) }
}

const OLD: (Of, Of) = (Of::Inference, Of::Nothing);
const NEW: (Of, Of) = (Of::Nothing, Of::Inference);
const EVER: (Of, Of) = (Of::All, Of::All);
const S: &str = "s";
const TOKEN: &str = "{token}";

/// Every metric, in the order of docs/telemetry.md.
pub(crate) const METRICS: &[Metric] = &[
    spread(
        "gen_ai.client.operation.duration",
        S,
        "From the first attempt at a provider to the end of the answer",
        (Of::All, Of::Other),
        &[(Spread::ClientS, None)],
        DURATIONS,
    ),
    spread(
        "gen_ai.client.inference.duration",
        S,
        "From the first attempt at a provider to the end of the answer",
        NEW,
        &[(Spread::ClientS, None)],
        DURATIONS,
    ),
    spread(
        "gen_ai.client.operation.time_to_first_chunk",
        S,
        "From the first attempt to the first event with a token",
        OLD,
        &[(Spread::ClientFirstS, None)],
        DURATIONS,
    ),
    spread(
        "gen_ai.client.inference.time_to_first_chunk",
        S,
        "From the first attempt to the first event with a token",
        NEW,
        &[(Spread::ClientFirstS, None)],
        DURATIONS,
    ),
    spread(
        "gen_ai.client.token.usage",
        TOKEN,
        "Tokens of one request, by type",
        (Of::All, Of::Nothing),
        &[(Spread::InputTokens, Some((TOKEN_TYPE, "input"))), (Spread::OutputTokens, Some((TOKEN_TYPE, "output")))],
        TOKENS,
    ),
    spread(
        "gen_ai.client.inference.operation.input_tokens",
        TOKEN,
        "Input tokens of one request",
        NEW,
        &[(Spread::InputTokens, None)],
        TOKENS,
    ),
    spread(
        "gen_ai.client.inference.operation.output_tokens",
        TOKEN,
        "Output tokens of one request",
        NEW,
        &[(Spread::OutputTokens, None)],
        TOKENS,
    ),
    total("gen_ai.client.inference.usage.input_tokens", TOKEN, "Input tokens", NEW, Total::InputTokens),
    total("gen_ai.client.inference.usage.output_tokens", TOKEN, "Output tokens", NEW, Total::OutputTokens),
    total(
        "gen_ai.client.inference.usage.cache_read.input_tokens",
        TOKEN,
        "Input tokens read from the provider's cache",
        NEW,
        Total::CacheReadTokens,
    ),
    total(
        "gen_ai.client.inference.usage.cache_write.input_tokens",
        TOKEN,
        "Input tokens written to the provider's cache",
        NEW,
        Total::CacheWriteTokens,
    ),
    total(
        "gen_ai.client.inference.usage.reasoning.output_tokens",
        TOKEN,
        "Output tokens spent on reasoning",
        NEW,
        Total::ReasoningTokens,
    ),
    spread(
        "gen_ai.server.request.duration",
        S,
        "What the caller waited: from receipt to the end of the answer",
        EVER,
        &[(Spread::ServerS, None)],
        DURATIONS,
    ),
    spread(
        "gen_ai.server.time_to_first_token",
        S,
        "From receipt to the first event with a token",
        EVER,
        &[(Spread::ServerFirstS, None)],
        FIRST_TOKENS,
    ),
    spread(
        "gen_ai.server.time_per_output_token",
        S,
        "Time per output token after the first event",
        EVER,
        &[(Spread::ServerTpotS, None)],
        PER_TOKEN,
    ),
    total("paceline.requests", "{request}", "Requests, by outcome", EVER, Total::Requests),
    total("paceline.cost", "USD", "Known cost", EVER, Total::CostNanousd),
    spread("paceline.queue.duration", S, "Waiting in a deployment's queue", EVER, &[(Spread::QueueS, None)], DURATIONS),
    spread(
        "paceline.overhead.duration",
        S,
        "Time the gateway itself added, by way",
        EVER,
        &[(Spread::OverheadInS, Some((OVERHEAD_WAY, "in"))), (Spread::OverheadBackS, Some((OVERHEAD_WAY, "back")))],
        OVERHEADS,
    ),
];

impl Metric {
    /// True where it is exported for this operation.
    pub(crate) fn speaks_of(&self, choice: Names, api: Api) -> bool {
        let covers = |of: Of| match of {
            Of::Nothing => false,
            Of::All => true,
            Of::Inference => api.generates(),
            Of::Other => !api.generates(),
        };
        match choice {
            Names::V1_41 => covers(self.v1_41),
            Names::New => covers(self.new),
            Names::Both => covers(self.v1_41) || covers(self.new),
        }
    }
}

/// `gen_ai.operation.name`; the conventions' own values where there is one.
pub(crate) const fn operation(api: Api) -> &'static str {
    match api {
        Api::Chat | Api::Responses | Api::Messages => "chat",
        Api::Completions => "text_completion",
        Api::Embeddings => "embeddings",
        Api::CountTokens => "count_tokens",
        Api::Models => "list_models",
        Api::Passthrough => "passthrough",
    }
}

/// `gen_ai.provider.name` of a provider of the standards: the conventions' value for a vendor by that name, else its own.
pub(crate) fn provider(name: &str) -> &str {
    match name {
        "azure" | "azure-openai" => "azure.ai.openai",
        "bedrock" | "aws-bedrock" => "aws.bedrock",
        "gemini" | "google" => "gcp.gemini",
        "vertex" | "vertex-ai" => "gcp.vertex_ai",
        "mistral" => "mistral_ai",
        "xai" => "x_ai",
        "moonshot" => "moonshot_ai",
        "watsonx" => "ibm.watsonx.ai",
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str) -> Option<&'static Metric> {
        METRICS.iter().find(|metric| metric.name == name)
    }

    #[test]
    fn each_choice_has_its_own_names_and_both_has_all() {
        let count = |choice, api| METRICS.iter().filter(|metric| metric.speaks_of(choice, api)).count();
        assert_eq!(count(Names::V1_41, Api::Chat), 3 + 3 + 4);
        assert_eq!(count(Names::New, Api::Chat), 9 + 3 + 4);
        assert_eq!(count(Names::Both, Api::Chat), METRICS.len());
        let duration = of("gen_ai.client.operation.duration");
        let speaks = |choice, api| duration.is_some_and(|metric| metric.speaks_of(choice, api));
        assert!(speaks(Names::V1_41, Api::Chat) && !speaks(Names::New, Api::Chat));
        assert!(speaks(Names::New, Api::Embeddings), "the old name stays for what is no inference");
    }

    #[test]
    fn renamed_attributes_are_said_twice_only_where_both_are_wanted() {
        assert_eq!(CACHE_WRITE_TOKENS.names(Names::V1_41), ("gen_ai.usage.cache_creation.input_tokens", None));
        assert_eq!(CACHE_WRITE_TOKENS.names(Names::New), ("gen_ai.usage.cache_write.input_tokens", None));
        assert_eq!(CACHE_WRITE_TOKENS.names(Names::Both).1, Some("gen_ai.usage.cache_write.input_tokens"));
        assert_eq!(INPUT_TOKENS.names(Names::Both).1, None);
    }

    #[test]
    fn names_are_there_once_and_listed_in_the_documentation() {
        let page = include_str!("../../../docs/telemetry.md");
        for (at, metric) in METRICS.iter().enumerate() {
            assert!(!METRICS[..at].iter().any(|other| other.name == metric.name), "{}", metric.name);
            let mark = |of| match of {
                Of::Nothing => "",
                Of::All => "all",
                Of::Inference => "inference",
                Of::Other => "other",
            };
            let kind = if matches!(metric.shape, Shape::Total(_)) { "counter" } else { "histogram" };
            let cell = |text: &str| if text.is_empty() { "|".to_owned() } else { format!("| {text} ") };
            let (v1_41, new) = (cell(mark(metric.v1_41)), cell(mark(metric.new)));
            let row = format!("| `{}` | {kind} | `{}` {v1_41}{new}| {} |", metric.name, metric.unit, metric.help);
            assert!(page.contains(&row), "docs/telemetry.md lacks the row\n{row}");
        }
    }
}
