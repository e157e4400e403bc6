"""Files that commands write: over another only when told to, and whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from paceline.cli.trouble import Trouble

__all__ = ["overwrite_option", "refuse_present", "write_whole", "writing"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


def overwrite_option(function: _Function) -> _Function:
    """Add `--overwrite`, as the parameter `overwrite`."""
    return click.option("--overwrite", is_flag=True, help="Write the file though it is there already.")(function)


def refuse_present(target: Path | None, *, overwrite: bool) -> None:
    """Raise `Trouble` where a command would write over a file unasked; devices and pipes are no such files."""
    if target is not None and target.is_file() and not overwrite:
        raise Trouble(f"{target} is there already.", "name another file, or add --overwrite.")


def write_whole(target: Path, lines: Iterable[str]) -> None:
    """Write lines beside the file, then put them in its place; a device or a pipe is written to as it is."""
    is_file = target.is_file() or not target.exists()
    part = target.with_name(f"{target.name}.part") if is_file else target
    try:
        with part.open("w", encoding="utf-8") as file:
            file.writelines(lines)
        if is_file:
            os.replace(part, target)  # noqa: PTH105  # says what it does
    finally:
        if is_file:
            part.unlink(missing_ok=True)


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Turn what the system says of a file that cannot be written into `Trouble`."""
    try:
        yield
    except OSError as error:
        raise Trouble(f"{target} cannot be written: {error.strerror}.", "name another place with --output.") from error
