//! The chaos matrix: real callers, a whole gateway and simulated providers on real sockets, every fault a provider can
//! have, every way a caller can leave; and the invariants that hold in every case.
//!
//! | file | owns |
//! |---|---|
//! | `case` | what a case is, and its printed name |
//! | `wrong` | what goes wrong at the provider |
//! | `matrix` | which cases there are |
//! | `stage` | gateway, providers and plan of one kind of traffic |
//! | `reference` | the bytes a provider sends when nobody is in between |
//! | `request` | the bytes a caller sends |
//! | `expect` | case → what may be seen |
//! | `witness` | both sides' account of a request |
//! | `answer` | what an answer turned out to be |
//! | `judge` | what was seen → invariants that do not hold |
//! | `repeat` | the same request again, when the cache is on |
//! | `play` | plays cases side by side |
//! | `load` | callers for scenarios |
//! | `tally` | counts them by axis |
//!
//! For tests only: what cannot go on panics. It changes nothing outside its own sockets and directories.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod answer;
pub mod case;
pub mod expect;
pub mod judge;
pub mod load;
pub mod matrix;
pub mod play;
pub mod reference;
mod repeat;
pub mod request;
pub mod stage;
pub mod tally;
pub mod witness;
pub mod wrong;

pub use case::{Caller, Case, Reach, Shape, Traffic};
pub use play::{Played, play};
pub use stage::Stage;
pub use tally::Tally;
pub use wrong::Wrong;
