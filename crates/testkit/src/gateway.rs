//! A whole gateway in this process: journal, metrics, edge on a free port. The plan is a document that the test writes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use paceline_http::{Drain, Listen, Proxies, ServeStats, ServerOptions, bind_tcp, client_tls, serve};
use paceline_journal::{Journal, Options};
use paceline_plan::document::Document;
use paceline_plan::{Plan, sample};
use paceline_stack::{Edge, Gateway};
use paceline_telemetry::Metrics;
use paceline_types::UsageRecord;
use tokio::task::JoinHandle;

use crate::records::Records;
use crate::wait::until;

/// For answers that are still open at a stop.
const DRAIN: Duration = Duration::from_secs(2);

/// Listens on a free port of 127.0.0.1 until it is stopped.
pub struct TestGateway {
    address: SocketAddr,
    gateway: Arc<Gateway>,
    drain: Drain,
    task: JoinHandle<ServeStats>,
    directory: tempfile::TempDir,
}

impl TestGateway {
    /// Starts one with this plan; the document's hash need not be right.
    ///
    /// # Panics
    /// When the plan cannot be run.
    #[must_use]
    pub fn start(document: &Document) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let bounds = &document.gateway;
        let options = Options {
            segment_bytes: bounds.journal.segment_bytes,
            bytes_max: bounds.journal.bytes_max,
            in_flight_max: bounds.requests_in_flight_max * 2,
            sync: Duration::from_millis(bounds.journal.sync_ms),
        };
        let (journal, _) = Journal::open(&directory.path().join("journal"), options).expect("a journal");
        let tls = client_tls().expect("a trust store");
        let gateway = Gateway::new(journal, Metrics::new(1000), tls, Proxies::default());
        let listener = bind_tcp(([127, 0, 0, 1], 0).into()).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let drain = Drain::new();
        let edge = Arc::new(Edge(Arc::clone(&gateway)));
        let options = ServerOptions { connections_max: bounds.connections_max as usize, ..ServerOptions::default() };
        let task = tokio::spawn(serve(Listen::Tcp(listener), options, edge, drain.clone()));
        let started = Self { address, gateway, drain, task, directory };
        started.apply(document);
        started
    }

    /// Swaps the plan.
    ///
    /// # Panics
    /// When the plan cannot be run.
    pub fn apply(&self, document: &Document) {
        let plan = Plan::read(&sample::bytes(document)).expect("a sound plan");
        if let Err(error) = self.gateway.apply(plan) {
            panic!("the plan cannot be run: {error:?}");
        }
    }

    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    #[must_use]
    pub const fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// Callers' connections open now.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.drain.connections()
    }

    #[must_use]
    pub fn journal_directory(&self) -> PathBuf {
        self.directory.path().join("journal")
    }

    /// A reader of the usage records, from the first on.
    #[must_use]
    pub fn records(&self) -> Records {
        Records::new(self.journal_directory())
    }

    /// The usage records, from the first on, once there are so many.
    ///
    /// # Panics
    /// When they do not come.
    pub async fn recorded(&self, count: usize) -> Vec<UsageRecord> {
        let mut reader = self.records();
        let mut all = Vec::new();
        until("the records", || {
            all.extend(reader.more());
            let there = (all.len() >= count).then(|| all.clone());
            async move { there }
        })
        .await
    }

    /// Stops listening, ends open answers, and gives everything back.
    pub async fn stop(self) {
        self.gateway.drain();
        self.drain.start(DRAIN);
        let _ = self.task.await;
    }
}
