"""Three teams, five services, three weeks: what a review has to tell of. The journal is read as a real one is.

In the week of 9 November the help desk is slow and an incident opens; in the next it is well again, the agent's prompts
have grown, and another incident is open. `ghost` is not in the standards.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import insert, update
from tests.ledger.journal_files import OK, PROVIDER_ERROR, Record, mask, write_segment

from paceline.ledger import Ledger
from paceline.ledger.schema import incident, waiver
from paceline.standards import Standards, load

TEXT = """
version: 1
organisation: Acme <b>& Co</b>
providers: {sim: {base_url: "http://127.0.0.1:4199/v1"}}
models:
  small: {deployments: [sim/small-8b]}
use_cases:
  support-chat: {class: chat, model: small, budget: {ttft: {p95: 800ms, p99: null}, tpot: null, stall: null}}
  code-complete: {class: autocomplete, model: small}
  translate: {class: extraction, model: small}
  research: {class: agent, model: small}
teams:
  support: {contact: "#support"}
  editor: {contact: "#editor"}
  lab: {contact: "#lab"}
services:
  helpdesk: {owner: support, use_cases: [support-chat], budget: {usd_per_month: 60}}
  forum: {owner: support, use_cases: [support-chat]}
  editor-plugin: {owner: editor, use_cases: [code-complete, translate], budget: {usd_per_month: 100}}
  agent: {owner: lab, use_cases: [research], budget: {usd_per_month: 90}}
waivers:
  - {service: agent, rule: G204, reason: Evaluation of the large model., requester: dana, approver: lee,
     granted: 2026-11-01, until: 2026-11-27}
"""
TTFT, ERRORS = ("ttft_ms", "p95"), ("error_share", "mean")
FIRST, LAST = date(2026, 11, 2), date(2026, 11, 22)
DAY = 86_400


def standards() -> Standards:
    """Load them as of the last day."""
    return load(TEXT, env={}, today=LAST).sound()


def at(day: date, hour: float = 0.0) -> float:
    """Unix seconds of a UTC time."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() + hour * 3_600


@dataclass
class Case:
    """The ledger of the case and its clock."""

    ledger: Ledger

    def begin(self, journal: Path) -> None:
        """Take in the traffic of all three weeks, and an incident of the second."""
        write_segment(journal, 1, [*traffic()])
        self.ledger.ingest(journal)
        self.incident("i_slow", "helpdesk", "support-chat", "page", date(2026, 11, 11), "ttft p95 is over 800 ms")
        self.waiver("w_old", "forum", "ttft_ms", date(2026, 11, 20))

    def go_on(self) -> None:
        """End the first incident and open others."""
        ended = {"ended_us": int(at(date(2026, 11, 17), 9) * 1e6), "state": "resolved", "reason": "deploy"}
        with self.ledger.engine.begin() as connection:
            connection.execute(update(incident).where(incident.c.id == "i_slow").values(**ended))
        self.incident(
            "i_dear", "agent", "research", "urgent", date(2026, 11, 18), "cost of a request is up 60 %", "regression"
        )
        self.incident(
            "i_tags", "editor-plugin", "", "ticket", date(2026, 11, 21), "30 % of its requests is untagged", "untagged"
        )

    def incident(  # noqa: PLR0917  # as a row reads
        self, number: str, service: str, use_case: str, severity: str, day: date, what: str, kind: str = "breach"
    ) -> None:
        """Open one, at eight in the morning."""
        since = int(at(day, 8) * 1e6)
        limit = ("ttft_ms", "p95") if kind == "breach" else ("cost", "")
        row: dict[str, Any] = {"id": number, "service": service, "use_case": use_case, "severity": severity}
        row |= {"metric": limit[0], "percentile": limit[1], "kind": kind, "state": "detected"}
        row |= {"owner": standards().owner(service), "since_us": since, "detected_us": since + 600_000_000}
        row |= {"reason": "", "n": 200, "over_limit": 60, "allowed": 0.05, "facts": f'{{"what": "{what}"}}'}
        with self.ledger.engine.begin() as connection:
            connection.execute(insert(incident).values(**row))

    def waiver(self, number: str, service: str, metric: str, last: date) -> None:
        """Write an approved one."""
        names = ("use_case", "rule", "model")
        row: dict[str, Any] = {**dict.fromkeys(names, ""), "id": number, "service": service, "metric": metric}
        row |= {"percentile": "p95", "reason": "Migration | to the new index.", "requester": "kim", "approver": "lee"}
        row |= {"state": "approved", "days": 30, "requested_us": 1, "ends_us": int((at(last) + DAY) * 1e6)}
        with self.ledger.engine.begin() as connection:
            connection.execute(insert(waiver).values(**row))


def traffic() -> Iterator[Record]:
    """Yield thirty calls a day of each service's use cases."""
    dice = random.Random(7)
    number = 0
    subjects = [("helpdesk", "support-chat"), ("forum", "support-chat"), ("editor-plugin", "code-complete")]
    subjects += [("agent", "research"), ("ghost", "support-chat")]
    for day in range((LAST - FIRST).days + 1):
        for service, use_case in subjects:
            for _ in range(30 if service != "ghost" else 4):
                number += 1
                start = at(FIRST) + day * DAY + dice.random() * DAY
                yield _call(number, start, service, use_case, week=day // 7, dice=dice)


def _call(number: int, start: float, service: str, use_case: str, *, week: int, dice: random.Random) -> Record:
    is_slow = service == "helpdesk" and week == 1 and dice.random() < 0.3
    grown = 1.6 if service == "agent" and week == 2 else 1.0
    tokens = (int(1_000 * grown * (1 + dice.random())), 0, 0, int(100 * (1 + dice.random())), 0)
    usd = {"helpdesk": 0.04, "agent": 0.15 * grown, "editor-plugin": 0.01}.get(service, 0.02)
    ttft = 900 + 400 * dice.random() if is_slow else 200 + 350 * dice.random()
    failed = dice.random() < 0.004
    over = [*([TTFT] if is_slow else []), *([TTFT, ERRORS] if failed else [])]
    untagged = service == "editor-plugin" and week == 2 and dice.random() < 0.3
    return Record(
        *(number, start, service, use_case),
        outcome=PROVIDER_ERROR if failed else OK,
        ttft_ms=ttft,
        total_ms=ttft * 3,
        overhead_us=40 + 60 * dice.random(),
        flags=1 | (UNTAGGED if untagged else 0),
        tokens=tokens,
        cost_nanousd=-1
        if service == "forum" and dice.random() < 0.1
        else round(usd * 1e9 * (0.8 + 0.4 * dice.random())),
        judged=mask(TTFT, ERRORS),
        over=mask(*dict.fromkeys(over)),
    )


UNTAGGED = 1 << 5
"""The flag of a call that named no use case."""
