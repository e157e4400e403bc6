"""The front end for TypeScript and JavaScript, and for the script blocks of Vue and Svelte: from bytes to site records.

The order is: `syntax` parses, `survey` fills `scopes`, `resolve` says what names stand for (`modules` finds the files
beside this one), `facts` and `values` decide parameters, `calls` makes sites of calls, `surroundings` tells what stands
around one, `prompts` reads prompts. Needs the extra `lint-ts`. Must not judge.

A front end for another language (Java, Go, C#: the B-rules first) is a package like this one: a grammar, a pass that
binds names, a catalogue of that language, and `sites` with `Kind.CLIENT` and `Kind.HTTP`. `fronts` names it by suffix.
"""

from __future__ import annotations

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
    b"openai", b"OpenAI", b"anthropic", b"@google/gen", b"vertexai", b"groq", b"mistral", b"cohere", b"ollama",
    b"langchain", b"@ai-sdk", b"ai-sdk-provider", b"bedrock-runtime", b"generativelanguage", b"generateContent",
    b"completions", b"'ai'", b'"ai"', b"npm:ai@", b"esm.sh/ai", b"firebase/ai",
)  # fmt: skip
_RESOURCES = (b"messages", b"responses", b"embeddings")
_VERBS = (b".create(", b".stream(", b".parse(")
_PROMPTS = (b"ystem", b"nstructions", b"YSTEM")
_CHANGES = (b"Date", b"uuid", b"UUID", b"random", b"nanoid", b"dayjs", b"moment", b"DateTime")


def may_hold_sites(data: bytes) -> bool:
    """Say from the bytes alone whether it is worth parsing a file."""
    return (
        any(name in data for name in _NAMES)
        or (any(name in data for name in _RESOURCES) and any(verb in data for verb in _VERBS))
        or (b"`" in data and any(name in data for name in _PROMPTS) and any(name in data for name in _CHANGES))
    )


def sites(data: bytes, path: str, catalogue: Catalogue) -> list[Site]:
    """Find the sites of one file, in order; raises `UnreadableError`."""
    names = load("typescript") if catalogue is load() else catalogue
    seen = survey(parse(data, path), path)
    found = [*Calls(seen, names).sites(), *prompt_sites(seen)]
    return sorted(found, key=lambda site: (site.place.line, site.place.column, site.kind.value))
