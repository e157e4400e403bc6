"""Asking for a waiver, approving, denying and revoking it. Owns the rules; each act is audited by the ledger.

Who approves is another person than who asked; a waiver lasts at most `policy.waiver_days_max` days from its approval.
Model: Cortex's scorecard exemptions.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Final, NamedTuple

from paceline.governance.alerts.errors import GovernanceError
from paceline.governance.waivers.waiver import Waiver, WaiverState, in_force, of_row
from paceline.ledger import Ledger
from paceline.ledger.waivers import WaiverRow
from paceline.standards import METRICS, Standards
from paceline.standards.classes import read_limit

__all__ = ["Request", "WaiverError", "approve", "deny", "request", "revoke"]

_DAY_US: Final = 86_400_000_000
_RULE: Final = re.compile(r"[GSL][0-9]{3}")


class WaiverError(GovernanceError):
    """A waiver cannot be asked for or decided so; `fix` says what to do."""

    def __init__(self, wrong: str, fix: str) -> None:
        super().__init__(wrong)
        self.fix = fix


class Request(NamedTuple):
    """What is asked for. Empty parts of the scope cover all."""

    service: str
    reason: str
    requester: str
    days: int
    use_case: str = ""
    limit: str = ""
    """`ttft p95`."""
    rule: str = ""
    model: str = ""


def request(ledger: Ledger, standards: Standards, wanted: Request) -> tuple[str, Waiver | None]:
    """Ask for a waiver; return its id, and one in force that covers the same already.

    Raises `WaiverError`, `LedgerError`.
    """
    metric, percentile = _checked(standards, wanted)
    now = time.time()
    same = None
    if not (wanted.rule or wanted.model):
        same = in_force(ledger, standards, now).covering(wanted.service, wanted.use_case, metric, percentile)
    requester = wanted.requester.strip()
    values = {
        "service": wanted.service,
        "use_case": wanted.use_case,
        "metric": metric,
        "percentile": percentile,
        "rule": wanted.rule,
        "model": wanted.model,
        "reason": " ".join(wanted.reason.split()),
        "requester": requester,
        "approver": "",
        "state": WaiverState.PENDING.value,
        "days": wanted.days,
        "requested_us": int(now * 1e6),
    }
    with ledger.waivers.changing() as change:
        return change.add(values, requester, f"for {wanted.days} days: {wanted.reason.strip()}"), same


def approve(ledger: Ledger, standards: Standards, number: str, approver: str) -> Waiver:
    """Approve a pending one; it holds from now on. Raises `WaiverError`, `LedgerError`."""
    now_us = time.time_ns() // 1000
    with ledger.waivers.changing() as change:
        row = _pending(change.get(number), number, "approved")
        _check_people(row.requester, approver)
        most = standards.options.policy.waiver_days_max
        if row.days > most:
            raise WaiverError(f"it asks for {row.days} days, and `policy.waiver_days_max` is {most}", "deny it")
        times = {"decided_us": now_us, "starts_us": now_us, "ends_us": now_us + row.days * _DAY_US}
        values = {"state": WaiverState.APPROVED.value, "approver": approver.strip(), **times}
        change.change(number, values, approver.strip(), "approve", f"for {row.days} days")
        return _now(change.get(number))


def deny(ledger: Ledger, number: str, approver: str, reason: str) -> Waiver:
    """Deny a pending one. Raises `WaiverError`, `LedgerError`."""
    with ledger.waivers.changing() as change:
        _pending(change.get(number), number, "denied")
        _check_actor(approver)
        _check_reason(reason)
        values = {"state": WaiverState.DENIED.value, "approver": approver.strip(), "decided_us": time.time_ns() // 1000}
        change.change(number, values, approver.strip(), "deny", reason.strip())
        return _now(change.get(number))


def revoke(ledger: Ledger, number: str, actor: str, reason: str) -> Waiver:
    """End an approved one, or take a pending one back. Raises `WaiverError`, `LedgerError`."""
    now_us = time.time_ns() // 1000
    with ledger.waivers.changing() as change:
        row = _known(change.get(number), number)
        state = _now(row).state
        if state not in (WaiverState.APPROVED, WaiverState.PENDING):
            raise WaiverError(f"it is {state.value} already", "nothing is to be done")
        _check_actor(actor)
        _check_reason(reason)
        values = {"state": WaiverState.REVOKED.value, "ends_us": now_us}
        change.change(number, values, actor.strip(), "revoke", reason.strip())
        return _now(change.get(number))


def _checked(standards: Standards, wanted: Request) -> tuple[str, str]:
    """Refuse what cannot be waived; return metric and percentile, empty for none."""
    options = standards.options
    _check_name(wanted.service, options.services, "service")
    own = options.services[wanted.service].use_cases
    if wanted.use_case:
        _check_name(wanted.use_case, own, "use case", f" of {wanted.service}")
    if wanted.model:
        _check_name(wanted.model, options.models, "model")
    if wanted.rule and not _RULE.fullmatch(wanted.rule):
        raise WaiverError(f"{wanted.rule!r} is no rule", "write a code such as G204, which `paceline explain` knows")
    if sum(map(bool, (wanted.limit, wanted.rule, wanted.model))) > 1:
        raise WaiverError("it names several things at once", "ask for a limit, a rule or a model; one waiver each")
    if not wanted.requester.strip():
        raise WaiverError("nobody asks for it", "say who with --as NAME")
    _check_reason(wanted.reason)
    most = options.policy.waiver_days_max
    if not 1 <= wanted.days <= most:
        raise WaiverError(f"{wanted.days} days are not allowed", f"ask for 1 to {most} (`policy.waiver_days_max`)")
    return _limit(standards, wanted, own)


def _limit(standards: Standards, wanted: Request, own: list[str]) -> tuple[str, str]:
    if not wanted.limit:
        return "", ""
    names = [wanted.use_case] if wanted.use_case else own
    known = {
        (METRICS[limit.metric], limit.percentile): f"{limit.metric} {limit.percentile}"
        for name in names
        for limit in standards.limits(name)
    }
    found = read_limit(wanted.limit)
    if found is None or found not in known:
        raise WaiverError(
            f"{wanted.limit!r} is no limit of {' or '.join(names)}", f"there are: {', '.join(known.values())}"
        )
    return found


def _check_name(name: str, known: Iterable[str], what: str, of: str = "") -> None:
    names = list(known)
    if name not in names:
        raise WaiverError(f"there is no {what} {name!r}{of}", _near(name, names))


def _check_people(requester: str, approver: str) -> None:
    _check_actor(approver)
    if requester.strip().casefold() == approver.strip().casefold():
        raise WaiverError(f"{approver.strip()} asked for it and cannot approve it", "another person has to")


def _check_actor(name: str) -> None:
    if not name.strip():
        raise WaiverError("nobody decides it", "say who with --as NAME")


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise WaiverError("there is no reason", "say why with --reason")


def _known(row: WaiverRow | None, number: str) -> WaiverRow:
    if row is None:
        where = "it stands in the standards file; change it there" if number.startswith("file:") else "list them"
        raise WaiverError(f"the ledger has no waiver {number}", f"{where}: `paceline waivers list`")
    return row


def _pending(row: WaiverRow | None, number: str, what: str) -> WaiverRow:
    found = _known(row, number)
    if found.state != WaiverState.PENDING:
        raise WaiverError(f"it is {_now(found).state.value} and cannot be {what}", "ask for another one")
    return found


def _now(row: WaiverRow | None) -> Waiver:
    assert row is not None  # noqa: S101  # read in the transaction that wrote it
    return of_row(row, datetime.now(UTC))


def _near(name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = get_close_matches(name, names, n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names) or 'none'}"
