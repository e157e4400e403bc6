#!/bin/sh
# Brings requirements/*.lock in step with pyproject.toml, and Cargo.lock with the Cargo.toml files. Versions already in a
# lock stay unless an argument is given (make lock UPGRADE=1). run.lock is what `make demo` needs; dev.lock holds all;
# sdk-previous.lock is for the tests with the SDKs' previous majors, catalogue.lock for those of the catalogue's defaults.
set -eu
cd "$(dirname "$0")/.."

upgrade=""
[ $# -eq 0 ] || upgrade="--upgrade"

compile() {
    uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header $upgrade pyproject.toml "$@"
}

compile --extra postgres --extra demo --extra lint-ts --extra lsp --extra parquet --group dev --output-file requirements/dev.lock
compile --extra demo --group build --constraint requirements/dev.lock --output-file requirements/run.lock
uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header $upgrade \
    requirements/sdk-previous.in --output-file requirements/sdk-previous.lock
uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header $upgrade \
    requirements/catalogue.in --output-file requirements/catalogue.lock
if [ -n "$upgrade" ]; then cargo update; else cargo metadata --format-version 1 >/dev/null; fi
git diff --stat -- requirements Cargo.lock
