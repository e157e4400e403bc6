//! Case → what may be seen by a caller who stays. A caller who leaves may see the beginning of any of it.

use paceline_types::{Code, Outcome};

use crate::case::{Case, Reach, Traffic};
use crate::wrong::Wrong;

/// One way for an answer to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Every byte of what the provider of the first deployment sends for this fault; the provider's own error among them.
    Exact,
    /// Every byte of an undisturbed answer: another attempt, or another deployment, mended it.
    Mended,
    /// The provider's stream with its own error event, every byte; broken off or ended after that.
    Told,
    /// An error of the gateway's instead of an answer.
    Refused(Code),
    /// The beginning of the answer, an error event where one can stand, and a connection broken off.
    Broken(Code),
}

/// What may be seen; `length` is that of the provider's whole answer, for cuts at or past its end.
#[must_use]
pub fn endings(case: &Case, length: usize) -> Vec<Ending> {
    let mut endings = at_first(case, length);
    if case.wrong == Wrong::Nothing || !matches!(case.traffic, Traffic::Retry | Traffic::Fallback | Traffic::Hedge) {
        return endings;
    }
    if must_be_mended(case) {
        return vec![Ending::Mended];
    }
    if can_be_mended(case) {
        endings.push(Ending::Mended);
    }
    endings
}

/// The failure is one that another attempt mends, and there is one that goes well.
fn must_be_mended(case: &Case) -> bool {
    match (case.traffic, case.reach) {
        (Traffic::Retry, Reach::Once) => case.wrong.is_retried(),
        (Traffic::Fallback, Reach::Once | Reach::First) => case.wrong.is_retried() || is_late(case),
        (Traffic::Hedge, Reach::Once | Reach::First) => is_late(case),
        _ => false,
    }
}

/// A stream whose first token comes past its deadline.
const fn is_late(case: &Case) -> bool {
    case.shape.is_streamed() && matches!(case.wrong, Wrong::LateHead | Wrong::LongStall(0))
}

/// Some attempt goes well.
const fn can_be_mended(case: &Case) -> bool {
    match case.traffic {
        Traffic::Retry => matches!(case.reach, Reach::Once),
        _ => matches!(case.reach, Reach::Once | Reach::First),
    }
}

/// What the first attempt alone leads to.
fn at_first(case: &Case, length: usize) -> Vec<Ending> {
    use Ending::{Broken, Exact, Refused, Told};
    let streamed = case.shape.is_streamed();
    if case.is_assembled() {
        return put_together(case, length);
    }
    match case.wrong {
        Wrong::Reset => vec![Refused(Code::ProviderCut)],
        Wrong::End(byte) if is_in_last_line(byte, length) => {
            // The terminal event is told in full but for its blank line, which may be completed.
            vec![Exact, Refused(Code::ProviderCut), Broken(Code::ProviderCut)]
        }
        Wrong::Cut(byte) | Wrong::ResetCut(byte) | Wrong::End(byte) | Wrong::GzipCut(byte)
            if (byte as usize) < length =>
        {
            // Nothing has left yet when the answer is gathered, or its first token is waited for.
            let mut endings = vec![Refused(Code::ProviderCut)];
            if streamed {
                endings.push(Broken(Code::ProviderCut));
            }
            endings
        }
        Wrong::LongStall(0) if streamed => {
            vec![Broken(Code::ProviderTimeoutFirstToken), Refused(Code::ProviderTimeoutFirstToken)]
        }
        Wrong::LongStall(_) if streamed => vec![Broken(Code::ProviderTimeoutStall)],
        Wrong::NoTerminal => vec![Broken(Code::ProviderCut)],
        Wrong::ErrorEvent(_) => vec![Told],
        Wrong::Status(401) => vec![Refused(Code::ProviderKeyRefused)],
        Wrong::ContextTooLong => vec![Exact, Refused(Code::ContextTooLong)],
        Wrong::ContentFiltered => vec![Exact, Refused(Code::ContentFiltered)],
        Wrong::LateHead if streamed => vec![Refused(Code::ProviderTimeoutFirstToken)],
        Wrong::LateHead => vec![Refused(Code::ProviderTimeoutTotal), Refused(Code::ProviderTimeoutFirstToken)],
        Wrong::Redirect | Wrong::BigHead => vec![Refused(Code::ProviderMalformed)],
        _ => vec![Exact],
    }
}

/// What a stream leads to whose caller asked for a whole answer: nothing leaves before its end, so that whatever breaks
/// it off is a clean refusal. Compressed or not is the provider's matter.
fn put_together(case: &Case, length: usize) -> Vec<Ending> {
    use Ending::{Exact, Mended, Refused, Told};
    match case.wrong {
        Wrong::End(byte) if is_in_last_line(byte, length) => vec![Exact, Refused(Code::ProviderCut)],
        // The terminal event may have been inflated already when only the compression's own end is missing.
        Wrong::GzipCut(byte) if byte as usize + GZIP_END >= length => vec![Mended, Refused(Code::ProviderCut)],
        Wrong::Cut(byte) | Wrong::ResetCut(byte) | Wrong::End(byte) | Wrong::GzipCut(byte)
            if (byte as usize) < length =>
        {
            vec![Refused(Code::ProviderCut)]
        }
        Wrong::Gzip | Wrong::GzipCut(_) => vec![Mended],
        Wrong::NoTerminal => vec![Refused(Code::ProviderCut)],
        Wrong::ErrorEvent(_) => vec![Told, Refused(Code::ProviderCut), Refused(Code::ProviderMalformed)],
        Wrong::LongStall(0) | Wrong::LateHead => vec![Refused(Code::ProviderTimeoutFirstToken)],
        Wrong::LongStall(_) => vec![Refused(Code::ProviderTimeoutStall)],
        _ => at_first(&Case { traffic: Traffic::Plain, ..*case }, length),
    }
}

/// The last bytes of a gzip body: the end of its last block, checksum and length.
const GZIP_END: usize = 32;

/// Within the blank line that ends a stream's last event.
const fn is_in_last_line(byte: u32, length: usize) -> bool {
    (byte as usize) < length && byte as usize + 2 >= length
}

/// The outcome that stands for a status of the provider, when its answer came whole.
#[must_use]
pub const fn outcome_of_status(status: u16) -> Outcome {
    match status {
        200..=299 => Outcome::Ok,
        403 => Outcome::GatewayError,
        408 | 409 | 425 | 429 => Outcome::ProviderError,
        400..=499 => Outcome::CallerError,
        _ => Outcome::ProviderError,
    }
}

/// The outcome that stands for a code of ours.
#[must_use]
pub const fn outcome_of_code(code: Code) -> Outcome {
    match code {
        Code::ProviderCut => Outcome::Truncated,
        Code::ProviderTimeoutConnect => Outcome::TimeoutConnect,
        Code::ProviderTimeoutFirstToken => Outcome::TimeoutFirstToken,
        Code::ProviderTimeoutStall => Outcome::TimeoutStall,
        Code::ProviderTimeoutTotal => Outcome::TimeoutTotal,
        Code::ProviderKeyRefused => Outcome::GatewayError,
        Code::ContextTooLong | Code::ContentFiltered => Outcome::CallerError,
        _ => Outcome::ProviderError,
    }
}
