"""What a test run does about a component that is not there: names it with the reason, or is refused with CI=true.

Owns scripts/components.py and the refusal of scripts/test.py; nothing is installed here.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"


@pytest.fixture
def components(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module, on a machine that has no component and is not ours to install on."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    monkeypatch.delitem(sys.modules, "components", raising=False)
    module = importlib.import_module("components")
    monkeypatch.setattr(module.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(module, "_search_path", lambda: "/nonexistent")
    monkeypatch.setattr(module.otelcol, "PROGRAM", Path("/nonexistent/otelcol"))
    monkeypatch.setenv("PATH", "/nonexistent")
    for component in module.COMPONENTS:
        monkeypatch.delenv(component.variable, raising=False)
    return module


def test_each_missing_component_is_named_with_what_to_install(components: ModuleType) -> None:
    missing = {component.marker: reason for component, reason in components.install_missing().items()}
    assert missing == {
        "postgres": "no initdb on this machine (on Debian: apt install postgresql)",
        "valkey": "no valkey-server or redis-server on this machine (on Debian: apt install redis-server)",
        "chromium": "no chromium or chromium-browser on this machine (on Debian: apt install chromium)",
        "nginx": "no nginx on this machine (on Debian: apt install nginx)",
        "faketime": "no faketime on this machine (on Debian: apt install faketime)",
        "otelcol": "no go on this machine (1.26 or newer builds it)",
        "npm": "no npm on this machine (on Debian: apt install npm)",
        "prometheus": "no promtool on this machine (on Debian: apt install prometheus)",
    }


def test_what_the_environment_names_is_not_missing(components: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACELINE_TEST_POSTGRES", "postgresql+psycopg://elsewhere/test")
    assert "postgres" not in {component.marker for component in components.install_missing()}


def test_with_ci_nothing_may_be_left_out(
    components: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "test", raising=False)
    suites = importlib.import_module("test")
    assert Path(suites.__file__ or "").parent == SCRIPTS
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr(suites.signal, "signal", lambda *_: None)
    assert suites.main(["--python-only"]) == 1
    said = capsys.readouterr()
    assert "left out: the nginx suites: no nginx on this machine" in said.out
    assert said.err == "with CI=true no suite may be left out\n"
    assert components is sys.modules["components"]
