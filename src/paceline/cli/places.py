"""What several commands share: where standards and data are, which output format, who acts, times as they print them.

The data directory is `.paceline/` beside the standards file unless `--data` says otherwise.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from paceline.cli.trouble import Trouble
from paceline.gateway.data_dir import DataDir

if TYPE_CHECKING:
    from paceline.standards import Standards

STANDARDS_NAME = "paceline.yaml"

_Function = TypeVar("_Function", bound=Callable[..., Any])


def standards_option(function: _Function) -> _Function:
    """Add `--standards FILE`."""
    return click.option(
        "--standards",
        type=click.Path(dir_okay=False, path_type=Path),
        default=Path(STANDARDS_NAME),
        show_default=True,
        envvar="PACELINE_STANDARDS",
        show_envvar=True,
        help="The standards file.",
    )(function)


def data_option(function: _Function) -> _Function:
    """Add `--data DIR`."""
    return click.option(
        "--data",
        type=click.Path(file_okay=False, path_type=Path),
        default=None,
        envvar="PACELINE_DATA",
        show_envvar=True,
        help="The data directory.  [default: .paceline beside the standards file]",
    )(function)


def format_option(*formats: str) -> Callable[[_Function], _Function]:
    """Add `--format`; the first one named is the default."""
    return click.option(
        "--format",
        "output",
        type=click.Choice(formats),
        default=formats[0],
        show_default=True,
        help="How to print it.",
    )


def data_dir(data: Path | None, standards: Path) -> DataDir:
    """Apply the rule of this module to what was given on the command line."""
    return DataDir(data if data is not None else standards.parent / DataDir.NAME)


def loaded_standards(path: Path) -> Standards:
    """Read standards for a command that needs sound ones; raises `Trouble`."""
    from paceline import standards

    try:
        return standards.load(path).sound()
    except standards.StandardsFaultyError as error:
        raise Trouble(f"{path} has faults.", f"`paceline validate {path}` shows them.") from error
    except standards.StandardsError as error:
        raise Trouble(
            f"{error}.", "`paceline init` writes a starter file; or name another with --standards."
        ) from error


def running_user() -> str:
    """Name who runs the command, for timelines and the audit."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"


def read_moment(text: str) -> datetime:
    """Read a time with its offset from UTC; raises `Trouble`."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Trouble(f"{text!r} is not a time.", "write it like 2026-11-28T22:00+01:00.") from error
    if found.tzinfo is None:
        fix = f"write it like {found:%Y-%m-%dT%H:%M}Z, or with +01:00 for Z."
        raise Trouble(f"{text!r} has no offset from UTC.", fix)
    return found


def when(at_us: int) -> str:
    """Write microseconds since 1970 as `2026-11-23 14:05`, UTC."""
    return f"{datetime.fromtimestamp(at_us / 1e6, UTC):%Y-%m-%d %H:%M}"
