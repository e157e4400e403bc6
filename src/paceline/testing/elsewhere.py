"""Renders a prompt in another process, under another hash seed.

`python -m paceline.testing.elsewhere` is that process: it reads what to render from standard input and writes the bytes
to a file that it is told, so that what the build prints is in nobody's way.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from paceline.testing.regions import Rendered

_WAIT_S = 120
_INSIDE = "PACELINE_TESTING_ELSEWHERE"
"""Set in the other process: a module that asserts while it is imported would start processes without end."""


class NotImportableError(ValueError):
    """A function that another process cannot get hold of."""


def render_elsewhere(build: Callable[[], Any], moment_s: float, seed: int) -> Rendered:
    """Render in a process of its own; raises `NotImportableError`, or `RuntimeError` with what the process said."""
    module, name = getattr(build, "__module__", None), getattr(build, "__qualname__", "")
    source = getattr(sys.modules.get(module or ""), "__file__", None)
    if module is None or not name.replace(".", "_").isidentifier() or source is None:
        raise NotImportableError("a lambda or a function within a function cannot be imported by another process")
    if _INSIDE in os.environ:
        raise RuntimeError('the assertion runs when its module is imported: put it below `if __name__ == "__main__":`')
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "prompt.json"
        order = {"module": module, "source": str(Path(source).resolve()), "name": name, "moment_s": moment_s}
        seen = os.pathsep.join(filter(None, sys.path))
        environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": seen, _INSIDE: "1"}
        done = subprocess.run(
            [sys.executable, "-m", __name__, str(target), str(seed)],
            input=json.dumps(order), env=environment, capture_output=True, text=True, timeout=_WAIT_S, check=False,
        )  # fmt: skip
        if done.returncode:
            said = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
            raise RuntimeError(f"{module}.{name} failed in another process: {said[0]}")
        written = json.loads(target.read_text())
    data = bytes.fromhex(written["data"])
    return Rendered(data, tuple(written["starts"]), tuple(written["names"]))


def _module(name: str, source: str) -> ModuleType:
    """Import a module by its name; by its file where the name leads elsewhere, as in tests of pytest."""
    try:
        found = importlib.import_module(name) if name != "__main__" else None
    except ImportError:
        found = None
    if found is not None and Path(getattr(found, "__file__", None) or "").resolve() == Path(source):
        return found
    spec = importlib.util.spec_from_file_location(f"_{name.rpartition('.')[2].strip('_')}", source)
    if spec is None or spec.loader is None:
        raise ImportError(f"{source} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _main(target: str, turn: str) -> None:
    from paceline.testing.prefix import render

    order = json.load(sys.stdin)
    build: Any = _module(order["module"], order["source"])
    for part in order["name"].split("."):
        build = getattr(build, part)
    found = render(build, order["moment_s"], int(turn))
    document = {"data": found.data.hex(), "starts": found.starts, "names": found.names}
    Path(target).write_text(json.dumps(document))


if __name__ == "__main__":
    _main(*sys.argv[1:])
