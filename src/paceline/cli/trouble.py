"""How a command says that it could not do its work: one line what is wrong, one line what to do."""

from __future__ import annotations

from typing import IO, Any

import click

EXIT_NO = 1
EXIT_COULD_NOT = 2


class Trouble(click.ClickException):
    """What is wrong, what to do about it, and the exit code."""

    def __init__(self, wrong: str, fix: str, exit_code: int = EXIT_COULD_NOT) -> None:
        super().__init__(wrong)
        self.fix = fix
        self.__dict__["exit_code"] = exit_code  # click declares it for the class, reads it from the instance

    def show(self, file: IO[Any] | None = None) -> None:
        """Print both lines on standard error."""
        click.echo(f"{click.style('error:', fg='red', bold=True)} {self.message}", file=file, err=True)
        click.echo(f"{click.style('  fix:', bold=True)} {self.fix}", file=file, err=True)
