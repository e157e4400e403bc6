"""Scorecards: how far a service has come, by checks over data. Bronze, silver, gold; each check says what to do next.

`gathering` reads the ledger once for all services, `checks` decide, `card` puts them together. Models: Cortex's and
OpsLevel's scorecards.
"""

from paceline.governance.scorecard.card import Card, Level, scorecards
from paceline.governance.scorecard.checks import CHECKS, Check, Result, Verdict

__all__ = ["CHECKS", "Card", "Check", "Level", "Result", "Verdict", "scorecards"]
