"""Which provider an entry of LiteLLM's `model_list` is at: prefix, address, key, headers, its own or a credential's."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from pydantic_core import PydanticCustomError

from paceline.imports.draft import Draft
from paceline.imports.reading import Section
from paceline.imports.secrets import Secrets, is_plain, variable
from paceline.imports.vendors import AZURE, Kind, address_name, kind_of, vendor_at, vendor_of
from paceline.standards.scalars import address as checked_address
from paceline.standards.vendors import VENDORS

__all__ = ["Placed", "Providers"]

_IN_ENVIRONMENT: Final = re.compile(r"os\.environ/([A-Za-z_][A-Za-z0-9_]*)")
_SECRET_NAME: Final = re.compile(r"auth|key|token|secret|cookie|password", re.IGNORECASE)
_OTHERS: Final = re.compile(r"[a-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a model is."""

    provider: str
    model: str
    speaks_messages: bool
    is_azure: bool


class Providers:
    """Finds or makes the provider of each entry."""

    def __init__(self, draft: Draft, whole: Section, taken: Iterable[str]) -> None:
        self._draft = draft
        self._credentials: dict[str, Section] = {}
        self._secrets = Secrets(draft.notes, taken)
        for each in whole.sections("credential_list"):
            name, values = each.text("credential_name"), each.section("credential_values")
            each.leave({"credential_info": ("a credential is what its entries make of it", "")})
            if self._credentials.setdefault(name, values) is not values:
                draft.notes.note("left out", each.path, "an earlier credential has this name")
        self._used: set[str] = set()
        """The places of credentials that an entry took something from."""

    def leave(self) -> None:
        """Note what is left of credentials."""
        for values in self._credentials.values():
            used = [key for key in ("api_key", "api_base") if values.at(key) in self._used]
            if not used:
                path = values.path.removesuffix(".credential_values")
                self._draft.notes.note("left out", path, "no entry that is carried over takes key or address of it")
                continue
            for key in used:
                values.take(key)
            why = "no entry takes it from here; of a credential only key and address are known"
            values.leave(dict.fromkeys(values.names(), (why, "")))

    def place(self, model: str, params: Section, path: str) -> Placed | None:
        """Return where a model is; none, and a finding at the entry's path, if we cannot speak to its provider."""
        name, kind, rest = _kind(model, params)
        if kind is None:
            why = f"paceline does not speak {name}'s API" if name else "it names no provider, and its name tells none"
            do = "if it has an address that speaks OpenAI's API, add it under `providers:` with `base_url:`"
            self._draft.notes.note("left out", path, why, do)
            return None
        if not re.fullmatch(r"[!-~]{1,200}", rest):
            self._draft.notes.note("left out", path, "the provider's own name of the model is missing", "correct it")
            return None
        called = params.text("litellm_credential_name")
        credential = self._credentials.get(called)
        if called and credential is None:
            why = "there is no credential of this name in the file"
            self._draft.notes.note("left out", params.at("litellm_credential_name"), why, "`providers.NAME.key`")
        address = self._address(self._own_or("api_base", params, credential), kind, path)
        if address is None:
            return None
        key = self._key(self._own_or("api_key", params, credential), kind, address)
        provider = self._draft.provider(kind, address, key, self._more(params))
        dialect = VENDORS[kind.vendor].dialect if kind.vendor else "openai"
        return Placed(provider, rest, dialect == "anthropic", kind is AZURE)

    def _own_or(self, key: str, params: Section, credential: Section | None) -> tuple[str, str]:
        """Take an entry's own address or key, else its credential's; with the place it is at."""
        own = params.text(key) or (params.text("base_url") if key == "api_base" else "")
        if own or credential is None or key not in credential:
            return own, params.at(key)
        found = credential.text(key)
        credential.put(key, found)  # other entries have it too
        self._used.add(credential.at(key))
        return found, credential.at(key)

    def _address(self, given: tuple[str, str], kind: Kind, entry: str) -> str | None:
        """Return the address, empty for the vendor's own; none where there is none that can be used."""
        written, path = given
        written = written or ("os.environ/AZURE_API_BASE" if kind is AZURE else kind.address)
        if not written and kind.vendor:
            return ""
        if found := _IN_ENVIRONMENT.fullmatch(written):
            written = os.environ.get(found[1]) or f"https://{found[1].lower().replace('_', '-')}.invalid"
            if written.endswith(".invalid"):
                why = f"the address is in {found[1]}, which is not set here; `.invalid` stands for it"
                self._draft.notes.note("to do", path, why, "write the address as `base_url:` of that provider")
        try:
            address = checked_address(written)
        except PydanticCustomError:
            why = "it has no address that paceline can call" if not written else "it is no plain http(s) address"
            self._draft.notes.note("left out", entry, why, "add the provider under `providers:` with its `base_url:`")
            return None
        below = urlsplit(address).path
        if kind is AZURE and not below.startswith("/openai/v1"):
            address = f"{address.removesuffix(below)}{kind.path}"
            why = (
                "Azure is called by its v1 API, below /openai/v1: deployments keep their names, there is no api_version"
            )
            self._draft.notes.note("changed", path, why, "see that the resource offers the v1 API")
        elif kind.path and not below and not vendor_of(kind, address):
            address += kind.path
            self._draft.notes.note("changed", path, f"addresses end before the API's own path: {kind.path} is added")
        return address

    def _key(self, given: tuple[str, str], kind: Kind, address: str) -> str | None:
        written, path = given
        vendor = vendor_of(kind, address)
        usual = VENDORS[vendor].key.removeprefix("env:") if vendor else variable(f"{address_name(address)}_API_KEY")
        if kind is AZURE:
            written = written or "os.environ/AZURE_API_KEY"
        elif kind.key and address == kind.address:
            written = written or f"os.environ/{kind.key}"
        return self._secrets.reference(written, path, usual)

    def _more(self, params: Section) -> dict[str, Any]:
        """Take fixed headers; none whose name or value looks like a key's."""
        headers = {}
        for part in ("extra_headers", "headers"):
            given = params.section(part)
            for name in given.names():
                value = given.take(name)
                if is_plain(value) and re.fullmatch(r"[A-Za-z0-9-]{1,100}", name) and not _SECRET_NAME.search(name):
                    headers[name.lower()] = value
                    continue
                why = "a header that may hold a key, or is none, is not copied"
                do = "`providers.NAME.headers`, if it is no secret; keys go under `key:`"
                self._draft.notes.note("left out", given.path, why, do)
        if organisation := params.take("organization"):
            if is_plain(organisation):
                headers["openai-organization"] = organisation
            else:
                why = "several organisations, or one in a variable, cannot be one header"
                do = "a provider each, with `headers: {openai-organization: …}`"
                self._draft.notes.note("left out", params.at("organization"), why, do)
        return {"headers": headers} if headers else {}


def _kind(model: str, params: Section) -> tuple[str, Kind | None, str]:
    """Tell the provider's foreign name, what it stands for, and the model's own name there."""
    said = params.text("custom_llm_provider")
    prefix, slash, rest = model.partition("/")
    if said:
        return said, kind_of(said), rest if slash and prefix == said else model
    if slash and kind_of(prefix) is not None:
        return prefix, kind_of(prefix), rest
    if vendor := vendor_at(model):
        return vendor, kind_of(vendor), model
    return prefix if slash and _OTHERS.fullmatch(prefix) else "", None, rest
