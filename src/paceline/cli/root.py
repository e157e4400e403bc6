"""The root command: the list of subcommands, each imported only when it is called."""

from __future__ import annotations

import os
from importlib import import_module

import click

# Command -> what `paceline --help` says of it. A test compares each with the command's own first line.
COMMANDS: dict[str, str] = {
    "init": "Write a starter standards file.",
    "validate": "Check a standards file and show all its faults.",
    "up": "Run the gateway and the control process on this machine.",
    "demo": "Replay real traces through the gateway and report.",
    "report": "Show every service's latency and cost beside its budget.",
    "incidents": "Show and act on breaches, regressions and hidden risks.",
    "review": "Write the review of a week or a month.",
    "scorecard": "Say how far services have come: bronze, silver, gold.",
    "waivers": "Ask for exceptions to the standards, approve or deny them, list them.",
    "owners": "Say who owns which service, and which calls nobody answers for.",
    "exclusions": "Say when not to judge: known maintenance, once or by a rule.",
    "alerts": "Try the channels of a service's owner, and list what was sent.",
    "event": "Tell of deploys and outages, for the timelines of incidents.",
    "keys": "Make, list and revoke the keys that services call with.",
    "tokens": "Make, list and revoke tokens of people and programs for the control API.",
    "run": "Run a program with its SDKs pointed at the gateway.",
    "import": "Take over what other tools know: another gateway's configuration, a catalogue's owners.",
    "check": "Lint source code for calls to models.",
    "rules": "Say what the linter looks for, and why.",
    "export": "Write standards and ledger in the forms of other tools: rules, SLOs, dashboards, cost data.",
    "gateway": "Run the gateway process alone.",
    "control": "Run the control process alone.",
    "sim": "Run the simulated provider.",
    "explain": "Say what a code means and what to do about it.",
    "doctor": "Find out what is wrong with this installation.",
}

_MODULES = {"import": "importing"}
"""Commands whose name cannot be a module's."""


class LazyGroup(click.Group):
    """A group whose commands are modules of `paceline.cli`, imported when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name the commands in the order a newcomer meets them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one command's module; an unknown name gets no command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        found = import_module(f"paceline.cli.{_MODULES.get(cmd_name, cmd_name)}").command
        assert isinstance(found, click.Command)  # noqa: S101  # holds for every module named in COMMANDS; tested
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; for an unknown name, say which one was probably meant."""
        name = args[0] if args else ""
        if name and name not in COMMANDS and not name.startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(name, COMMANDS, n=1)
            meant = f"did you mean `paceline {near[0]}`?" if near else "`paceline --help` lists the commands."
            ctx.fail(f"there is no command {name!r}; {meant}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _print_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        import paceline

        click.echo(f"paceline {paceline.__version__}")
        ctx.exit()


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="First time here? `paceline demo` shows the whole thing in a minute, `paceline init` starts your own.",
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_print_version,
    help="Show the version and exit.",
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """LLM calls that are fast, cheap and accounted for, by default.

    A gateway applies your organisation's standards to every call; a ledger shows each service's p95 and cost
    against its budget.
    """
    if os.environ.get("NO_COLOR"):
        ctx.color = False
