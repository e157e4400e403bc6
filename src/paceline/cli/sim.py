"""`paceline sim`: the simulated provider."""

from __future__ import annotations

import json

import click

from paceline.cli.trouble import Trouble

LISTEN = "127.0.0.1:4199"


def configuration(listen: str, models: tuple[str, ...], speed: float, seed: int) -> str:
    """Return the native module's configuration: what to serve, how fast, from which seed."""
    named = [_model(text) for text in models]
    return json.dumps({"listen": listen, "models": named, "speed": speed, "seed": seed})


def _model(text: str) -> dict[str, object]:
    """Read `NAME`, `NAME=PRESET` or `NAME=PRESET,step_ms=10`; which fields there are is the simulator's to know."""
    name, _, rest = text.partition("=")
    preset, *settings = rest.split(",")
    read: dict[str, object] = {"name": name, "preset": preset or None}
    for setting in settings:
        field, _, value = setting.partition("=")
        try:
            number = float(value)
        except ValueError:
            raise Trouble(
                f"{setting!r} in --model {text!r} is not FIELD=NUMBER.", "write it like step_ms=10."
            ) from None
        read[field] = int(number) if number.is_integer() else number
    return read


@click.command(
    epilog="Example: paceline sim --listen 127.0.0.1:4199 --model gpt-5.4-mini=small --model claude-haiku-4-5"
)
@click.option("--listen", default=LISTEN, show_default=True, metavar="HOST:PORT", help="Where to listen.")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME[=PRESET[,FIELD=NUMBER]]",
    help="A model to serve and how it behaves: tiny, small, large, frontier, instant, paced. May be repeated."
    "  [default: any name, as a small model]",
)
@click.option(
    "--speed", type=click.FloatRange(min=0, min_open=True), default=1.0, show_default=True, help="Time scale."
)
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of everything random.")
@click.pass_context
def command(ctx: click.Context, listen: str, models: tuple[str, ...], speed: float, seed: int) -> None:
    """Run the simulated provider.

    It speaks the OpenAI and Anthropic APIs, streamed and not, with the latency of a batching engine, and records
    the true times and token counts of every request. No model is behind it and no key is needed.
    """
    try:
        from paceline import _core
    except ImportError as error:
        raise Trouble(f"the native module cannot be loaded ({error}).", "reinstall paceline.") from error
    try:
        ctx.exit(_core.simulate(configuration(listen, models, speed, seed)))
    except (OSError, ValueError) as error:
        raise Trouble(f"the simulated provider cannot run: {error}.", "choose another --listen or --model.") from error
