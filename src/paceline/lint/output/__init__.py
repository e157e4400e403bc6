"""Findings as text and as the forms that machines read: one file a family. Every form has a fixed order.

Must not decide what counts, nor print.
"""

from __future__ import annotations

from collections.abc import Callable

from paceline.lint.output.view import View

__all__ = ["View", "render"]


def render(view: View, form: str) -> str:
    """Write a run in one of `settings.FORMATS`."""
    return _writer(form)(view)


def _writer(form: str) -> Callable[[View], str]:
    if form in {"concise", "full"}:
        from paceline.lint.output import text

        return text.concise if form == "concise" else text.full
    if form in {"json", "json-lines"}:
        from paceline.lint.output import plain

        return plain.document if form == "json" else plain.lines
    if form == "sarif":
        from paceline.lint.output import sarif

        return sarif.document
    if form == "markdown":
        from paceline.lint.output import markdown

        return markdown.summary
    from paceline.lint.output import ci

    return {"github": ci.github, "gitlab": ci.gitlab, "junit": ci.junit}[form]
