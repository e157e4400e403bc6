"""Virtual keys: made, listed, revoked. Only the SHA-256 of a key's text is stored; the text is handed out once.

Whether a service or use case exists is the caller's question; a key may be made before the standards name it.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import string
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from sqlalchemy import Engine, insert, select, update

from paceline.ledger import settings
from paceline.ledger.engine import writing
from paceline.ledger.errors import translated
from paceline.ledger.schema import key as table
from paceline.standards import PlanKey, PlanRates

_BASE62: Final = string.digits + string.ascii_letters
_VERSION: Final = "keys_version"
_NO_LIMITS: Final = dict.fromkeys(
    ("requests_per_minute", "tokens_per_minute", "requests_in_flight", "usd_per_day", "usd_per_month")
)


@dataclass(frozen=True)
class Key:
    """A key as the ledger knows it. Times are Unix seconds."""

    id: str
    sha256: str
    service: str | None
    services: tuple[str, ...]
    any_service: bool
    use_case: str | None
    name: str
    created_at: float
    revoked_at: float | None
    limits: Mapping[str, float]
    """Those it has, by the names of `PlanRates`."""

    def document(self) -> dict[str, Any]:
        """Return what may be shown: everything but the hash."""
        return {
            "id": self.id,
            "service": self.service,
            "services": list(self.services),
            "any_service": self.any_service,
            "use_case": self.use_case,
            "name": self.name,
            "created_at": self.created_at,
            "revoked_at": self.revoked_at,
            "limits": dict(self.limits),
        }


@dataclass(frozen=True, repr=False)
class NewKey:
    """A key just made. `key` is its text: show it once, never store or log it."""

    id: str
    key: str

    def __repr__(self) -> str:
        return f"NewKey(id={self.id!r})"


class Keys:
    """The key table."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(  # noqa: PLR0913  # each by name: what a key is
        self,
        *,
        service: str | None = None,
        services: Sequence[str] = (),
        any_service: bool = False,
        use_case: str | None = None,
        name: str = "",
        limits: Mapping[str, float | None] | None = None,
    ) -> NewKey:
        """Make a key and return its text (`pk-` and 40 base-62 characters) this once. Raises `LedgerError`.

        `limits` are the most it may do, by the names of `PlanRates`; None is no limit.
        """
        own = {name: value for name, value in (limits or {}).items() if value is not None}
        if unknown := set(own) - set(_NO_LIMITS):
            message = f"there is no limit {', '.join(sorted(unknown))}"
            raise ValueError(message)
        made = NewKey(id=f"k_{_random(8)}", key=f"pk-{_random(40)}")
        row = {
            "id": made.id,
            "sha256": hashlib.sha256(made.key.encode()).hexdigest(),
            "service": service,
            "services": json.dumps(list(services)),
            "any_service": any_service,
            "use_case": use_case,
            "name": name,
            "created_us": _now_us(),
            "limits": json.dumps(own),
        }
        with translated("make a key"), writing(self._engine) as connection:
            connection.execute(insert(table).values(row))
            settings.count_up(connection, _VERSION)
        return made

    def list(self) -> tuple[Key, ...]:
        """List every key, revoked ones too, oldest first. Raises `LedgerError`."""
        with translated("list the keys"), self._engine.connect() as connection:
            rows = connection.execute(select(table).order_by(table.c.created_us, table.c.id)).mappings().all()
        return tuple(
            Key(
                id=row["id"],
                sha256=row["sha256"],
                service=row["service"],
                services=tuple(json.loads(row["services"])),
                any_service=row["any_service"],
                use_case=row["use_case"],
                name=row["name"],
                created_at=row["created_us"] / 1e6,
                revoked_at=None if row["revoked_us"] is None else row["revoked_us"] / 1e6,
                limits=json.loads(row["limits"]),
            )
            for row in rows
        )

    def revoke(self, key_id: str) -> bool:
        """Revoke a key for good; False when there is none of that id in use. Raises `LedgerError`."""
        revoked = update(table).where(table.c.id == key_id, table.c.revoked_us.is_(None)).values(revoked_us=_now_us())
        with translated("revoke a key"), writing(self._engine) as connection:
            done = connection.execute(revoked).rowcount > 0
            if done:
                settings.count_up(connection, _VERSION)
        return done

    def version(self) -> int:
        """Return a number that grows with every change; one small read. Raises `LedgerError`."""
        with translated("read the keys' version"), self._engine.connect() as connection:
            return int(settings.read(connection, _VERSION) or "0")

    def planned(self) -> tuple[PlanKey, ...]:
        """Return the keys in use as a plan holds them. Raises `LedgerError`."""
        return tuple(
            PlanKey(
                id=key.id,
                sha256=key.sha256,
                service=key.service,
                services=[*key.services],
                any_service=key.any_service,
                use_case=key.use_case,
                rates=cast("PlanRates", _NO_LIMITS | dict(key.limits)),
            )
            for key in self.list()
            if key.revoked_at is None
        )


def _random(length: int) -> str:
    return "".join(secrets.choice(_BASE62) for _ in range(length))


def _now_us() -> int:
    return time.time_ns() // 1000
