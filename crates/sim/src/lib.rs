//! The simulated provider: an honest upstream for tests, benchmarks and demonstrations. It answers in the wire forms of
//! OpenAI and Anthropic, takes the time that a batch-step engine would take, fails on request, and keeps the truth about
//! every request, so that meters can be checked against it. It generates words, not sense, and needs no model.
//!
//! | request header | effect |
//! |---|---|
//! | `x-sim-output-tokens: N` | output of exactly N tokens, reasoning included, unless the caller's cap is lower |
//! | `x-sim-reasoning: N` | the first N of them are reasoning (not for `/v1/completions`) |
//! | `x-sim-tools: 1` | a call of the first tool offered, or of `lookup` |
//! | `x-sim-tokens-per-event: N` | several tokens in one event |
//! | `x-sim-cached-tokens: N` | report N prompt tokens as cached, whatever the engine held |
//! | `x-sim-seed: N` | the same request gets the same bytes again, ids and times included |
//! | `x-sim-tag: TEXT` | stands in the truth log |
//! | `x-sim-fault: PART[;PART…][\|PART…]` | see [`fault::Fault`]; of several the first that is meant for the request |
//! | `x-paceline-request-id`, `x-request-id` | the request's name in the truth log, and in the answer |
//!
//! | address | answers |
//! |---|---|
//! | `GET /sim/requests?since=SEQ&limit=N&request_id=ID` | `{"next": SEQ, "requests": [Truth…]}`; `DELETE` clears |
//! | `GET /sim/stats` | totals, requests in flight, and each engine's queue |
//! | `POST /sim/fault` | sets a default fault ([`fault::DefaultFault`]); `GET` lists, `DELETE` removes all |
//!
//! [`Simulation`] runs the same engine in virtual time; [`run`] and [`Running`] serve in real time.

mod answer;
pub mod ask;
mod asked;
mod book;
mod config;
mod control;
mod driver;
mod elsewhere;
pub mod engine;
pub mod fault;
mod feed;
mod model;
mod multipart;
pub mod params;
mod play;
pub mod prefix;
mod prompt;
mod reply;
mod route;
pub mod script;
pub mod seed;
mod serve;
mod shape;
mod shelf;
pub mod simulation;
mod simulator;
mod truth;
pub mod wire;

pub use config::{Config, ConfigError, ModelConfig};
pub use driver::EngineStats;
pub use model::{ModelStats, Models};
pub use params::{BatchParams, Preset};
pub use serve::{Running, SimError, run};
pub use simulation::{Arrival, Served, Simulation};
pub use simulator::Simulator;
pub use truth::{Clock, Page, Sums, Truth, TruthLog};
