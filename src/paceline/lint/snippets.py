"""Rules for linters that a team runs anyway, from the catalogue: ruff's TID251, and import rules for ESLint.

They see one thing: that a provider's client is imported where the shared one should be (B101). Must not judge code.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from paceline.catalogue import Product, load

_MESSAGE = "Use the shared client: `paceline explain B101`."


def ruff() -> str:
    """Write the table of banned names for ruff.toml: constructors, and functions that call without a client."""
    names = sorted({name for product in load().products if product.kind == "sdk" for name in _names(product)})
    lines = [
        "# For ruff.toml, with TID251 selected; name the file of the shared client in per-file-ignores.",
        "[lint.flake8-tidy-imports.banned-api]",
        *(f'"{name}".msg = "{_MESSAGE}"' for name in names),
    ]
    return "\n".join(lines) + "\n"


def eslint() -> str:
    """Write the rules as JSON: one configuration object of an eslint.config.js."""
    products = [product for product in load("typescript").products if _is_direct(product)]
    modules = sorted({module for product in products for module in product.modules})
    scopes = [f"{module}/*" for module in modules if module.startswith("@") and "/" not in module]
    rules: dict[str, Any] = {
        "no-restricted-imports": [
            "error",
            {
                "paths": [{"name": module, "message": _MESSAGE} for module in modules if f"{module}/*" not in scopes],
                "patterns": [{"group": scopes, "message": _MESSAGE}],
            },
        ],
        "no-restricted-syntax": [
            "error",
            *({"selector": selector, "message": _MESSAGE} for selector in _selectors(modules)),
        ],
    }
    return json.dumps({"rules": rules}, indent=2) + "\n"


def _is_direct(product: Product) -> bool:
    return product.kind == "sdk" or product.name == "ai-sdk-provider"


def _names(product: Product) -> Iterator[str]:
    yield from (f"{module}.{constructor}" for module in product.modules for constructor in product.constructors)
    yield from (f"{product.modules[0]}.{function}" for function in product.functions)


def _selectors(modules: list[str]) -> tuple[str, str]:
    """Match `import("…")` and `require("…")`, which the import rule does not see."""
    names = (
        module.replace("/", r"\u002F") if "/" in module or module[0] != "@" else f"{module}.+" for module in modules
    )
    value = f"value=/^({'|'.join(names)})$/"
    return f"ImportExpression[source.{value}]", f"CallExpression[callee.name='require'][arguments.0.{value}]"
