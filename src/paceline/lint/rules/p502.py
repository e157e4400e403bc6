"""P502 prompt-dated: The day stands early in a system prompt."""

from __future__ import annotations

from collections.abc import Iterator

from paceline.lint.findings import Hit, Policy, Rule
from paceline.lint.sites import Kind, Site, State


def _check(site: Site, _policy: Policy) -> Iterator[Hit]:
    fact = site.fact("stable")
    if fact.state is State.NO and fact.value == "day":
        yield Hit("info", f"`{site.method}` changes each day: {fact.because}", "Move it behind what stays.", fact.place)


RULE = Rule(
    code="P502",
    name="prompt-dated",
    severity="info",
    summary="The day stands early in a system prompt.",
    why="""\
The prompt cache starts anew each midnight, which is cheap; but it moves nothing to put the day behind what
stays. Until it is warm again, each prefix is read and paid for once more, and its first token is late.""",
    bad="""\
from datetime import date


def build(rules):
    system_prompt = f"Today is {date.today()}. {rules}"
    return system_prompt
""",
    good="""\
def build(rules):
    system_prompt = f"{rules}"
    return system_prompt
""",
    misses="""\
As P501. A prompt that is shorter than what a provider caches is reported all the same.""",
    kinds=(Kind.PROMPT,),
    asks="",
    check=_check,
    typescript=(
        """\
function build(rules: string) {
  const systemPrompt = `Today is ${new Date().toDateString()}. ${rules}`;
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
