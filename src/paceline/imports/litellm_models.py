"""LiteLLM's `model_list`: each entry a deployment of a model, with its provider, limits and price.

Owns what an entry means. Source: docs.litellm.ai, "Config.yaml", "Load balancing", "Custom pricing", "Timeouts".
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from paceline.imports.draft import Draft, Names
from paceline.imports.litellm_provider import Providers
from paceline.imports.money import per_million, spending_limit
from paceline.imports.reading import Section
from paceline.standards.vendors import cap_field

__all__ = ["Entry", "Models"]

_CHAT: Final = {"", "chat", "completion", "responses", "embedding"}
_PRICES: Final = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cached",
    "cache_creation_input_token_cost": "cache_write",
}
_LIMITS: Final = {
    "rpm": "requests_per_minute",
    "tpm": "tokens_per_minute",
    "max_parallel_requests": "requests_in_flight",
}
_PARAMETER: Final = (
    "requests pass as callers send them: nothing is added but what their use case asks for",
    "set it where the call is made",
)
_ENTRA: Final = ("Microsoft Entra's tokens are not fetched", "use a key of the resource")
_SPREAD: Final = (
    "LiteLLM spreads calls over the deployments of a name; paceline prefers the first, and goes on to the next where "
    "that is full, at its limit, slow or failing"
)
_TAGS: Final = (
    "traffic is not routed by tags",
    "give the deployments of a tag a model of their own, and name it in the use cases that need it",
)
_PARAMS: Final[dict[str, tuple[str, str]]] = {
    **dict.fromkeys(("temperature", "top_p", "seed", "stop", "presence_penalty", "frequency_penalty"), _PARAMETER),
    **dict.fromkeys(("max_tokens", "max_completion_tokens", "reasoning_effort", "thinking", "extra_body"), _PARAMETER),
    **dict.fromkeys(("tags", "tag_regex"), _TAGS),
    **dict.fromkeys(("client_id", "client_secret", "tenant_id", "azure_username", "azure_password"), _ENTRA),
    **dict.fromkeys(("azure_ad_token", "azure_scope"), _ENTRA),
    "max_retries": ("retries are one rule for all traffic", "`traffic.retry`"),
    "timeout": ("deadlines belong to use cases", "`use_cases.NAME.deadlines: {total: …}`"),
    "stream_timeout": ("deadlines belong to use cases", "`use_cases.NAME.deadlines: {first_token: …}`"),
    "api_version": ("Azure's v1 API takes no version", ""),
    "drop_params": ("requests pass unchanged: a parameter that the provider refuses comes back as its error", ""),
    "cooldown_time": ("the breaker is one rule for all deployments", "`traffic.breaker`"),
    "region_name": ("a region is part of the address", "`providers.NAME.base_url`"),
    "mock_response": ("it is for tests", "`paceline sim` answers in place of a provider"),
    "mock_timeout": ("it is for tests", "`paceline sim` can be slow, and fail"),
    "rust": ("the gateway is Rust throughout", ""),
    **dict.fromkeys(
        (
            "input_cost_per_second",
            "input_cost_per_audio_token",
            "output_cost_per_audio_token",
            "output_cost_per_second",
        ),
        ("prices are of tokens", ""),
    ),
}
_DESCRIBES: Final = ("it describes the model to LiteLLM", "")
_INFO: Final[dict[str, tuple[str, str]]] = {
    **dict.fromkeys(
        ("version", "description", "max_tokens", "max_output_tokens", "litellm_provider", "base_model"), _DESCRIBES
    ),
    "max_input_tokens": ("prompts are not counted beforehand; the provider refuses what is too long", ""),
    "access_groups": ("what a service may call follows from its use cases", "`use_cases.NAME.models`"),
    "health_check_timeout": ("health is judged by traffic, not by calls of its own", ""),
    "input_cost_per_second": ("prices are of tokens", ""),
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One deployment as it was read."""

    model: str
    deployment: str
    path: str
    details: dict[str, Any] = field(default_factory=dict)
    order: float = math.inf
    weight: float = 0.0
    speaks_messages: bool = False
    is_embedding: bool = False
    total_s: float | None = None
    first_token_s: float | None = None
    max_tokens: int | None = None


