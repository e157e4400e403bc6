"""What every test may count on: the real components, by marker, and a ledger on each database.

Owns what happens to a test whose component is not there: skipped with the reason, failed with CI=true. The variables
are set by `make test` (scripts/test.py); a test run by hand may set them too.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from paceline.ledger import Ledger, open_ledger

COMPONENTS = {
    "postgres": "PACELINE_TEST_POSTGRES",
    "valkey": "PACELINE_TEST_VALKEY",
    "chromium": "PACELINE_TEST_CHROMIUM",
    "nginx": "PACELINE_TEST_NGINX",
    "prometheus": "PACELINE_TEST_PROMETHEUS",
    "faketime": "PACELINE_TEST_FAKETIME",
    "otelcol": "PACELINE_TEST_OTELCOL",
    "npm": "PACELINE_TEST_NPM",
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, or fail with CI=true, what needs a component that is not there."""
    for marker, variable in COMPONENTS.items():
        if item.get_closest_marker(marker) and not os.environ.get(variable):
            reason = f"left out: needs {marker} ({variable} is not set; `make test` sets it)"
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)


@pytest.fixture
def component(request: pytest.FixtureRequest) -> str:
    """Where the component is that the test's marker names: a server's URL, or a program's path."""
    for marker, variable in COMPONENTS.items():
        if request.node.get_closest_marker(marker):
            return os.environ[variable]
    message = "mark the test with the component it needs"
    raise LookupError(message)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of an empty database: an SQLite file, or a schema of its own on the test server."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'ledger.db'}"
        return
    server = os.environ["PACELINE_TEST_POSTGRES"]
    schema = f"test_{secrets.token_hex(6)}"
    engine = create_engine(server)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    yield f"{server}{'&' if '?' in server else '?'}options=-csearch_path%3D{schema}"
    with engine.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {schema} CASCADE"))
    engine.dispose()


@pytest.fixture
def ledger(where: str) -> Iterator[Ledger]:
    """An open, empty ledger."""
    with open_ledger(where) as opened:
        yield opened
