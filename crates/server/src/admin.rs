//! The admin endpoint on a Unix socket of mode 0600: whoever can open it owns the gateway.
//! `POST /plan`, `GET /status`, `GET /metrics`, `POST /drain`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use paceline_http::{Body, Drain, Handler, HeaderValue, Method, Request, Response, StatusCode};
use paceline_plan::{Plan, PlanFault};
use paceline_stack::{ApplyError, Gateway};
use serde_json::{Value, json};

use crate::bounds::Bounds;
use crate::{log, plan_file, short};

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
            (&Method::POST, "/drain") => self.start_drain(),
            _ => {
                answer(StatusCode::NOT_FOUND, &json!({"message": "POST /plan, GET /status, GET /metrics, POST /drain"}))
            }
        }
    }
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
