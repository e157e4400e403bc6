//! The admin endpoint on a Unix socket of mode 0600: whoever can open it owns the gateway.
//! `POST /plan`, `POST /spent`, `GET /status`, `GET /metrics`, `POST /drain`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use paceline_http::{Body, Drain, Handler, HeaderValue, Method, Request, Response, StatusCode};
use paceline_plan::{Plan, PlanFault};
use paceline_stack::{ApplyError, CacheStatus, DeploymentStatus, ExportStatus, Gateway, LimitStatus};
use paceline_telemetry::Exported;
use serde_json::{Value, json};

use crate::bounds::Bounds;
use crate::{log, plan_file, short, spent};

const PLAN_BYTES_MAX: usize = 64 * 1024 * 1024;

pub(crate) struct Admin {
    gateway: Arc<Gateway>,
    data_dir: PathBuf,
    drain: Drain,
    bounds: Arc<Bounds>,
    started: Instant,
}

impl Admin {
    pub(crate) fn new(gateway: Arc<Gateway>, data_dir: PathBuf, drain: Drain, bounds: Arc<Bounds>) -> Self {
        Self { gateway, data_dir, drain, bounds, started: Instant::now() }
    }

    async fn take_plan(&self, mut request: Request) -> Response {
        let Ok((bytes, _)) = request.read_body(PLAN_BYTES_MAX, Duration::from_secs(10)).await else {
            return fault(&PlanFault {
                path: String::new(),
                message: "the plan did not arrive whole".into(),
                hint: "send it again".into(),
            });
        };
        let process = &self.gateway.metrics().process;
        match self.apply(&bytes) {
            Ok(hash) => {
                process.plans_accepted.inc();
                log(&format!("plan {} in force", short(&hash)));
                answer(StatusCode::OK, &json!({ "hash": hash }))
            }
            Err(refused) => {
                process.plans_refused.inc();
                log(&format!("plan refused at {}", refused.path));
                fault(&refused)
            }
        }
    }

    fn apply(&self, bytes: &[u8]) -> Result<String, PlanFault> {
        let plan = Plan::read(bytes)?;
        let hash = plan.hash.clone();
        let bounds = plan.gateway.clone();
        self.gateway.apply(plan).map_err(|error| match error {
            ApplyError::Fault(fault) => fault,
            ApplyError::Trust(message) => {
                PlanFault { path: "providers".into(), message, hint: "mend the system's trust store".into() }
            }
        })?;
        let journal = &bounds.journal;
        self.gateway.journal().configure(journal.bytes_max, Duration::from_millis(journal.sync_ms));
        let waiting = self.bounds.follow(&bounds);
        if !waiting.is_empty() {
            log(&format!("gateway.{} of plan {} waits for the next start", waiting.join(", gateway."), short(&hash)));
        }
        if let Err(error) = plan_file::write(&self.data_dir, bytes) {
            log(&format!("plan.json could not be written: {error}; a restart would run the plan before"));
        }
        Ok(hash)
    }

    /// The money that the ledger knows of: other gateways' count from now on as well.
    async fn take_spent(&self, mut request: Request) -> Response {
        let body = request.read_body(PLAN_BYTES_MAX, Duration::from_secs(10)).await;
        let Some(spent) = body.ok().and_then(|(bytes, _)| spent::parse(&bytes)) else {
            let message = "the money spent did not arrive whole, or comes from another version";
            return answer(StatusCode::UNPROCESSABLE_ENTITY, &json!({"message": message}));
        };
        self.gateway.follow_spent(&spent, |plan, now| spent::sums(&spent::tail(&self.data_dir, &spent, plan), now));
        answer(StatusCode::OK, &json!({"positions": spent.positions.len()}))
    }

    fn status(&self) -> Response {
        let status = self.gateway.status();
        let journal = self.gateway.journal().status();
        let missing: Vec<Value> =
            status.keys_missing.iter().map(|(provider, place)| json!({"provider": provider, "key": place})).collect();
        answer(
            StatusCode::OK,
            &json!({
                "version": env!("CARGO_PKG_VERSION"),
                "plan": status.plan,
                "draining": status.draining,
                "wait_for_restart": self.bounds.waiting(),
                "in_flight": status.in_flight,
                "keys_missing": missing,
                "limits": status.limits.iter().map(limit).collect::<Vec<_>>(),
                "deployments": status.deployments.iter().map(deployment).collect::<Vec<_>>(),
                "cache": status.cache.as_ref().map(cache),
                "export": status.export.as_ref().map(export),
                "uptime_s": self.started.elapsed().as_secs(),
                "journal": {
                    "segments": journal.segments,
                    "bytes": journal.bytes,
                    "appended": journal.appended,
                    "dropped": journal.dropped,
                    "in_flight": journal.in_flight,
                    "full": journal.full,
                },
            }),
        )
    }

