"""`paceline run`: any program, with its SDKs pointed at the gateway and tagged."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import click

from paceline.cli.places import data_dir, data_option, standards_option
from paceline.cli.trouble import Trouble
from paceline.gateway import parts
from paceline.gateway.address import Address
from paceline.gateway.data_dir import DataDir
from paceline.gateway.link import UntrustedError, ask_http
from paceline.gateway.sdk_environment import Tag, sdk_environment

# A key made now is in force within a second; asked for this often, this long.
KEY_WAIT_S = 5.0
KEY_POLL_S = 0.05
NOT_FOUND = 127
NOT_EXECUTABLE = 126


@click.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog="Example: paceline run --service helpdesk --use-case support-chat -- python app.py",
)
@click.option("--service", required=True, help="The service the program is, or belongs to.")
@click.option("--use-case", required=True, help="What its calls are for.")
@click.option("--gateway", "url", envvar="PACELINE_URL", show_envvar=True, metavar="URL", help="The gateway's address.")
@standards_option
@data_option
@click.argument("program", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND...")
@click.pass_context
def command(
    ctx: click.Context,
    service: str,
    use_case: str,
    url: str | None,
    standards: Path,
    data: Path | None,
    program: tuple[str, ...],
) -> None:
    """Run a program with its SDKs pointed at the gateway.

    Sets the base-URL, key and header variables that the OpenAI and Anthropic SDKs, LangChain, LiteLLM, LlamaIndex,
    the AI SDK and others read. The key is PACELINE_KEY, or one made for this run and revoked when it ends.
    The exit code is the program's.
    """
    tag = Tag(service, use_case)
    base = (url or running_gateway(data_dir(data, standards))).rstrip("/")
    given = os.environ.get("PACELINE_KEY")
    if given:
        replace_this_process(program, sdk_environment(os.environ, base, given, tag))
    place = data_dir(data, standards)
    if not place.path.is_dir():
        wrong = f"there is no key to call with: PACELINE_KEY is not set and there is no data directory {place.path}."
        raise Trouble(wrong, "set PACELINE_KEY, or name the gateway's data directory with --data.")
    require_known(standards, tag)
    with key_for_this_run(place, tag) as key:
        wait_for_key(base, key, tag, place.certificate(), named=bool(url))
        ctx.exit(run_to_end(program, sdk_environment(os.environ, base, key, tag)))


def running_gateway(place: DataDir) -> str:
    """Return the URL of the gateway that `paceline up` started last on this directory, else the default one."""
    import json

    try:
        state = json.loads(place.supervisor_state.read_text())
        return place.gateway_url(Address.read(state["gateway"]))
    except (OSError, ValueError, KeyError, TypeError):
        return place.gateway_url(Address.read(parts.GATEWAY_LISTEN))


def replace_this_process(program: tuple[str, ...], environment: Mapping[str, str]) -> None:
    """Become the program; raises `Trouble` when it cannot be started."""
    try:
        os.execvpe(program[0], program, environment)  # noqa: S606  # the caller's own command, no shell
    except OSError as error:
        raise cannot_start(program, error) from error


def run_to_end(program: tuple[str, ...], environment: Mapping[str, str]) -> int:
    """Run the program, pass SIGTERM and SIGHUP on, and return its exit code as a shell would."""
    try:
        child = subprocess.Popen(program, env=environment)
    except OSError as error:
        raise cannot_start(program, error) from error
    previous = {number: signal.signal(number, lambda got, _: child.send_signal(got)) for number in _PASSED_ON}
    previous[signal.SIGINT] = signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal sends it to the child too
    try:
        code = child.wait()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    return code if code >= 0 else 128 - code


_PASSED_ON = (signal.SIGTERM, signal.SIGHUP)


def cannot_start(program: tuple[str, ...], error: OSError) -> Trouble:
    """Put a program that cannot be started into words, with a shell's exit codes."""
    missing = isinstance(error, FileNotFoundError)
    return Trouble(
        f"cannot start {program[0]!r}: {error.strerror}.",
        "check the command after `--`." if missing else "make it executable.",
        NOT_FOUND if missing else NOT_EXECUTABLE,
    )


def require_known(standards: Path, tag: Tag) -> None:
    """Raise `Trouble` for a service that the standards file does not have: a key for it would never work."""
    from paceline.cli.keys import known_services, warn_of_unknown

    services = known_services(standards)
    if services is not None and tag.service not in services:
        wrong = f"{standards} has no service {tag.service!r} (it has {', '.join(services) or 'none'})."
        raise Trouble(wrong, "correct --service, or put it under `services:`.")
    warn_of_unknown(standards, tag.service, tag.use_case)


@contextmanager
def key_for_this_run(place: DataDir, tag: Tag) -> Iterator[str]:
    """Make a key that acts for the tag, and revoke it afterwards."""
    from paceline.cli.keys import opened_ledger

    with opened_ledger(place) as ledger:
        made = ledger.keys.create(service=tag.service, use_case=tag.use_case, name=f"run {os.getpid()}")
    try:
        yield made.key
    finally:
        with opened_ledger(place) as ledger:
            ledger.keys.revoke(made.id)


def wait_for_key(base: str, key: str, tag: Tag, certificate: Path | None, *, named: bool) -> None:
    """Wait until the gateway knows the key; raises `Trouble` when there is no gateway or it never does.

    The key travels over TLS wherever `base` says so: to our own certificate, or, for a gateway that was `named`, to
    one that is trusted for its name.
    """
    scheme, _, rest = base.partition("://")
    address, secure = rest.partition("/")[0], scheme == "https"
    known = certificate if secure else None
    end = time.monotonic() + KEY_WAIT_S
    while time.monotonic() < end:
        try:
            headers = {"authorization": f"Bearer {key}"}
            answer = ask_http(address, f"{tag.path}/v1/models", headers, known, anyone=secure and named)
        except UntrustedError as error:
            wrong = f"the certificate of the gateway at {base} is not trusted here: {error}."
            raise Trouble(wrong, "set SSL_CERT_FILE to the file of its certificate authority.") from error
        if answer is None:
            raise Trouble(
                f"no gateway answers at {base}.", "start one with `paceline up`, or name yours with --gateway."
            )
        if answer[0] not in {401, 503}:
            return
        time.sleep(KEY_POLL_S)
    wrong = f"the gateway at {base} does not know a key made in this data directory."
    raise Trouble(wrong, "check that `paceline control` runs on the same --data, or set PACELINE_KEY.")
