"""The columns of FOCUS 1.2 (Cost and Usage), and a check of a file against them.

Owns the list: name, whether a dataset must have it, whether it may be empty, what kind of value. Source: the
specification's own column pages, version 1.2. Must not know where the figures come from.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["COLUMNS", "Column", "check"]

Kind = Literal["text", "decimal", "time", "json"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `needed` in every dataset, `empty` where a cell may be, the values allowed if they are counted out."""

    name: str
    needed: bool
    empty: bool
    kind: Kind = "text"
    allowed: tuple[str, ...] = ()


_MANDATORY: Final = (
    Column("BilledCost", True, False, "decimal"),
    Column("BillingAccountId", True, False),
    Column("BillingAccountName", True, True),
    Column("BillingCurrency", True, False),
    Column("BillingPeriodEnd", True, False, "time"),
    Column("BillingPeriodStart", True, False, "time"),
    Column("ChargeCategory", True, False, allowed=("Usage", "Purchase", "Tax", "Credit", "Adjustment")),
    Column("ChargeClass", True, True, allowed=("Correction",)),
    Column("ChargeDescription", True, True),
    Column("ChargePeriodEnd", True, False, "time"),
    Column("ChargePeriodStart", True, False, "time"),
    Column("ContractedCost", True, False, "decimal"),
    Column("EffectiveCost", True, False, "decimal"),
    Column("InvoiceIssuerName", True, False),
    Column("ListCost", True, False, "decimal"),
    Column("PricingQuantity", True, True, "decimal"),
    Column("PricingUnit", True, True),
    Column("ProviderName", True, False),
    Column("PublisherName", True, False),
    Column("ServiceCategory", True, False),
    Column("ServiceName", True, False),
)
_FURTHER: Final = (
    *(Column(name, False, True) for name in ("AvailabilityZone", "CapacityReservationId", "CapacityReservationStatus")),
    Column("BillingAccountType", False, False),
    Column("ChargeFrequency", False, False, allowed=("One-Time", "Recurring", "Usage-Based")),
    *(
        Column(f"CommitmentDiscount{name}", False, True)
        for name in ("Category", "Id", "Name", "Status", "Type", "Unit")
    ),
    Column("CommitmentDiscountQuantity", False, True, "decimal"),
    Column("ConsumedQuantity", False, True, "decimal"),
    Column("ConsumedUnit", False, True),
    *(Column(name, False, True, "decimal") for name in ("ContractedUnitPrice", "ListUnitPrice")),
    Column("InvoiceId", False, True),
    Column("PricingCategory", False, True, allowed=("Standard", "Dynamic", "Committed", "Other")),
    Column("PricingCurrency", False, True),
    *(
        Column(f"PricingCurrency{name}", False, True, "decimal")
        for name in ("ContractedUnitPrice", "EffectiveCost", "ListUnitPrice")
    ),
    *(Column(name, False, True) for name in ("RegionId", "RegionName", "ResourceId", "ResourceName", "ResourceType")),
    Column("ServiceSubcategory", False, False),
    *(Column(name, False, True) for name in ("SkuId", "SkuMeter", "SkuPriceId")),
    Column("SkuPriceDetails", False, True, "json"),
    *(Column(name, False, True) for name in ("SubAccountId", "SubAccountName", "SubAccountType")),
    Column("Tags", False, True, "json"),
)

COLUMNS: Final = {column.name: column for column in (*_MANDATORY, *_FURTHER)}
"""Every column of FOCUS 1.2 by name."""

_FORMS: Final = {
    "decimal": re.compile(r"-?[0-9]+(\.[0-9]+)?(E-?[0-9]+)?"),
    "time": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"),
}


def check(lines: Iterable[str]) -> list[str]:
    """List what is wrong with a FOCUS 1.2 CSV file; empty if nothing is."""
    reader = csv.DictReader(lines)
    names = list(reader.fieldnames or ())
    missing = [f"column {column.name} is missing" for column in _MANDATORY if column.name not in names]
    unknown = [f"column {name} is neither FOCUS nor `x_`" for name in names if name not in COLUMNS and name[:2] != "x_"]
    twice = [f"column {name} stands there twice" for name in dict.fromkeys(names) if names.count(name) > 1]
    rows = [f"line {line}: {wrong}" for line, row in enumerate(reader, 2) for wrong in _row(row)]
    return missing + unknown + twice + rows


def _row(row: dict[str, str]) -> Iterator[str]:
    for name, text in row.items():
        column = COLUMNS.get(name)
        if column is not None and (wrong := _cell(column, text or "")):
            yield f"{name} {wrong}"
    if (row.get("PricingQuantity") or "") == "" and row.get("PricingUnit"):
        yield "PricingUnit stands there without PricingQuantity"
    begin, end = row.get("ChargePeriodStart") or "", row.get("ChargePeriodEnd") or ""
    first, last = row.get("BillingPeriodStart") or "", row.get("BillingPeriodEnd") or ""
    if not first <= begin < end <= last:
        yield "the charge period is not within the billing period"


def _cell(column: Column, text: str) -> str:
    if not text:
        return "" if column.empty else "is empty"
    if column.allowed and text not in column.allowed:
        return f"is none of {', '.join(column.allowed)}"
    if column.kind in _FORMS:
        return "" if _FORMS[column.kind].fullmatch(text) else f"is no {column.kind}"
    return _tags(text) if column.kind == "json" else ""


def _tags(text: str) -> str:
    try:
        found = json.loads(text)
    except ValueError:
        return "is no JSON"
    flat = isinstance(found, dict) and not any(isinstance(value, dict | list) for value in found.values())
    return "" if flat else "is no flat JSON object"
