"""Portkey's gateway configs as standards: each config a model with its targets as deployments, and a use case.

Reads one config, a list of them as Portkey's API gives it, or the gateway's own `conf.json`. Owns strategies and what
belongs to a use case. Source: `src/middlewares/requestValidator/schema/config.ts` and the cookbook of
Portkey-AI/gateway; portkey.ai/docs, "Config object".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from paceline.imports.draft import Draft, Names
from paceline.imports.findings import ImportsError, Notes
from paceline.imports.outcome import Outcome, outcome
from paceline.imports.portkey_targets import Targets
from paceline.imports.reading import Section, read_json
from paceline.imports.spans import CLASS, deadlines, duration_text
from paceline.imports.vendors import kind_of

__all__ = ["read"]

_TEXT: Final = ("paceline looks at no text", "keep guardrails in the application, or in front of the gateway")
_STATUS: Final = ("which failures are tried again is one rule for all traffic", "docs/traffic.md lists them")
_REASONS: Final[dict[str, tuple[str, str]]] = {
    **dict.fromkeys(("input_guardrails", "output_guardrails", "before_request_hooks", "after_request_hooks"), _TEXT),
    **dict.fromkeys(("default_input_guardrails", "default_output_guardrails", "plugins_enabled"), _TEXT),
    **dict.fromkeys(("on_status_codes", "use_retry_after_header"), _STATUS),
    "forward_headers": ("headers pass by the provider", "`providers.NAME.forward_headers`"),
    "strict_open_ai_compliance": ("answers pass unchanged", ""),
    "metadata": ("labels are service and use case", "tag calls with `x-paceline-use-case`"),
    "credentials": ("they are of plugins, which there are none of", ""),
    "admin_token": ("paceline makes its own admin key", "`paceline up` prints it at its first start"),
}
_NESTED: Final = "it belongs to a use case, and stands at one target of several"


def read(file: Path, virtual_keys: Mapping[str, str], default: str = "") -> Outcome:
    """Read a file of configs.

    `virtual_keys` says which vendor's a virtual key, or a provider of the catalogue, is; `default`, as
    `PROVIDER/MODEL`, what targets stand for that name none. Raises `ImportsError`.
    """
    vendors = [*virtual_keys.values(), *([default.partition("/")[0]] if default else [])]
    if unknown := [vendor for vendor in vendors if kind_of(vendor) is None]:
        raise ImportsError(
            f"paceline speaks no API of a vendor called {unknown[0]!r}", "name it as Portkey does: openai"
        )
    notes = Notes()
    draft = Draft(notes)
    targets = Targets(draft, virtual_keys, default)
    names = Names(notes)
    found = read_json(file)
    if isinstance(found, dict) and "integrations" in found:
        whole = Section(found, "", notes, is_camel=True)
        targets.integrations(whole, names)
        if draft.models:
            first, *others = draft.models
            draft.use_cases["general"] = {"class": CLASS, "model": first} | ({"models": others} if others else {})
        if whole.take("cache"):
            notes.note("left out", "cache", "a cache belongs to a use case", "`use_cases.NAME.cache`")
        whole.leave(_REASONS)
    else:
        for name, config in _configs(found, file.stem, notes):
            _carry(draft, targets, (names.ours(name, config.path or file.name, "model"), names), config)
    fix = "name what configs leave to their callers: --default openai/gpt-5.4-mini, --virtual-key NAME=VENDOR"
    return outcome(draft, "portkey", "", fix)


def _configs(found: Any, stem: str, notes: Notes) -> Iterator[tuple[str, Section]]:
    """Yield each config with its name."""
    listed, path = found, ""
    if isinstance(found, dict) and "data" in found:
        listed, path = found["data"], "data"
        _leave_record(Section(found, "", notes), "data")
    if isinstance(listed, dict):
        yield from _config(listed, stem, path, notes)
        return
    if not isinstance(listed, list):
        raise ImportsError("it is no config of Portkey, and no list of them", "name the JSON of a config")
    for place, each in enumerate(listed):
        yield from _config(each, f"{stem}-{place + 1}", f"{path}[{place}]", notes)


def _config(entry: Any, name: str, path: str, notes: Notes) -> Iterator[tuple[str, Section]]:
    """Yield a config that stands by itself, or in the record that Portkey's API gives of it."""
    if not isinstance(entry, dict) or "config" not in entry:
        yield name, Section(entry, path, notes, is_camel=True)
        return
    record, path = Section(entry, path, notes), f"{path}.config".removeprefix(".")
    name = record.text("slug") or record.text("name") or name
    config = entry["config"]
    _leave_record(record, "config")
    if isinstance(config, str):
        try:
            config = json.loads(config)
        except ValueError:
            notes.note("left out", path, "it is no JSON", "name the config's own JSON")
            return
    yield name, Section(config, path, notes, is_camel=True)


def _leave_record(record: Section, held: str) -> None:
    record.take(held)
    record.leave(dict.fromkeys(record.names(), ("it is about Portkey's record of the config", "")))


def _carry(draft: Draft, targets: Targets, named: tuple[str, Names], config: Section) -> None:
    name, names = named
    cache, timeout, retry = config.section("cache"), config.positive("request_timeout"), config.section("retry")
    models = targets.carry(name, config, names)
    _retry(draft, retry)
    for part in targets.seen:
        _retry(draft, part.section("retry"))
        for key, instead in (("cache", "`use_cases.NAME.cache`"), ("request_timeout", "`use_cases.NAME.deadlines`")):
            if part.take(key) is not None:
                draft.notes.note("left out", part.at(key), _NESTED, instead)
        part.leave(_REASONS)
    targets.seen.clear()
    if not models:
        return
    use_case: dict[str, Any] = {"class": CLASS, "model": models[0]}
    use_case |= {"models": models[1:]} if models[1:] else {}
    use_case |= {"max_output_tokens": targets.cap} if targets.cap else {}
    use_case |= deadlines(draft.notes, (), timeout / 1000 if timeout else None)
    draft.use_cases[name] = use_case | _cache(draft, cache)


def _retry(draft: Draft, retry: Section) -> None:
    attempts = retry.number("attempts")
    if attempts is not None:
        before = draft.traffic.get("retry", {}).get("attempts_max", 1)
        draft.traffic["retry"] = {"attempts_max": max(before, int(min(attempts, 99)) + 1)}
        why = "retries are one rule for all traffic: the most that any config asks for"
        draft.notes.note("changed", retry.at("attempts"), why, "`traffic.retry`")
    retry.leave(_REASONS)


def _cache(draft: Draft, cache: Section) -> dict[str, Any]:
    mode, seconds = cache.text("mode"), cache.positive("max_age")
    if mode not in {"simple", "semantic"} and (mode or seconds):
        draft.notes.note("left out", cache.path, "its mode is neither simple nor semantic", "correct it")
    cache.leave({})
    if mode == "semantic":
        why = "only equal requests are answered from a cache; similar ones are different requests"
        draft.notes.note("left out", cache.path, why, "`use_cases.NAME.cache: 1h` is the exact cache")
    if mode != "simple":
        return {}
    do = "without `temperature_zero: false` only requests with temperature 0 are"
    draft.notes.note("changed", cache.path, "answers are kept by service, and of any temperature", do)
    return {"cache": ({"ttl": duration_text(seconds)} if seconds else {}) | {"temperature_zero": False}}
