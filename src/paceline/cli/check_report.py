"""`paceline check --report-to`: tells a control process what a run found, as counts by rule.

Follows no redirect: the token is for the address that was named, and a page to log in at is no control process.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections import Counter
from http.client import HTTPException
from typing import Any

from paceline.cli.trouble import Trouble
from paceline.lint import git
from paceline.lint.output import View

TIMEOUT_S = 10.0
_ANSWER_BYTES = 64 * 1024


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any, **_names: Any) -> None:
        return None


def demand(url: str, token: str, service: str | None) -> None:
    """Raise `Trouble` for what could not be reported, before a run begins."""
    if service is None:
        raise Trouble("--report-to wants to know which service this is.", "add --service NAME.")
    if not url.startswith(("http://", "https://")) or not url.isprintable() or " " in url:
        raise Trouble(f"{url!r} is no address.", "write --report-to like https://paceline.acme.example.")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise Trouble(
            "the token has characters that no token has.", "give PACELINE_TOKEN or --token as it was printed."
        )


def document(view: View, service: str) -> dict[str, Any]:
    """Return what is posted: no code, no path. Old findings count as live: they are in the code."""
    outcome = view.outcome
    kinds = {None: "live", "old": "live", "pragma": "pragma", "baseline": "baseline"}
    rules: dict[str, Counter[str]] = {}
    severities: Counter[str] = Counter()
    for each in outcome.findings:
        kind = kinds.get(each.held_by)
        if kind is not None:
            rules.setdefault(each.code, Counter())[kind] += 1
            severities[each.severity] += kind == "live"
    from paceline import __version__

    return {
        "service": service,
        "revision": _revision(view),
        "version": __version__,
        "files": outcome.files,
        "sites": outcome.sites,
        "facts_decided": outcome.decided,
        "facts_unknown": outcome.undecided,
        "errors": severities["error"],
        "warnings": severities["warning"],
        "notes": severities["info"],
        "pragmas": outcome.pragmas,
        "baseline": outcome.held("baseline"),
        "rules": [{"code": code, **counts} for code, counts in sorted(rules.items())],
    }


def post(url: str, token: str, body: dict[str, Any]) -> None:
    """Post it; raises `Trouble` where that fails."""
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    where = f"{url.rstrip('/')}/api/v1/lint"
    request = urllib.request.Request(where, json.dumps(body).encode(), headers, method="POST")  # noqa: S310  # see above
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=TIMEOUT_S) as answer:
            answer.read(_ANSWER_BYTES)
    except urllib.error.HTTPError as error:
        fixes = {
            401: "`paceline tokens create --role owner --name ci --team TEAM` makes one; give it as PACELINE_TOKEN.",
            403: "use a token of the team that owns the service, or an admin's.",
            404: "name a service of the standards with --service.",
        }
        moved = "name the control process itself with --report-to; redirects are not followed."
        fix = moved if 300 <= error.code < 400 else fixes.get(error.code, "see its log.")
        with error:
            raise Trouble(f"{where} refused: {_detail(error)}.", fix) from error
    except (OSError, ValueError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise Trouble(
            f"{where} cannot be reached: {reason}.", "check --report-to; findings are printed above."
        ) from error


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read(_ANSWER_BYTES))["detail"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"status {error.code}"


def _revision(view: View) -> str:
    """Name the commit that was looked at: as CI says, else as git does."""
    said = os.environ.get("GITHUB_SHA") or os.environ.get("CI_COMMIT_SHA")
    if said:
        return said[:64]
    found = git.run(view.root, "rev-parse", "HEAD") if git.top(view.root) is not None else None
    return found.decode().strip()[:64] if found else ""
