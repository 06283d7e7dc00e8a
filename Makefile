# Two commands matter on a fresh machine with Python 3.11+ and make: `make demo` and `make test`.
# Everything is installed into .venv, from hash-locked files; nothing is written elsewhere.

# The first interpreter that is new enough; say PYTHON=… to choose another.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Two cores are the smallest machine we promise; more workers only help the CPU-bound third of the suite.
TEST_WORKERS ?= 2
PYTEST := $(BIN)/python -m pytest
# Clients of others that cannot live in .venv, each in an environment of its own; only the tests use them.
CLIENTS := .clients
CLIENT_STAMPS := $(addprefix $(CLIENTS)/,lumibot.stamp alpaca-trade-api.stamp javascript-3.stamp javascript-4.stamp)

.DEFAULT_GOAL := help
.PHONY: help demo test check lint format spec bench clients lock clean
.DELETE_ON_ERROR:

help: ## this list
	@awk -F':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

demo: $(VENV)/runtime.stamp ## trade five market days against the embedded exchange (DEMO_ARGS="--days 20")
	@$(BIN)/alchemiser demo $(DEMO_ARGS)

test: $(VENV)/dev.stamp $(CLIENT_STAMPS) ## the whole test suite (TEST_ARGS="-k ledger")
	$(PYTEST) -n $(TEST_WORKERS) --dist worksteal $(TEST_ARGS)

check: lint ## linters and the fast tests, at most two minutes
	$(PYTEST) -n $(TEST_WORKERS) --dist worksteal -m "not slow" -q $(TEST_ARGS)

lint: $(VENV)/dev.stamp ## style, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/dev.stamp ## rewrite the sources in the one style
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

spec: $(VENV)/dev.stamp ## which rows of docs/specification.md passing tests prove, and which not
	$(PYTEST) -n $(TEST_WORKERS) --dist worksteal -q --spec $(TEST_ARGS)

bench: $(VENV)/bench.stamp ## measure us beside others, one JSON line each (BENCH_ARGS="--quick journal")
	@$(BIN)/python -m benchmarks $(BENCH_ARGS)

clients: $(CLIENT_STAMPS) ## the clients of others that the tests run against the exchange

lock: ## resolve the requirement files anew (LOCK_ARGS=--upgrade moves the pins)
	tools/lock.sh $(LOCK_ARGS)

clean: ## forget the environment and the caches
	rm -rf $(VENV) $(CLIENTS) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .grimp_cache

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "The Alchemiser needs Python 3.11 or newer; found: \
	$$(python3 --version 2>&1 | head -1). Install one, or say make PYTHON=/path/to/python3.11 …" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "The Alchemiser needs Python 3.11 or newer; \
	$(PYTHON) is $$($(PYTHON) --version 2>&1 | head -1)." >&2; exit 2; }
	@echo "creating $(VENV) with $$($(PYTHON) --version)" >&2
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "python3 -m venv failed; \
	on Debian and Ubuntu the package python3-venv brings what it needs." >&2; exit 2; }

# A stamp is newer than its lock exactly when the environment holds what the lock says.
# --no-deps: the lock is complete, so there is nothing to resolve; the tree itself is installed in place.
# --no-compile: Python compiles what is imported when it is imported, a third of what is installed.
$(VENV)/%.stamp: requirements-%.lock pyproject.toml | $(BIN)/python
	@echo "installing $<" >&2
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip --upgrade >/dev/null
	@$(PIP) install --no-deps --no-compile --require-hashes -r $<
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/runtime.stamp: requirements.lock pyproject.toml | $(BIN)/python
	@echo "installing $<" >&2
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip --upgrade >/dev/null
	@$(PIP) install --no-deps --no-compile --require-hashes -r $<
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(CLIENTS)/javascript-%.stamp: tests/clients/javascript-%/package-lock.json
	@mkdir -p $(CLIENTS)/javascript-$*
	@cp $< $(<D)/package.json $(CLIENTS)/javascript-$*/
	@if command -v npm >/dev/null; then echo "installing $<" >&2; \
	npm --prefix $(CLIENTS)/javascript-$* ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error >&2 && touch $@; \
	else echo "no npm: the JavaScript clients are not tested (Node.js 20 or newer brings it)" >&2; fi

$(CLIENTS)/%.stamp: requirements-%.lock | $(BIN)/python
	@echo "installing $<" >&2
	@rm -rf $(CLIENTS)/$* && $(BIN)/python -m venv $(CLIENTS)/$*
	@$(CLIENTS)/$*/bin/python -m pip --disable-pip-version-check --quiet install --no-deps --no-compile --require-hashes -r $<
	@touch $@
