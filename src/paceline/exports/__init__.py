"""Ways out: standards and ledger in the forms that other tools read.

Rules for Prometheus, OpenSLO, a Grafana dashboard, FOCUS and CSV. Everything is text for a file; nothing is sent.
"""

from __future__ import annotations

from paceline.exports.errors import ExportError

__all__ = ["ExportError"]
