"""Installations that several files of tests share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.installation import Installation, installation, until
from tests.integration.metered import SIM, STANDARDS
from tests.integration.recording_upstream import RecordingUpstream

ROOT = Path(__file__).resolve().parents[2]
SDK_LOCK = ROOT / "requirements" / "sdk-previous.lock"

STRICT = """\
gateway:
  body_bytes_max: 8KiB
  head_bytes_max: 16KiB
  headers_max: 64
  head_read: 1s
  body_read: 1s
  journal: {segment_bytes: 64KiB, sync: 50ms}
"""


@pytest.fixture(scope="session")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """A gateway with small bounds on everything a caller sends."""
    with installation(tmp_path_factory.mktemp("strict"), "sim", "control", extra=STRICT) as made:
        until(made.data.plan.exists, "the first plan")
        made.start("gateway")
        yield made


@pytest.fixture(scope="session")
def strict_key(strict: Installation) -> str:
    """A key of that gateway."""
    return strict.key()


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation over the simulated provider, with prices, and short deadlines for the service `hurry`."""
    place = tmp_path_factory.mktemp("house")
    with installation(place, standards_text=STANDARDS, sim_options=SIM) as made:
        yield made


@pytest.fixture(scope="session")
def helpdesk(house: Installation) -> str:
    """A key of a service in warn mode."""
    return house.key("helpdesk", "support-chat")


@pytest.fixture(scope="session")
def hurry(house: Installation) -> str:
    """A key of a service with short deadlines."""
    return house.key("hurry", "hasty")


@pytest.fixture(scope="session")
def previous_sdks() -> Path:
    """A Python with the SDKs' previous majors, in an environment that is kept between runs."""
    place = ROOT / ".venv-sdk-previous"
    python, stamp = place / "bin" / "python", place / "lock"
    if not stamp.exists() or stamp.read_text() != SDK_LOCK.read_text():
        subprocess.run([sys.executable, "-m", "venv", "--clear", place], check=True)
        install = ["-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--require-hashes"]
        command = [python, *install, "--requirement", SDK_LOCK]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONWARNINGS": "ignore"})
        stamp.write_text(SDK_LOCK.read_text())
    return python


@pytest.fixture(scope="session")
def upstream() -> Iterator[RecordingUpstream]:
    """A provider that the test plays itself."""
    with RecordingUpstream() as made:
        yield made


@pytest.fixture(scope="session")
def wired(tmp_path_factory: pytest.TempPathFactory, upstream: RecordingUpstream) -> Iterator[Installation]:
    """A gateway and a control process over that provider."""
    place = tmp_path_factory.mktemp("wired")
    once = "traffic: {retry: {attempts_max: 1}}\n"  # each test answers one attempt
    with installation(place, "gateway", "control", standards_text=STANDARDS, upstream=upstream.url, extra=once) as made:
        yield made


@pytest.fixture(scope="session")
def wired_key(wired: Installation) -> str:
    """A key of theirs in warn mode: caps are added."""
    return wired.key("helpdesk", "support-chat")
