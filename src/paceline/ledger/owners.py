"""Who owned which service last: so that a change of owner is found and audited, whoever edited the file.

Knows no standards; the names come from the caller.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from sqlalchemy import Engine

from paceline.ledger import audit, settings
from paceline.ledger.engine import writing
from paceline.ledger.errors import translated

__all__ = ["Owners"]

_SETTING: Final = "owners"


class Owners:
    """The owners as they were last followed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def follow(self, owners: Mapping[str, str], actor: str = "standards") -> dict[str, tuple[str, str]]:
        """Note the owners as they are now, and audit what changed; return it by service: before and now.

        An empty name is nobody. The first time there is nothing to compare with. Raises `LedgerError`.
        """
        with translated("follow owners"), writing(self._engine) as connection:
            stored = settings.read(connection, _SETTING)
            before: dict[str, str] = json.loads(stored) if stored is not None else dict(owners)
            names = sorted(before.keys() | owners.keys())
            pairs = {name: (before.get(name, ""), owners.get(name, "")) for name in names}
            changed = {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
            for name, (was, now) in changed.items():
                audit.add(connection, actor, "owner", f"service {name}", f"{was or 'nobody'} → {now or 'nobody'}")
            if changed or stored is None:
                settings.write(connection, _SETTING, json.dumps(dict(owners), sort_keys=True))
            return changed
