"""The part of a plan that says what leaves the gateway, in the exact form of `crates/plan/src/telemetry.rs`.

Owns the step from these parts of sound `Options` to that form; `planning` owns the document as a whole.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any

from paceline.standards.planning_traffic import whole_ms
from paceline.standards.telemetry import CaptureOptions, OtlpOptions, TelemetryOptions

__all__ = ["capture_rule", "telemetry_rules"]


def telemetry_rules(telemetry: TelemetryOptions) -> dict[str, Any]:
    """Return what is exported, and where to."""
    return {"otlp": None if telemetry.otlp is None else _otlp(telemetry.otlp)}


def _otlp(otlp: OtlpOptions) -> dict[str, Any]:
    return {
        "endpoint": otlp.endpoint,
        "protocol": otlp.protocol,
        "headers": [[name, secret] for name, secret in otlp.headers.items()],
        "gzip": otlp.compression == "gzip",
        "names": otlp.names,
        "traces": otlp.traces,
        "metrics": otlp.metrics,
        "sample_share": otlp.sample,
        "interval_ms": whole_ms(otlp.interval),
        "temporality": otlp.temporality,
        "histograms": otlp.histograms,
        "timeout_ms": whole_ms(otlp.timeout),
        "queue_max": otlp.queue_max,
        "attributes": [[name, value] for name, value in otlp.attributes.items()],
    }


def capture_rule(capture: CaptureOptions | None) -> dict[str, Any] | None:
    """Return a use case's leave to capture text, which ends with its last day in UTC; None where it has none."""
    if capture is None:
        return None
    end = datetime.combine(capture.until, time(tzinfo=UTC)) + timedelta(days=1)
    return {
        "until_unix_s": int(end.timestamp()),
        "bytes_max": capture.bytes_max,
        "reason": capture.reason,
        "requester": capture.requester,
        "approver": capture.approver,
    }
