"""The environment variables that point SDKs and frameworks at the gateway, tagged.

Measured with 13 Python and 6 TypeScript entry points: base-URL variables reach all of them, header variables most,
so the tag travels in the path and the headers only repeat it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote, urlsplit


class Tag(NamedTuple):
    """Whose calls these are and what for."""

    service: str
    use_case: str

    @property
    def path(self) -> str:
        """The prefix of every address: `/t/SERVICE/USE-CASE`."""
        return f"/t/{quote(self.service, safe='')}/{quote(self.use_case, safe='')}"


# OpenAI clients append `/chat/completions`, so their base ends in /v1; Anthropic's append `/v1/messages` (the AI SDK
# `/messages`, which the gateway takes as well), so theirs does not.
OPENAI_BASES = ("OPENAI_BASE_URL", "OPENAI_API_BASE")
ANTHROPIC_BASES = ("ANTHROPIC_BASE_URL", "ANTHROPIC_API_BASE", "ANTHROPIC_API_URL")
KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "PACELINE_KEY")
HEADERS = ("OPENAI_CUSTOM_HEADERS", "ANTHROPIC_CUSTOM_HEADERS")
# These would travel beside the paceline key, or choose another account.
REMOVED = ("ANTHROPIC_AUTH_TOKEN", "OPENAI_ORG_ID", "OPENAI_ORGANIZATION", "OPENAI_PROJECT_ID")


def sdk_environment(own: Mapping[str, str], base: str, key: str, tag: Tag) -> dict[str, str]:
    """Return `own` with every variable set that makes SDKs call `base` (a URL without path) as `tag` with `key`."""
    tagged = f"{base}{tag.path}"
    environment = {name: value for name, value in own.items() if name not in REMOVED}
    environment |= dict.fromkeys(OPENAI_BASES, f"{tagged}/v1")
    environment |= dict.fromkeys(ANTHROPIC_BASES, tagged)
    environment |= dict.fromkeys(KEYS, key)
    for name in HEADERS:
        kept = [line for line in own.get(name, "").splitlines() if line.strip()]
        added = [f"x-paceline-service: {tag.service}", f"x-paceline-use-case: {tag.use_case}"]
        environment[name] = "\n".join([*kept, *added])
    environment |= {
        "PACELINE_URL": base,
        "PACELINE_SERVICE": tag.service,
        "PACELINE_USE_CASE": tag.use_case,
    }
    return environment | _past_proxies(own, base)


def _past_proxies(own: Mapping[str, str], base: str) -> dict[str, str]:
    """Keep a proxy meant for the outside world from being asked for the gateway."""
    host = urlsplit(base).hostname or ""
    result = {}
    for name in ("NO_PROXY", "no_proxy"):
        hosts = [one for one in own.get(name, "").split(",") if one]
        if host not in hosts:
            hosts.append(host)
        result[name] = ",".join(hosts)
    return result
