#!/bin/sh
# Finds the toolchain and prints the path of a fitting Python on stdout. Owns the minimum versions' check: whatever is
# missing or too old gets one line on stderr that says what to install. Installs nothing.
set -u
cd "$(dirname "$0")/.." || exit 2

fail() {
    echo "make: $1" >&2
    exit 1
}

fitting() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

python=""
for name in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11; do
    if fitting "$name"; then
        python=$("$name" -c 'import sys; print(sys.executable)')
        break
    fi
done
[ -n "$python" ] || fail "Python 3.11 or newer was not found: install it (Debian 12 or newer: apt install python3 python3-venv) or name one with PYTHON=/path/to/python3"
"$python" -c 'import ensurepip, venv' >/dev/null 2>&1 || fail "this Python cannot make virtual environments: install its venv module (Debian: apt install python3-venv)"

wanted=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
found=$(cargo --version 2>/dev/null | cut -d' ' -f2)
[ -n "$found" ] || fail "cargo was not found: install Rust $wanted or newer (https://rustup.rs), then open a new shell"
"$python" - "$wanted" "$found" <<'CHECK' || fail "Rust $found is too old: $wanted or newer is needed (rustup update stable)"
import re, sys
wanted, found = (tuple(int(part) for part in re.findall(r"\d+", text)[:3]) for text in sys.argv[1:])
sys.exit(found < wanted)
CHECK

for compiler in "${CC:-cc}" gcc clang; do
    if command -v "$compiler" >/dev/null 2>&1; then
        echo "$python"
        exit 0
    fi
done
fail "a C compiler was not found: install one (Debian: apt install build-essential)"
