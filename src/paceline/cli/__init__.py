"""The command line.

Owns arguments, words on the terminal and exit codes; decides nothing. Each command is a module here that exposes a
click command named `command` and is imported only when it is called. `paceline gateway` takes a path of its own that
loads neither click nor anything else, since its process serves traffic and should hold nothing but the native module.

Exit codes: 0 done, 1 the answer is no (faults found, something wrong), 2 could not do it; `run` passes the child's.
"""

from __future__ import annotations

import sys

from paceline.gateway.lifeline import stop_with_parent

__all__ = ["main"]


def main() -> int:
    """Run the command line on `sys.argv` and return the exit code."""
    arguments = sys.argv[1:]
    stop_with_parent()
    if arguments[:1] == ["gateway"] and not {"--help", "-h"} & set(arguments):
        from paceline.gateway.process import main as gateway

        return gateway(arguments[1:])
    from paceline.cli.root import command

    return command.main(arguments, prog_name="paceline", standalone_mode=True) or 0
