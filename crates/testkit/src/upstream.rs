//! A simulated provider in this process.

use std::net::SocketAddr;

use paceline_sim::{Config, Running, Simulator, Truth};

use crate::wait::until;

/// Listens on a free port of 127.0.0.1 until it is dropped with its runtime, or stopped.
#[derive(Debug)]
pub struct SimProvider {
    running: Running,
}

impl SimProvider {
    /// Starts one with this configuration (see `paceline_sim::Config`; `listen` is replaced).
    ///
    /// # Panics
    /// When the configuration makes no sense.
    #[must_use]
    pub fn start(config: &serde_json::Value) -> Self {
        let config = Config::read(&config.to_string()).expect("a sound configuration");
        let config = Config { listen: "127.0.0.1:0".into(), ..config };
        Self { running: Running::start(config).expect("a free port") }
    }

    /// One whose models answer without any delay.
    #[must_use]
    pub fn instant() -> Self {
        Self::start(&serde_json::json!({"default_preset": "instant"}))
    }

    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.running.address
    }

    /// `http://127.0.0.1:PORT/v1`
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address())
    }

    #[must_use]
    pub fn simulator(&self) -> &Simulator {
        &self.running.simulator
    }

    /// Callers' connections open now.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.running.connections()
    }

    /// The truth about a request, once it is over.
    ///
    /// # Panics
    /// When it never is.
    pub async fn truth(&self, request_id: &str) -> Truth {
        let log = self.running.simulator.log();
        until("a record in the truth log", || async { log.page(0, 1, Some(request_id)).requests.pop() }).await
    }

    /// Everything in the truth log, once nothing is in flight.
    ///
    /// # Panics
    /// When something stays in flight.
    pub async fn truths(&self) -> Vec<Truth> {
        let log = self.running.simulator.log();
        until("requests to end", || async { (log.sums().in_flight == 0).then_some(()) }).await;
        log.page(0, usize::MAX, None).requests
    }

    /// Stops listening and ends open answers.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}
