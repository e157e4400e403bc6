"""The command line as a whole: what is listed, what is loaded, how trouble reads."""

import json
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner
from inline_snapshot import snapshot

from paceline.cli.root import COMMANDS, command


def paceline(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-m", "paceline", *arguments),
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )


def test_help_lists_the_commands_in_the_order_a_newcomer_meets_them() -> None:
    assert paceline("--help").stdout == snapshot("""\
Usage: paceline [OPTIONS] COMMAND [ARGS]...

  LLM calls that are fast, cheap and accounted for, by default.

  A gateway applies your organisation's standards to every call; a ledger
  shows each service's p95 and cost against its budget.

Options:
  --version   Show the version and exit.
  -h, --help  Show this message and exit.

Commands:
  init        Write a starter standards file.
  validate    Check a standards file and show all its faults.
  up          Run the gateway and the control process on this machine.
  demo        Replay real traces through the gateway and report.
  report      Show every service's latency and cost beside its budget.
  incidents   Show and act on breaches, regressions and hidden risks.
  review      Write the review of a week or a month.
  scorecard   Say how far services have come: bronze, silver, gold.
  waivers     Ask for exceptions to the standards, approve or deny them, list
              them.
  owners      Say who owns which service, and which calls nobody answers for.
  exclusions  Say when not to judge: known maintenance, once or by a rule.
  alerts      Try the channels of a service's owner, and list what was sent.
  event       Tell of deploys and outages, for the timelines of incidents.
  keys        Make, list and revoke the keys that services call with.
  tokens      Make, list and revoke tokens of people and programs for the
              control API.
  run         Run a program with its SDKs pointed at the gateway.
  import      Take over what other tools know: another gateway's
              configuration, a catalogue's owners.
  check       Lint source code for calls to models.
  rules       Say what the linter looks for, and why.
  export      Write standards and ledger in the forms of other tools: rules,
              SLOs, dashboards, cost data.
  gateway     Run the gateway process alone.
  control     Run the control process alone.
  sim         Run the simulated provider.
  explain     Say what a code means and what to do about it.
  doctor      Find out what is wrong with this installation.

  First time here? `paceline demo` shows the whole thing in a minute,
  `paceline init` starts your own.
""")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_listed_in_its_own_words_and_shows_an_example(name: str) -> None:
    found = command.get_command(command.make_context("paceline", ["--help"], resilient_parsing=True), name)
    assert found is not None
    assert found.get_short_help_str(limit=100) == COMMANDS[name]
    shown = CliRunner().invoke(command, [name, "--help"], prog_name="paceline")
    assert shown.exit_code == 0
    assert f"Example: paceline {name}" in shown.output


def loaded_by(*code: str) -> set[str]:
    script = ";".join([*code, "import json, sys", "print(json.dumps(list(sys.modules)))"])
    done = subprocess.run((sys.executable, "-c", script), capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_paceline_loads_nothing_else() -> None:
    loaded = loaded_by("import paceline")
    assert {name for name in loaded if name.startswith("paceline")} == {"paceline"}
    assert not loaded & {"socket", "ssl", "click", "pydantic"}


def test_help_loads_neither_rich_nor_what_the_commands_need() -> None:
    loaded = loaded_by(
        "import sys; sys.argv = ['paceline', '--help']",
        "from contextlib import suppress",
        "from paceline.cli import main",
        "exec('with suppress(SystemExit): main()')",
    )
    assert not loaded & {"rich", "pydantic", "sqlalchemy", "fastapi", "numpy", "yaml", "asyncio", "paceline._core"}


def test_the_gateway_process_loads_the_native_module_and_nothing_heavy() -> None:
    pytest.importorskip("paceline._core")
    loaded = loaded_by(
        "import sys; sys.argv = ['paceline', 'gateway', '--listen']",
        "from paceline.cli import main",
        "assert main() == 2",
        "from paceline import _core",
    )
    own = {name for name in loaded if name.startswith("paceline")}
    tiny = {"paceline.gateway.lifeline", "paceline.gateway.process"}
    assert own == {"paceline", "paceline.cli", "paceline.gateway", "paceline._core"} | tiny
    assert not loaded & {"click", "pydantic", "socket", "typing", "json.decoder"} - {"json.decoder"}


def test_an_unknown_command_is_named_with_the_one_probably_meant() -> None:
    done = paceline("raport")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == snapshot(
        "Error: there is no command 'raport'; did you mean `paceline report`?"
    )


def test_trouble_is_one_line_what_is_wrong_and_one_line_what_to_do() -> None:
    done = paceline("up", "--standards", "/nowhere/paceline.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == snapshot("""\
error: there is no standards file /nowhere/paceline.yaml.
  fix: `paceline init` writes a commented paceline.yaml here; or name yours with --standards.
""")


def test_the_version_is_shown() -> None:
    assert paceline("--version").stdout.startswith("paceline ")


def test_gateway_arguments_that_make_no_sense_are_refused_in_the_same_form() -> None:
    done = paceline("gateway", "--threads", "none")
    assert done.returncode == 2
    assert done.stderr == snapshot("""\
error: option --threads wants a whole number above 0, not 'none'
  fix: see `paceline gateway --help`.
""")
