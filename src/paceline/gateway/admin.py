"""The admin key of the control API. As with every key, only its SHA-256 is kept."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string

from paceline.ledger import Ledger

PREFIX = "pa-"
_SETTING = "admin_key_sha256"
_ALPHABET = string.ascii_letters + string.digits
_CHARS = 40


def has_admin_key(ledger: Ledger) -> bool:
    """Tell whether an admin key was ever made."""
    return ledger.settings.get(_SETTING) is not None


def make_admin_key(ledger: Ledger) -> str:
    """Make a new admin key, which replaces the one before, and return its text, the only time it is seen."""
    key = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_CHARS))
    ledger.settings.put(_SETTING, _digest(key))
    return key


def is_admin_key(ledger: Ledger, text: str) -> bool:
    """Tell whether this is the admin key, in a time that does not tell how near it came."""
    return hmac.compare_digest(_digest(text), ledger.settings.get(_SETTING) or "")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
