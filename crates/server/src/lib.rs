//! The gateway process: opens the journal, binds both listeners, runs until it is told to stop, drains. Owns the
//! data directory's `plan.json` and `gateway.sock`; knows nothing of Python.

mod admin;
mod bounds;
mod memory;
mod paths;
mod plan_file;
mod spent;
mod takeover;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use paceline_http::{Drain, Listen, Proxies, ServerOptions, ServerTls, bind_tcp, bind_unix, serve};
use paceline_journal::{Journal, JournalError, Options as JournalOptions};
use paceline_plan::document;
use paceline_stack::{Edge, Gateway};
use paceline_telemetry::Metrics;
use tokio::signal::unix::{SignalKind, signal};

use bounds::Bounds;
pub use paths::socket_path;

/// Journals of a data directory: the usual one, and one for a gateway that takes over while the old one drains.
pub(crate) const JOURNALS: [&str; 2] = ["journal", "journal-2"];

/// At a stop, for what still waits to be exported.
const EXPORT_AT_END: Duration = Duration::from_secs(2);

/// Where a gateway process runs.
#[derive(Debug, Clone)]
pub struct ServeConfig {
    pub data_dir: PathBuf,
    pub listen: SocketAddr,
    /// Worker threads; `None` for one a core.
    pub threads: Option<usize>,
    /// Take the listening socket over from the gateway that runs on this data directory.
    pub takeover: bool,
}

