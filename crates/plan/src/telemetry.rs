//! The part of a plan that says what of requests leaves as OpenTelemetry, and whose text may. Nothing leaves where
//! `otlp` is null, and no text where a use case has no `capture`.

use serde::{Deserialize, Serialize};

use crate::{PlanFault, check};

/// Longest text a span may carry of either side.
const CAPTURE_BYTES_MAX: u32 = 256 * 1024;
const YEAR_MS: u64 = 366 * 86_400_000;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    pub otlp: Option<Otlp>,
}

/// Export of traces and metrics to a collector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Otlp {
    /// Scheme, host, port and path prefix, no trailing slash. Over HTTP, `/v1/traces` and `/v1/metrics` are added.
    pub endpoint: String,
    pub protocol: Protocol,
    /// Name, and where the value is: `env:NAME` or `file:PATH`.
    pub headers: Vec<(String, String)>,
    pub gzip: bool,
    pub names: Names,
    pub traces: bool,
    pub metrics: bool,
    /// Share of requests without a trace of their caller's that are exported; failures and breaches always are.
    pub sample_share: f64,
    /// Between two exports of metrics.
    pub interval_ms: u64,
    pub temporality: Temporality,
    pub histograms: Histograms,
    /// Of one export.
    pub timeout_ms: u64,
    /// Requests that may wait for export; more are dropped and counted.
    pub queue_max: u32,
    /// Of the resource, beside `service.name` and `service.version`.
    pub attributes: Vec<(String, String)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    Grpc,
    /// Protobuf over HTTP/1.1.
    Http,
}

/// Which version of the conventions' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Names {
    #[serde(rename = "v1.41")]
    V1_41,
    #[serde(rename = "new")]
    New,
    #[serde(rename = "both")]
    Both,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Temporality {
    Cumulative,
    Delta,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Histograms {
    Exponential,
    /// With the boundaries that the conventions advise.
    Explicit,
}

/// Leave to put the text of a use case's requests and answers on their spans, with an end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capture {
    /// Seconds since 1970 from which on nothing is captured, whatever plan is in force.
    pub until_unix_s: u64,
    /// Of the text of either side; the rest is cut.
    pub bytes_max: u32,
    pub reason: String,
    pub requester: String,
    pub approver: String,
}

/// Refuses what cannot be exported to.
pub(crate) fn check_telemetry(telemetry: &Telemetry) -> Result<(), PlanFault> {
    let Some(otlp) = &telemetry.otlp else { return Ok(()) };
    let path = |name: &str| format!("telemetry.otlp.{name}");
    check::url(&otlp.endpoint, &path("endpoint"))?;
    for (index, (name, reference)) in otlp.headers.iter().enumerate() {
        check::secret(Some(reference), &path(&format!("headers[{index}]")))?;
        let token = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
        if name.is_empty() || !name.chars().all(token) {
            let hint = "write it in lower case, of letters, digits and dashes";
            return Err(PlanFault::new(path(&format!("headers[{index}]")), "not a header's name", hint));
        }
        if is_of_the_export(name) {
            let hint = "leave it out: the exporter writes it";
            return Err(PlanFault::new(path(&format!("headers[{index}]")), "a header of the export itself", hint));
        }
    }
    if !(0.0..=1.0).contains(&otlp.sample_share) {
        return Err(PlanFault::new(path("sample_share"), "not a share", "write a number from 0 to 1"));
    }
    let ranges = [
        ("interval_ms", otlp.interval_ms, 1000..=YEAR_MS),
        ("timeout_ms", otlp.timeout_ms, 100..=YEAR_MS),
        ("queue_max", otlp.queue_max.into(), 1..=1_000_000),
    ];
    match ranges.into_iter().find(|(_, value, range)| !range.contains(value)) {
        Some((name, value, range)) => {
            let hint = format!("write {} to {}", range.start(), range.end());
            Err(PlanFault::new(path(name), format!("{value} is out of range"), hint))
        }
        None => Ok(()),
    }
}

