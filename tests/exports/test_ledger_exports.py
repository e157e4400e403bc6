"""FOCUS and CSV against a real ledger: the same sums as the records, valid, in their order, on each database."""

from __future__ import annotations

import csv
import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from inline_snapshot import snapshot
from tests.ledger.journal_files import OK, PROVIDER_ERROR, REFUSED, Record, write_segment

from paceline.exports.csv_lines import csv_lines
from paceline.exports.focus import FOCUS_COLUMNS, focus_lines
from paceline.exports.focus_check import check
from paceline.exports.focus_columns import COLUMNS
from paceline.exports.requests import REQUEST_COLUMNS, request_lines
from paceline.ledger import Ledger
from paceline.standards import Standards

FIRST = date(2026, 10, 30)
START = datetime(2026, 10, 30, tzinfo=UTC).timestamp()
DAY = 86_400.0


def made() -> list[Record]:
    """Three days of two services over the end of a month."""
    records = [
        Record(
            *(number, START + number * 1_000.5, "helpdesk" if number % 3 else "watcher"),
            deployment="openai/gpt-5.4-mini",
            cost_nanousd=1_234_567 + number,
            tokens=(100 + number, 10, 0, 20, 5),
            other_cost_nanousd=5 if number % 7 == 0 else 0,
        )
        for number in range(250)
    ]
    records[3].cost_nanousd = -1
    records += [
        Record(900, START + 5, outcome=REFUSED, deployment="", tokens=(0, 0, 0, 0, 0), cost_nanousd=-1),
        Record(901, START + 6, service="", names={"model_asked": '=cmd("x")'}, deployment="house/qwen", use_case=""),
        Record(902, START + 7, outcome=PROVIDER_ERROR, cost_nanousd=-1, tokens=(0, 0, 0, 0, 0)),
    ]
    return records


@pytest.fixture
def records(ledger: Ledger, journal: Path) -> list[Record]:
    found = made()
    write_segment(journal, 1, found)
    ledger.ingest(journal)
    return found


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def rows(lines: list[str]) -> list[dict[str, str]]:
    return list(csv.DictReader(lines))


def test_focus_has_the_records_costs_by_day(ledger: Ledger, records: list[Record], known: Standards) -> None:
    lines = list(focus_lines(ledger, known, FIRST, FIRST + timedelta(days=2)))
    assert check(lines) == []
    found = rows(lines)
    costs: Counter[tuple[str, str]] = Counter()
    for record in records:
        day = f"{datetime.fromtimestamp(record.start_s, UTC):%Y-%m-%dT00:00:00Z}"
        costs[day, record.service] += max(record.cost_nanousd, 0) + record.other_cost_nanousd
    told = {(row["ChargePeriodStart"], row["SubAccountId"]): 0 for row in found}
    for row in found:
        told[row["ChargePeriodStart"], row["SubAccountId"]] += int(Decimal(row["BilledCost"]) * 10**9)
    assert told == {names: cost for names, cost in costs.items() if cost}
    assert sum(int(row["x_UnpricedRequests"]) for row in found) == 1, "a refusal costs nothing, and is no gap"
    assert {row["BillingPeriodStart"][:7] for row in found} == {"2026-10", "2026-11"}


def test_a_row_names_team_vendor_and_tokens(ledger: Ledger, records: list[Record], known: Standards) -> None:
    del records
    lines = list(focus_lines(ledger, known, FIRST, FIRST))
    row = next(row for row in rows(lines) if row["SubAccountId"] == "watcher")
    assert json.loads(row["Tags"]) == {"team": "platform", "service": "watcher", "use_case": "support-chat"}
    assert {name: row[name] for name in FOCUS_COLUMNS if row[name] and not name.startswith(("Tags", "x_"))} == snapshot(
        {
            "BilledCost": "0.034569116",
            "BillingAccountId": "Acme",
            "BillingAccountName": "Acme",
            "BillingAccountType": "Organisation",
            "BillingCurrency": "USD",
            "BillingPeriodEnd": "2026-11-01T00:00:00Z",
            "BillingPeriodStart": "2026-10-01T00:00:00Z",
            "ChargeCategory": "Usage",
            "ChargeDescription": "Calls of watcher to openai/gpt-5.4-mini",
            "ChargeFrequency": "Usage-Based",
            "ChargePeriodEnd": "2026-10-31T00:00:00Z",
            "ChargePeriodStart": "2026-10-30T00:00:00Z",
            "ConsumedQuantity": "4698",
            "ConsumedUnit": "Tokens",
            "ContractedCost": "0.034569116",
            "EffectiveCost": "0.034569116",
            "InvoiceIssuerName": "openai",
            "ListCost": "0.034569116",
            "PricingCategory": "Standard",
            "PricingQuantity": "4698",
            "PricingUnit": "Tokens",
            "ProviderName": "openai",
            "PublisherName": "openai",
            "ResourceId": "openai/gpt-5.4-mini",
            "ResourceName": "small",
            "ResourceType": "Model deployment",
            "ServiceCategory": "AI and Machine Learning",
            "ServiceName": "openai models",
            "ServiceSubcategory": "Generative AI",
            "SkuId": "openai/gpt-5.4-mini",
            "SubAccountId": "watcher",
            "SubAccountName": "watcher",
            "SubAccountType": "Service",
        }
    )


