"""What belongs to the gateway: keys, plans, settings."""

from __future__ import annotations

import hashlib
import re

import pytest
from sqlalchemy import func, select, text
from tests.ledger.test_report import plan

from paceline.ledger import Ledger
from paceline.ledger.schema import key as key_table
from paceline.ledger.schema import plan_body


def test_a_key_is_shown_once_and_only_its_hash_is_kept(ledger: Ledger) -> None:
    made = ledger.keys.create(service="helpdesk", use_case="support-chat", name="ci")
    assert re.fullmatch(r"pk-[0-9A-Za-z]{40}", made.key)
    assert re.fullmatch(r"k_[0-9A-Za-z]{8}", made.id)
    assert made.key not in repr(made)
    (known,) = ledger.keys.list()
    assert known.sha256 == hashlib.sha256(made.key.encode()).hexdigest()
    assert "sha256" not in known.document()
    assert known.document() | {"created_at": 0} == {
        "id": made.id,
        "service": "helpdesk",
        "services": [],
        "any_service": False,
        "use_case": "support-chat",
        "name": "ci",
        "created_at": 0,
        "revoked_at": None,
        "limits": {},
    }
    with ledger.engine.connect() as connection:
        stored = connection.execute(select(key_table)).all()
    assert made.key not in str(stored)


def test_planned_keys_are_those_in_use(ledger: Ledger) -> None:
    first = ledger.keys.create(service="a", services=["b", "c"])
    second = ledger.keys.create(any_service=True)
    assert ledger.keys.revoke(first.id)
    assert not ledger.keys.revoke(first.id)
    assert not ledger.keys.revoke("k_unknown0")
    (planned,) = ledger.keys.planned()
    assert (planned["id"], planned["service"], planned["any_service"]) == (second.id, None, True)
    assert [key.revoked_at is None for key in ledger.keys.list()] == [False, True]
    assert ledger.keys.list()[0].services == ("b", "c")


def test_a_keys_limits_enter_the_plan_whole(ledger: Ledger) -> None:
    ledger.keys.create(service="a", limits={"requests_per_minute": 60, "usd_per_day": None})
    ledger.keys.create(service="b")
    first, second = ledger.keys.planned()
    assert first["rates"]["requests_per_minute"] == 60
    assert set(first["rates"]) == set(second["rates"])
    assert set(second["rates"].values()) == {None}
    with pytest.raises(ValueError, match="no limit usd_per_hour"):
        ledger.keys.create(service="a", limits={"usd_per_hour": 1.0})


def test_every_change_is_a_new_version(ledger: Ledger) -> None:
    versions = [ledger.keys.version()]
    made = ledger.keys.create(service="a")
    versions.append(ledger.keys.version())
    ledger.keys.revoke("k_unknown0")
    versions.append(ledger.keys.version())
    ledger.keys.revoke(made.id)
    versions.append(ledger.keys.version())
    assert versions == [0, 1, 1, 2]


def test_plans_are_kept_without_keys_and_share_bodies(ledger: Ledger) -> None:
    first, same_but_keys, other = plan(), plan(salt="another key"), plan([])
    for one in (first, same_but_keys, other, first):
        ledger.plans.put(one)
    found = ledger.plans.get(first.hash[:16])
    assert found is not None
    assert "keys" not in found
    assert found["services"] == first.document["services"]
    assert ledger.plans.get("0" * 16) is None
    assert ledger.plans.newest() == found, "the one put last, though it was known before"
    with ledger.engine.connect() as connection:
        assert connection.execute(select(func.count()).select_from(plan_body)).scalar() == 2
        assert connection.execute(text("SELECT count(*) FROM plan")).scalar() == 3


def test_settings_are_put_and_got(ledger: Ledger) -> None:
    assert ledger.settings.get("colour") is None
    ledger.settings.put("colour", "blue")
    ledger.settings.put("colour", "green")
    assert ledger.settings.get("colour") == "green"
