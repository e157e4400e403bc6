//! How a request ended, and whose doing that was.

/// The end of a request. The number is stored in usage records: never renumber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Outcome {
    /// Not ended yet; only in the table of requests in flight, never in the ledger.
    InFlight = 0,
    /// The answer reached the caller whole.
    Ok = 1,
    /// The standards or a limit refused it; the provider never saw it.
    Refused = 2,
    /// The caller's request was at fault (ours or the provider's 4xx).
    CallerError = 3,
    /// The provider could not be reached, answered 5xx or 429, or answered nonsense.
    ProviderError = 4,
    /// The gateway was at fault.
    GatewayError = 5,
    /// The caller left before the end.
    Cancelled = 6,
    /// The provider's answer ended before its terminal event or its stated length.
    Truncated = 7,
    TimeoutConnect = 8,
    TimeoutFirstToken = 9,
    TimeoutStall = 10,
    TimeoutTotal = 11,
    /// In flight when the gateway was killed; tokens are estimated.
    Lost = 12,
}

impl Outcome {
    pub const ALL: [Self; 13] = [
        Self::InFlight,
        Self::Ok,
        Self::Refused,
        Self::CallerError,
        Self::ProviderError,
        Self::GatewayError,
        Self::Cancelled,
        Self::Truncated,
        Self::TimeoutConnect,
        Self::TimeoutFirstToken,
        Self::TimeoutStall,
        Self::TimeoutTotal,
        Self::Lost,
    ];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InFlight => "in_flight",
            Self::Ok => "ok",
            Self::Refused => "refused",
            Self::CallerError => "caller_error",
            Self::ProviderError => "provider_error",
            Self::GatewayError => "gateway_error",
            Self::Cancelled => "cancelled",
            Self::Truncated => "truncated",
            Self::TimeoutConnect => "timeout_connect",
            Self::TimeoutFirstToken => "timeout_first_token",
            Self::TimeoutStall => "timeout_stall",
            Self::TimeoutTotal => "timeout_total",
            Self::Lost => "lost",
        }
    }

    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        if (number as usize) < Self::ALL.len() { Some(Self::ALL[number as usize]) } else { None }
    }

    /// True when the service's budget must count it as over every limit: the caller asked for something sound and
    /// did not get it. Refusals, callers' own errors and callers' own cancels form groups of their own.
    #[must_use]
    pub const fn is_failure(self) -> bool {
        matches!(
            self,
            Self::ProviderError
                | Self::GatewayError
                | Self::Truncated
                | Self::TimeoutConnect
                | Self::TimeoutFirstToken
                | Self::TimeoutStall
                | Self::TimeoutTotal
                | Self::Lost
        )
    }

    /// True when the request belongs to the population a budget is judged on.
    #[must_use]
    pub const fn is_offered(self) -> bool {
        matches!(self, Self::Ok) || self.is_failure()
    }
}
