"""Alerts: what is said of an incident, and how it reaches those who own it. One sender, one file.

`Alert` is what happened, in facts; `wording` puts it in plain words; `senders` carry it. A sender raises
`NotSentError`, which says whether to try again, and when.

    GovernanceError
    └── NotSentError
"""

from paceline.governance.alerts.alert import Alert, Severity, State
from paceline.governance.alerts.errors import GovernanceError, NotSentError

__all__ = ["Alert", "GovernanceError", "NotSentError", "Severity", "State"]
