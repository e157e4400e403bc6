//! One export on the wire: protobuf over HTTP/1.1, or gRPC over HTTP/2, by the gateway's own half towards providers, with
//! its TLS and its proxies. Says of a failure whether trying again may help.

use std::io::Write;
use std::time::{Duration, Instant};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use paceline_http::{
    AddressRule, Answer, ClientTls, Deadlines, HeaderMap, HeaderName, HeaderValue, Method, Proxies, RequestHead,
    Upstream, UpstreamFault, UpstreamOptions,
};
use paceline_plan::document::{Otlp, Protocol};
use prost::Message;

use crate::messages::Exported;

/// Bound on an answer that is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// What is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Traces,
    Metrics,
}

impl Signal {
    pub(crate) const fn what(self) -> &'static str {
        match self {
            Self::Traces => "spans",
            Self::Metrics => "points",
        }
    }

    const fn path(self, protocol: Protocol) -> &'static str {
        match (self, protocol) {
            (Self::Traces, Protocol::Http) => "/v1/traces",
            (Self::Metrics, Protocol::Http) => "/v1/metrics",
            (Self::Traces, Protocol::Grpc) => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            (Self::Metrics, Protocol::Grpc) => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        }
    }
}

/// Why an export did not succeed. The text names no header and no body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// It may be tried again, not before that long.
    ForNow(String, Option<Duration>),
    /// The same would be refused again.
    ForGood(String),
}

/// A collector.
pub(crate) struct Wire {
    upstream: Upstream,
    protocol: Protocol,
    gzip: bool,
    timeout: Duration,
    headers: HeaderMap,
}

impl Wire {
    /// Opens nothing yet. `headers` are those of the plan with their values.
    pub(crate) fn new(
        otlp: &Otlp,
        headers: Vec<(HeaderName, HeaderValue)>,
        tls: &ClientTls,
        proxies: &std::sync::Arc<Proxies>,
    ) -> Result<Self, UpstreamFault> {
        let options = UpstreamOptions {
            idle_max: 2,
            idle_for: Duration::from_secs(50),
            connection_age_max: Duration::from_secs(300),
            connections_max: 4,
            head_bytes_max: 64 * 1024,
            http2: otlp.protocol == Protocol::Grpc,
            tls: tls.clone(),
            addresses: AddressRule::default(),
            proxies: std::sync::Arc::clone(proxies),
        };
        let upstream = Upstream::new(&otlp.endpoint, options)?;
        let timeout = Duration::from_millis(otlp.timeout_ms);
        let headers = all_headers(otlp, headers);
        Ok(Self { upstream, protocol: otlp.protocol, gzip: otlp.gzip, timeout, headers })
    }

    /// Sends one message; returns how many of its spans or points the collector did not take.
    pub(crate) async fn send(&self, signal: Signal, message: &Bytes) -> Result<u64, Failed> {
        let message = if self.gzip { zipped(message)? } else { message.clone() };
        let body = match self.protocol {
            Protocol::Http => vec![message],
            Protocol::Grpc => vec![frame(message.len(), self.gzip)?, message],
        };
        let deadline = Some(Instant::now() + self.timeout);
        let deadlines = Deadlines { connect: deadline, head: deadline };
        let head = RequestHead::new(&Method::POST, signal.path(self.protocol), &self.headers);
        let sent = self.upstream.send(head, body, deadlines).await;
        let mut answer = sent.map_err(|error| Failed::ForNow(error.to_string(), None))?;
        answer.set_deadline(deadline);
        let body = read(&mut answer).await?;
        match self.protocol {
            Protocol::Http => http(&answer, &body),
            Protocol::Grpc => grpc(&answer, &body),
        }
    }
}

fn all_headers(otlp: &Otlp, more: Vec<(HeaderName, HeaderValue)>) -> HeaderMap {
    let fixed: &[(&'static str, &'static str)] = match (otlp.protocol, otlp.gzip) {
        (Protocol::Http, false) => &[("content-type", "application/x-protobuf")],
        (Protocol::Http, true) => &[("content-type", "application/x-protobuf"), ("content-encoding", "gzip")],
        (Protocol::Grpc, false) => &[("content-type", "application/grpc"), ("te", "trailers")],
        (Protocol::Grpc, true) => {
            &[("content-type", "application/grpc"), ("te", "trailers"), ("grpc-encoding", "gzip")]
        }
    };
    let agent = ("user-agent", concat!("paceline/", env!("CARGO_PKG_VERSION")));
    let fixed = fixed.iter().chain([&agent]);
    let fixed = fixed.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    fixed.chain(more).collect()
}

fn zipped(message: &[u8]) -> Result<Bytes, Failed> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(message.len() / 4), Compression::fast());
    let written = encoder.write_all(message).and_then(|()| encoder.finish());
    written.map(Bytes::from).map_err(|error| Failed::ForGood(format!("the export could not be compressed: {error}")))
}

/// The five bytes in front of a gRPC message.
fn frame(length: usize, compressed: bool) -> Result<Bytes, Failed> {
    let length = u32::try_from(length).map_err(|_| Failed::ForGood("the export is too large for gRPC".into()))?;
    let mut frame = vec![u8::from(compressed)];
    frame.extend_from_slice(&length.to_be_bytes());
    Ok(frame.into())
}

async fn read(answer: &mut Answer) -> Result<Vec<u8>, Failed> {
    let mut body = Vec::new();
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= ANSWER_BYTES_MAX => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(Failed::ForGood("the collector's answer is longer than any should be".into())),
            Ok(None) => return Ok(body),
            Err(error) => return Err(Failed::ForNow(format!("the collector's answer broke off: {error}"), None)),
        }
    }
}

fn http(answer: &Answer, body: &[u8]) -> Result<u64, Failed> {
    let text = format!("the collector answered {}", answer.status);
    match answer.status {
        200..=299 => Ok(rejected(body)),
        429 | 502..=504 => {
            let wait = answer.headers.get("retry-after").and_then(|wait| wait.to_str().ok()?.trim().parse().ok());
            Err(Failed::ForNow(text, wait.map(Duration::from_secs)))
        }
        _ => Err(Failed::ForGood(text)),
    }
}

/// The status stands behind the body, or in the head of an answer without one.
fn grpc(answer: &Answer, body: &[u8]) -> Result<u64, Failed> {
    let said = |headers: &HeaderMap| headers.get("grpc-status")?.to_str().ok()?.trim().parse::<u32>().ok();
    let status = answer.trailers().and_then(said).or_else(|| said(&answer.headers));
    match status {
        Some(0) => Ok(rejected(body.get(5..).unwrap_or_default())),
        // Cancelled, deadline, aborted, out of range, unavailable, data loss; and exhausted, which may pass.
        Some(code @ (1 | 4 | 8 | 10 | 11 | 14 | 15)) => {
            Err(Failed::ForNow(format!("the collector answered gRPC status {code}"), None))
        }
        Some(code) => Err(Failed::ForGood(format!("the collector answered gRPC status {code}"))),
        None if matches!(answer.status, 429 | 502..=504) => {
            Err(Failed::ForNow(format!("the collector answered {}", answer.status), None))
        }
        None => Err(Failed::ForGood(format!("the collector answered {} and no gRPC status", answer.status))),
    }
}

fn rejected(body: &[u8]) -> u64 {
    let rejected = Exported::decode(body).ok().and_then(|answer| Some(answer.partial_success?.rejected));
    rejected.and_then(|count| u64::try_from(count).ok()).unwrap_or(0)
}
