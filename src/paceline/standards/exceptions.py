"""Checks of exceptions: waivers past their end or too long, exclusions whose rule or time zone is none."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

from paceline.standards.classes import METRICS, read_limit
from paceline.standards.context import Context
from paceline.standards.faults import Code
from paceline.standards.names import Path, shown
from paceline.standards.ownership import ExclusionOptions
from paceline.standards.recurrence import Recurrence, RuleError

__all__ = ["check_exclusions", "check_waivers"]


def check_waivers(context: Context) -> None:
    """Note waivers whose scope is not there, that have ended, or that last too long."""
    days = context.options.policy.waiver_days_max
    found = context.options.waivers
    for index, waiver in zip(_places(context, "waivers", len(found)), found, strict=False):
        path: Path = ("waivers", index)
        context.refer(Code.SERVICE_UNKNOWN, "services", waiver.service, (*path, "service"), "service")
        if waiver.use_case is not None:
            context.refer(Code.USE_CASE_UNKNOWN, "use_cases", waiver.use_case, (*path, "use_case"), "use case")
        if waiver.model is not None:
            context.refer(Code.MODEL_UNKNOWN, "models", waiver.model, (*path, "model"), "model")
        if waiver.limit is not None and read_limit(waiver.limit) is None:
            hint = f"Write a metric and a percentile, such as `ttft p95`; metrics are {', '.join(METRICS)}"
            context.note(Code.VALUE_WRONG, (*path, "limit"), f"{shown(waiver.limit)} is not a limit", hint)
        start = waiver.granted or context.today
        if waiver.until < context.today:
            hint = "Remove it, or have it approved again with a new end"
            context.note(Code.WAIVER_EXPIRED, (*path, "until"), f"the waiver ended on {waiver.until}", hint)
        elif waiver.until - start > timedelta(days=days):
            message = f"the waiver lasts {(waiver.until - start).days} days; `policy.waiver_days_max` is {days}"
            context.note(Code.WAIVER_TOO_LONG, (*path, "until"), message, "Shorten it and review it then")


def check_exclusions(context: Context) -> None:
    """Note exclusions whose scope is not there, or whose times cannot be told."""
    found = context.options.exclusions
    for index, exclusion in zip(_places(context, "exclusions", len(found)), found, strict=False):
        path: Path = ("exclusions", index)
        if exclusion.service is not None:
            context.refer(Code.SERVICE_UNKNOWN, "services", exclusion.service, (*path, "service"), "service")
        if exclusion.use_case is not None:
            context.refer(Code.USE_CASE_UNKNOWN, "use_cases", exclusion.use_case, (*path, "use_case"), "use case")
        _times(context, exclusion, path)


def _times(context: Context, exclusion: ExclusionOptions, path: Path) -> None:
    if exclusion.starts.tzinfo is None:
        hint = "Write it with its offset: `2026-11-28T22:00:00+01:00`, or `Z` for UTC"
        context.note(Code.VALUE_WRONG, (*path, "starts"), "the time has no offset from UTC", hint)
        return
    try:
        ZoneInfo(exclusion.timezone)
    except (ValueError, OSError, KeyError):
        hint = "Write a name such as `Europe/Berlin`, or `UTC`"
        message = f"there is no time zone {shown(exclusion.timezone)} on this machine"
        context.note(Code.VALUE_WRONG, (*path, "timezone"), message, hint)
        return
    if exclusion.rule is not None:
        try:
            Recurrence(exclusion.starts, exclusion.rule, exclusion.timezone).check()
        except RuleError as error:
            hint = "Write a rule of RFC 5545 such as `FREQ=WEEKLY;BYDAY=SA`"
            context.note(Code.VALUE_WRONG, (*path, "rule"), f"{shown(exclusion.rule)} {error}", hint)


def _places(context: Context, section: str, kept: int) -> Iterator[int]:
    """Yield the places in the file of the entries that are left, faulty ones taken out."""
    gone = {path[1] for path in context.removed if path[:1] == (section,) and len(path) > 1}
    return (index for index in range(kept + len(gone)) if index not in gone)
