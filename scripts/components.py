"""The real components that tests run against: which there are, where they are, how a Debian machine gets them.

Owns the table and the installation by package name; starts nothing (see `postgres.py`). What no distribution has is
built here (see `otelcol.py`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import otelcol


@dataclass(frozen=True)
class Component:
    """One real component: the tests' marker, the variable that tells them where it is, and how to come by it."""

    marker: str
    variable: str
    programs: tuple[str, ...]
    packages: tuple[str, ...] = ()
    built: Callable[[], str | None] | None = None
    """Finds it where it is built rather than installed."""

    def find(self) -> str | None:
        """Return the path of the first of its programs that this machine has, or None."""
        if self.built is not None:
            return self.built()
        for program in self.programs:
            if found := shutil.which(program, path=_search_path()):
                return found
        return None


COMPONENTS = (
    Component("postgres", "PACELINE_TEST_POSTGRES", ("initdb",), ("postgresql",)),
    Component("valkey", "PACELINE_TEST_VALKEY", ("valkey-server", "redis-server"), ("valkey-server", "redis-server")),
    Component("chromium", "PACELINE_TEST_CHROMIUM", ("chromium", "chromium-browser"), ("chromium",)),
    Component("nginx", "PACELINE_TEST_NGINX", ("nginx",), ("nginx",)),
    Component("prometheus", "PACELINE_TEST_PROMETHEUS", ("promtool",), ("prometheus",)),
    Component("faketime", "PACELINE_TEST_FAKETIME", ("faketime",), ("faketime",)),
    Component("otelcol", "PACELINE_TEST_OTELCOL", ("otelcol",), built=otelcol.find),
    Component("npm", "PACELINE_TEST_NPM", ("npm",), ("npm",)),
)


def _search_path() -> str:
    """PATH, and the folders where distributions hide servers from it."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    homebrew = Path("/opt/homebrew/opt").glob("postgresql*/bin")
    return os.pathsep.join(
        [os.environ.get("PATH", ""), *map(str, [*debian, *homebrew]), "/usr/sbin", "/usr/local/sbin"]
    )


def install_missing() -> dict[Component, str]:
    """Install what is missing where that is possible; return what stays missing, each with the reason."""
    missing = [component for component in COMPONENTS if component.find() is None and not _given(component)]
    by_package = [component for component in missing if component.packages]
    if by_package and _can_install():
        _apt_install(by_package)
    reasons = {component: otelcol.build() for component in missing if component.built is not None}
    return {
        component: reasons.get(component) or _reason(component) for component in missing if component.find() is None
    }


def _given(component: Component) -> bool:
    return bool(os.environ.get(component.variable))


def _can_install() -> bool:
    return os.geteuid() == 0 and Path("/etc/debian_version").exists() and shutil.which("apt-get") is not None


def _reason(component: Component) -> str:
    if _can_install():
        return f"apt-get could not install {' or '.join(component.packages)}"
    return f"no {' or '.join(component.programs)} on this machine (on Debian: apt install {component.packages[-1]})"


def _apt_install(missing: list[Component]) -> None:
    # Run level 1 keeps Debian's start scripts from starting services: the tests start their own, privately.
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    print(f"installing for the tests: {', '.join(component.marker for component in missing)}", flush=True)
    _apt(env, "update")
    for component in missing:
        known = [name for name in component.packages if _apt(env, "install", "--simulate", name, quiet=True)]
        _apt(env, "install", "--no-install-recommends", *known[:1])


def _apt(env: dict[str, str], *arguments: str, quiet: bool = False) -> bool:
    command = ["apt-get", "-qq", "-y", "-o", "Dpkg::Use-Pty=0", *arguments]
    done = subprocess.run(command, env=env, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode and not quiet:
        print(done.stdout, flush=True)
    return done.returncode == 0
