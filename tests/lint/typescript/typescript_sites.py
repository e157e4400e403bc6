"""What the front end says of a piece of code, in short."""

from __future__ import annotations

from paceline.catalogue import load
from paceline.lint.sites import Kind, Site
from paceline.lint.typescript import sites


def found(code: str, path: str = "src/a.ts") -> list[Site]:
    """Return all sites of a piece of code."""
    return sites(code.encode(), path, load("typescript"))


def calls(code: str, path: str = "src/a.ts") -> list[Site]:
    """Return the calls to models."""
    return [site for site in found(code, path) if site.kind is Kind.GENERATION]


def one(code: str, path: str = "src/a.ts") -> Site:
    """Return the only call to a model."""
    (site,) = calls(code, path)
    return site


def state(site: Site, name: str) -> str:
    """Return whether a fact holds."""
    return site.fact(name).state.value