    fn metrics(&self) -> Response {
        let metrics = self.gateway.metrics();
        let process = &metrics.process;
        let journal = self.gateway.journal().status();
        process.in_flight.set(i64::from(self.gateway.status().in_flight));
        process.journal_bytes.set(i64::try_from(journal.bytes).unwrap_or(i64::MAX));
        process.journal_segments.set(i64::try_from(journal.segments).unwrap_or(i64::MAX));
        process.journal_full.set(i64::from(journal.full));
        process.journal_dropped.set(i64::try_from(journal.dropped).unwrap_or(i64::MAX));
        process.connections.set(i64::try_from(self.drain.connections()).unwrap_or(i64::MAX));
        let status = self.gateway.status();
        for deployment in &status.deployments {
            let waiting = deployment.queue.waiting.iter().sum();
            process.deployment(&deployment.name, deployment.queue.in_flight, waiting, deployment.rests.is_some());
        }
        if let Some(cache) = &status.cache {
            process.cache(cache.entries, cache.bytes, cache.remote.map(|remote| remote.open));
        }
        // Where nothing is exported any more, nothing fails or waits.
        let export = status.export.unwrap_or_default();
        let exported = Exported {
            spans: export.spans_sent,
            points: export.points_sent,
            requests_dropped: export.requests_dropped,
            points_dropped: export.points_dropped,
        };
        metrics.export.set(export.failing.is_some(), export.waiting, exported);
        let Ok(text) = metrics.render() else {
            return answer(StatusCode::INTERNAL_SERVER_ERROR, &json!({"message": "metrics could not be written"}));
        };
        let mut response = Response::new(Body::Full(Bytes::from(text)));
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        response.headers_mut().insert("content-type", HeaderValue::from_static(kind));
        response
    }

    fn start_drain(&self) -> Response {
        log("draining: told through the admin socket");
        self.gateway.drain();
        self.drain.start(self.bounds.drain());
        answer(StatusCode::ACCEPTED, &json!({"draining": true}))
    }
}

impl Handler for Admin {
    async fn handle(&self, request: Request) -> Response {
        match (&request.method, request.uri.path()) {
            (&Method::POST, "/plan") => self.take_plan(request).await,
            (&Method::GET, "/status") => self.status(),
            (&Method::GET, "/metrics") => self.metrics(),
            (&Method::POST, "/spent") => self.take_spent(request).await,
            (&Method::POST, "/drain") => self.start_drain(),
            _ => answer(
                StatusCode::NOT_FOUND,
                &json!({"message": "POST /plan, POST /spent, GET /status, GET /metrics, POST /drain"}),
            ),
        }
    }
}

fn limit(limit: &LimitStatus) -> Value {
    json!({
        "kind": limit.subject.name(), "name": &*limit.name, "limit": limit.limit, "value": limit.value,
        "used": limit.used,
    })
}

fn deployment(deployment: &DeploymentStatus) -> Value {
    let milliseconds = |ns: Option<u64>| ns.map(|ns| ns / 1_000_000);
    let DeploymentStatus { name, health, rests, queue } = deployment;
    json!({
        "name": &**name,
        "rests": rests,
        "opened": health.opened,
        "ejected": health.ejected,
        "retried": health.retried,
        "retries_refused": health.retries_refused,
        "first_token_ms_p50": milliseconds(health.first_token_p50_ns),
        "first_token_ms_p95": milliseconds(health.first_token_p95_ns),
        "in_flight": queue.in_flight,
        "in_flight_max": queue.in_flight_max,
        "waiting": queue.waiting,
        "refused_full": queue.refused_full,
        "refused_too_late": queue.refused_too_late,
    })
}

fn cache(cache: &CacheStatus) -> Value {
    json!({
        "entries": cache.entries,
        "bytes": cache.bytes,
        "flights": cache.flights,
        "stored": cache.stored,
        "refused": cache.refused,
        "shared_store": cache.remote.map(|remote| json!({
            "open": remote.open, "hits": remote.hits, "timeouts": remote.timeouts, "faults": remote.faults,
            "writes": remote.writes, "writes_dropped": remote.writes_dropped,
        })),
    })
}

fn export(export: &ExportStatus) -> Value {
    json!({
        "endpoint": export.endpoint,
        "failing": export.failing,
        "headers_missing": export.headers_missing,
        "waiting": export.waiting,
        "spans_sent": export.spans_sent,
        "points_sent": export.points_sent,
        "requests_dropped": export.requests_dropped,
        "points_dropped": export.points_dropped,
        "failures": export.failures,
    })
}

fn fault(fault: &PlanFault) -> Response {
    let body = json!({"path": fault.path, "message": fault.message, "hint": fault.hint});
    answer(StatusCode::UNPROCESSABLE_ENTITY, &body)
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::Full(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    response
}
