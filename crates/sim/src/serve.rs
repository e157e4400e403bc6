//! Starts a simulator on a socket: in the background for tests, or as a process that ends on a signal.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use paceline_http::{Drain, Listen, ServeStats, ServerOptions, bind_tcp, serve};
use tokio::task::JoinHandle;

use crate::config::{Config, ConfigError};
use crate::simulator::Simulator;

/// How long open answers may go on after a stop.
const DRAIN: Duration = Duration::from_secs(2);

/// Why a simulator does not run.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("cannot listen on {listen}: {source}")]
    Bind { listen: String, source: std::io::Error },
    #[error("cannot start: {0}")]
    Runtime(#[from] std::io::Error),
}

/// A simulator that listens.
#[derive(Debug)]
pub struct Running {
    pub address: SocketAddr,
    pub simulator: Arc<Simulator>,
    drain: Drain,
    task: JoinHandle<ServeStats>,
}

impl Running {
    /// Binds and serves on the current runtime.
    ///
    /// # Errors
    /// When the configuration makes no sense or the address cannot be had.
    pub fn start(config: Config) -> Result<Self, SimError> {
        config.check()?;
        let bind = |source| SimError::Bind { listen: config.listen.clone(), source };
        let address = config.listen.to_socket_addrs().map_err(bind)?.next().ok_or_else(|| {
            bind(std::io::Error::new(std::io::ErrorKind::AddrNotAvailable, "the name has no address"))
        })?;
        let listener = bind_tcp(address).map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let options = ServerOptions {
            connections_max: config.connections_max,
            h2_streams_max: config.h2_streams_max,
            requests_per_connection_max: config.requests_per_connection_max,
            ..ServerOptions::default()
        };
        let drain = Drain::new();
        let simulator = Simulator::start(config);
        let task = tokio::spawn(serve(Listen::Tcp(listener), options, Arc::clone(&simulator), drain.clone()));
        Ok(Self { address, simulator, drain, task })
    }

    /// Callers' connections open now.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.drain.connections()
    }

    /// Stops listening and waits for open answers, for a moment.
    pub async fn stop(self) {
        self.drain.start(DRAIN);
        let _ = self.task.await;
    }
}

/// Runs a simulator until SIGTERM or SIGINT; says where it listens on standard error.
///
/// # Errors
/// When it cannot start.
pub fn run(config: Config) -> Result<(), SimError> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = config.threads {
        runtime.worker_threads(threads.max(1));
    }
    runtime.enable_all().build()?.block_on(async {
        let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        let mut int = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
        let running = Running::start(config)?;
        eprintln!("simulated provider on http://{}/v1", running.address);
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        running.stop().await;
        Ok(())
    })
}
