"""Who does the periodic work, where several control processes share a ledger: one holds a lease and renews it.

A lease that is not renewed runs out and another takes it: work is done once at a time, and twice at worst where a
holder was away for longer than its lease. Whatever is done under one must bear that.
"""

from __future__ import annotations

import time
from typing import Final

from sqlalchemy import Engine, delete, insert, select

from paceline.ledger.engine import reading, writing
from paceline.ledger.errors import translated
from paceline.ledger.schema_governance import lease

__all__ = ["LEASE_S", "Leases"]

LEASE_S: Final = 60.0
_RENEW_FROM: Final = 0.5
"""Renewed when this part of it is left."""


class Leases:
    """The table of leases."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def holds(self, name: str, holder: str, *, now: float | None = None, lease_s: float = LEASE_S) -> bool:
        """Tell whether `holder` has a lease, taking or renewing it where it may. Raises `LedgerError`."""
        now_us = int((time.time() if now is None else now) * 1e6)
        with translated("read a lease"), reading(self._engine) as connection:
            found = connection.execute(select(lease.c.holder, lease.c.until_us).where(lease.c.name == name)).first()
        if found is not None and found.until_us - now_us > lease_s * 1e6 * _RENEW_FROM:
            return bool(found.holder == holder)
        with translated("take a lease"), writing(self._engine) as connection:
            found = connection.execute(select(lease.c.holder, lease.c.until_us).where(lease.c.name == name)).first()
            if found is not None and found.holder != holder and found.until_us > now_us:
                return False
            connection.execute(delete(lease).where(lease.c.name == name))
            until_us = now_us + int(lease_s * 1e6)
            connection.execute(insert(lease).values(name=name, holder=holder, until_us=until_us))
            return True

    def holder(self, name: str) -> tuple[str, int] | None:
        """Return who has a lease and until when, microseconds since 1970; none where nobody took it yet."""
        with translated("read a lease"), reading(self._engine) as connection:
            found = connection.execute(select(lease.c.holder, lease.c.until_us).where(lease.c.name == name)).first()
        return None if found is None else (found.holder, found.until_us)

    def give_back(self, name: str, holder: str) -> None:
        """Let go of a lease, so that another need not wait. Raises `LedgerError`."""
        with translated("give a lease back"), writing(self._engine) as connection:
            connection.execute(delete(lease).where(lease.c.name == name, lease.c.holder == holder))
