"""Learned output caps: what the ledger knows of the answers' lengths, and every change made on the strength of it.

Owns the `cap_change` table and the reading; what is to be done is decided by `caps`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine, delete, func, insert, select

from paceline.ledger import caps, settings, windows
from paceline.ledger.caps import Answers, Lengths, Standing
from paceline.ledger.engine import writing
from paceline.ledger.errors import translated
from paceline.ledger.schema import cap_change, series

WINDOW_S: Final = 7 * 86_400.0
"""How far back answers are learned from."""
_VERSION: Final = "caps_version"
_HELD: Final = 512


@dataclass(frozen=True)
class CapChange:
    """A change as it is recorded. `at` is Unix seconds; a cap of None is the class's."""

    use_case: str
    at: float
    cap_from: int | None
    cap_to: int | None
    why: str

    def document(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "use_case": self.use_case,
            "at": self.at,
            "cap_from": self.cap_from,
            "cap_to": self.cap_to,
            "why": self.why,
        }


class Learning:
    """Caps learned so far, and their review."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def in_force(self) -> dict[str, int]:
        """Return the learned cap of every use case that has one. Raises `LedgerError`."""
        with translated("read the learned caps"), self._engine.connect() as connection:
            return {name: cap for name, row in _last(connection).items() if (cap := row["cap_to"]) is not None}

    def version(self) -> int:
        """Return a number that grows with every change; one small read. Raises `LedgerError`."""
        with translated("read the learned caps"), self._engine.connect() as connection:
            return int(settings.read(connection, _VERSION) or "0")

    def review(
        self, use_cases: Collection[str], reasoning: Collection[str], now: float, *, relearn: bool = True
    ) -> list[CapChange]:
        """Look at the caps of these use cases and change those that are due; return the changes.

        `reasoning` names those whose class reasons. Without `relearn` caps are only taken back where they do harm.
        `now` is Unix seconds. Raises `LedgerError`.
        """
        made: list[CapChange] = []
        if not use_cases:
            return made
        with translated("review the learned caps"), writing(self._engine) as connection:
            found = by_use_case(lengths(connection, now - WINDOW_S, now), reasoning) if relearn else {}
            last = _last(connection)
            for name in sorted(use_cases):
                row = last.get(name)
                standing = None if row is None else _standing(connection, row, now)
                change = caps.decide(caps.suggested_for_all(found.get(name, {})), standing, now)
                if change is not None:
                    made.append(_record(connection, name, standing, change, now))
            if made:
                settings.count_up(connection, _VERSION)
        return made


def lengths(connection: Connection, since: float, until: float) -> dict[tuple[str, str], Lengths]:
    """Return the answers' lengths in a window of Unix seconds, by use case and model."""
    from paceline import _core

    names = (series.c.use_case, series.c.model)
    window = windows.window(connection, int(since // 60), -int(-until // 60))
    rows, metrics = window.rows("counters"), window.rows("metrics")
    reasoned = (
        select(*names, func.sum(rows.c.tokens_reasoning), func.sum(rows.c.tokens_output))
        .join_from(rows, series, series.c.id == rows.c.series)
        .group_by(*names)
    )
    shares = {
        (row[0], row[1]): int(row[2]) > caps.REASONING_SHARE * int(row[3]) for row in connection.execute(reasoned)
    }
    held: dict[tuple[str, str], list[bytes]] = defaultdict(list)
    query = (
        select(*names, metrics.c.sketch, metrics.c.n)
        .join_from(metrics, series, series.c.id == metrics.c.series)
        .where(metrics.c.metric == "output_tokens")
    )
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for use_case, model, sketch, n in connection.execute(query):
        found = held[use_case, model]
        found.append(bytes(sketch))
        counts[use_case, model] += int(n)
        if len(found) >= _HELD:
            held[use_case, model] = [_core.merge(found)]
    return {
        pair: Lengths(counts[pair], _core.quantiles(sketches, [0.99])[0], shares.get(pair, False))
        for pair, sketches in held.items()
        if pair[0]
    }


def by_use_case(found: Mapping[tuple[str, str], Lengths], reasoning: Collection[str]) -> dict[str, dict[str, Lengths]]:
    """Sort lengths by use case; those whose class reasons count as reasoning whatever the model tells."""
    sorted_: dict[str, dict[str, Lengths]] = defaultdict(dict)
    for (use_case, model), each in found.items():
        sorted_[use_case][model] = Lengths(each.n, each.p99, each.reasoning or use_case in reasoning)
    return dict(sorted_)


def changes(connection: Connection, since: float, until: float) -> list[CapChange]:
    """Return the changes made in a window of Unix seconds, oldest first."""
    at = cap_change.c.at_us
    query = select(cap_change).where(at >= int(since * 1e6), at < int(until * 1e6)).order_by(at, cap_change.c.id)
    return [_change(dict(row)) for row in connection.execute(query).mappings()]


def forget(connection: Connection, before: float) -> int:
    """Delete the changes before a Unix second but for each use case's newest, which is in force; return how many."""
    newest = select(func.max(cap_change.c.id)).group_by(cap_change.c.use_case)
    old = delete(cap_change).where(cap_change.c.at_us < int(before * 1e6), cap_change.c.id.not_in(newest))
    return connection.execute(old).rowcount


def _change(row: Mapping[str, Any]) -> CapChange:
    return CapChange(row["use_case"], row["at_us"] / 1e6, row["cap_from"], row["cap_to"], row["why"])


def _last(connection: Connection) -> dict[str, Mapping[str, Any]]:
    newest = select(func.max(cap_change.c.id)).group_by(cap_change.c.use_case)
    rows = connection.execute(select(cap_change).where(cap_change.c.id.in_(newest))).mappings()
    return {row["use_case"]: dict(row) for row in rows}


def _standing(connection: Connection, row: Mapping[str, Any], now: float) -> Standing:
    at = row["at_us"] / 1e6
    before = Answers(row["n_before"], row["n_cut_before"])
    # The minute of the change itself has answers of both caps.
    since = _answers(connection, row["use_case"], at + 60, now)
    return Standing(row["cap_to"], row["why"], at, before, since)


def _answers(connection: Connection, use_case: str, since: float, until: float) -> Answers:
    """Count the answers under a cap of the gateway's, in whole rows from `since` on."""
    here = select(series.c.id).where(series.c.use_case == use_case)
    window = windows.window_inside(connection, int(since // 60), -int(-until // 60))
    rows, events = window.rows("counters"), window.rows("events")
    capped = select(func.sum(rows.c.n_cap_added)).where(rows.c.series.in_(here))
    cut = select(func.sum(events.c.n)).where(events.c.series.in_(here), events.c.event == "cut_by_cap")
    return Answers(int(connection.execute(capped).scalar() or 0), int(connection.execute(cut).scalar() or 0))


def _record(
    connection: Connection, use_case: str, standing: Standing | None, change: caps.Change, now: float
) -> CapChange:
    before = _answers(connection, use_case, now - WINDOW_S, now) if standing is None else standing.since
    made = CapChange(use_case, now, None if standing is None else standing.cap, change.cap, change.why)
    connection.execute(
        insert(cap_change).values(
            use_case=use_case,
            at_us=round(now * 1e6),
            cap_from=made.cap_from,
            cap_to=made.cap_to,
            why=made.why,
            n_before=before.n,
            n_cut_before=before.cut,
        )
    )
    return made
