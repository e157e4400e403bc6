# Everything is built inside the checkout: .venv, target, and the native module beside the Python sources.
# Owns the order of the steps and their stamps; what a step does in detail is in scripts/.
# ARGS is handed on: make demo ARGS="--once", make test ARGS="-k ledger", make bench ARGS="plain idle".

PY := .venv/bin/python
PIP := $(PY) -m pip --disable-pip-version-check install --quiet --progress-bar off
RUST := $(shell find crates -name '*.rs' -o -name Cargo.toml) Cargo.toml Cargo.lock
RELEASE := --release --locked
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help build dev demo up test test-rust test-python truth chaos lint fmt bench docs lock wheel clean

help: ## what there is to make
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: .venv/.native ## the package, ready to run, in .venv

dev: build .venv/.dev ## build, and the tools for work on the code

demo: build ## three services' real traffic through the gateway, and the report on it
	@.venv/bin/paceline demo $(ARGS)

up: build ## a gateway and a control process for paceline.yaml in this directory
	@.venv/bin/paceline up $(ARGS)

test: dev ## all tests, Rust's and Python's, against real components
	@$(PY) scripts/test.py $(ARGS)

test-rust: ## the Rust tests alone
	cargo test --workspace --locked $(ARGS)

test-python: dev ## the Python tests alone
	@$(PY) scripts/test.py --python-only $(ARGS)

truth: dev ## what the statistics find and miss, beside a raw p95 rule and E-divisive (ARGS="--runs 50")
	@$(PY) -m paceline.governance.truth $(ARGS)

chaos: ## every fault of a provider, every way to leave: the whole matrix (ARGS="--case NAME", ARGS=--help)
	@cargo run --quiet --locked -p paceline-chaos -- $(ARGS)

lint: dev ## format, types, imports, docstrings, licences: everything but the tests
	@$(PY) scripts/lint.py

fmt: .venv/.dev ## format the code
	cargo fmt --all
	$(PY) -m ruff format
	$(PY) -m ruff check --fix --quiet

bench: dev ## the figures: CPU and memory beside nginx, ingest, start-up
	@cargo build $(RELEASE) -p paceline-load
	@$(PY) benches/run.py $(ARGS)

docs: dev ## write the generated pages and files anew
	@$(PY) -m paceline.standards.generate
	@$(PY) -m paceline.lint.generate
	@$(PY) scripts/llms.py

lock: .venv/.dev ## bring the locks in step with pyproject.toml and Cargo.toml (UPGRADE=1 for newer versions)
	@scripts/lock.sh $(UPGRADE)

wheel: build ## a wheel for this platform in dist/
	maturin build $(RELEASE) --out dist

clean: ## remove everything that was built
	rm -rf .venv .venv-sdk-previous .venv-catalogue .npm-catalogue target dist site src/paceline/_core.*.so .paceline-demo
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.made: scripts/toolchain.sh
	@python=$$(scripts/toolchain.sh) && echo "[1/3] virtual environment in .venv ($$("$$python" --version))" && "$$python" -m venv .venv
	@touch $@

.venv/.run: .venv/.made requirements/run.lock
	@echo "[2/3] Python packages: $$(grep -c '==' requirements/run.lock) of requirements/run.lock, hashes checked"
	@$(PIP) --require-hashes --requirement requirements/run.lock
	@touch $@

.venv/.dev: .venv/.run requirements/dev.lock
	@echo "[dev] Python packages for development: requirements/dev.lock"
	@$(PIP) --require-hashes --requirement requirements/dev.lock
	@touch $@

.venv/.native: .venv/.run pyproject.toml $(RUST)
	@echo "[3/3] native module, release profile: two to four minutes the first time on two cores"
	@CARGO_TERM_PROGRESS_WHEN=$${CARGO_TERM_PROGRESS_WHEN:-auto} maturin develop $(RELEASE) --skip-install
	@MATURIN_PEP517_ARGS="--profile release --locked" $(PIP) --no-deps --no-build-isolation --editable .
	@touch $@
