"""What models cost as FOCUS 1.2: a row for each day, service, use case, model and deployment.

Costs are what the plan's prices make of the tokens that providers reported; there is no invoice, so all four costs are
the same. A request whose cost is unknown is not in them and never zero for that reason: `x_UnpricedRequests` counts it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

from paceline.exports.csv_lines import csv_lines
from paceline.exports.focus_columns import AI
from paceline.ledger import Ledger
from paceline.ledger.sums import GroupName
from paceline.standards import Standards

__all__ = ["FOCUS_COLUMNS", "focus_lines"]

_COUNTERS: Final = (
    *("n", "n_cost_due", "n_cost", "cost_nanousd", "other_nanousd"),
    *("tokens_input", "tokens_cached", "tokens_cache_write", "tokens_output", "tokens_reasoning"),
)
_GROUP: Final[tuple[GroupName, ...]] = ("service", "use_case", "model", "deployment")
_COSTS: Final = ("BilledCost", "ContractedCost", "EffectiveCost", "ListCost")

FOCUS_COLUMNS: Final = (
    *("BilledCost", "BillingAccountId", "BillingAccountName", "BillingAccountType", "BillingCurrency"),
    *("BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory", "ChargeClass", "ChargeDescription"),
    *("ChargeFrequency", "ChargePeriodEnd", "ChargePeriodStart", "ConsumedQuantity", "ConsumedUnit"),
    *("ContractedCost", "EffectiveCost", "InvoiceIssuerName", "ListCost", "PricingCategory", "PricingQuantity"),
    *("PricingUnit", "ProviderName", "PublisherName", "ResourceId", "ResourceName", "ResourceType"),
    *("ServiceCategory", "ServiceName", "ServiceSubcategory", "SkuId", "SubAccountId", "SubAccountName"),
    *("SubAccountType", "Tags", "x_Requests", "x_UnpricedRequests", "x_InputTokens", "x_CachedTokens"),
    *("x_CacheWriteTokens", "x_OutputTokens", "x_ReasoningTokens", "x_OtherAttemptsCost"),
)
"""The columns written, in their order."""


def focus_lines(ledger: Ledger, standards: Standards, first: date, last: date) -> Iterator[str]:
    """Yield the lines of a CSV file for whole UTC days, `last` included. Raises `LedgerError`."""
    rows = (row for day in _days(first, last) for row in _day(ledger, standards, day))
    return csv_lines(FOCUS_COLUMNS, ([row.get(name, "") for name in FOCUS_COLUMNS] for row in rows))


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def _day(ledger: Ledger, standards: Standards, day: date) -> Iterator[dict[str, object]]:
    since = datetime(day.year, day.month, day.day, tzinfo=UTC)
    until = since + timedelta(days=1)
    found = ledger.totals.counters(since.timestamp(), until.timestamp(), _COUNTERS, _GROUP)
    for names, numbers in sorted(found.items()):
        counts = dict(zip(_COUNTERS, numbers, strict=True))
        if counts["n_cost_due"] or counts["cost_nanousd"] or counts["other_nanousd"]:
            yield _row(standards, (since, until), names, counts)


def _row(
    standards: Standards, span: tuple[datetime, datetime], names: tuple[str, ...], counts: dict[str, int]
) -> dict[str, object]:
    month = span[0].replace(day=1)
    account = standards.options.organisation or "paceline"
    return {
        **dict.fromkeys(_COSTS, _usd(counts["cost_nanousd"] + counts["other_nanousd"])),
        **dict.fromkeys(("BillingAccountId", "BillingAccountName"), account),
        "BillingAccountType": "Organisation",
        "BillingCurrency": "USD",
        "BillingPeriodStart": _time(month),
        "BillingPeriodEnd": _time((month + timedelta(days=31)).replace(day=1)),
        "ChargeCategory": "Usage",
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodStart": _time(span[0]),
        "ChargePeriodEnd": _time(span[1]),
        "PricingCategory": "Standard",
        "ServiceCategory": AI,
        "ServiceSubcategory": "Generative AI",
        **_who(standards, *names),
        **_amounts(counts),
    }


def _who(standards: Standards, service: str, use_case: str, model: str, deployment: str) -> dict[str, object]:
    provider = _provider(standards, deployment)
    known = standards.options.services.get(service)
    tags = {"team": known.owner if known else None, "service": service, "use_case": use_case}
    return {
        **dict.fromkeys(("InvoiceIssuerName", "ProviderName", "PublisherName"), provider),
        "ChargeDescription": f"Calls of {service or 'an unknown service'} to {deployment or model or 'a model'}",
        "ServiceName": f"{provider} models",
        "ResourceId": deployment,
        "ResourceName": model if deployment else "",
        "ResourceType": "Model deployment" if deployment else "",
        "SkuId": deployment or model or "unknown",
        **dict.fromkeys(("SubAccountId", "SubAccountName"), service),
        "SubAccountType": "Service" if service else "",
        "Tags": json.dumps({name: value for name, value in tags.items() if value}),
    }


def _amounts(counts: dict[str, int]) -> dict[str, object]:
    return {
        **dict.fromkeys(("ConsumedQuantity", "PricingQuantity"), counts["tokens_input"] + counts["tokens_output"]),
        **dict.fromkeys(("ConsumedUnit", "PricingUnit"), "Tokens"),
        "x_Requests": counts["n"],
        "x_UnpricedRequests": counts["n_cost_due"] - counts["n_cost"],
        "x_InputTokens": counts["tokens_input"],
        "x_CachedTokens": counts["tokens_cached"],
        "x_CacheWriteTokens": counts["tokens_cache_write"],
        "x_OutputTokens": counts["tokens_output"],
        "x_ReasoningTokens": counts["tokens_reasoning"],
        "x_OtherAttemptsCost": _usd(counts["other_nanousd"]),
    }


def _provider(standards: Standards, deployment: str) -> str:
    """Name the vendor behind a deployment, else its provider as the standards call it."""
    name = deployment.partition("/")[0]
    known = standards.options.providers.get(name)
    return (known.vendor if known and known.vendor else name) or "unknown"


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def _usd(nanousd: int) -> str:
    text = f"{Decimal(nanousd).scaleb(-9):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
