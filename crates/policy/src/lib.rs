//! Pure decisions of (plan, request facts). No I/O, no clock, no state: the same arguments give the same answer.
//! One file a decision; `crates/policy/scenarios` holds them as tables a person can read.

mod breaker;
mod cacheable;
mod cap;
mod deadlines;
mod endings;
mod failover;
mod hedge;
mod identify;
mod judge;
mod lanes;
mod learned;
mod limits;
mod near;
mod outlier;
mod prefix;
mod price;
mod resolve;
mod window;

pub use breaker::{Admit, Circuit, Need, Trial, Verdict, trips};
pub use cacheable::{CacheControl, Repeatable, cacheable, keepable, stale_may_serve};
pub use cap::cap;
pub use deadlines::{Patient, deadlines, tighten};
pub use endings::{Again, ENDINGS, Ended, Ending, ending};
pub use failover::{History, Reason, Standing, Step, back_off_ns, candidates_allowed, decide, may_retry};
pub use hedge::{HEDGE_WINDOW_NS, HedgeUse, hedge_delay_ns};
pub use identify::{Asked, Caller, Partial, identify};
pub use judge::{Measured, judge};
pub use lanes::{
    LANES, Outlook, Patience, Place, Turns, Waiting, engine_priority, held, patience, place, starts_ahead,
};
pub use learned::{BUCKETS, MEDIAN_OF_MIN, P95_OF_MIN, bucket, middle_ns, quantile};
pub use limits::{
    MINUTE_NS, OUTPUT_TOKENS_ASSUMED, Period, RateLeft, Refused, Subject, charge, cost_ns, day_of, expected_tokens,
    left, month_of, refund, refusal, take,
};
pub use outlier::{Peer, Worse, outlier};
pub use prefix::{PREFIX_KEPT_S, PromptSeen, prefix_miss};
pub use price::cost_nanousd;
pub use resolve::{Choice, resolve};
pub use window::{Count, Tally, half_of};
