"""P501 prompt-volatile: A clock, an identifier or chance stands early in a system prompt."""

from __future__ import annotations

from collections.abc import Iterator

from paceline.lint.findings import Hit, Policy, Rule
from paceline.lint.sites import Kind, Site, State


def _check(site: Site, _policy: Policy) -> Iterator[Hit]:
    fact = site.fact("stable")
    if fact.state is not State.NO or fact.value not in {"fine", "identity"}:
        return
    severity, when = ("error", "at each call") if fact.value == "fine" else ("warning", "with each user or request")
    message = f"`{site.method}` changes {when}: {fact.because}"
    yield Hit(severity, message, "Move it behind what stays.", fact.place)


RULE = Rule(
    code="P501",
    name="prompt-volatile",
    severity="error",
    summary="A clock, an identifier or chance stands early in a system prompt.",
    why="""\
Providers reuse the work on a prompt only up to its first changed byte. A time of day at the head of a long
system prompt brings cache hits to nothing: each call pays the full price of its input and waits for it to be
read again.""",
    bad="""\
from datetime import datetime


def build(rules):
    system_prompt = f"It is {datetime.now()}. {rules}"
    return system_prompt
""",
    good="""\
def build(rules):
    system_prompt = f"{rules}"
    return system_prompt
""",
    misses="""\
Only what is in sight is judged: a value handed in is unknown. Texts of a module are made once, at its start,
and left alone. Prompts shorter than what a provider caches are reported all the same.""",
    kinds=(Kind.PROMPT,),
    asks="stable",
    check=_check,
    typescript=(
        """\
function build(rules: string) {
  const systemPrompt = `It is ${new Date().toISOString()}. ${rules}`;
  return systemPrompt;
}
""",
        """\
function build(rules: string) {
  const systemPrompt = `${rules}`;
  return systemPrompt;
}
""",
    ),
)
