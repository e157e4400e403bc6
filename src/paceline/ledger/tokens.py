"""Tokens of people and programs for the control API: made, found, revoked. Only a text's SHA-256 is stored."""

from __future__ import annotations

import hashlib
import secrets
import string
import time
from typing import Final, NamedTuple

from sqlalchemy import Engine, Row, insert, select, update

from paceline.ledger import audit
from paceline.ledger.engine import reading, writing
from paceline.ledger.errors import translated
from paceline.ledger.schema_governance import token

__all__ = ["PREFIX", "ROLES", "Token", "Tokens"]

PREFIX: Final = "pt-"
ROLES: Final = ("viewer", "owner", "admin")
"""What a token may: read; act for its team; everything."""
_ALPHABET: Final = string.ascii_letters + string.digits
_CHARS: Final = 40


class Token(NamedTuple):
    """A token without its text. Times are microseconds since 1970."""

    id: str
    role: str
    team: str
    """Of an owner; empty for others."""
    name: str
    """Whose it is: what the audit and timelines say."""
    made_us: int
    revoked_us: int | None


class Tokens:
    """The table of tokens."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(self, role: str, name: str, *, team: str = "", actor: str = "admin") -> tuple[str, Token]:
        """Make a token and return its text, the only time it is seen. Raises `LedgerError`."""
        text = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_CHARS))
        made = Token(f"t_{secrets.token_hex(4)}", role, team, name, time.time_ns() // 1000, None)
        with translated("write a token"), writing(self._engine) as connection:
            connection.execute(insert(token).values(**made._asdict(), sha256=_digest(text)))
            said = f"{role} {name}{f' of {team}' if team else ''}"
            audit.add(connection, actor, "create", f"token {made.id}", said)
        return text, made

    def list(self) -> list[Token]:
        """Return all tokens, newest first. Raises `LedgerError`."""
        with translated("read tokens"), reading(self._engine) as connection:
            rows = connection.execute(select(token).order_by(token.c.made_us.desc(), token.c.id))
            return [_token(row) for row in rows]

    def find(self, text: str) -> Token | None:
        """Return the token of a text, unless it was revoked. Raises `LedgerError`."""
        query = select(token).where(token.c.sha256 == _digest(text), token.c.revoked_us.is_(None))
        with translated("read a token"), reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
            return None if row is None else _token(row)

    def revoke(self, number: str, *, actor: str = "admin") -> bool:
        """Revoke a token; False when there is none that holds. Raises `LedgerError`."""
        holds = token.c.revoked_us.is_(None)
        with translated("revoke a token"), writing(self._engine) as connection:
            change = update(token).where(token.c.id == number, holds).values(revoked_us=time.time_ns() // 1000)
            if connection.execute(change).rowcount == 0:
                return False
            audit.add(connection, actor, "revoke", f"token {number}")
            return True


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _token(row: Row[tuple[object, ...]]) -> Token:
    return Token(row.id, row.role, row.team, row.name, row.made_us, row.revoked_us)
