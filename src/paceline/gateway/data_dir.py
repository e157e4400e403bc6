"""What lies where in a data directory, and who may read it.

Everything here is private to the user who runs paceline: the directory is 0700, the plan and the sockets 0600.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path

from paceline.gateway.address import Address

# The kernel takes 107 bytes for a socket path; the gateway applies the same bound.
SOCKET_PATH_BYTES = 100


class DataDir:
    """Paths within one data directory."""

    NAME = ".paceline"

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    def __repr__(self) -> str:
        return f"DataDir({str(self.path)!r})"

    def ensure(self) -> None:
        """Make the directory, readable by its owner only; an existing one keeps its mode."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def plan(self) -> Path:
        """The plan a gateway reads when it starts; mode 0600 since it holds key hashes."""
        return self.path / "plan.json"

    @property
    def journal(self) -> Path:
        """Usage records that the ledger has not taken in yet."""
        return self.path / "journal"

    def journals(self) -> list[Path]:
        """List the journals there are: a gateway that takes over from a running one writes its own beside it."""
        return sorted(path for path in self.path.glob(f"{self.journal.name}*") if path.is_dir())

    @property
    def spent(self) -> Path:
        """Money spent so far and the journal position it is counted up to: what a gateway's limits start from."""
        return self.path / "spent.json"

    @property
    def ledger(self) -> Path:
        """The SQLite ledger, unless a database URL is configured."""
        return self.path / "ledger.db"

    @property
    def control_lock(self) -> Path:
        """Held by the one control process that works on this directory."""
        return self.path / "control.lock"

    @property
    def supervisor_lock(self) -> Path:
        """Held by the one supervisor that works on this directory."""
        return self.path / "up.lock"

    @property
    def supervisor_state(self) -> Path:
        """Where the processes listened when last started by a supervisor, as JSON."""
        return self.path / "up.json"

    def certificate(self) -> Path | None:
        """Return the certificate that callers are shown by the plan on disk; None for plain HTTP."""
        try:
            tls = json.loads(self.plan.read_bytes())["gateway"]["tls"]
            return Path(tls["certificate"]) if tls else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def gateway_url(self, listen: Address) -> str:
        """Return where callers of this directory's gateway connect to."""
        return listen.url.replace("http://", "https://", 1) if self.certificate() else listen.url

    def log(self, process: str) -> Path:
        """Where the output of `gateway`, `control` or `sim` goes under a supervisor."""
        return self.path / f"{process}.log"

    @property
    def socket(self) -> Path:
        """The gateway's admin socket; in the temporary directory where the path here would be too long."""
        here = self.path / "gateway.sock"
        if len(os.fsencode(here)) <= SOCKET_PATH_BYTES:
            return here
        digest = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]
        return Path(os.environ.get("TMPDIR") or tempfile.gettempdir()) / f"paceline-{digest}.sock"

    def write_private(self, path: Path, content: bytes) -> None:
        """Replace a file at once and whole, readable by its owner only."""
        self.ensure()
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
            Path(name).replace(path)
            _sync_directory(path.parent)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _sync_directory(path: Path) -> None:
    """Make a rename last through a power cut, before anything is done on the strength of it."""
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
