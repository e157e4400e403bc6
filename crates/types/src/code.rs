//! The gateway's stable codes. `paceline explain CODE` has a page for each; a test keeps the two in step.

use crate::Fault;

/// What one code means.
#[derive(Clone, Copy, Debug)]
pub struct CodeRow {
    /// `G101`
    pub code: &'static str,
    /// `key_missing`: the `code` field of the caller's error body.
    pub name: &'static str,
    /// HTTP status of the refusal.
    pub status: u16,
    pub fault: Fault,
    pub retryable: bool,
    /// What to do next, as one sentence.
    pub advice: &'static str,
}

macro_rules! codes {
    ($($variant:ident = $number:literal, $code:literal, $name:literal, $status:literal, $fault:ident, $retry:literal, $advice:literal;)*) => {
        /// A stable code. The number is stored in usage records: never renumber; 0 means none.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum Code { $($variant = $number,)* }

        /// Every code with its meaning, in the order of their numbers.
        pub const CODES: &[(Code, CodeRow)] = &[$((Code::$variant, CodeRow {
            code: $code, name: $name, status: $status, fault: Fault::$fault, retryable: $retry, advice: $advice,
        }),)*];

        impl Code {
            /// The code's meaning.
            #[must_use]
            pub const fn row(self) -> CodeRow {
                match self { $(Self::$variant => CodeRow {
                    code: $code, name: $name, status: $status, fault: Fault::$fault, retryable: $retry, advice: $advice,
                },)* }
            }

            #[must_use]
            pub const fn from_number(number: u16) -> Option<Self> {
                match number { $($number => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

codes! {
    KeyMissing = 101, "G101", "key_missing", 401, Caller, false, "Send a paceline key as `Authorization: Bearer pk-…`, `x-api-key` or `api-key`; `paceline keys create` makes one";
    KeyUnknown = 102, "G102", "key_unknown", 401, Caller, false, "Check the key, or make a new one with `paceline keys create`; it may have been revoked";
    KeyNotForService = 103, "G103", "key_not_for_service", 403, Standards, false, "Use a key of that service, or drop the tag from the path";
    TagMissing = 201, "G201", "tag_missing", 403, Standards, false, "Add /t/SERVICE/USE-CASE to the base URL, or send x-paceline-use-case";
    UseCaseUnknown = 202, "G202", "use_case_unknown", 403, Standards, false, "Use one of the service's use cases, or add this one to the standards file";
    OwnerMissing = 203, "G203", "owner_missing", 403, Standards, false, "Give the service an owner in the standards file";
    ModelOffStandard = 204, "G204", "model_off_standard", 403, Standards, false, "Ask for the use case's model, its task, or `auto`; or request a waiver from the platform team";
    ModelUnknown = 205, "G205", "model_unknown", 404, Caller, false, "Ask for a model name, `task:NAME` or `auto`; GET /v1/models lists what there is";
    TaskUnknown = 206, "G206", "task_unknown", 404, Caller, false, "Use a task that the standards file names";
    DialectUnserved = 207, "G207", "dialect_unserved", 400, Standards, false, "Call the API that this model's provider speaks, or ask for a model that has a deployment in your dialect";
    PassthroughUnserved = 208, "G208", "passthrough_unserved", 404, Standards, false, "Name the path under the provider's `passthrough` in the standards file, or call an address the gateway serves";
    PriceUnknown = 209, "G209", "price_unknown", 403, Standards, false, "Give the deployment a price in the standards file, or set `policy.unknown_price: allow`";
    BodyMalformed = 301, "G301", "body_malformed", 400, Caller, false, "Send one JSON object in UTF-8";
    BodyTooLarge = 302, "G302", "body_too_large", 413, Caller, false, "Send a smaller body; `gateway.body_bytes_max` in the standards file sets the bound";
    BodyEmpty = 303, "G303", "body_empty", 400, Caller, false, "Send one JSON object in UTF-8";
    FieldWrongType = 304, "G304", "field_wrong_type", 400, Caller, false, "Correct the field's type";
    HeadInvalid = 305, "G305", "head_invalid", 400, Caller, false, "Correct the request's headers";
    RouteUnknown = 306, "G306", "route_unknown", 404, Caller, false, "See the README for the addresses the gateway serves";
    MethodNotAllowed = 307, "G307", "method_not_allowed", 405, Caller, false, "Use POST for calls, GET for /v1/models";
    BodyTimeout = 308, "G308", "body_timeout", 408, Caller, true, "Send the whole body without long pauses";
    BodyCut = 309, "G309", "body_cut", 400, Caller, true, "Send as many bytes as content-length states";
    EncodingUnsupported = 310, "G310", "encoding_unsupported", 415, Caller, false, "Send the body without content-encoding";
    ProviderUnreachable = 401, "G401", "provider_unreachable", 503, Provider, true, "Retry with back-off; if it lasts, tell the platform team which deployment failed";
    ProviderTimeoutConnect = 402, "G402", "provider_timeout_connect", 504, Provider, true, "Retry with back-off; the provider did not accept a connection in time";
    ProviderTimeoutFirstToken = 403, "G403", "provider_timeout_first_token", 504, Provider, true, "Retry with back-off; the class's first-token deadline passed";
    ProviderTimeoutStall = 404, "G404", "provider_timeout_stall", 504, Provider, true, "Retry; the provider went silent in the middle of its answer";
    ProviderTimeoutTotal = 405, "G405", "provider_timeout_total", 504, Provider, true, "Ask for less output or stream; the class's total deadline passed";
    ProviderCut = 406, "G406", "provider_cut", 502, Provider, true, "Retry; the provider ended its answer before it was complete";
    ProviderMalformed = 407, "G407", "provider_malformed", 502, Provider, true, "Retry; the provider's answer was not valid HTTP";
    ProviderKeyMissing = 408, "G408", "provider_key_missing", 503, Gateway, false, "Tell the platform team: the gateway has no key for this provider in its environment";
    ProviderKeyRefused = 409, "G409", "provider_key_refused", 502, Gateway, false, "Tell the platform team: the provider did not accept the gateway's key; yours was accepted here";
    ContextTooLong = 410, "G410", "context_too_long", 400, Caller, false, "Send a shorter prompt or ask for less output: the model's context is full";
    ContentFiltered = 411, "G411", "content_filtered", 400, Caller, false, "Change the prompt: the provider's content filter refused it";
    AddressRefused = 412, "G412", "address_refused", 502, Gateway, false, "Tell the platform team: the provider's address is link-local or a metadata service; `addresses_allowed` lists exceptions";
    DeploymentsUnavailable = 413, "G413", "deployments_unavailable", 503, Provider, true, "Retry after the time stated: every deployment of this model is resting after failures or at its limit";
    ProviderFailedInStream = 414, "G414", "provider_failed_in_stream", 502, Provider, true, "Retry with back-off: the provider reported a failure in the middle of its answer";
    Draining = 501, "G501", "draining", 503, Gateway, true, "Retry: this gateway is shutting down and another will answer";
    PlanMissing = 502, "G502", "plan_missing", 503, Gateway, true, "Tell the platform team: the gateway has not been given a plan";
    Overloaded = 503, "G503", "overloaded", 503, Gateway, true, "Retry with back-off: the gateway's bound on requests in flight is reached";
    Internal = 504, "G504", "internal", 500, Gateway, true, "Tell the platform team the request id";
    RequestsPerMinute = 601, "G601", "requests_per_minute", 429, Standards, true, "Slow down and retry after the time stated; the owner can ask for a higher limit in the standards file";
    TokensPerMinute = 602, "G602", "tokens_per_minute", 429, Standards, true, "Retry after the time stated, send shorter prompts or set a lower output cap";
    RequestsInFlight = 603, "G603", "requests_in_flight", 429, Standards, true, "Run fewer requests at once";
    UsdPerDay = 604, "G604", "usd_per_day", 429, Standards, false, "The day's money is spent: it begins anew at 00:00 UTC; the owner can ask for a higher limit in the standards file";
    UsdPerMonth = 605, "G605", "usd_per_month", 429, Standards, false, "The month's money is spent: it begins anew on the first, 00:00 UTC; the owner can ask for a higher limit in the standards file";
    QueueFull = 606, "G606", "queue_full", 503, Gateway, true, "Retry with back-off: too many requests wait for this model";
    QueueTooLate = 607, "G607", "queue_too_late", 503, Gateway, true, "Retry with back-off: the request could not have met its class's first-token limit any more";
}

#[cfg(test)]
mod tests {
    use super::CODES;

    #[test]
    fn numbers_names_and_codes_agree_and_are_unique() {
        for (index, (code, row)) in CODES.iter().enumerate() {
            assert_eq!(row.code, format!("G{}", *code as u16));
            assert_eq!(code.row().name, row.name);
            assert!(CODES[..index].iter().all(|(_, other)| other.name != row.name));
            assert!(!row.advice.ends_with('.'));
        }
    }
}
