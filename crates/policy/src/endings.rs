//! Endings: for every way an attempt can end before its first token, whether the same deployment may be asked again, only
//! another, or none, and whether it speaks against the deployment. A table; `failover` decides by it.

/// How an attempt ended without an answer that may be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Name not resolved, or no address accepted a connection.
    Connect,
    Tls,
    TimeoutConnect,
    /// The response head or the first token came too late.
    TimeoutFirstToken,
    /// The connection ended before the head, or before the first token.
    Cut,
    /// Not HTTP, or a head over its bound.
    Malformed,
    /// An error event before the first token, below a 200.
    ErrorEvent,
    /// An error answer not told apart any further.
    Status(u16),
    ContextTooLong,
    ContentFiltered,
    /// The organisation's account there is empty, or its quota used up.
    QuotaExhausted,
    /// Our queue in front of it is full, or too long for this request.
    Queue,
    /// A limit of our own on the deployment.
    Limit,
    /// We have no key for it, or its address is refused: nothing was sent.
    Unusable,
    /// The class's total deadline passed.
    TimeoutTotal,
    /// The request's own bound: a deadline of the caller's that is shorter than the class's, or what cannot be written
    /// as HTTP.
    Own,
}

/// Who may be asked after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// The next deployment at once; the same one after a pause where there is no other.
    Any,
    /// Another deployment; this one not again for this request.
    Other,
    /// Nobody: the answer would be the same everywhere, or there is no time left.
    Never,
}

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Ending {
    pub ended: Ended,
    pub again: Again,
    /// Counts as failed for the deployment's breaker and its comparison with peers.
    pub fails: bool,
    pub why: &'static str,
}

const fn row(ended: Ended, again: Again, fails: bool, why: &'static str) -> Ending {
    Ending { ended, again, fails, why }
}

/// What follows each ending. Statuses that are not named follow `REST`.
pub const ENDINGS: &[Ending] = &[
    row(Ended::Connect, Again::Any, true, "nothing was sent"),
    row(Ended::Tls, Again::Any, true, "nothing was sent"),
    row(Ended::TimeoutConnect, Again::Any, true, "nothing was sent"),
    row(Ended::TimeoutFirstToken, Again::Other, true, "slow now and likely billed; another may be quicker"),
    row(Ended::Cut, Again::Any, true, "no token was seen"),
    row(Ended::Malformed, Again::Other, true, "what is there does not speak HTTP; it will not learn it in a second"),
    row(Ended::ErrorEvent, Again::Any, true, "a provider's trouble told late, such as overloaded_error"),
    row(Ended::ContextTooLong, Again::Never, false, "the request is too long for the model"),
    row(Ended::ContentFiltered, Again::Never, false, "shopping around for a laxer filter is not ours to do"),
    row(Ended::QuotaExhausted, Again::Other, true, "the account is empty; a pause does not fill it"),
    row(Ended::Queue, Again::Other, false, "no room here, perhaps elsewhere"),
    row(Ended::Limit, Again::Other, false, "no room here, perhaps elsewhere"),
    row(Ended::Unusable, Again::Other, false, "nothing was sent, nor will it be before the plan changes"),
    row(Ended::TimeoutTotal, Again::Never, true, "no time is left; it had all that the class allows"),
    row(Ended::Own, Again::Never, false, "the request's own bound holds everywhere"),
    row(Ended::Status(400), Again::Never, false, "the request is at fault"),
    row(Ended::Status(401), Again::Other, true, "our key is not accepted; the caller's was"),
    row(Ended::Status(402), Again::Other, true, "the account is empty"),
    row(Ended::Status(403), Again::Other, false, "our key may not; some providers say so of a prompt, so no failure"),
    row(Ended::Status(404), Again::Other, false, "no such model there; or the caller named a thing that is not"),
    row(Ended::Status(408), Again::Any, true, "the provider gave up waiting"),
    row(Ended::Status(409), Again::Any, false, "a conflict that passes"),
    row(Ended::Status(413), Again::Never, false, "the request is too large"),
    row(Ended::Status(422), Again::Never, false, "the request is at fault"),
    row(Ended::Status(425), Again::Any, false, "asked too early"),
    row(Ended::Status(429), Again::Any, false, "at its limit: alive, but not now (Retry-After)"),
    row(Ended::Status(498), Again::Other, false, "Groq's flex tier is out of capacity"),
    row(Ended::Status(500), Again::Any, true, "the provider's error"),
    row(Ended::Status(501), Again::Other, false, "it cannot do this"),
    row(Ended::Status(502), Again::Any, true, "something behind it failed"),
    row(Ended::Status(503), Again::Any, true, "overloaded or down"),
    row(Ended::Status(504), Again::Any, true, "something behind it was too slow"),
    row(Ended::Status(505), Again::Other, false, "it cannot do this"),
    row(Ended::Status(529), Again::Any, true, "Anthropic: overloaded"),
];

/// Statuses that no row names, by their hundreds.
const REST: [Ending; 3] = [
    row(Ended::Status(300), Again::Other, true, "redirects are not followed: the base URL is wrong"),
    row(Ended::Status(400), Again::Never, false, "the request is at fault"),
    row(Ended::Status(500), Again::Any, true, "the provider's error"),
];

/// The row of an ending.
#[must_use]
pub fn ending(ended: Ended) -> &'static Ending {
    let rest = match ended {
        Ended::Status(300..400) => &REST[0],
        Ended::Status(..500) => &REST[1],
        _ => &REST[2],
    };
    ENDINGS.iter().find(|row| row.ended == ended).unwrap_or(rest)
}
