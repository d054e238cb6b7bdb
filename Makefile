# `make up` starts batuta, `make test` checks everything; both begin with `make setup`.

VENV := .venv
BIN := $(VENV)/bin
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip --quiet --no-input
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3.14 python3 python; do \
	if $$name -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$name; break; fi; done)
LOCK_WITH := $(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup dev up test lint types format fast tests migrations lock clean

help:  ## Show the targets.
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1\t\2/p' Makefile | expand -t 12

setup: $(VENV)/.runtime  ## Make .venv with what batuta needs, and batuta itself as .venv/bin/batuta.

dev: $(VENV)/.dev  ## Add what tests and examples need to .venv.

up: setup  ## Start batuta with its embedded database and print the address; Ctrl-C ends both.
	@exec $(BIN)/batuta up

test: lint types tests  ## Check everything, as CI does.

lint: $(VENV)/.dev  ## Check style and the rooms' floors.
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports

types: $(VENV)/.dev  ## Check types.
	$(BIN)/mypy

tests: $(VENV)/.dev  ## Run all tests.
	$(BIN)/pytest -n $(WORKERS)

fast: $(VENV)/.dev  ## Check style and run the tests that need no database.
	$(BIN)/ruff check
	$(BIN)/pytest $(wildcard tests/kernel tests/architecture tests/*/test_domain*.py tests/*/test_properties.py)

format: $(VENV)/.dev  ## Put the code into the house's format.
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

migrations: $(VENV)/.dev  ## Write every room's first version anew from its tables, until the first release.
	$(BIN)/python -m tools.migrations

lock: $(VENV)/.python  ## Write requirements/*.txt anew from pyproject.toml.
	$(PYTHON) -m venv $(VENV)-lock
	$(VENV)-lock/bin/python -m pip --quiet install uv
	$(LOCK_WITH) --output-file requirements/runtime.txt pyproject.toml
	$(LOCK_WITH) --output-file requirements/dev.txt --group dev --constraint requirements/runtime.txt pyproject.toml
	$(LOCK_WITH) --output-file requirements/build.txt --group build --constraint requirements/dev.txt
	rm -rf $(VENV)-lock

clean:  ## Remove what the other targets made, but no data.
	rm -rf $(VENV) $(VENV)-lock .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist build

$(VENV)/.python:
	@test -n "$(PYTHON)" || { echo "batuta needs Python 3.11 or newer with ensurepip (on Debian: python3-venv)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.runtime: $(VENV)/.python requirements/runtime.txt requirements/build.txt pyproject.toml
	$(PIP) install --require-hashes --requirement requirements/runtime.txt --requirement requirements/build.txt
	$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	$(PIP) install --require-hashes --requirement requirements/dev.txt
	@touch $@
