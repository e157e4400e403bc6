"""B101 client-past-gateway: A provider's client is constructed past the gateway."""

from __future__ import annotations

from collections.abc import Iterator

from paceline.catalogue import load
from paceline.lint.findings import Fix, Hit, Policy, Rule
from paceline.lint.sites import Edit, Kind, Site, State

_BY_NAME = {
    "Claude": "ANTHROPIC_BASE_URL", "Anthropic": "ANTHROPIC_BASE_URL", "Gemini": "GOOGLE_GEMINI_BASE_URL",
    "Google": "GOOGLE_GEMINI_BASE_URL", "Vertex": "", "Groq": "GROQ_BASE_URL", "Ollama": "OLLAMA_HOST", "Mistral": "",
    "DeepSeek": "", "XAI": "", "xAI": "", "Cohere": "", "Together": "", "Fireworks": "", "OpenRouter": "", "Azure": "",
    "Inference": "", "LiteLLM": "", "Nebius": "", "Bedrock": "", "NVIDIA": "", "Perplexity": "", "Watsonx": "",
    "Tongyi": "", "Zhipu": "", "Baichuan": "", "Moonshot": "", "HuggingFace": "", "Cerebras": "", "LMStudio": "",
}  # fmt: skip
"""A framework's models read the variable of the provider that they are named after; some read none."""


def _variable(site: Site) -> str:
    """Name the variable that leads this constructor to the gateway; empty where none does."""
    product = load(site.language).product(site.product)
    if product.kind == "agent":
        return ""
    if product.kind == "sdk":
        return next(iter(product.environment.get("base_url", ())), "")
    known = (variable for word, variable in _BY_NAME.items() if word in site.method)
    return next(known, next(iter(product.environment.get("base_url", ())), ""))


_ARGUMENTS = {"python": "base_url", "typescript": "baseURL"}
_PATHS = {"openai": "/v1", "anthropic": ""}
"""What follows the tag in the address that an SDK is given."""


def _fix(site: Site, policy: Policy) -> Fix | None:
    """Point an SDK's client at the organisation's gateway, where both that and the only tag are known."""
    hosts = [each for each in policy.gateways if each not in Policy().gateways]
    if site.kind is not Kind.CLIENT or site.product not in _PATHS or not hosts or len(policy.tags) != 1:
        return None
    scheme = "http" if ":" in hosts[0] else "https"
    value = f'"{scheme}://{hosts[0]}/t/{policy.tags[0]}{_PATHS[site.product]}"'
    address = site.fact("base_url")
    edit = None
    if address.span is not None:
        edit = Edit(*address.span, value)
    elif address.state is State.NO and site.insert is not None:
        edit = site.insert.edit(_ARGUMENTS[site.language], value)
    return Fix(f"point it at {hosts[0]}", "unsafe", (edit,)) if edit is not None else None


def _check(site: Site, policy: Policy) -> Iterator[Hit]:
    if policy.may_construct(site.path):
        return
    fact = site.fact("base_url")
    if site.fact("generates").state is State.NO:
        return
    hint = "Point it at the gateway, or use the shared client."
    if fact.state is State.YES and isinstance(fact.value, str):
        if any(host in fact.value for host in load(site.language).hosts()):
            yield Hit("error", f"`{site.method}` goes straight to {fact.value}", hint, fact.place, _fix(site, policy))
    elif fact.state is State.NO and _variable(site):
        message = f"`{site.method}` reaches the gateway only where {_variable(site)} is set"
        yield Hit("warning", message, hint, fix=_fix(site, policy))


RULE = Rule(
    code="B101",
    name="client-past-gateway",
    severity="warning",
    summary="A provider's client is constructed past the gateway.",
    why="""\
What does not pass the gateway has no budget, no cap, no failover and no line in the ledger: its latency and its
cost are nobody's. A client that names the provider's own host is an error; one that names no address passes
only where the environment points it at the gateway, so it is a warning.""",
    bad="""\
from openai import OpenAI

client = OpenAI(base_url="https://api.openai.com/v1")
""",
    good="""\
from openai import OpenAI

client = OpenAI(base_url="http://localhost:4100/t/helpdesk/chat/v1")
""",
    fixes="""\
Unsafe: writes the gateway's address with the tag into a client of OpenAI's or Anthropic's SDK, where the configuration
or the standards name the gateway's host and `service` one with a single use case.""",
    misses="""\
Silent where the address is computed (unknown), and in files named under `clients` in the configuration. A
client that only lists models is left alone where that is in sight. Agents that are given a model by name are not looked
at.""",
    kinds=(Kind.CLIENT, Kind.FRAMEWORK),
    asks="base_url",
    check=_check,
    typescript=(
        """\
import OpenAI from "openai";

const client = new OpenAI({ baseURL: "https://api.openai.com/v1" });
""",
        """\
import OpenAI from "openai";

const client = new OpenAI({ baseURL: "http://localhost:4100/t/helpdesk/chat/v1" });
""",
    ),
)
