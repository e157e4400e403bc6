//! The exact cache: answers to requests that are the same in every byte that counts, in memory and, if the plan names
//! one, in a Valkey or Redis that gateways share; and one flight for identical requests that come at once.
//! Knows neither HTTP servers nor providers: what may be kept, for whom and how long, its caller decides.

mod entry;
mod flight;
mod flights;
mod key;
mod remote;
mod store;

pub use entry::{Entry, Facts, Head};
pub use flight::{Broken, Lead, Tail};
pub use key::Key;
pub use remote::RemoteStatus;
pub use store::{Cache, CacheStatus, Found, Keep, Look, Options};
