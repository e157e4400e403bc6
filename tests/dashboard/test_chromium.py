"""Every page in a real browser: nothing on its console, and the style arrives."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn
from tests.dashboard.test_pages import ADDRESSES, OVER, control
from tests.integration.installation import free_port

from paceline.gateway.control import Control
from paceline.gateway.control_api import application

__all__ = ["control"]

pytestmark = pytest.mark.chromium


@pytest.fixture(scope="module")
def url(control: Control) -> Iterator[str]:  # the fixture of that name
    port = free_port()
    config = uvicorn.Config(application(control), port=port, log_level="error", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


SHOWN = [*ADDRESSES, "/?range=28d", "/services/helpdesk?range=28d", f"/incidents/{OVER}", "/sign-in"]


@pytest.mark.parametrize(("address", "width"), [(each, (390, 1440)[place % 2]) for place, each in enumerate(SHOWN)])
def test_a_browser_has_nothing_to_complain_about(
    url: str, component: str, tmp_path: Path, address: str, width: int
) -> None:
    picture, log = tmp_path / "page.png", tmp_path / "net.json"
    command = [component, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--hide-scrollbars"]
    command += [f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},1200", f"--screenshot={picture}"]
    command += [f"--log-net-log={log}", url + address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    assert re.findall(r".*CONSOLE.*", done.stderr) == []
    assert picture.stat().st_size > 5_000
    assert f'"{url}/static/paceline.css"' in log.read_text(), "the policy lets the style through"
