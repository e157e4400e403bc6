//! The simulator's own addresses: the truth log, default faults, and what the engines are doing.

use std::time::Duration;

use http::Method;
use paceline_http::{Request, Response};
use serde::Serialize;

use crate::fault::DefaultFault;
use crate::reply;
use crate::simulator::Simulator;

/// Rows of one page when the caller does not say.
const PAGE: usize = 10_000;
const FAULT_BYTES_MAX: usize = 64 << 10;
const FAULT_READ: Duration = Duration::from_secs(10);

/// `/sim/requests`: GET reads the log (`since`, `limit`, `request_id`), DELETE clears it.
pub(crate) fn requests(simulator: &Simulator, request: &Request) -> Response {
    let log = simulator.log();
    match request.method {
        Method::GET => {
            let query = request.uri.query().unwrap_or_default();
            let find = |name: &str| {
                query
                    .split('&')
                    .filter_map(|pair| pair.split_once('='))
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| value)
            };
            let since = find("since").and_then(|text| text.parse().ok()).unwrap_or(0);
            let limit = find("limit").and_then(|text| text.parse().ok()).unwrap_or(PAGE);
            shown(&log.page(since, limit, find("request_id")))
        }
        Method::DELETE => {
            log.clear();
            reply::json(200, "{}")
        }
        _ => wrong_method(),
    }
}

/// `/sim/fault`: POST sets a default fault, GET lists them, DELETE removes all.
pub(crate) async fn fault(simulator: &Simulator, mut request: Request) -> Response {
    let book = simulator.faults();
    match request.method {
        Method::GET => shown(&book.list()),
        Method::DELETE => {
            book.clear();
            reply::json(200, "{}")
        }
        Method::POST => {
            let Ok((body, _)) = request.read_body(FAULT_BYTES_MAX, FAULT_READ).await else {
                return refused("the body could not be read");
            };
            let set = serde_json::from_slice::<DefaultFault>(&body)
                .map_err(|error| error.to_string())
                .and_then(|rule| book.set(rule).map_err(|error| error.to_string()));
            match set {
                Ok(()) => shown(&book.list()),
                Err(message) => refused(&message),
            }
        }
        _ => wrong_method(),
    }
}

/// `/sim/stats`
pub(crate) fn stats(simulator: &Simulator) -> Response {
    #[derive(Serialize)]
    struct Stats<'a> {
        #[serde(flatten)]
        sums: crate::truth::Sums,
        models: &'a [crate::model::ModelStats],
    }
    shown(&Stats { sums: simulator.log().sums(), models: &simulator.models().stats() })
}

fn shown(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => reply::json(200, body),
        Err(_) => reply::json(500, "{}"),
    }
}

fn refused(message: &str) -> Response {
    reply::json(400, serde_json::json!({"error": {"message": message}}).to_string())
}

fn wrong_method() -> Response {
    reply::json(405, r#"{"error":{"message":"GET, POST or DELETE"}}"#)
}