class Models:
    """Reads the list, and answers for the rules that name models."""

    def __init__(self, draft: Draft, whole: Section, taken: Iterable[str]) -> None:
        self._draft = draft
        self._whole = whole
        self.names = Names(draft.notes)
        self.entries: list[Entry] = []
        self.by_id: dict[str, str] = {}
        """`model_info.id` → deployment."""
        self._providers = Providers(draft, whole, taken)

    def carry(self) -> None:
        """Read all entries and add their models to the draft."""
        for section in self._whole.sections("model_list"):
            if (entry := self._entry(section)) is not None:
                self.entries.append(entry)
        self._providers.leave()
        by_model: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in self.entries:
            by_model[entry.model].append(entry)
        for model, mine in by_model.items():
            for entry in sorted(mine, key=lambda entry: (entry.order, -entry.weight)):
                self._draft.deployment(model, entry.deployment, entry.details, entry.path)
            self._tell(mine)

    def _tell(self, mine: list[Entry]) -> None:
        if len(self._draft.models[mine[0].model]) > 1:
            why = _SPREAD
            do = "they stand in the order of `order`, then weight, rpm or tpm: see that the first is the right one"
            self._draft.notes.note("changed", mine[0].path, why, do)
        if any(entry.speaks_messages for entry in mine):
            why = "it speaks Anthropic's Messages API, and paceline does not translate between APIs"
            do = "callers reach it at /v1/messages with Anthropic's SDKs"
            self._draft.notes.note("changed", mine[0].path, why, do)

    def _entry(self, section: Section) -> Entry | None:
        params, info = section.section("litellm_params"), section.section("model_info")
        name, model, mode = section.text("model_name"), params.text("model"), info.text("mode")
        if why_not := _why_not(name, model, mode):
            self._draft.notes.note("left out", section.path, *why_not)
            return None
        placed = self._providers.place(model, params, section.path)
        if placed is None:
            return None
        details = _details(section, params, info)
        if placed.is_azure and mode != "embedding" and _is_capped_by_completion(info):
            details["cap_field"] = "max_completion_tokens"
        entry = Entry(
            model=self.names.ours(name, section.at("model_name"), "model"),
            deployment=f"{placed.provider}/{placed.model}",
            path=section.path,
            details=details,
            order=math.inf if (order := params.number("order")) is None else order,
            weight=_weight(params, details.get("limits", {})),
            speaks_messages=placed.speaks_messages,
            is_embedding=mode == "embedding" or "embed" in model,
            total_s=params.positive("timeout"),
            first_token_s=params.positive("stream_timeout"),
            max_tokens=params.whole("max_tokens"),
        )
        if identity := info.text("id"):
            self.by_id[identity] = entry.deployment
            why = "a deployment is called PROVIDER/MODEL"
            self._draft.notes.note("changed", info.at("id"), f"{why}: {entry.deployment}")
        params.leave(_PARAMS)
        info.leave(_INFO | {key: _DESCRIBES for key in info.names() if key.startswith("supports_")})
        section.leave(_PARAMS)
        return entry


def _why_not(name: str, model: str, mode: str) -> tuple[str, str] | None:
    """Say why an entry is no model here, and what to do; none if it is one."""
    if not name or not model:
        return "it has no `model_name` or no `litellm_params.model`", "correct it"
    if "*" in name or "*" in model:
        why = "a wildcard stands for every model of a provider, and standards name the models they allow"
        return why, "list the models that callers use under `models:`"
    if mode not in _CHAT:
        why = f"{mode} is no API of models here; its paths pass through to the provider"
        return why, "`providers.NAME.passthrough`, such as [/images, /audio]"
    return None


def _is_capped_by_completion(info: Section) -> bool:
    """Tell whether what Azure deploys takes `max_completion_tokens`; `base_model` stays where it does not."""
    said = info.text("base_model")
    name = said.rpartition("/")[2]
    if name and cap_field("openai", "openai", name) != "max_tokens":
        return True
    if said:
        info.put("base_model", said)
    return False


def _weight(params: Section, limits: Mapping[str, Any]) -> float:
    weight = params.number("weight")
    return weight if weight is not None else limits.get("requests_per_minute") or limits.get("tokens_per_minute") or 0


def _note_second(part: Section, key: str, found: Collection[object]) -> None:
    if len(found) > 1:
        part.notes.note("left out", part.at(key), "the one in `litellm_params` counts")


def _price(params: Section, info: Section) -> dict[str, float]:
    price: dict[str, float] = {}
    places: list[str] = []
    for theirs, ours in _PRICES.items():
        found = {part.at(theirs): cost for part in (params, info) if (cost := part.number(theirs)) is not None}
        places += found
        price |= {ours: per_million(next(iter(found.values())))} if found else {}
        _note_second(info, theirs, found)
    if not price or ({"input", "output"} <= price.keys() and max(price.values()) < 1e9):
        return price
    why, do = (
        "a price needs input and output, in US dollars a token",
        "`price: {input: …, output: …}` of the deployment",
    )
    for place in places:
        params.notes.note("left out", place, why, do)
    return {}


def _details(section: Section, params: Section, info: Section) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    for theirs, ours in _LIMITS.items():
        # Both places are found in LiteLLM's documentation.
        found = [value for part in (params, section) if (value := part.whole(theirs)) is not None]
        limits |= {ours: found[0]} if found else {}
        _note_second(section, theirs, found)
    limits |= spending_limit(params, "max_budget", "budget_duration")
    price = _price(params, info)
    parts = {"limits": limits, "price": price}
    return {name: part for name, part in parts.items() if part}
