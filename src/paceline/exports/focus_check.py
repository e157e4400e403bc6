"""A check of a FOCUS 1.2 CSV file: columns, values, and what the specification asks of columns together.

Owns the rules: the "MUST" of the column pages and of the attributes (numeric, date/time, key-value, currency, string,
column handling) that a file can be held against by itself. Not checked, because a file does not show it: sums against
invoices, and subcategories of service categories other than AI.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, Final

from paceline.exports.focus_columns import AI, COLUMNS, Column

__all__ = ["check"]

_FORMS: Final = {
    "decimal": re.compile(r"-?[0-9]+(\.[0-9]+)?([Ee]-?[0-9]+)?"),
    "time": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"),
}
_CUSTOM: Final = re.compile(r"x_[A-Za-z0-9]{1,48}")
_TOGETHER: Final = (
    *(("PricingUnit", "PricingQuantity"), ("PricingQuantity", "PricingUnit")),
    *(("ConsumedUnit", "ConsumedQuantity"), ("ConsumedQuantity", "ConsumedUnit")),
    *(("ResourceName", "ResourceId"), ("ResourceType", "ResourceId")),
    *(("SubAccountName", "SubAccountId"), ("SubAccountType", "SubAccountId"), ("SubAccountId", "SubAccountName")),
    *(("SkuPriceId", "SkuId"), ("SkuMeter", "SkuId"), ("SkuPriceDetails", "SkuPriceId")),
)
"""The first is null where the second is."""
_OF_USAGE: Final = ("ConsumedQuantity", "PricingQuantity", "PricingCategory", "SkuId")
"""Not null in a row of usage that is no correction, where the file has the column."""
_AI_PARTS: Final = {
    *("AI Platforms", "Bots", "Generative AI", "Machine Learning", "Natural Language Processing"),
    f"Other ({AI})",
}
_PRODUCTS: Final = (("ContractedUnitPrice", "ContractedCost"), ("ListUnitPrice", "ListCost"))


def check(lines: Iterable[str]) -> list[str]:
    """List what is wrong with a FOCUS 1.2 CSV file; empty if nothing is."""
    reader = csv.DictReader(lines)
    names = list(reader.fieldnames or ())
    rows = [f"line {line}: {wrong}" for line, row in enumerate(reader, 2) for wrong in _row(row, set(names))]
    return [*_head(names), *rows]


def _head(names: list[str]) -> Iterator[str]:
    yield from (
        f"column {column.name} is missing" for column in COLUMNS.values() if column.needed and column.name not in names
    )
    for name in names:
        if name not in COLUMNS and not _CUSTOM.fullmatch(name):
            yield f"column {name} is neither FOCUS nor `x_`"
    yield from (f"column {name} stands there twice" for name in dict.fromkeys(names) if names.count(name) > 1)
    if any(first.startswith("x_") and second in COLUMNS for first, second in pairwise(names)):
        yield "custom columns stand before FOCUS columns"


def _row(row: dict[str, Any], names: set[str]) -> Iterator[str]:
    if None in row or None in row.values():
        yield "it has more or fewer cells than there are columns"
        return
    for name, text in row.items():
        column = COLUMNS.get(name)
        if column is not None and (wrong := _cell(column, text)):
            yield f"{name} {wrong}"
    for first, second in _TOGETHER:
        if {first, second} <= names and row[first] and not row[second]:
            yield f"{first} stands there without {second}"
    if row.get("ChargeCategory") == "Usage" and not row.get("ChargeClass"):
        yield from (f"{name} is empty in a row of usage" for name in _OF_USAGE if name in names and not row[name])
    begin, end = row.get("ChargePeriodStart", ""), row.get("ChargePeriodEnd", "")
    first, last = row.get("BillingPeriodStart", ""), row.get("BillingPeriodEnd", "")
    if not first <= begin < end <= last:
        yield "the charge period is not within the billing period"
    if row.get("ServiceCategory") == AI and row.get("ServiceSubcategory", "Generative AI") not in _AI_PARTS:
        yield f"ServiceSubcategory is none of {AI}"
    yield from _products(row)


def _products(row: dict[str, str]) -> Iterator[str]:
    for price, cost in _PRODUCTS:
        try:
            made = float(row[price]) * float(row["PricingQuantity"])
            given = float(row[cost])
        except (KeyError, ValueError):
            continue  # null, or told above
        if abs(made - given) > 1e-6 * max(1.0, abs(given)):
            yield f"{price} times PricingQuantity is not {cost}"


def _cell(column: Column, text: str) -> str:
    if not text:
        return "" if column.empty else "is empty"
    if not text.strip():
        return "is of spaces only"
    if column.allowed and text not in column.allowed:
        return f"is none of {', '.join(column.allowed)}"
    if column.name in {"BillingCurrency", "PricingCurrency"} and not re.fullmatch(r"[A-Z]{3}", text):
        return "is no code of ISO 4217"
    if column.kind in _FORMS:
        return "" if _FORMS[column.kind].fullmatch(text) else f"is no {column.kind}"
    return _tags(text) if column.kind == "json" else ""


def _tags(text: str) -> str:
    try:
        found = json.loads(text, object_pairs_hook=list)
    except ValueError:
        return "is no JSON"
    if not text.lstrip().startswith("{") or any(isinstance(value, dict | list) for _, value in found):
        return "is no flat JSON object"
    return "" if len({key for key, _ in found}) == len(found) else "has a key twice"
