"""T301 timeout-infinite: Nothing is set and the product waits for ever."""

from __future__ import annotations

from collections.abc import Iterator

from paceline.catalogue import load
from paceline.lint.findings import Fix, Hit, Policy, Rule
from paceline.lint.sites import Kind, Site, State


def _check(site: Site, policy: Policy) -> Iterator[Hit]:
    fact = site.fact("timeout")
    if (
        fact.state is State.NO
        and not fact.explicit
        and load(site.language).product(site.product).defaults.timeout_s is None
    ):
        severity = "error" if site.kind is Kind.FRAMEWORK and site.product == "langchain" else "warning"
        edit = site.adding("timeout", timeout_text(site, policy))
        fix = Fix(f"wait {policy.timeout_s:g} s at most", "unsafe", (edit,)) if edit is not None else None
        message = f"`{site.method}` waits for ever: {site.product} sets no timeout"
        unless = site.setting("timeout") if site.origin == "function" else ""
        yield Hit(severity, message, "Set `timeout`.", fact.place, fix, unless)


def timeout_text(site: Site, policy: Policy) -> str:
    """Write the policy's timeout in the product's own unit."""
    unit = load(site.language).product(site.product).unit
    return f"{policy.timeout_s:g}" if unit == "s" else f"{policy.timeout_s * 1000:.0f}"


RULE = Rule(
    code="T301",
    name="timeout-infinite",
    severity="error",
    summary="Nothing is set and the product waits for ever.",
    why="""\
A product without a default timeout waits as long as the connection stays open. One stalled provider then holds
every worker, and users see a hang instead of an error that could be retried elsewhere. The workers that are added
meanwhile cost money and hang, too.""",
    bad="""\
from langchain_openai import ChatOpenAI

llm = ChatOpenAI(model=MODEL, max_tokens=800)
""",
    good="""\
from langchain_openai import ChatOpenAI

llm = ChatOpenAI(model=MODEL, max_tokens=800, timeout=30)
""",
    misses="""\
A timeout around the call (`asyncio.wait_for`) is not seen. One set for the whole program (`litellm.request_timeout`)
is, where the run reads the file that sets it; one in an HTTP client made elsewhere is unknown.""",
    kinds=(Kind.FRAMEWORK, Kind.GENERATION),
    asks="timeout",
    check=_check,
    fixes="unsafe; adds the standards' timeout (60 seconds unless they say otherwise).",
    typescript=(
        """\
import { generateText } from "ai";

const { text } = await generateText({ model, prompt, maxOutputTokens: 800 });
""",
        """\
import { generateText } from "ai";

const { text } = await generateText({ model, prompt, maxOutputTokens: 800, timeout: 30_000 });
""",
    ),
)
