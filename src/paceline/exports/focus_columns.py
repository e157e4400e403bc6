"""The columns of FOCUS 1.2 (Cost and Usage): name, whether a dataset must have it, whether it may be empty, its values.

Source: the specification's own column pages, version 1.2. What must hold between columns is `focus_check`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ["AI", "COLUMNS", "Column"]

Kind = Literal["text", "decimal", "time", "json"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: `needed` in every dataset, `empty` where a cell may be, the values allowed if they are counted out."""

    name: str
    needed: bool
    empty: bool
    kind: Kind = "text"
    allowed: tuple[str, ...] = ()


AI: Final = "AI and Machine Learning"
_CATEGORIES: Final = (
    *(AI, "Analytics", "Business Applications", "Compute", "Databases", "Developer Tools", "Multicloud", "Identity"),
    *("Integration", "Internet of Things", "Management and Governance", "Media", "Migration", "Mobile", "Networking"),
    *("Security", "Storage", "Web", "Other"),
)

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
    Column("ServiceCategory", True, False, allowed=_CATEGORIES),
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
