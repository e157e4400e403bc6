"""The front end for TypeScript and JavaScript, and for the script blocks of Vue and Svelte: from bytes to site records.

The order is: `syntax` parses, `survey` and `bindings` fill `scopes`, `resolve` says what names stand for (`modules`
finds the files beside this one), `options`, `values` and `facts` decide parameters, `finding` and `calls` make sites
of calls, `requests` of raw ones, `surroundings` tells what stands around one, `writing` where an argument can be
added, `prompts` reads prompts. Needs the extra `lint-ts`. Must not judge.

A front end for another language (Java, Go, C#: the B-rules first) is a package like this one: a grammar, a pass that
binds names, a catalogue of that language, and `sites` with `Kind.CLIENT` and `Kind.HTTP`. `fronts` names it by suffix.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from paceline.catalogue import Catalogue, load
from paceline.lint.typescript.calls import Calls
from paceline.lint.typescript.prompts import prompt_sites
from paceline.lint.typescript.survey import survey
from paceline.lint.typescript.syntax import parse

if TYPE_CHECKING:
    from paceline.lint.sites import Site

__all__ = ["may_hold_sites", "sites"]

_NAMES = (
    b"openai", b"anthropic", b"@google/gen", b"vertexai", b"groq-sdk", b"mistralai", b"cohere-ai", b"ollama",
    b"langchain", b"ai-sdk", b"bedrock-runtime", b"firebase/", b"'ai", b'"ai', b"npm:ai", b"/ai@",
)  # fmt: skip
_IMPORTS = re.compile(
    rb"""(?:\bfrom|\w*(?:[Rr]equire|[Ii]mport|[Ll]azy|[Ll]oad)\w*\s*\()\s*["'](?:[^"'\n]{0,60}?"""
    rb"(?:openai|anthropic|@google/gen|vertexai|groq-sdk|mistralai|cohere-ai|ollama|langchain|ai-sdk|bedrock-runtime|"
    rb"firebase/)|(?:npm:|https://esm\.sh/)?ai[\"'@/])"
)
_CALLS = (b"completions", b"messages", b"responses", b"embeddings", b"generateContent")
_SHAPES = re.compile(
    rb"(?:completions|messages|responses|embeddings)\s*[?!]?\.\s*(?:create|stream|parse)\b|\.\s*generateContent(?:Stream)?\s*\("
)
_PROMPTS = (b"ystem", b"nstructions", b"YSTEM")
_CHANGES = (b"Date", b"uuid", b"UUID", b"random", b"nanoid", b"dayjs", b"moment", b"DateTime")


def may_hold_sites(data: bytes) -> bool:
    """Say from the bytes alone whether it is worth parsing a file: an import, a call, an address, or a prompt."""
    return (
        (any(name in data for name in _NAMES) and _IMPORTS.search(data) is not None)
        or (any(name in data for name in _CALLS) and _SHAPES.search(data) is not None)
        or any(host in data for host in _hosts())
        or (b"`" in data and any(name in data for name in _PROMPTS) and any(name in data for name in _CHANGES))
    )


@cache
def _hosts() -> tuple[bytes, ...]:
    return tuple(host.encode() for host in load("typescript").hosts())


def sites(data: bytes, path: str, catalogue: Catalogue) -> list[Site]:
    """Find the sites of one file, in order; raises `UnreadableError`."""
    names = load("typescript") if catalogue is load() else catalogue
    seen = survey(parse(data, path), path)
    found = [*Calls(seen, names).sites(), *prompt_sites(seen)]
    return sorted(found, key=lambda site: (site.place.line, site.place.column, site.kind.value))
