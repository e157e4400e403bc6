"""paceline: fast, cheap, well-instrumented LLM inference as an organisation's default.

Importing this package does nothing but name it: no submodule, no network, no environment is read.
The command line is `paceline.cli`; the parts behind it are `standards`, `ledger`, `gateway` and `demo`.
"""

from __future__ import annotations

__all__ = ["__version__"]


def __getattr__(name: str) -> str:
    """Look the version up when it is asked for, since package metadata is slow to read."""
    if name != "__version__":
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("paceline")
    except PackageNotFoundError:
        return "0+unknown"
