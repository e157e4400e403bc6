"""Prices from the catalogue that `genai-prices` bundles. No network call; an unknown price is None, never zero.

Owns the step from the catalogue's form to ours: US dollars per million tokens for input, output, cached and
cache_write. Where a price has tiers by prompt length the first tier counts; where it varies by hour, noon UTC counts
(so that a plan does not change within a day). A vendor without a price for cached or written tokens charges them as
input.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

__all__ = ["catalogue_price"]


def catalogue_price(catalogue: str, model: str, day: date) -> dict[str, Any] | None:
    """Look one model up; returns a plan's price, or None where the catalogue does not know it.

    `catalogue` is the vendor's id in the catalogue, `day` the day whose prices count.
    """
    if not catalogue:
        return None
    import genai_prices
    from genai_prices.data_snapshot import get_snapshot

    try:
        _, found = get_snapshot().find_provider_model(model, None, catalogue, None)
        prices = found.get_prices(datetime.combine(day, time(12), UTC))
    except (LookupError, ValueError):
        return None
    given = _amount(prices, "input_mtok")
    output = _amount(prices, "output_mtok")
    if output is None and "embed" in model.lower():
        output = 0.0  # an embedding has no output tokens
    if given is None or output is None:
        return None
    cached, written = _amount(prices, "cache_read_mtok"), _amount(prices, "cache_write_mtok")
    return {
        "input": given,
        "output": output,
        "cached": given if cached is None else cached,
        "cache_write": given if written is None else written,
        "source": f"genai-prices {genai_prices.__version__}",
    }


def _amount(prices: Any, key: str) -> float | None:
    value = getattr(prices, key, None)
    base = getattr(value, "base", value)
    return float(base) if isinstance(base, Decimal | int | float) else None
