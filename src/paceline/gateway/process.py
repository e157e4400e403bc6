"""The gateway process: reads its arguments and hands over to the native module.

Imports nothing but the native module, by design: this process serves traffic, and every module loaded here is memory
that never pays. The arguments are therefore read by hand; `paceline gateway --help` documents them.
"""

from __future__ import annotations

import sys

DATA = ".paceline"
LISTEN = "127.0.0.1:4100"
EXIT_COULD_NOT = 2


class UsageError(Exception):
    """The arguments cannot be understood."""


def read_arguments(arguments: list[str]) -> tuple[str, str, int | None, bool]:
    """Return data directory, listen address, threads (None: the native module's choice), whether to take over."""
    takeover = "--takeover" in arguments
    arguments = [argument for argument in arguments if argument != "--takeover"]
    values = {"--data": DATA, "--listen": LISTEN, "--threads": ""}
    rest = iter(arguments)
    for argument in rest:
        name, equals, value = argument.partition("=")
        if name not in values:
            raise UsageError(f"there is no option {name!r}")
        given = value if equals else next(rest, None)
        if not given:
            raise UsageError(f"option {name} wants a value")
        values[name] = given
    threads = values["--threads"]
    if threads and not (threads.isdecimal() and int(threads) > 0):
        raise UsageError(f"option --threads wants a whole number above 0, not {threads!r}")
    return values["--data"], values["--listen"], int(threads) if threads else None, takeover


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    try:
        data, listen, threads, takeover = read_arguments(arguments)
    except UsageError as error:
        return _refuse(str(error), "see `paceline gateway --help`.")
    return serve(data, listen, threads, takeover=takeover)


def serve(data: str, listen: str, threads: int | None, *, takeover: bool = False) -> int:
    """Serve with the native module and say in two lines why, if it cannot."""
    try:
        from paceline import _core
    except ImportError as error:
        return _refuse(f"the native module cannot be loaded ({error}).", "reinstall paceline, or run `make` here.")
    try:
        return _core.serve(data, listen, threads=threads, takeover=takeover)
    except OSError as error:
        fix = "stop what holds the address or the directory, or choose others with --listen and --data."
        return _refuse(f"{error.strerror or error}.", fix)
    except ValueError as error:
        return _refuse(f"{error}.", "write it as IP:PORT.")
    except _core.PlanFault as fault:
        return _refuse(
            f"{data}/plan.json is not a sound plan: {fault}.", "correct the standards file: a plan is made of it."
        )
    except _core.JournalFault as fault:
        return _refuse(f"the journal in {data} cannot be opened: {fault}.", "run `paceline doctor`.")


def _refuse(wrong: str, fix: str) -> int:
    print(f"error: {wrong}\n  fix: {fix}", file=sys.stderr, flush=True)  # the CLI's form, without the CLI's imports
    return EXIT_COULD_NOT
