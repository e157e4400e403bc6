"""Targets of Portkey's configs as deployments: strategies flattened into an order, providers, virtual keys, models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from pydantic_core import PydanticCustomError

from paceline.imports.draft import Draft, Names
from paceline.imports.reading import Section
from paceline.imports.secrets import Secrets, is_plain, looks_secret, variable
from paceline.imports.vendors import AZURE, Kind, address_name, guessed_kind, kind_of, vendor_of
from paceline.standards.names import suggestion
from paceline.standards.scalars import address as checked_address
from paceline.standards.vendors import VENDORS

__all__ = ["Targets"]

_PARAMETER: Final = (
    "requests pass as callers send them: nothing is added but what their use case asks for",
    "set it where the call is made",
)
_PROMPT: Final = {"prompt_id": ("prompts belong to applications", "keep them there")}
_SPREAD: Final = (
    "Portkey spreads calls by weight; paceline prefers the first target, and goes on to the next where that is full, "
    "at its limit, slow or failing",
    "the heaviest stands first: see that it is the right one",
)


class _Overrides(NamedTuple):
    """What `override_params` say of model and output cap, and where the cap stands."""

    model: str = ""
    cap: int | None = None
    cap_at: str = ""


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
        caps: list[_Overrides] = []
        models: dict[str, None] = {}
        for model, leaf, above in list(self._leaves(name, config, names, _Overrides())):
            deployment, overrides = self._deployment(leaf, above)
            caps.append(overrides)
            if deployment:
                models[model] = None
                self._draft.deployment(model, deployment, {}, leaf.path)
                if self._draft.speaks_messages(deployment):
                    why = "it speaks Anthropic's Messages API, and paceline does not translate between APIs"
                    do = "callers reach it at /v1/messages with Anthropic's SDKs"
                    self._draft.notes.note("changed", leaf.path, why, do)
        is_one = len({overrides.cap for overrides in caps}) == 1
        self.cap = caps[0].cap if is_one else None
        for overrides in caps:
            if overrides.cap and not is_one:
                do = "`use_cases.NAME.max_output_tokens`"
                self._draft.notes.note("left out", overrides.cap_at, "the targets cap output differently", do)
        return list(models)

    def _leaves(
        self, model: str, section: Section, names: Names, above: _Overrides
    ) -> Iterator[tuple[str, Section, _Overrides]]:
        """Yield targets without targets of their own, in order of preference, with their models and what they inherit.

        `above` is what targets around this one override.
        """
        self.seen.append(section)
        strategy, targets = section.section("strategy"), list(section.sections("targets"))
        if not targets:
            strategy.leave(dict.fromkeys(strategy.names(), ("there are no targets to choose from", "")))
            yield model, section, above
            return
        above = self._overrides(section, above)
        mode = strategy.text("mode") or "fallback"
        targets = self._ordered(mode, strategy, targets)
        for place, target in enumerate(targets):
            label = target.text("name")
            own = mode == "conditional" and place > 0
            named = names.ours(f"{model}-{label or place}", target.path, "model") if own else model
            if label and mode != "conditional":
                self._draft.notes.note("left out", target.at("name"), "a deployment is called PROVIDER/MODEL")
            yield from self._leaves(named, target, names, above)
        strategy.leave({"on_status_codes": ("which failures lead on is one rule for all traffic", "docs/traffic.md")})

    def _ordered(self, mode: str, strategy: Section, targets: list[Section]) -> list[Section]:
        """Order targets as a strategy prefers them; those that it never takes are left out."""
        notes = self._draft.notes
        if mode == "loadbalance":
            notes.note("changed", strategy.at("mode"), *_SPREAD)
            weights = [target.number("weight") for target in targets]
            heaviest = sorted(zip(weights, targets, strict=True), key=lambda pair: -(1 if pair[0] is None else pair[0]))
            return [target for _, target in heaviest]
        for target in targets:
            if target.take("weight") is not None:
                notes.note("left out", target.at("weight"), "only targets that share the load have a weight")
        if mode == "conditional":
            return self._chosen(strategy, targets)
        if mode == "single":
            for target in targets[1:]:
                notes.note("left out", target.path, "a strategy of mode single has one target")
            return targets[:1]
        if mode != "fallback":
            notes.note("changed", strategy.at("mode"), "this mode is not known: taken for fallback, in this order")
        return targets

    def _overrides(self, section: Section, above: _Overrides) -> _Overrides:
        """Take the model and the output cap of `override_params`, else what stands above."""
        override = section.section("override_params")
        model, cap = override.text("model") or above.model, override.whole("max_tokens")
        override.leave(dict.fromkeys(override.names(), _PARAMETER))
        return _Overrides(model, cap, override.at("max_tokens")) if cap else above._replace(model=model)

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

    def _deployment(self, leaf: Section, above: _Overrides) -> tuple[str, _Overrides]:
        """Return a leaf's deployment, empty with a finding if there is none, and what it overrides."""
        overrides = self._overrides(leaf, above)
        model = overrides.model or leaf.text("azure_model_name")
        found = self._placed(leaf, model)
        if found is None:
            leaf.leave(dict.fromkeys(leaf.names(), ("its target cannot be carried over", "")) | _PROMPT)
            return "", overrides
        provider, model = found
        if not (model := model or self._model):
            why = "the target names no model: its callers do"
            self._draft.notes.note("left out", leaf.path, why, "--default PROVIDER/MODEL names it")
            return "", overrides
        return f"{provider}/{model}", overrides

    def _placed(self, leaf: Section, model: str) -> tuple[str, str] | None:
        """Find the provider, and what it calls the model."""
        said, slug, slug_at = leaf.text("provider"), leaf.text("virtual_key"), leaf.at("virtual_key")
        if model.startswith("@"):
            if said:
                self._draft.notes.note("left out", leaf.at("provider"), "the model names its provider itself")
            said, _, model = model.partition("/")
            slug_at = f"{leaf.at('override_params')}.model"
        elif said.startswith("@"):
            slug_at = leaf.at("provider")
        if said.startswith("@"):
            said, slug = "", said.removeprefix("@")
        kind = self._virtual(slug, said, slug_at) if slug else kind_of(said or self._provider)
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
        key = leaf.text("api_key")
        reference = (
            self._secrets.reference(key, leaf.at("api_key"), usual) if key else self._named(slug, slug_at, usual)
        )
        headers = dict(self._headers(leaf))
        return self._draft.provider(kind, address, reference, {"headers": headers} if headers else {}), model

    def _headers(self, leaf: Section) -> Iterator[tuple[str, str]]:
        """Yield fixed headers; none that may be a key."""
        for name in ("openai_organization", "openai_project"):
            value = leaf.text(name)
            if is_plain(value):
                yield name.replace("_", "-"), value
            elif value:
                why = "a header that may hold a key, or is none, is not copied"
                self._draft.notes.note("left out", leaf.at(name), why, "`providers.NAME.headers`, if it is no secret")

    def _named(self, slug: str, path: str, usual: str) -> str | None:
        """Name the variable for a virtual key, whose own key only Portkey knows."""
        if not slug:
            return None
        if looks_secret(slug):
            return self._secrets.reference(slug, path, usual)
        name = variable(slug)
        why = "the key behind a virtual key is in Portkey's vault"
        self._draft.notes.note("to do", path, why, f"set {name} to it where the gateway runs")
        return f"env:{name}"

    def _virtual(self, slug: str, said: str, path: str) -> Kind | None:
        kind = kind_of(self._virtual_keys.get(slug, said))
        if kind is None:
            kind = guessed_kind(slug)
            if kind is not None:
                why = "which vendor's a virtual key is stands in Portkey's vault; it is taken from the key's name"
                self._draft.notes.note("changed", path, why, "--virtual-key NAME=VENDOR says it")
        if kind is None:
            why = "which vendor's this virtual key is stands in Portkey's vault, and its name does not tell"
            self._draft.notes.note("left out", path, why, "--virtual-key NAME=VENDOR says it")
        return kind

    def _address(self, kind: Kind, leaf: Section, slug: str) -> str | None:
        host = leaf.text("custom_host")
        if kind is AZURE and not host:
            resource = leaf.text("resource_name")
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
            key, key_at = credentials.text("api_key"), credentials.at("api_key")
            credentials.leave(dict.fromkeys(credentials.names(), ("of a provider only its key is known here", "")))
            limits = "requests and tokens are limited by the minute, at the deployment"
            written = key_at.rpartition(".")[2]
            entry = {"provider": said, written: key} if said else {"virtual_key": slug, written: key}
            if said and slug:
                self._draft.notes.note("left out", section.at("slug"), "a provider is called by its vendor or address")
            models = list(section.sections("models"))
            if not models:
                do = "list models below it, and import again"
                self._draft.notes.note("left out", section.path, "it names no models, and standards name each", do)
            for model in models:
                theirs, status = model.text("slug"), model.text("status")
                model.leave(dict.fromkeys(model.names(), ("prices are the catalogue's, or `prices:`", "")))
                if status not in {"", "active"}:
                    self._draft.notes.note("left out", model.path, "it is not active")
                elif theirs:
                    found = self._placed(Section(entry, credentials.path, self._draft.notes, is_camel=True), theirs)
                    if found is None:
                        self._draft.notes.note("left out", model.path, "its provider cannot be carried over")
                    else:
                        ours = names.ours(theirs, model.at("slug"), "model")
                        self._draft.deployment(ours, "/".join(found), {}, model.path)
            section.leave({"rate_limits": (limits, "`limits: {requests_per_minute: …}` of the deployment")})


def _host(slug: str) -> str:
    return "azure" if looks_secret(slug) else suggestion(slug).replace("_", "-").replace(".", "-") or "azure"
