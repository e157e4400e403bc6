"""`paceline export`: standards and ledger in the forms of other tools, on standard output or into a file."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from paceline.cli.keys import opened_ledger
from paceline.cli.outputs import overwrite_option, refuse_present, write_whole, writing
from paceline.cli.places import data_dir, data_option, loaded_standards, read_moment, standards_option
from paceline.cli.report import read_span
from paceline.cli.trouble import Trouble

if TYPE_CHECKING:
    from paceline.ledger import Ledger

_DAY_S = 86_400
_Function = TypeVar("_Function", bound=Callable[..., Any])


@click.group(epilog="Example: paceline export prometheus > paceline.rules.yml")
def command() -> None:
    """Write standards and ledger in the forms of other tools: rules, SLOs, dashboards, cost data."""


def _output(function: _Function) -> _Function:
    output = click.option(
        "--output",
        "-o",
        type=click.Path(dir_okay=False, path_type=Path),
        default=None,
        metavar="FILE",
        help="Write there.  [default: standard output]",
    )
    return output(overwrite_option(function))


def _checked_link(_context: click.Context, _parameter: click.Parameter, link: str | None) -> str | None:
    from pydantic_core import PydanticCustomError

    from paceline.standards.scalars import address

    try:
        return None if link is None else address(link)
    except PydanticCustomError as error:
        wrong = "--link is no http(s) address."
        raise Trouble(wrong, "write it like --link https://paceline.acme.example.") from error


_link = click.option(
    "--link",
    default=None,
    metavar="URL",
    callback=_checked_link,
    help="Where people reach paceline.  [default: alerting.link]",
)


@command.command(
    short_help="Recording and alert rules for Prometheus.",
    epilog="Example: paceline export prometheus --link https://paceline.acme.example -o rules.yml",
)
@_link
@_output
@standards_option
def prometheus(link: str | None, output: Path | None, overwrite: bool, standards: Path) -> None:
    """Write recording and alert rules for Prometheus from the limits.

    Each limit has an alert for every severity, told when a long and a short window are over. Limits that the gateway's
    metrics cannot tell of are named on standard error and in the file.
    """
    from paceline.exports.prometheus import prometheus_rules

    made = prometheus_rules(loaded_standards(standards), link)
    _write([made.text], output, overwrite=overwrite)
    _say_left_out(made.left_out)


@command.command(short_help="Dashboards for Grafana.", epilog="Example: paceline export grafana -o dashboards/")
@click.argument("board", required=False, type=click.Choice(("overview", "service", "models", "gateway")))
@_link
@click.option(
    "--output", "-o", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Write all boards there."
)
@overwrite_option
@standards_option
def grafana(board: str | None, link: str | None, output: Path | None, overwrite: bool, standards: Path) -> None:
    """Write dashboards for Grafana: all into a folder, or the one that is named to standard output.

    They read the gateway's metrics from a Prometheus, which is chosen on the board; uids are stable.
    """
    from paceline.exports.grafana import BOARDS, board_text

    known = loaded_standards(standards)
    if output is None:
        if board is None:
            raise Trouble("several boards do not fit into one file.", "name a folder with -o, or one of the boards.")
        _write([board_text(board, known, link)], None)
        return
    files = {name: output / f"paceline-{name}.json" for name in (BOARDS if board is None else (board,))}
    for file in files.values():
        refuse_present(file, overwrite=overwrite)
    with writing(output):
        output.mkdir(parents=True, exist_ok=True)
    for name, file in files.items():
        _write([board_text(name, known, link)], file, overwrite=overwrite)


@command.command(short_help="The standards as OpenSLO v1.", epilog="Example: paceline export openslo -o slo.yaml")
@_output
@standards_option
def openslo(output: Path | None, overwrite: bool, standards: Path) -> None:
    """Write the standards as OpenSLO v1: one SLO for each service, use case and limit."""
    from paceline.exports.openslo import openslo_text

    _write([openslo_text(loaded_standards(standards))], output, overwrite=overwrite)


@command.command(
    short_help="Cost by day as FOCUS 1.2 CSV.", epilog="Example: paceline export focus --since 31d -o october.csv"
)
@click.option("--since", default="31d", show_default=True, metavar="SPAN", help="How far back, in whole UTC days: 31d.")
@_output
@standards_option
@data_option
def focus(since: str, output: Path | None, overwrite: bool, standards: Path, data: Path | None) -> None:
    """Write cost by day, service, use case, model and deployment as FOCUS 1.2 CSV.

    Whole UTC days up to yesterday; cost of requests whose price is unknown is not in it, they are counted.
    """
    from paceline.exports.focus import focus_lines

    known = loaded_standards(standards)
    last = datetime.now(UTC).date() - timedelta(days=1)
    first = last - timedelta(days=max(1, math.ceil(read_span(since) / _DAY_S)) - 1)
    with _reading(data, standards) as ledger:
        lines = _write(focus_lines(ledger, known, first, last), output, overwrite=overwrite)
    if lines == 1:
        click.echo(f"No cost from {first} to {last}, in whole UTC days: today's is not in it.", err=True)


_since = click.option(
    "--since",
    default="24h",
    show_default=True,
    metavar="WHEN",
    help="From when on: 7d for so long ago, or a time with its offset.",
)
_until = click.option("--until", default=None, metavar="WHEN", help="Up to when, written likewise.  [default: now]")
_service = click.option("--service", default=None, metavar="NAME", help="Only this service's.")


@command.command(
    short_help="Single requests as CSV.",
    epilog="Example: paceline export csv --since 1h --service helpdesk -o requests.csv",
)
@_since
@_until
@_service
@_output
@standards_option
@data_option
def csv(
    since: str,
    until: str | None,
    service: str | None,
    output: Path | None,
    overwrite: bool,
    standards: Path,
    data: Path | None,
) -> None:
    """Write the facts of single requests as CSV: who, which model, times, tokens, cost. Never their text."""
    from paceline.exports.requests import request_lines

    span = _span(since, until)
    with _reading(data, standards) as ledger:
        lines = _write(request_lines(ledger, *span, service), output, overwrite=overwrite)
    if lines == 1:
        click.echo(f"No requests{f' of {service}' if service else ''} in this time.", err=True)


@command.command(
    short_help="Single requests as Parquet.", epilog="Example: paceline export parquet --since 7d -o requests.parquet"
)
@_since
@_until
@_service
@click.option(
    "--output", "-o", type=click.Path(dir_okay=False, path_type=Path), required=True, metavar="FILE", help="The file."
)
@overwrite_option
@standards_option
@data_option
def parquet(
    since: str,
    until: str | None,
    service: str | None,
    output: Path,
    overwrite: bool,
    standards: Path,
    data: Path | None,
) -> None:
    """Write the facts of single requests as Parquet: who, which model, times, tokens, cost. Never their text.

    Needs pyarrow: `pip install "paceline[parquet]"`.
    """
    from paceline.exports.parquet import write_parquet

    span = _span(since, until)
    refuse_present(output, overwrite=overwrite)
    with _reading(data, standards) as ledger, writing(output):
        try:
            rows = write_parquet(ledger, output, *span, service)
        except ImportError as error:
            raise Trouble("pyarrow is not installed.", '`pip install "paceline[parquet]"` brings it.') from error
    click.echo(f"{output}: {rows} request{'' if rows == 1 else 's'}.", err=True)


def _span(since: str, until: str | None) -> tuple[float, float]:
    """Read two moments, in Unix seconds."""
    now = time.time()
    first, last = _moment(since, now), now if until is None else _moment(until, now)
    if first >= last:
        raise Trouble("--since is not before --until.", "write spans like 7d for days ago, or times with their offset.")
    return first, last


def _moment(text: str, now: float) -> float:
    """Read `7d` as so long ago, anything else as a time."""
    return read_moment(text).timestamp() if "-" in text else now - read_span(text)


@contextmanager
def _reading(data: Path | None, standards: Path) -> Iterator[Ledger]:
    from paceline.ledger import LedgerError

    place = data_dir(data, standards)
    if not place.path.is_dir():
        wrong = f"there is no data directory {place.path}."
        raise Trouble(wrong, "name one with --data, or start with `paceline up` or `paceline demo`.")
    with opened_ledger(place) as ledger:
        try:
            yield ledger
        except LedgerError as error:
            raise Trouble(f"{error}.", "run `paceline doctor`.") from error


def _write(lines: Iterable[str], output: Path | None, *, overwrite: bool = False) -> int:
    """Write to standard output or a file; return how many parts there were."""
    refuse_present(output, overwrite=overwrite)
    count = 0

    def counted() -> Iterator[str]:
        nonlocal count
        for line in lines:
            count += 1
            yield line

    if output is None:
        for line in counted():
            click.echo(line, nl=False)
    else:
        with writing(output):
            write_whole(output, counted())
    return count


def _say_left_out(left_out: Sequence[str]) -> None:
    for each in left_out:
        click.echo(f"left out: {each}", err=True)
