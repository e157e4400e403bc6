"""Which rules a word means: a code (`C201`), the beginning of codes (`C`), a rule's name (`cap-missing`) or `ALL`."""

from __future__ import annotations

from collections.abc import Iterable

from paceline.lint.rules import CODES
from paceline.lint.settings import SettingsError, meant


def codes(words: Iterable[str]) -> frozenset[str]:
    """Resolve words; raises `SettingsError` for one that means no rule."""
    found: set[str] = set()
    for word in words:
        wanted = word.strip().upper()
        some = [code for code in CODES if wanted == "ALL" or code.startswith(wanted)] if wanted else []
        found.update(some or _named(word.strip()))
    return frozenset(found)


def _named(word: str) -> list[str]:
    from paceline.lint.rules import all_rules

    found = [rule.code for rule in all_rules() if rule.name == word.lower()]
    if not found:
        fix = meant(word, (*CODES, *(rule.name for rule in all_rules())))
        raise SettingsError(
            f"there is no rule `{word}`", fix if "did you mean" in fix else "`paceline rules` lists them."
        )
    return found
