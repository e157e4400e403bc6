"""One object for everything the ledger does. Owns the engine and joins the parts; holds no SQL."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from sqlalchemy import Engine
from sqlalchemy.engine import URL

from paceline.ledger import engine as engines
from paceline.ledger import spending
from paceline.ledger.attainment import Attainment, attainment
from paceline.ledger.audit import Audit
from paceline.ledger.events import Events
from paceline.ledger.exclusions import Exclusions
from paceline.ledger.figures import Count, Stratum
from paceline.ledger.incidents import Incidents
from paceline.ledger.ingest import SLOTS_MAX, Ingest, Ingested
from paceline.ledger.keys import Keys
from paceline.ledger.learning import Learning
from paceline.ledger.leases import Leases
from paceline.ledger.lint import Lint
from paceline.ledger.looks import Looks
from paceline.ledger.outbox import Outbox
from paceline.ledger.owners import Owners
from paceline.ledger.plans import Plans
from paceline.ledger.reading import Name, Only, Reading, Resolution
from paceline.ledger.recent import Recent
from paceline.ledger.report import DEFAULT_GROUP, Report, build
from paceline.ledger.requests import Requests
from paceline.ledger.retention import CHUNK, Keep, Retained, retain
from paceline.ledger.reviews import Reviews
from paceline.ledger.rollup import RolledUp, roll_up
from paceline.ledger.settings import Settings
from paceline.ledger.sums import GroupName
from paceline.ledger.tokens import Tokens
from paceline.ledger.totals import Totals
from paceline.ledger.waivers import Waivers


class Ledger:
    """The store of usage records and minute rows, of keys, plans, settings and learned caps.

    Safe to use from several threads, except `ingest`, which belongs to one at a time. Use it as a context manager or
    call `close`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._ingest = Ingest(engine)
        self.audit = Audit(engine)
        self.events = Events(engine)
        self.exclusions = Exclusions(engine)
        self.incidents = Incidents(engine)
        self.keys = Keys(engine)
        self.learning = Learning(engine)
        self.leases = Leases(engine)
        self.lint = Lint(engine)
        self.looks = Looks(engine)
        self.outbox = Outbox(engine)
        self.owners = Owners(engine)
        self.plans = Plans(engine)
        self.requests = Requests(engine)
        self.reviews = Reviews(engine)
        self.settings = Settings(engine)
        self.tokens = Tokens(engine)
        self.waivers = Waivers(engine)
        self.totals = Totals(engine)

    @classmethod
    def open(cls, where: str | Path) -> Self:
        """Open the ledger of a data directory or at a URL; its schema is brought up to date.

        Raises `LedgerUnreachableError`, `LedgerNewerError`, `LedgerBrokenError`.
        """
        return cls(engines.connect(engines.url_of(where)))

    @property
    def engine(self) -> Engine:
        """The SQLAlchemy engine, for reading with the tables of `paceline.ledger.schema`."""
        return self._engine

    @property
    def url(self) -> URL:
        """The database's address; its text form hides the password."""
        return self._engine.url

    @property
    def recent(self) -> Recent:
        """What this process took in last."""
        return self._ingest.recent

    def ingest(
        self, journal: Path, *, slots_max: int = SLOTS_MAX, before_delete: Callable[[], None] | None = None
    ) -> Ingested:
        """Take in everything settled in a journal directory, exactly once, and delete the segments that are done.

        `slots_max` bounds one transaction; `before_delete` runs when segments are in the ledger and still there.
        Raises `LedgerError`, and what `before_delete` raises.
        """
        return self._ingest.run(Path(journal), slots_max, before_delete)

    def spending(self, day: date | None = None) -> spending.Spending:
        """Return the money spent on a UTC day, today if None, and in its month, by everyone it counts for.

        With it come the positions in the journals up to which it is counted. Raises `LedgerError`.
        """
        return spending.read(self._engine, day)

    def measure(self, since: float, until: float | None = None, group: Sequence[GroupName] = DEFAULT_GROUP) -> Report:
        """Merge a window of Unix seconds (`until` defaults to now). Raises `LedgerError`.

        It is widened to whole minutes, or the rows that are left where minutes are gone. `group` keeps requests apart
        by columns of their series: service, use case, model, deployment.
        """
        return build(self._engine, since, time.time() if until is None else until, group)

    def attainment(self, since: float, until: float, *, piece: int, service: str | None = None) -> list[Attainment]:
        """Return every service's use case against its budget: much cheaper than `measure`, and less.

        `piece`: minutes of one piece of the course of a limit. With `service` only that one's. Raises `LedgerError`.
        """
        return attainment(self._engine, since, until, piece, service)

    def report(self, since: float, until: float | None = None) -> dict[str, Any]:
        """Return the document that `paceline report --format json` prints. Raises `LedgerError`."""
        return self.measure(since, until).document()

    def retain(
        self, keep: Keep | None = None, *, now: float | None = None, chunk: int = CHUNK, pause_s: float | None = None
    ) -> Retained:
        """Delete what is older or more than `keep` (default: `Keep()`), in transactions of at most `chunk` rows.

        Raises `LedgerError`.
        """
        pause = {} if pause_s is None else {"pause_s": pause_s}
        return retain(self._engine, keep or Keep(), time.time() if now is None else now, chunk=chunk, **pause)

    def reading(self, since: float, until: float, *, resolution: Resolution = 10, only: Only | None = None) -> Reading:
        """Return the sums of a span of Unix seconds: counts, limits, metrics, strata, each read when it is asked for.

        They come in pieces of `resolution` minutes, coarser where fine rows are gone. `only` keeps to these names, such
        as `{"service": "helpdesk"}`.
        """
        return Reading(self._engine, since, until, resolution, only)

    def counts(
        self, since: float, until: float, *, resolution: Resolution = 10, group: Sequence[Name] = DEFAULT_GROUP
    ) -> list[Count]:
        """Return exact counts of requests, oldest first: `reading(…).counts(group)`. Raises `LedgerError`."""
        return self.reading(since, until, resolution=resolution).counts(group)

    def strata(self, since: float, until: float, *, resolution: Literal[10, 60] = 10) -> Iterator[Stratum]:
        """Yield strata of ten minutes or of hours, oldest first: `reading(…).strata()`. Raises `LedgerError`.

        Ten minutes are kept for 30 days unless the standards say otherwise; before that, hours come in their place.
        """
        return self.reading(since, until, resolution=resolution).strata()

    def roll_up(self, *, now: float | None = None) -> RolledUp:
        """Add rows up into those of ten minutes and hours, as far as they are due. Raises `LedgerError`.

        For any number of processes, at any time; what is not rolled up is neither lost nor deleted.
        """
        return roll_up(self._engine, time.time() if now is None else now)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_ledger(where: str | Path) -> Ledger:
    """Open the ledger of a data directory or at a URL.

    A directory means `ledger.db` in it, or the database that `PACELINE_LEDGER__URL` names. URLs are written like
    `postgresql://user@host/name` and `sqlite:////path/ledger.db`.

    Raises `LedgerUnreachableError`, `LedgerNewerError`, `LedgerBrokenError`.
    """
    return Ledger.open(where)
