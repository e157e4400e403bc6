"""Checks of what must agree with itself: classes, the budgets and deadlines of use cases, the journal's bounds.

Owns the words for contradictions. References to things that are not there are noted by `references` and, for use
cases and classes, here. Must not change anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from paceline.standards.classes import BUILT_IN
from paceline.standards.context import Context
from paceline.standards.faults import Code
from paceline.standards.limits import Terms, class_terms, conflicts, figure, use_case_terms
from paceline.standards.names import Path

__all__ = ["check_classes", "check_journal", "check_use_cases"]


def check_classes(context: Context) -> None:
    """Check what classes extend, and that their limits agree."""
    classes = context.options.classes
    for name, options in classes.items():
        path: Path = ("classes", name)
        if options.extends is not None and options.extends != name:
            context.refer(Code.CLASS_UNKNOWN, "classes", options.extends, (*path, "extends"), "class")
        seen, base = {name}, options.extends
        while base is not None and base in classes and base not in seen:
            seen.add(base)
            base = classes[base].extends
        if base is not None and base == name and (len(seen) > 1 or name not in BUILT_IN):
            context.note(Code.CLASS_LOOP, (*path, "extends"), f"`{name}` extends itself", "Extend a built-in class")
            continue
        own = {(metric, p) for metric in options.budget.model_fields_set for p in _percentiles(options.budget, metric)}
        _contradictions(context, path, class_terms(name, classes), own)


def _percentiles(budget: Any, metric: str) -> Iterable[str]:
    value = getattr(budget, metric)
    return value.model_fields_set if hasattr(value, "model_fields_set") else ("mean",)


def _contradictions(context: Context, path: Path, terms: Terms, own: set[tuple[str, str]]) -> None:
    """Note contradictions that this part of the file takes part in; what it only inherits is noted where it stands."""
    for conflict in conflicts(terms):
        low, high = conflict.lower, conflict.upper
        mine = [limit for limit in (low, high) if (limit.metric, limit.percentile) in own]
        at: Path = (*path, "budget", mine[0].metric) if mine else path
        if not mine or context.touched(*at):
            continue
        written = f"{low.metric} {low.percentile} {figure(low)}", f"{high.metric} {high.percentile} {figure(high)}"
        inherited = "" if len(mine) == 2 else f"; {written[1 - (mine[0] is high)]} is inherited"
        message = f"{written[0]} is over {written[1]}{inherited}"
        other = (low, high)[mine[0] is low]
        fix = (
            "Correct one of them"
            if len(mine) == 2
            else f"Set {other.metric} {other.percentile} too, or `null` to drop it"
        )
        context.note(Code.LIMITS_UNORDERED if conflict.ordered else Code.LIMITS_CONTRADICT, at, message, fix)


def check_use_cases(context: Context) -> None:
    """Check what use cases refer to, that they have a model and a service, and that limits and deadlines agree."""
    services = context.options.services.values()
    used = {use_case for service in services for use_case in service.use_cases}
    doubtful = context.touched("services") or any(not each.use_cases for each in services)
    doubtful = doubtful or any(use_case not in context.names.get("use_cases", ()) for use_case in used)
    for name, use_case in context.options.use_cases.items():
        path: Path = ("use_cases", name)
        known_class = context.refer(Code.CLASS_UNKNOWN, "classes", use_case.class_, (*path, "class"), "class")
        if use_case.task is not None:
            context.refer(Code.TASK_UNKNOWN, "tasks", use_case.task, (*path, "task"), "task")
        if use_case.model is not None:
            context.refer(Code.MODEL_UNKNOWN, "models", use_case.model, (*path, "model"), "model")
        if (
            use_case.model is None
            and use_case.task is None
            and not any(context.touched(*path, key) for key in ("task", "model"))
        ):
            hint = "Add `task:` or `model:`"
            context.note(Code.MODEL_MISSING, path, f"the use case `{name}` has neither a task nor a model", hint)
        for index, model in enumerate(use_case.models):
            context.refer(Code.MODEL_UNKNOWN, "models", model, (*path, "models", index), "model")
        if name not in used and not doubtful:
            hint = "Name it under the `use_cases:` of a service"
            context.note(Code.USE_CASE_UNUSED, path, f"no service has the use case `{name}`", hint)
        if known_class:
            own = {(m, p) for m in use_case.budget.model_fields_set for p in _percentiles(use_case.budget, m)}
            terms = use_case_terms(name, use_case, context.options.classes, context.options.policy)
            _contradictions(context, path, terms, own)
            _deadlines(context, path, terms)


def _deadlines(context: Context, path: Path, terms: Terms) -> None:
    written = context.options.use_cases[str(path[1])]
    for metric, name, deadline in (
        ("ttft", "first_token", terms.deadlines.first_token),
        ("stall", "stall", terms.deadlines.stall),
        ("total", "total", terms.deadlines.total),
    ):
        limits = [limit for limit in terms.limits if limit.metric == metric and deadline and limit.value > deadline]
        if limits and (metric in written.budget.model_fields_set or name in written.deadlines.model_fields_set):
            at = (*path, "deadlines", name) if name in written.deadlines.model_fields_set else (*path, "budget", metric)
            message = (
                f"the {name} deadline of {deadline} ms ends requests before {metric} can reach {figure(limits[-1])}"
            )
            context.note(Code.DEADLINE_UNDER_LIMIT, at, message, "Raise the deadline above the limit")


def check_journal(context: Context) -> None:
    """Check that the journal's disk bound holds at least one segment."""
    journal = context.options.gateway.journal
    if journal.bytes_max < journal.segment_bytes:
        message = f"the disk bound of {journal.bytes_max} bytes is smaller than one segment of {journal.segment_bytes}"
        at = ("gateway", "journal", "bytes_max" if "bytes_max" in journal.model_fields_set else "segment_bytes")
        context.note(Code.LIMITS_CONTRADICT, at, message, "Allow for at least one segment")
