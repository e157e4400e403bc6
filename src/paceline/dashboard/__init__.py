"""The dashboard: pages over the ledger and the standards, rendered on the server, readable without a script.

`pages` gather what a page says, `templates` say it, `charts` draw. It changes nothing: what people do goes through the
same rules as the API. It knows no process and no socket: `Sources` is all it is given.
"""

from paceline.dashboard.sources import NotYetError, Sources

__all__ = ["NotYetError", "Sources"]