/// True for what the exporter itself says of its messages, and for what belongs to a connection.
fn is_of_the_export(name: &str) -> bool {
    let own = ["connection", "content-encoding", "content-length", "content-type", "host", "te", "transfer-encoding"];
    own.contains(&name) || name == "user-agent" || name.starts_with("grpc-")
}

/// A capture has an end, a bound and people who answer for it.
pub(crate) fn check_capture(capture: &Capture, path: &str) -> Result<(), PlanFault> {
    let path = |name: &str| format!("{path}.capture.{name}");
    if capture.until_unix_s == 0 {
        return Err(PlanFault::new(path("until_unix_s"), "there is no end", "write the second at which it ends"));
    }
    if capture.bytes_max == 0 || capture.bytes_max > CAPTURE_BYTES_MAX {
        let hint = format!("write 1 to {CAPTURE_BYTES_MAX}");
        return Err(PlanFault::new(path("bytes_max"), "not a bound on text", hint));
    }
    let who = [("reason", &capture.reason), ("requester", &capture.requester), ("approver", &capture.approver)];
    match who.iter().find(|(_, text)| text.trim().is_empty()) {
        Some((name, _)) => Err(PlanFault::new(path(name), "empty", "text is captured for a stated reason only")),
        None => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::document::Document;
    use crate::{Plan, sample};

    fn fault(change: impl FnOnce(&mut Document)) -> PlanFault {
        let mut document = sample::document("http://127.0.0.1:9/v1");
        document.telemetry.otlp = Some(sample::otlp("http://127.0.0.1:4318"));
        change(&mut document);
        Plan::read(&sample::bytes(&document)).unwrap_err()
    }

    #[test]
    fn what_cannot_be_exported_to_is_refused_by_its_path_and_no_secret_is_quoted() {
        let with = |change: fn(&mut Otlp)| fault(|document| change(document.telemetry.otlp.as_mut().unwrap()));
        assert_eq!(with(|otlp| otlp.endpoint = "collector:4317".into()).path, "telemetry.otlp.endpoint");
        let secret = with(|otlp| otlp.headers = vec![("api-key".into(), "s3cret".into())]);
        assert_eq!(secret.path, "telemetry.otlp.headers[0]");
        assert!(!secret.to_string().contains("s3cret"));
        let name = with(|otlp| otlp.headers = vec![("Api Key".into(), "env:KEY".into())]);
        assert_eq!(name.message, "not a header's name");
        assert_eq!(with(|otlp| otlp.sample_share = 1.5).path, "telemetry.otlp.sample_share");
        assert_eq!(with(|otlp| otlp.interval_ms = 10).path, "telemetry.otlp.interval_ms");
        assert_eq!(with(|otlp| otlp.interval_ms = u64::MAX).path, "telemetry.otlp.interval_ms");
        assert_eq!(with(|otlp| otlp.timeout_ms = u64::MAX).path, "telemetry.otlp.timeout_ms");
        assert_eq!(with(|otlp| otlp.queue_max = 0).path, "telemetry.otlp.queue_max");
        let ours = with(|otlp| otlp.headers = vec![("grpc-encoding".into(), "env:KEY".into())]);
        assert_eq!(ours.message, "a header of the export itself");
    }

    #[test]
    fn a_capture_without_an_end_a_bound_or_a_reason_is_refused() {
        let with = |change: fn(&mut Capture)| {
            fault(|document| {
                let mut capture = sample::capture(1);
                change(&mut capture);
                document.use_cases[1].capture = Some(capture);
            })
            .path
        };
        assert_eq!(with(|capture| capture.until_unix_s = 0), "use_cases[1].capture.until_unix_s");
        assert_eq!(with(|capture| capture.bytes_max = 1 << 20), "use_cases[1].capture.bytes_max");
        assert_eq!(with(|capture| capture.reason = " ".into()), "use_cases[1].capture.reason");
        assert_eq!(with(|capture| capture.approver.clear()), "use_cases[1].capture.approver");
    }
}
