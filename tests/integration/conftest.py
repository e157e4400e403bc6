"""Installations that several files of tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.integration.installation import Installation, installation, until

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
