"""Options that several commands share: where the standards file and the data directory are, which output format.

The data directory is `.paceline/` beside the standards file unless `--data` says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from paceline.gateway.data_dir import DataDir

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
