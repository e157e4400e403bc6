"""Ways in: what other gateways are configured to do, as standards, with a list of what could not be carried over.

`litellm` and `portkey` read one product's configuration each into a `Draft`; `findings` is the list; `reading` reads
files and keeps count of what nobody asked for, so that no key is lost in silence. Keys never come out of a source:
they become `env:NAME` (`secrets`). Nothing is written here but text.

    ImportsError      the only exception that leaves this package: a source cannot be read, or nothing of it can be used
"""

from paceline.imports.findings import Finding, ImportsError
from paceline.imports.outcome import Outcome

__all__ = ["Finding", "ImportsError", "Outcome"]
