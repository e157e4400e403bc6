"""Targets of Portkey's configs as deployments: strategies flattened into an order, providers, virtual keys, models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from pydantic_core import PydanticCustomError

from paceline.imports.draft import Draft, Names
from paceline.imports.reading import Section
from paceline.imports.secrets import Secrets, looks_secret, variable
from paceline.imports.vendors import AZURE, Kind, address_name, guessed_kind, kind_of, vendor_of
from paceline.standards.names import suggestion
from paceline.standards.scalars import address as checked_address
from paceline.standards.vendors import VENDORS

__all__ = ["Targets"]

_PARAMETER: Final = (
    "requests pass as callers send them: nothing is added but what their use case asks for",
    "set it where the call is made",
)
_SPREAD: Final = (
    "Portkey spreads calls by weight; paceline prefers the first target, and goes on to the next where that is full, "
    "at its limit, slow or failing",
    "the heaviest stands first: see that it is the right one",
)


class Targets:
    """Turns targets into deployments of models."""

    def __init__(self, draft: Draft, virtual_keys: Mapping[str, str], default: str) -> None:
        self._draft = draft
        self._virtual_keys = virtual_keys
        self._provider, _, self._model = default.partition("/")
        usual = VENDORS[self._provider].key if self._provider in VENDORS else ""
        self._secrets = Secrets(draft.notes, [usual.removeprefix("env:")])
        self.seen: list[Section] = []
        """Every target of the config at hand, for what else is in it."""
        self.cap: int | None = None
        """The output cap that all of them have."""

    def carry(self, name: str, config: Section, names: Names) -> list[str]:
        """Add a config's deployments to a model, and further models for what it chooses by condition; list them."""
        caps: list[int | None] = []
        models: dict[str, None] = {}
        for model, leaf in list(self._leaves(name, config, names)):
            deployment, cap = self._deployment(leaf)
            caps.append(cap)
            if deployment:
                models[model] = None
                self._draft.deployment(model, deployment, {}, leaf.path)
                if self._draft.speaks_messages(deployment):
                    why = "it speaks Anthropic's Messages API, and paceline does not translate between APIs"
                    do = "callers reach it at /v1/messages with Anthropic's SDKs"
                    self._draft.notes.note("changed", leaf.path, why, do)
        self.cap = caps[0] if len(set(caps)) == 1 else None
        if self.cap is None and any(caps):
            do = "`use_cases.NAME.max_output_tokens`"
            self._draft.notes.note("left out", config.at("targets"), "the targets cap output differently", do)
        return list(models)

    def _leaves(self, model: str, section: Section, names: Names) -> Iterator[tuple[str, Section]]:
        """Yield targets without targets of their own, in order of preference, each with its model."""
        self.seen.append(section)
        strategy, targets = section.section("strategy"), list(section.sections("targets"))
        mode = strategy.text("mode") or ("fallback" if targets else "single")
        if not targets:
            yield model, section
            return
        weights = [target.number("weight") for target in targets]
        if mode == "loadbalance":
            self._draft.notes.note("changed", strategy.at("mode"), *_SPREAD)
            heaviest = sorted(zip(weights, targets, strict=True), key=lambda pair: -(1 if pair[0] is None else pair[0]))
            targets = [target for _, target in heaviest]
        if mode == "conditional":
            targets = self._chosen(strategy, targets)
        if mode == "single":
            for target in targets[1:]:
                self._draft.notes.note("left out", target.path, "a strategy of mode single has one target")
            targets = targets[:1]
        for place, target in enumerate(targets):
            label = target.text("name")
            own = mode == "conditional" and place > 0
            named = names.ours(f"{model}-{label or place}", target.path, "model") if own else model
            yield from self._leaves(named, target, names)
        strategy.leave({"on_status_codes": ("which failures lead on is one rule for all traffic", "docs/traffic.md")})

    def _chosen(self, strategy: Section, targets: list[Section]) -> list[Section]:
        """Put the default target of a conditional strategy first; the others become models of their own."""
        default = strategy.text("default")
        strategy.take("conditions")
        why = "no condition chooses a target: the default is the model, each other target a model of its own"
        do = "a use case with the model it needs, for what each condition stands for"
        self._draft.notes.note("changed", strategy.at("conditions"), why, do)
        names = [target.text("name") for target in targets]
        for target, name in zip(targets, names, strict=True):
            target.put("name", name)
        return sorted(targets, key=lambda target: names[targets.index(target)] != default)

    def _deployment(self, leaf: Section) -> tuple[str, int | None]:
        """Return a leaf's deployment, empty with a finding if there is none, and its output cap."""
        override = leaf.section("override_params")
        model = override.text("model") or leaf.text("azure_model_name")
        cap = override.whole("max_tokens")
        override.leave(dict.fromkeys(override.names(), _PARAMETER))
        for key in ("name", "weight"):
            leaf.take(key)
        found = self._placed(leaf, model)
        if found is None:
            return "", cap
        provider, model = found
        if not (model := model or self._model):
            why = "the target names no model: its callers do"
            self._draft.notes.note("left out", leaf.path, why, "--default PROVIDER/MODEL names it")
            return "", cap
        return f"{provider}/{model}", cap

    def _placed(self, leaf: Section, model: str) -> tuple[str, str] | None:
        """Find the provider, and what it calls the model."""
        said, slug = leaf.text("provider"), leaf.text("virtual_key")
        if model.startswith("@"):
            said, _, model = model.partition("/")
        if said.startswith("@"):
            said, slug = "", said.removeprefix("@")
        kind = self._virtual(slug, leaf) if slug else kind_of(said or self._provider)
        if kind is None:
            if not slug:
                why = f"paceline does not speak {said}'s API" if said else "it names no provider: its callers do"
                do = "--default PROVIDER/MODEL" if not said else "its OpenAI-compatible address, if any, as `base_url:`"
                self._draft.notes.note("left out", leaf.path, why, do)
            return None
        if kind is AZURE:
            model = leaf.text("deployment_id") or model
        address = self._address(kind, leaf, slug)
        if address is None:
            return None
        vendor = vendor_of(kind, address)
        usual = VENDORS[vendor].key.removeprefix("env:") if vendor else variable(f"{address_name(address)}_API_KEY")
        field = "apiKey" if "apiKey" in leaf else "api_key"
        key = leaf.text(field)
        reference = self._secrets.reference(key, leaf.at(field), usual) if key else self._named(slug, leaf, usual)
        headers = {
            header: value
            for header, name in (("openai-organization", "openai_organization"), ("openai-project", "openai_project"))
            if (value := leaf.text(name))
        }
        return self._draft.provider(kind, address, reference, {"headers": headers} if headers else {}), model

    def _named(self, slug: str, leaf: Section, usual: str) -> str | None:
        """Name the variable for a virtual key, whose own key only Portkey knows."""
        if not slug:
            return None
        if looks_secret(slug):
            return self._secrets.reference(slug, leaf.at("virtual_key"), usual)
        name = variable(slug)
        why = "the key behind a virtual key is in Portkey's vault"
        self._draft.notes.note("to do", leaf.at("virtual_key"), why, f"set {name} to it where the gateway runs")
        return f"env:{name}"

    def _virtual(self, slug: str, leaf: Section) -> Kind | None:
        path = leaf.at("virtual_key")
        if slug in self._virtual_keys:
            kind = kind_of(self._virtual_keys[slug])
        else:
            kind = guessed_kind(slug)
            if kind is not None:
                why = "which vendor's a virtual key is stands in Portkey's vault; it is taken from the key's name"
                self._draft.notes.note("changed", path, why, "--virtual-key NAME=VENDOR says it")
        if kind is None:
            why = "which vendor's this virtual key is stands in Portkey's vault, and its name does not tell"
            self._draft.notes.note("left out", path, why, "--virtual-key NAME=VENDOR says it")
        return kind

    def _address(self, kind: Kind, leaf: Section, slug: str) -> str | None:
        host, resource = leaf.text("custom_host"), leaf.text("resource_name")
        if kind is AZURE and not host:
            if not resource:
                why = "the name of the Azure resource is in Portkey's vault; `.invalid` stands for its address"
                self._draft.notes.note("to do", leaf.path, why, "write the address as `base_url:` of that provider")
            host = f"https://{resource}.openai.azure.com" if resource else f"https://{_host(slug)}.invalid"
        host = host or kind.address
        if not host and kind.vendor:
            return ""
        try:
            address = checked_address(host)
        except PydanticCustomError:
            why = "it is no plain http(s) address" if host else "it has no address that paceline can call"
            self._draft.notes.note("left out", leaf.at("custom_host"), why, "`base_url:` under `providers:`")
            return None
        is_bare = address.count("/") == 2
        return address + kind.path if kind.path and is_bare and not vendor_of(kind, address) else address

    def integrations(self, whole: Section, names: Names) -> None:
        """Read the providers and models of a gateway's own `conf.json`."""
        for section in whole.sections("integrations"):
            said, slug, credentials = section.text("provider"), section.text("slug"), section.section("credentials")
            key = credentials.text("apiKey")
            credentials.leave(dict.fromkeys(credentials.names(), ("of a provider only its key is known here", "")))
            limits = "requests and tokens are limited by the minute, at the deployment"
            entry = {"provider": said, "apiKey": key} if said else {"virtual_key": slug, "apiKey": key}
            for model in section.sections("models"):
                theirs, status = model.text("slug"), model.text("status")
                model.leave(dict.fromkeys(model.names(), ("prices are the catalogue's, or `prices:`", "")))
                if status not in {"", "active"}:
                    self._draft.notes.note("left out", model.path, "it is not active")
                elif theirs:
                    found = self._placed(Section(entry, credentials.path, self._draft.notes), theirs)
                    if found is not None:
                        ours = names.ours(theirs, model.at("slug"), "model")
                        self._draft.deployment(ours, "/".join(found), {}, model.path)
            section.leave({"rate_limits": (limits, "`limits: {requests_per_minute: …}` of the deployment")})


def _host(slug: str) -> str:
    return "azure" if looks_secret(slug) else suggestion(slug).replace("_", "-").replace(".", "-") or "azure"
