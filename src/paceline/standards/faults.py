"""What can be wrong with a standards file: the stable codes, one fault, and the exceptions.

Owns the S-codes (each has a page in `paceline.codes`). Must not read files or know what the keys mean.

    StandardsError                the only exception that leaves `paceline.standards`
    ├── StandardsUnreadableError       the file could not be read: missing, no permission, no text
    ├── StandardsFaultyError           the file was read and has faults; `.faults` lists all of them
    └── StandardsNameError         a name was asked for that the standards do not have
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

__all__ = [
    "Code",
    "Fault",
    "StandardsError",
    "StandardsFaultyError",
    "StandardsNameError",
    "StandardsUnreadableError",
]


class Code(Enum):
    """The stable codes of the file. Never reuse a number. `S14x` and `S15x` are warnings, the others faults."""

    SYNTAX = "S101"
    KEY_TWICE = "S102"
    TOO_LARGE = "S103"
    YAML_FEATURE = "S104"
    KEY_UNKNOWN = "S105"
    VALUE_WRONG = "S106"
    KEY_MISSING = "S107"
    NAME_INVALID = "S108"
    VERSION_UNKNOWN = "S109"
    VARIABLE_UNUSABLE = "S110"
    PROVIDER_UNKNOWN = "S111"
    MODEL_UNKNOWN = "S112"
    TASK_UNKNOWN = "S113"
    TEAM_UNKNOWN = "S114"
    CLASS_UNKNOWN = "S115"
    USE_CASE_UNKNOWN = "S116"
    SERVICE_UNKNOWN = "S117"
    DEPLOYMENT_UNKNOWN = "S118"
    OWNER_MISSING = "S121"
    USE_CASES_MISSING = "S122"
    MODEL_MISSING = "S123"
    DEPLOYMENTS_MISSING = "S124"
    BASE_URL_MISSING = "S125"
    BASE_URL_INVALID = "S126"
    SECRET_INLINE = "S127"  # noqa: S105  # a code, not a password
    DEPLOYMENT_MALFORMED = "S128"
    DEPLOYMENT_TWICE = "S129"
    CAPTURE_TOO_LONG = "S130"
    LIMITS_UNORDERED = "S131"
    LIMITS_CONTRADICT = "S132"
    CAP_ZERO = "S133"
    CLASS_LOOP = "S134"
    API_WRONG_DIALECT = "S135"
    FLOORS_TOO_HIGH = "S136"
    HEDGE_NO_ROOM = "S137"
    ADDRESS_UNSAFE = "S138"
    PRIORITY_UNKNOWN = "S139"
    USE_CASE_UNUSED = "S141"
    WAIVER_EXPIRED = "S142"
    WAIVER_TOO_LONG = "S143"
    DEADLINE_UNDER_LIMIT = "S144"
    SECRET_ABSENT = "S145"  # noqa: S105  # a code, not a password
    CONTACT_MISSING = "S146"
    HEDGE_IDLE = "S151"
    QUEUE_UNUSED = "S152"
    CACHE_SHARED = "S153"
    DEPLOYMENT_UNREACHED = "S154"
    LIMIT_UNREACHED = "S155"
    CAPTURE_ENDED = "S156"
    CAPTURE_UNUSED = "S157"

    @property
    def warning(self) -> bool:
        """True for what does not stop a plan."""
        return self.value.startswith(("S14", "S15"))


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with the standards: where, what, and what to do.

    `path` names the key (`services.helpdesk.owner`, `waivers[0].until`; empty for the whole file); `line` and
    `column` count from 1 and are None where the value came from the environment, whose `variable` is then named.
    """

    code: Code
    path: str
    message: str
    hint: str = ""
    line: int | None = None
    column: int | None = None
    variable: str | None = None

    @property
    def warning(self) -> bool:
        """True if this does not stop a plan."""
        return self.code.warning

    def as_dict(self) -> dict[str, Any]:
        """Return the stable JSON form."""
        return {
            "code": self.code.value,
            "severity": "warning" if self.warning else "fault",
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "variable": self.variable,
            "message": self.message,
            "hint": self.hint,
        }

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else f"{self.variable}: " if self.variable else ""
        what = f"{self.path}: {self.message}" if self.path else self.message
        return f"{where}{what} [{self.code.value}]"


class StandardsError(Exception):
    """Anything that goes wrong with standards; see the tree in this module's docstring."""


class StandardsUnreadableError(StandardsError):
    """The file could not be read; `reason` says why, `hint` what to do."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


class StandardsFaultyError(StandardsError):
    """The file was read and has faults; `faults` lists them all, in the order of the file."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        super().__init__(f"{faults[0]}{more}" if faults else "the standards have faults")


class StandardsNameError(StandardsError, KeyError):
    """A use case, service or class was asked for that the standards do not have."""

    def __str__(self) -> str:
        return str(self.args[0])
