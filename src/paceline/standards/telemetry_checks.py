"""Checks of what leaves the gateway: where to, and captures without an end in sight, past it, or with nowhere to go.

Owns the words for these. Must not change anything.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from paceline.standards.context import Context
from paceline.standards.faults import Code
from paceline.standards.traffic_checks import is_unsafe

__all__ = ["CAPTURE_DAYS_MAX", "check_captures", "check_collector"]

CAPTURE_DAYS_MAX: Final = 30
"""Days from today that a capture may last at most."""


def check_collector(context: Context) -> None:
    """Note a collector at an address that the gateway refuses."""
    otlp = context.options.telemetry.otlp
    host = urlsplit(otlp.endpoint).hostname if otlp else None
    if host and is_unsafe(host, []):
        message = f"{host} is link-local or a metadata service, to which nothing is exported"
        hint = "Name the collector by an address of its own, or run one on this machine: `http://127.0.0.1:4317`"
        context.note(Code.ADDRESS_UNSAFE, ("telemetry", "otlp", "endpoint"), message, hint)


def check_captures(context: Context) -> None:
    """Note captures that last too long, that have ended, and those whose text nobody would get."""
    otlp = context.options.telemetry.otlp
    for name, use_case in context.options.use_cases.items():
        capture = use_case.capture
        if capture is None:
            continue
        path = ("use_cases", name, "capture")
        days = (capture.until - context.today).days
        if days < 0:
            message = f"the capture ended on {capture.until}; nothing is captured any more"
            context.note(Code.CAPTURE_ENDED, (*path, "until"), message, "Remove it, or have it approved again")
        elif days > CAPTURE_DAYS_MAX:
            message = f"the capture would last {days} days more; {CAPTURE_DAYS_MAX} are the most"
            hint = "Set an earlier last day, and have it approved again then if it must go on"
            context.note(Code.CAPTURE_TOO_LONG, (*path, "until"), message, hint)
        elif (otlp is None or not otlp.traces) and not context.touched("telemetry"):
            message = "no spans are exported, so that captured text has nowhere to go"
            context.note(Code.CAPTURE_UNUSED, path, message, "Add `telemetry: {otlp: {endpoint: …}}`, or drop it")
