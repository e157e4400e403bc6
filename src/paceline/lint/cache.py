"""What was found in files that have not changed since: one JSON file for a project, linter, catalogue and policy.

An entry counts while the file has the same content (or the same stamps, older than the cache), and so have the files
beside it that had a say. Bounded; what is corrupt or foreign is ignored; of two runs at once the last to end is kept.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from hashlib import blake2b
from pathlib import Path
from typing import Any

from paceline.lint import fronts
from paceline.lint.look import Look, unpacked

VERSION = 1
ENTRIES_MAX = 100_000
BYTES_MAX = 64 * 1024 * 1024
FILES_MAX = 8
"""Caches of other policies or versions that are kept beside this one."""

_RACY_NS = 2_000_000_000
"""A file written this shortly before it was looked at may be written again without a new stamp."""

_Stamps = tuple[int, int, int]


def fingerprint(root: Path, policy: object) -> str:
    """Name everything but the files that findings follow from: linter, catalogue, policy, Python, place."""
    here = Path(__file__).parent
    parts = [repr(policy), str(root), sys.version, str(VERSION)]
    for directory in (here, here.parent / "catalogue"):
        for path in sorted(each for each in directory.rglob("*") if each.suffix in {".py", ".yaml"}):
            stat = path.stat()
            parts.append(f"{path.name} {stat.st_size} {stat.st_mtime_ns}")
    return blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


class Cache:
    """Looks by file; without a directory it keeps nothing."""

    def __init__(self, directory: Path | None, root: Path, mark: str) -> None:
        self.root = root
        self.path = directory / f"{mark}.json" if directory is not None else None
        self.entries: dict[str, list[Any]] = _loaded(self.path)
        self.changed = False
        self._digests: dict[str, str | None] = {}

    def get(self, name: str) -> Look | None:
        """Return the last look at a file, while it still holds."""
        entry = self.entries.get(name)
        if entry is None:
            return None
        try:
            if self._digest(name) != entry[4]:
                return None
            found = unpacked(name, entry[5])
            return found if all(self._digest(each) == mark for each, mark in found.beside.items()) else None
        except (ValueError, TypeError, IndexError, AttributeError):
            return None

    def put(self, name: str, stamps: _Stamps, mark: str, when_ns: int, packed: Any) -> None:
        """Keep a look at a file that had these stamps and this digest when it was read."""
        if self.path is not None:
            if len(self.entries) >= ENTRIES_MAX:
                self.entries.clear()
            self.entries[name] = [*stamps, when_ns, mark, packed]
            self.changed = True

    def save(self) -> None:
        """Write the file anew; that it cannot be written is no reason to fail."""
        if self.path is None or not self.changed:
            return
        import tempfile

        with contextlib.suppress(OSError):
            text = json.dumps({"version": VERSION, "entries": self.entries}, separators=(",", ":"))
            if len(text) > BYTES_MAX:
                return
            directory = self.path.parent
            if not directory.exists():
                directory.mkdir(parents=True)
                (directory / ".gitignore").write_text("*\n", encoding="utf-8")
            handle, temporary = tempfile.mkstemp(dir=directory, suffix=".new")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(temporary).replace(self.path)
            _tidy(directory)

    def _digest(self, name: str) -> str | None:
        """Return the digest of a file as it is now: the one that is kept where its stamps are trusted."""
        if name in self._digests:
            return self._digests[name]
        entry = self.entries.get(name)
        path = self.root / name
        if entry is not None and trusted(entry) and stamps(path) == tuple(entry[:3]):
            found: str | None = entry[4]
        else:
            data = fronts.read(path)
            found = None if data is None else fronts.digest(data)
            if entry is not None and found == entry[4]:
                self._restamp(entry, path)
        self._digests[name] = found
        return found

    def _restamp(self, entry: list[Any], path: Path) -> None:
        """Note that content is the same under new stamps, as after a fresh checkout."""
        import time

        now = stamps(path)
        if now is not None:
            entry[:4] = [*now, time.time_ns()]
            self.changed = True


def stamps(path: Path) -> _Stamps | None:
    """Return size and times of a file; None where there is none."""
    try:
        stat = path.stat()
    except (OSError, ValueError):
        return None
    return (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


def trusted(entry: list[Any]) -> bool:
    """Say whether a file was old enough when it was read for its stamps to tell of every change."""
    return bool(max(entry[1], entry[2]) < entry[3] - _RACY_NS)


def _loaded(path: Path | None) -> dict[str, list[Any]]:
    if path is None:
        return {}
    try:
        if path.stat().st_size > BYTES_MAX:
            return {}
        document = json.loads(path.read_bytes())
        entries = document["entries"]
        sound = document["version"] == VERSION and all(
            isinstance(each, list) and len(each) == 6 and isinstance(each[3], int) for each in entries.values()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
    return entries if sound else {}


def _tidy(directory: Path) -> None:
    """Delete the caches that were used longest ago, and what runs that died left behind."""
    kept = sorted(directory.glob("*.json"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for path in kept[FILES_MAX:]:
        path.unlink(missing_ok=True)
    for path in sorted(directory.glob("*.new"), key=lambda each: each.stat().st_mtime_ns, reverse=True)[FILES_MAX:]:
        path.unlink(missing_ok=True)
