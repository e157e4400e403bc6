"""Which rules a word means: a code (`C201`), the beginning of codes (`C`), a rule's name (`cap-missing`) or `ALL`."""

from __future__ import annotations

from collections.abc import Iterable

from paceline.lint.rules import CODES, OWN
from paceline.lint.settings import SettingsError, meant


def codes(words: Iterable[str]) -> frozenset[str]:
    """Resolve words; raises `SettingsError` for one that means no rule."""
    found: set[str] = set()
    for word in words:
        wanted = word.strip().upper()
        some = [code for code in (*CODES, *OWN) if wanted == "ALL" or code.startswith(wanted)] if wanted else []
        found.update(some or _named(word.strip()))
    return frozenset(found)


def _named(word: str) -> list[str]:
    from paceline.lint.rules import all_rules

    names = {rule.name: rule.code for rule in all_rules()} | {name: code for code, (name, _, _) in OWN.items()}
    found = [names[word.lower()]] if word.lower() in names else []
    if not found:
        fix = meant(word, (*CODES, *OWN, *names))
        raise SettingsError(
            f"there is no rule `{word}`", fix if "did you mean" in fix else "`paceline rules` lists them."
        )
    return found
