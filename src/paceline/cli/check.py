"""`paceline check`: lints source code for calls to models."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paceline.cli.trouble import EXIT_COULD_NOT, EXIT_NO, Trouble
from paceline.lint.settings import FAIL_ON, FORMATS, MODES

if TYPE_CHECKING:
    from paceline.lint.findings import Policy
    from paceline.lint.fixes import Changes
    from paceline.lint.output import View
    from paceline.lint.run import Outcome
    from paceline.lint.settings import Settings

_PATH = click.Path(path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(epilog="Example: paceline check --format full src. To begin with: --mode report, then --baseline-add.")
@click.argument("paths", nargs=-1, type=_PATH)
@click.option("--format", "format", type=click.Choice(FORMATS), help="How to print it.  [default: concise]")
@click.option("-o", "--output", type=_FILE, help="Write it to a file; standard output gets the tally.")
@click.option(
    "--mode",
    type=click.Choice(MODES),
    help="What counts: nothing, what is on changed lines, all.  [default: new-only where git has a base, else enforce]",
)
@click.option(
    "--base", metavar="REF", help="Count lines changed since the history left REF.  [default: origin's default]"
)
@click.option(
    "--fail-on",
    type=click.Choice(FAIL_ON),
    help="The mildest finding that fails the run.  [default: error]",
)
@click.option("--select", multiple=True, metavar="CODES", help="Rules to use: codes, their beginnings, names.")
@click.option("--ignore", multiple=True, metavar="CODES", help="Rules to leave out.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Files to leave out; may be repeated.")
@click.option("--tests", is_flag=True, help="Look into tests, too.")
@click.option("--force-exclude", is_flag=True, help="Leave out excluded files and tests that are named, too.")
@click.option("--fix", is_flag=True, help="Mend what can be mended safely, then check again.")
@click.option("--unsafe-fixes", is_flag=True, help="With --fix or --diff: also what changes what the program does.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, and change nothing.")
@click.option("--baseline", metavar="FILE", help="Findings that are allowed.  [default: paceline-baseline.json]")
@click.option("--no-baseline", is_flag=True, help="Allow none.")
@click.option("--baseline-add", is_flag=True, help="Allow what is found now; nothing else lets the baseline grow.")
@click.option("--baseline-prune", is_flag=True, help="Write a smaller baseline in CI, too.")
@click.option("--config", type=_FILE, help="paceline-check.toml or pyproject.toml.  [default: found upwards]")
@click.option("--standards", type=_FILE, help="The standards file.  [default: found upwards]")
@click.option("--service", metavar="NAME", help="The service this is, for its caps and times, and for --report-to.")
@click.option("--gateway", multiple=True, metavar="HOST", help="A host that is the gateway; may be repeated.")
@click.option("--clients", multiple=True, metavar="GLOB", help="Files that may construct clients; may be repeated.")
@click.option("--show-unknown", is_flag=True, help="List what could not be decided.")
@click.option("--summary", is_flag=True, help="Also write Markdown to the job's page ($GITHUB_STEP_SUMMARY).")
@click.option("--cache-dir", metavar="DIR", help="Where to keep what was seen.  [default: .paceline-cache]")
@click.option("--no-cache", is_flag=True, help="Keep nothing, use nothing kept.")
@click.option("--report-to", metavar="URL", help="Post the counts (no code, no paths) to a control process.")
@click.option("--token", envvar="PACELINE_TOKEN", show_envvar=True, help="Its token for --report-to.")
@click.option("--lsp", is_flag=True, help="Serve an editor over standard input and output.")
@click.option("--stdio", is_flag=True, hidden=True)  # editors add it
@click.pass_context
def command(ctx: click.Context, /, paths: tuple[Path, ...], **given: Any) -> None:
    """Lint source code for calls to models.

    PATHS are files and directories, the current one unless named. Exit code 0 when nothing fails, 1 when something
    does, 2 when it could not be done or a file that was named cannot be read.
    """
    from paceline.lint.settings import SettingsError

    if given["lsp"]:
        _serve()
        return
    if given["unsafe_fixes"] and not (given["fix"] or given["diff"]):
        raise Trouble("--unsafe-fixes alone does nothing.", "add --diff to see them, or --fix to apply them.")
    aside = [each for each in ("output", "summary", "report_to") if given["diff"] and given[each]]
    if aside:
        option = aside[0].replace("_", "-")
        raise Trouble(f"--diff shows changes and leaves --{option} undone.", f"leave out --diff, or --{option}.")
    wanted = paths or (Path(),)
    for path in wanted:
        if not path.exists():
            raise Trouble(f"there is no {path}.", "name files or directories that exist.")
    try:
        ctx.exit(_check(wanted, given))
    except SettingsError as error:
        raise Trouble(f"{error}.", error.fix) from error


def _check(paths: tuple[Path, ...], given: dict[str, Any]) -> int:
    from paceline.lint import policies, run, verdict
    from paceline.lint.output import View

    settings = _settings(paths, given)
    token = (given["token"] or "").strip()  # secrets of CI often end with a newline
    if given["report_to"]:
        from paceline.cli.check_report import demand

        demand(given["report_to"], token, settings.service)
    policy = policies.policy(settings, given["standards"], given["gateway"])
    wishes = verdict.Wishes(
        not given["no_baseline"], given["baseline_add"], given["baseline_prune"] or not verdict.in_ci()
    )
    today = datetime.now(UTC).date()
    notes: list[str] = []

    def look() -> tuple[run.Outcome, verdict.Verdict]:
        with _Progress() as progress:
            outcome = run.check(paths, settings, policy, today, cache=_cache(settings, given), progress=progress)
        return outcome, verdict.judge(outcome, settings, run.choice(settings), wishes)

    outcome, said = look()
    if given["fix"] or given["diff"]:
        changes = _mended(outcome, settings, policy, given["unsafe_fixes"])
        if given["diff"]:
            return _show_diff(changes)
        notes += changes.write(settings.root)
        if changes.files:
            outcome, said = look()
    near = _near(settings, said) if settings.format == "github" else (lambda _finding: True)
    view = View(
        outcome, settings.root, said.mode, given["show_unknown"], _colored(given["output"]),
        (*notes, *said.notes), settings.pages, near,
    )  # fmt: skip
    _write(view, settings.format, given["output"])
    if given["summary"]:
        _summarise(view)
    if given["report_to"]:
        _report(view, settings, given["report_to"], token)
    if _unread(paths, outcome, settings):
        return EXIT_COULD_NOT
    return EXIT_NO if said.fails else 0


def _unread(paths: tuple[Path, ...], outcome: Outcome, settings: Settings) -> bool:
    """Say whether a file that was named could not be read, or has a language whose front end is not installed."""
    from paceline.lint import fronts

    skipped = {os.path.realpath(settings.root / name) for name, _ in outcome.unread}
    absent = {module for module, _ in outcome.absent}
    files = [path for path in paths if not path.is_dir()]
    return any(os.path.realpath(path) in skipped or fronts.language(path.name) in absent for path in files)


def _settings(paths: tuple[Path, ...], given: dict[str, Any]) -> Settings:
    """Lay the command line over what the configuration says."""
    from paceline.lint import settings

    found = settings.find(paths[0], given["config"])
    plain = ("format", "mode", "base", "fail_on", "service")
    changes: dict[str, Any] = {name: given[name] for name in plain if given[name] is not None}
    files = ("baseline", "cache_dir")  # in the configuration they count from its directory, here from the current one
    changes |= {name: os.path.abspath(given[name]) for name in files if given[name] is not None}  # noqa: PTH100
    if given["select"]:
        changes["select"] = _split(given["select"])
    return replace(
        found,
        ignore=(*found.ignore, *_split(given["ignore"])),
        exclude=(*found.exclude, *given["exclude"]),
        clients=(*found.clients, *given["clients"]),
        tests=found.tests or given["tests"],
        force_exclude=found.force_exclude or given["force_exclude"],
        **changes,
    )


def _split(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part.strip() for word in words for part in word.split(",") if part.strip())


def _cache(settings: Settings, given: dict[str, Any]) -> Path | None:
    return None if given["no_cache"] else settings.root / settings.cache_dir


def _write(view: View, form: str, output: Path | None) -> None:
    from paceline.lint.output import render

    text = render(view, form).encode("utf-8", "replace").decode()  # names of files need not be text
    if output is None:
        click.echo(text)
        return
    try:
        output.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise Trouble(f"{output} cannot be written: {error.strerror}.", "name another file with --output.") from error
    click.echo(f"{view.tally()}\n{view.coverage()}")


def _summarise(view: View) -> None:
    from paceline.lint.output import render

    where = os.environ.get("GITHUB_STEP_SUMMARY")
    if where is None:
        raise Trouble(
            "$GITHUB_STEP_SUMMARY is not set.", "--summary is for GitHub Actions; else use --format markdown."
        )
    try:
        with Path(where).open("a", encoding="utf-8", errors="replace") as file:
            file.write(render(view, "markdown") + "\n")
    except OSError as error:
        raise Trouble(f"{where} cannot be written: {error.strerror}.", "mend $GITHUB_STEP_SUMMARY.") from error


def _near(settings: Settings, said: Any) -> Callable[[Any], bool]:
    """Say what is on changed lines, for a form that has no room for all."""
    from paceline.lint import git

    commit = said.commit or (git.base(settings.root, settings.base) if git.top(settings.root) else None)
    changed = git.changed(settings.root, commit) if commit else None
    if changed is None:
        return lambda _finding: True
    return lambda finding: git.touches(changed.get(finding.path, ()), finding.line, max(finding.line, finding.last))


def _colored(output: Path | None) -> bool:
    return output is None and sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _mended(outcome: Outcome, settings: Settings, policy: Policy, unsafe: bool) -> Changes:
    from paceline.catalogue import load
    from paceline.lint import fixes, fronts, run
    from paceline.lint.look import Look, look

    chosen = run.choice(settings)

    def again(data: bytes, name: str) -> Look:
        return look(data, name, load(), policy, settings.root)

    def counts(name: str, code: str) -> bool:
        return code in chosen.active and not chosen.ignored(name, code)

    return fixes.mend(outcome.live, lambda name: fronts.read(settings.root / name), again, unsafe, counts)


def _show_diff(changes: Changes) -> int:
    click.echo(changes.diff(), nl=False)
    for line in changes.left():
        click.echo(line, err=True)
    return EXIT_NO if changes.files else 0


def _report(view: View, settings: Settings, url: str, token: str) -> None:
    from paceline.cli.check_report import document, post

    post(url, token, document(view, settings.service or ""))
    click.echo(f"reported {settings.service} to {url}", err=True)


def _serve() -> None:
    try:
        from paceline.lint.server import serve
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("paceline"):
            raise
        raise Trouble("the language server is not installed.", "pip install 'paceline[lsp]'") from error
    serve()


class _Progress:
    """A line on standard error, where that is a terminal and there is much to do."""

    FILES_MIN = 200

    def __init__(self) -> None:
        self.shown = False

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_error: object) -> None:
        if self.shown:
            sys.stderr.write("\r\x1b[K")

    def __call__(self, done: int, total: int) -> None:
        if total >= self.FILES_MIN and (done % 16 == 0 or self.shown) and sys.stderr.isatty():
            self.shown = True
            filled = 30 * done // total
            sys.stderr.write(f"\r{'█' * filled}{'░' * (30 - filled)} {done:,} of {total:,} files")
            sys.stderr.flush()
