"""Opening a ledger: addresses, schema, versions, many at once."""

from __future__ import annotations

import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

from paceline.ledger import (
    Keep,
    Ledger,
    LedgerBrokenError,
    LedgerError,
    LedgerNewerError,
    LedgerUnreachableError,
    open_ledger,
)
from paceline.ledger.engine import URL_VARIABLE, url_of
from paceline.ledger.migrations import HEAD
from paceline.ledger.schema import metadata, minute


def test_the_migrated_schema_is_the_one_the_code_uses(ledger: Ledger) -> None:
    with ledger.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, {"compare_type": True}), metadata) == []


def test_head_is_the_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", "paceline.ledger:migrations")
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_a_ledger_of_the_first_version_is_brought_up_and_keeps_its_rows(where: str) -> None:
    engine = create_engine(url_of(where))
    config = Config()
    config.set_main_option("script_location", "paceline.ledger:migrations")
    config.set_main_option("path_separator", "os")
    first = {"id": "k_old", "sha256": "00", "services": "[]", "any_service": False, "name": "", "created_us": 1}
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        names, marks = ", ".join(first), ", ".join(f":{name}" for name in first)
        connection.execute(text(f"INSERT INTO key ({names}) VALUES ({marks})"), first)  # noqa: S608
        zeros = {column.name: 0 for column in minute.columns if column.name != "other_nanousd"}
        names, marks = ", ".join(zeros), ", ".join(f":{name}" for name in zeros)
        connection.execute(text(f"INSERT INTO minute ({names}) VALUES ({marks})"), zeros)  # noqa: S608
    engine.dispose()
    with open_ledger(where) as ledger:
        assert [(key.id, key.limits) for key in ledger.keys.list()] == [("k_old", {})]
        with ledger.engine.connect() as connection:
            assert connection.execute(text("SELECT other_nanousd FROM minute")).scalar() == 0


def test_a_ledger_of_the_version_before_is_rolled_up_from_its_oldest_minute_on(where: str) -> None:
    engine = create_engine(url_of(where))
    config = Config()
    config.set_main_option("script_location", "paceline.ledger:migrations")
    config.set_main_option("path_separator", "os")
    names = ("service", "use_case", "model", "deployment", "plan")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        connection.execute(text(f"INSERT INTO series ({', '.join(names)}) VALUES ('s', 'u', 'm', 'd', 'p')"))  # noqa: S608
        number = connection.execute(text("SELECT id FROM series")).scalar_one()
        columns = [column.name for column in minute.columns]
        put = text(f"INSERT INTO minute ({', '.join(columns)}) VALUES (:{', :'.join(columns)})")  # noqa: S608
        for at in range(6_000_000, 6_000_180):
            connection.execute(put, {**dict.fromkeys(columns, 1), "minute": at, "series": number})
    engine.dispose()
    with open_ledger(where) as ledger:
        fresh = ledger.report(6_000_000 * 60, 6_000_180 * 60)
        ledger.roll_up(now=6_000_300 * 60.0)
        assert [row.n for row in ledger.counts(6_000_000 * 60, 6_000_180 * 60, resolution=60)] == [60, 60, 60]
        ledger.retain(Keep(minutes_days=1), now=6_010_000 * 60.0, pause_s=0)
        assert ledger.report(6_000_000 * 60, 6_000_180 * 60) == fresh
        assert list(ledger.strata(0, 6_010_000 * 60)) == [], "strata begin with the upgrade"
        with ledger.engine.connect() as connection:
            assert connection.execute(text("SELECT last_minute FROM series")).scalar_one() == 6_000_179


def test_opening_again_keeps_what_is_there(where: str) -> None:
    with open_ledger(where) as first:
        first.settings.put("colour", "blue")
    with open_ledger(where) as second:
        assert second.settings.get("colour") == "blue"


def test_several_may_open_an_empty_database_at_once(where: str) -> None:
    def work(number: int) -> int:
        with open_ledger(where) as ledger:
            for _ in range(5):
                ledger.keys.create(service=f"s{number}")
            return len(ledger.keys.list())

    with ThreadPoolExecutor(6) as pool:
        assert max(pool.map(work, range(6))) == 30
    with open_ledger(where) as ledger:
        assert (len(ledger.keys.list()), ledger.keys.version()) == (30, 30)


def test_a_newer_ledger_is_refused(where: str) -> None:
    with open_ledger(where) as ledger, ledger.engine.connect() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.commit()
    with pytest.raises(LedgerNewerError, match="9999"):
        open_ledger(where)


def test_a_data_directory_means_a_private_file_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    with open_ledger(tmp_path / "data"):
        mode = stat.S_IMODE((tmp_path / "data" / "ledger.db").stat().st_mode)
    assert mode == 0o600


def test_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(URL_VARIABLE, raising=False)
    assert url_of(str(tmp_path)).database == str(tmp_path / "ledger.db")
    assert url_of("postgresql://me@there/acme").drivername == "postgresql+psycopg"
    monkeypatch.setenv(URL_VARIABLE, "postgresql://me@there/acme")
    assert url_of(tmp_path).host == "there"
    for wrong in ("mysql://there/acme", "sqlite://", "postgresql+asyncpg://there/acme", "://"):
        with pytest.raises(LedgerUnreachableError, match=r"write it(s address)? like"):
            url_of(wrong)


def test_what_is_no_database_is_a_ledger_error(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"not a database at all, but long enough to look at" * 50)
    with pytest.raises(LedgerError):
        open_ledger(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerUnreachableError):
        open_ledger(tmp_path / "file" / "below")


def test_an_unreachable_server_is_said_without_the_password() -> None:
    with pytest.raises(LedgerUnreachableError) as caught:
        open_ledger("postgresql://me:hunter2@127.0.0.1:1/acme")
    assert "hunter2" not in str(caught.value)


def test_errors_quote_no_values(ledger: Ledger) -> None:
    from sqlalchemy import insert

    from paceline.ledger.errors import translated
    from paceline.ledger.schema import setting

    ledger.settings.put("name", "secret-value")
    with pytest.raises(LedgerBrokenError) as caught, translated("write"), ledger.engine.begin() as connection:
        connection.execute(insert(setting).values(name="name", value="secret-value"))
    assert "secret-value" not in str(caught.value)


def test_a_ledger_that_is_up_to_date_opens_without_alembic(tmp_path: Path) -> None:
    open_ledger(tmp_path).close()
    program = (
        "import sys; from paceline.ledger import open_ledger; open_ledger(sys.argv[1]).close(); "
        "sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False).returncode == 0