/// Why a gateway could not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("cannot listen on {address}: {source}")]
    Bind { address: String, source: std::io::Error },
    #[error("no gateway hands its listener over at {path}: {source}")]
    Takeover { path: String, source: std::io::Error },
    #[error("data directory {path}: {source}")]
    Data { path: String, source: std::io::Error },
    #[error("usage journal: {0}")]
    Journal(#[from] paceline_journal::JournalError),
    #[error("TLS: {0}")]
    Tls(String),
    #[error("environment: {0}")]
    Environment(String),
    #[error("runtime: {0}")]
    Runtime(#[from] std::io::Error),
}

/// Runs a gateway until SIGTERM or SIGINT, then drains it. Blocks; returns the process's exit code.
///
/// # Errors
/// When it cannot start: address in use, journal locked by another gateway, data directory not writable.
pub fn run(config: &ServeConfig) -> Result<i32, ServeError> {
    memory::keep_between_requests();
    paths::ready(&config.data_dir)?;
    let plan = plan_file::read(&config.data_dir);
    let bounds = plan.as_ref().map_or_else(document::Gateway::default, |plan| plan.gateway.clone());
    let (journal, lost) = open_journal(&config.data_dir, &bounds, config.takeover)?;
    let tls = paceline_http::client_tls().map_err(|error| ServeError::Tls(error.to_string()))?;
    let proxies = Proxies::from_env().map_err(ServeError::Environment)?;
    let gateway = Gateway::new(journal, Metrics::new(bounds.label_sets_max as usize), tls, proxies);
    gateway.metrics().process.lost.inc_by(lost as u64);
    if lost > 0 {
        log(&format!("{lost} requests were in flight when the last gateway was killed; recorded as lost"));
    }
    let (spent, tail) = spent::read_with_tail(&config.data_dir, plan.as_ref());
    gateway.start_spent(&spent, tail.iter().map(spent::Part::as_tail));
    if let Some(plan) = plan {
        let hash = plan.hash.clone();
        match gateway.apply(plan) {
            Ok(_) => log(&format!("plan {} in force", short(&hash))),
            Err(error) => log(&format!("plan.json not taken: {error:?}")),
        }
    }
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = config.threads {
        builder.worker_threads(threads.max(1));
    }
    let runtime = builder.enable_all().build()?;
    let code = runtime.block_on(serve_until_told(config, &gateway, &bounds));
    runtime.shutdown_timeout(Duration::from_secs(1));
    gateway.finish_export(EXPORT_AT_END);
    // The last holder of the journal syncs it.
    drop(gateway);
    code
}

/// Opens the journal this process writes, and settles what others left behind. With `takeover` the journal of the
/// gateway that is still draining is left to it. Returns how many requests were lost.
fn open_journal(
    data_dir: &std::path::Path,
    bounds: &document::Gateway,
    takeover: bool,
) -> Result<(Journal, usize), ServeError> {
    let (mut ours, mut lost) = (None, 0);
    for name in JOURNALS {
        let path = data_dir.join(name);
        if ours.is_some() && !path.is_dir() {
            continue;
        }
        match Journal::open(&path, journal_options(bounds)) {
            Ok((journal, recovered)) => {
                lost += recovered.lost.len();
                ours.get_or_insert(journal);
            }
            Err(JournalError::Locked { .. }) if takeover || ours.is_some() => {}
            Err(error) => return Err(error.into()),
        }
    }
    match ours {
        Some(journal) => Ok((journal, lost)),
        None => Err(ServeError::Journal(JournalError::Locked { path: data_dir.join(JOURNALS[0]) })),
    }
}

async fn serve_until_told(
    config: &ServeConfig,
    gateway: &Arc<Gateway>,
    bounds: &document::Gateway,
) -> Result<i32, ServeError> {
    let bind = |source| ServeError::Bind { address: config.listen.to_string(), source };
    let socket = socket_path(&config.data_dir);
    let not_taken = |source| ServeError::Takeover { path: takeover::path(&socket).display().to_string(), source };
    let taken = config.takeover.then(|| takeover::ask(&socket)).transpose().map_err(not_taken)?;
    let listener = match &taken {
        Some(taken) => taken.listener.try_clone(),
        None => bind_tcp(config.listen),
    };
    let listener = listener.map_err(bind)?;
    let address = listener.local_addr().map_err(bind)?;
    let to_give = listener.try_clone().map_err(bind)?;
    let drain = Drain::new();
    let options = server_options(bounds)?;
    let edge = Arc::new(Edge(Arc::clone(gateway)));
    let edge = tokio::spawn(serve(Listen::Tcp(listener), options.clone(), edge, drain.clone()));
    if let Some(taken) = taken {
        taken.finish().await.map_err(not_taken)?;
    }
    let admin_listener = bind_unix(&socket, 0o600)
        .map_err(|source| ServeError::Bind { address: socket.display().to_string(), source })?;
    let admin_drain = Drain::new();
    let followed = Arc::new(Bounds::new(bounds.clone()));
    let admin = admin::Admin::new(Arc::clone(gateway), config.data_dir.clone(), drain.clone(), Arc::clone(&followed));
    let admin_options = ServerOptions { tls: None, connections_max: 64, connections_per_address_max: 0, ..options };
    let admin = tokio::spawn(serve(Listen::Unix(admin_listener), admin_options, Arc::new(admin), admin_drain.clone()));
    log(&format!("listening on {address}"));
    let gone = Arc::new(AtomicBool::new(false));
    let giver = takeover::Giver {
        listener: to_give,
        admin: socket.clone(),
        admin_drain: admin_drain.clone(),
        drain: drain.clone(),
        bounds: Arc::clone(&followed),
        gone: Arc::clone(&gone),
    };
    let giver = tokio::spawn(giver.run());
    let told = tokio::spawn(until_told(Arc::clone(gateway), drain, followed));
    let stats = edge.await.map_err(|error| ServeError::Runtime(std::io::Error::other(error)))?;
    told.abort();
    giver.abort();
    admin_drain.start(Duration::from_millis(200));
    let _ = admin.await;
    if !gone.load(Ordering::Acquire) {
        let _ = std::fs::remove_file(&socket);
        let _ = std::fs::remove_file(takeover::path(&socket));
    }
    log(&format!("stopped after {} connections", stats.connections));
    if stats.crowded > 0 {
        log(&format!("{} of them were too many from one address and were closed at once", stats.crowded));
    }
    Ok(0)
}

/// Waits for SIGTERM or SIGINT, then refuses new requests and lets running ones finish.
async fn until_told(gateway: Arc<Gateway>, drain: Drain, bounds: Arc<Bounds>) {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        log("signals cannot be heard; stop this process through its admin socket");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    log("draining: finishing the requests in flight");
    gateway.drain();
    drain.start(bounds.drain());
    // A second signal means now.
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    drain.start(Duration::ZERO);
}

fn journal_options(bounds: &document::Gateway) -> JournalOptions {
    JournalOptions {
        segment_bytes: bounds.journal.segment_bytes,
        bytes_max: bounds.journal.bytes_max,
        in_flight_max: bounds.requests_in_flight_max.saturating_add(bounds.requests_in_flight_max / 4).max(1024),
        sync: Duration::from_millis(bounds.journal.sync_ms),
    }
}

fn server_options(bounds: &document::Gateway) -> Result<ServerOptions, ServeError> {
    let tls = bounds
        .tls
        .as_ref()
        .map(|tls| ServerTls::from_files(&tls.certificate, &tls.key))
        .transpose()
        .map_err(|error| ServeError::Tls(error.to_string()))?;
    Ok(ServerOptions {
        head_bytes_max: usize::try_from(bounds.head_bytes_max).unwrap_or(usize::MAX),
        headers_max: bounds.headers_max as usize,
        head_read: Duration::from_millis(bounds.head_read_ms),
        connections_max: bounds.connections_max as usize,
        connections_per_address_max: bounds.connections_per_address_max,
        tls,
        ..ServerOptions::default()
    })
}

fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

/// One line to the process's log. Never a header, a body, a key.
pub(crate) fn log(line: &str) {
    eprintln!("paceline gateway: {line}");
}
