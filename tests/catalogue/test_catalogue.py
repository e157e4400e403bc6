"""The catalogue's form, and its defaults against the SDKs that are installed."""

from __future__ import annotations

import inspect

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from paceline.catalogue import CatalogueError, load, read, top_tier


def test_it_reads_and_says_where_it_has_things_from() -> None:
    products = load().products
    assert len({product.name for product in products}) == len(products)
    assert all(source.startswith("https://") for product in products for source in product.sources)
    assert all(product.constructors or product.apis for product in products)


def test_dotted_names() -> None:
    catalogue = load()
    assert catalogue.constructor("agno.models.openai.chat.OpenAIChat") is catalogue.product("agno")
    assert catalogue.constructor("myapp.OpenAI") is None
    called = catalogue.function("litellm.acompletion")
    assert called is not None
    assert (called[0].name, called[1].name, called[2]) == ("litellm", "chat", "acompletion")
    assert catalogue.function("litellm.completion_cost") is None


@pytest.mark.parametrize("text", ["x: {}", "x: 3", "x: {kind: other, sources: [a], versions: a}"])
def test_what_is_not_of_its_form(text: str) -> None:
    with pytest.raises(CatalogueError, match=r"^x: "):
        read(text)


@pytest.mark.sdk
@pytest.mark.parametrize("name", ["openai", "anthropic"])
def test_defaults_are_those_of_the_installed_sdk(name: str) -> None:
    sdk = pytest.importorskip(name)
    product = load().product(name)
    assert Version(sdk.__version__) in SpecifierSet(product.versions)
    assert sdk.DEFAULT_TIMEOUT.read == product.defaults.timeout_s
    assert product.defaults.retries == sdk.DEFAULT_MAX_RETRIES
    for constructor in product.constructors:
        found = getattr(sdk, constructor)
        given = inspect.signature(found).parameters
        assert "timeout" in given, constructor
        assert "max_retries" in given, constructor
    client = getattr(sdk, product.constructors[0])(api_key="none")
    for api in product.apis:
        if api.versions and Version(sdk.__version__) not in SpecifierSet(api.versions):
            continue
        for path in api.paths:
            target = client
            for part in path.split("."):
                target = getattr(target, part)
            present = [method for method in api.methods if hasattr(target, method)]
            assert present, f"{name}.{path}"
            given = inspect.signature(getattr(target, api.methods[0])).parameters
            assert set(api.cap) <= set(given)


def test_the_top_tier_is_that_of_the_price_table() -> None:
    from genai_prices.data import providers

    prices = {}
    for provider in providers:
        for model in provider.models if provider.id in {"openai", "anthropic"} else ():
            listed = model.prices if not isinstance(model.prices, list) else model.prices[-1].prices
            price = getattr(listed.output_mtok, "base", listed.output_mtok)
            if price is not None and "image" not in model.id:
                prices[model.id] = float(str(price))
    dear = {model for model, price in prices.items() if price >= 25}
    assert len(dear) > 20
    assert {model for model in dear if not top_tier(model)} == set()
    assert {model for model in prices if top_tier(model)} - dear == set()
    assert top_tier("anthropic/claude-opus-4-8")
    assert top_tier("openai:gpt-5.2-pro")
    assert not top_tier("gpt-5-mini")
