"""What is dear about the pages that people open first, made before anybody asks. Owns what, and how often.

Pages that add all services up cost more than others the first time; whoever comes first after a start, or in the
morning, gets what was made here, with its time. Small organisations need none of it: what is cheap is made when
somebody asks, and holds what was known then.
"""

from __future__ import annotations

import time
from typing import Final

from paceline.dashboard import view
from paceline.dashboard.pages import overview, reviews, teams
from paceline.dashboard.sources import Ahead, Sources
from paceline.dashboard.spans import RANGES, span_of

__all__ = ["Preparing"]

_SERVICES: Final = 30
"""With fewer every page is cheap."""
_EVERY_S: Final = 60.0
_REST_TIMES: Final = 100
"""A round that took a second is followed by a hundred of rest."""
_REST_MAX_S: Final = 240.0
"""Less than what was prepared may be old."""


class Preparing:
    """Asks for the figures as the pages do."""

    def __init__(self, sources: Sources) -> None:
        self._sources = Ahead(sources)
        self._due = 0.0

    def tick(self) -> None:
        """Make a round when one is due. Raises `LedgerError`."""
        began = time.monotonic()
        if began < self._due:
            return
        self._round()
        now = time.monotonic()
        self._due = now + min(max(_EVERY_S, _REST_TIMES * (now - began)), _REST_MAX_S)

    def _round(self) -> None:
        sources, standards = self._sources, self._sources.standards()
        if standards is None or len(standards.options.services) < _SERVICES:
            return
        view.read_all()
        spans = {name: span_of(name, sources.clock()) for name in RANGES}
        teams.rows(sources, standards, spans["24h"])  # the overview's rows are among its
        reviews.values(sources, standards, spans["7d"])
        for span in spans.values():
            overview.attained(sources, span)