def test_the_same_after_a_roll_up(ledger: Ledger, records: list[Record], known: Standards) -> None:
    del records
    before = list(focus_lines(ledger, known, FIRST, FIRST + timedelta(days=2)))
    ledger.roll_up(now=START + 30 * DAY)
    assert list(focus_lines(ledger, known, FIRST, FIRST + timedelta(days=2))) == before


def test_an_empty_ledger_has_a_head_and_no_rows(ledger: Ledger, known: Standards) -> None:
    lines = list(focus_lines(ledger, known, FIRST, FIRST))
    assert len(lines) == 1
    assert check(lines) == []
    assert len(list(request_lines(ledger, START, START + DAY))) == 1


def test_requests_of_a_span_in_their_order_without_formulas(ledger: Ledger, records: list[Record]) -> None:
    found = rows(list(request_lines(ledger, START, START + DAY)))
    mine = sorted((record for record in records if record.start_s < START + DAY), key=lambda record: record.id)
    assert [row["id"] for row in found] == [record.id.hex() for record in mine]
    assert [int(row["cost_nanousd"] or -1) for row in found] == [record.cost_nanousd for record in mine]
    assert {row["model_asked"] for row in found} == {"", '\'=cmd("x")'}
    assert {row["outcome"] for row in found if row["id"] == mine[0].id.hex()} == {"ok" if mine[0].outcome == OK else ""}
    only = rows(list(request_lines(ledger, START, START + DAY, "watcher")))
    assert {row["service"] for row in only} == {"watcher"}


def test_the_columns_are_names_times_and_counts() -> None:
    assert not {
        name for name in REQUEST_COLUMNS if any(part in name for part in ("prompt", "answer", "text", "body"))
    } - {"body_us"}


def test_the_column_list_is_whole() -> None:
    assert len(COLUMNS) == 57
    assert sum(column.needed for column in COLUMNS.values()) == 21
    assert {name for name in FOCUS_COLUMNS if not name.startswith("x_")} <= COLUMNS.keys()


@pytest.mark.parametrize(
    ("cell", "wrong"),
    [
        (("BilledCost", "$1"), "BilledCost is no decimal"),
        (("BilledCost", ""), "BilledCost is empty"),
        (("ChargePeriodStart", "2026-10-30"), "ChargePeriodStart is no time"),
        (("ChargeCategory", "Use"), "ChargeCategory is none of Usage, Purchase, Tax, Credit, Adjustment"),
        (("Tags", '{"a": {"b": 1}}'), "Tags is no flat JSON object"),
        (("Tags", "{"), "Tags is no JSON"),
        (("BilledCost", "1.5E+3"), "BilledCost is no decimal"),
        (("BillingCurrency", "dollars"), "BillingCurrency is no code of ISO 4217"),
        (("ProviderName", "  "), "ProviderName is of spaces only"),
        (("Tags", '{"a": 1, "a": 2}'), "Tags has a key twice"),
        (("Tags", "[]"), "Tags is no flat JSON object"),
        (("PricingQuantity", ""), "PricingUnit stands there without PricingQuantity"),
        (("ConsumedUnit", ""), "ConsumedQuantity stands there without ConsumedUnit"),
        (("ResourceId", ""), "ResourceName stands there without ResourceId"),
        (("SubAccountId", ""), "SubAccountName stands there without SubAccountId"),
        (("SkuId", ""), "SkuId is empty in a row of usage"),
        (("ServiceCategory", "Software"), "ServiceCategory is none of AI and Machine Learning, Analytics"),
        (("ServiceSubcategory", "Databases"), "ServiceSubcategory is none of AI and Machine Learning"),
        (("ContractedUnitPrice", "3"), "ContractedUnitPrice times PricingQuantity is not ContractedCost"),
        (("ChargePeriodEnd", "2026-12-01T00:00:00Z"), "the charge period is not within the billing period"),
    ],
)
def test_the_check_finds(
    ledger: Ledger, records: list[Record], known: Standards, cell: tuple[str, str], wrong: str
) -> None:
    del records
    row = rows(list(focus_lines(ledger, known, FIRST, FIRST)))[-1] | dict([cell])
    assert any(each.startswith(f"line 2: {wrong}") for each in check(list(csv_lines(list(row), [list(row.values())]))))


def test_the_check_finds_columns_that_are_missing_or_unknown() -> None:
    found = check(["BilledCost,Owner,x_Mine,x_Mine\n"])
    assert "column ListCost is missing" in found
    assert "column Owner is neither FOCUS nor `x_`" in found
    assert "column x_Mine stands there twice" in found
    assert "custom columns stand before FOCUS columns" in check(["x_Mine,BilledCost\n"])
    assert "line 2: it has more or fewer cells than there are columns" in check(["BilledCost,ListCost\n", "1\n"])
