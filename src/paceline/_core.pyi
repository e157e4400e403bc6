"""The native module: the gateway, the plan check, the journal fold, the simulated provider. Typed here, written in Rust.

Owns the types that Python sees; `stubtest` proves them against the built module. Exceptions:
`CoreFault` ← `PlanFault`, `JournalFault`, `PanicFault`; a bind that fails is an `OSError`.
"""

from typing import TypedDict

class CodeRow(TypedDict):
    """One stable code of the gateway."""

    number: int
    code: str
    name: str
    status: int
    fault: str
    retryable: bool
    advice: str

class CoreFault(Exception):
    """Something the native module refused or could not do."""

class PlanFault(CoreFault):
    """A plan was refused; `path` is that of the first fault."""

    path: str
    message: str
    hint: str

class JournalFault(CoreFault):
    """A journal could not be opened or read."""

class PanicFault(CoreFault):
    """A defect in the native module."""

def version() -> str:
    """Version of the native module; equal to the package's."""

def codes() -> list[CodeRow]:
    """Every code the gateway answers with, in the order of their numbers."""

def check_plan(plan: bytes) -> str:
    """Read and compile a plan as the gateway would; return its hash (hex). Raises `PlanFault`."""

def serve(data_dir: str, listen: str, *, threads: int | None = None) -> int:
    """Run a gateway in this process until SIGTERM or SIGINT has drained it; return the exit code.

    Blocks without holding the interpreter. Raises `OSError` when an address cannot be bound, `PlanFault`, `JournalFault`.
    """
