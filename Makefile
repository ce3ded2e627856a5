# The two commands: `make demo` and `make test`. Everything a command needs is installed by `make setup`, which each runs first.
VENV   := .venv
PY     := $(VENV)/bin/python
PYTHON ?= python3
STAMP  := $(VENV)/.installed
WORKERS ?= 2

.PHONY: help setup demo dev test test-all lint format bench lock clean
help:           ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

setup: $(STAMP) ## create .venv and install the pinned dependencies

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Throughline needs Python 3.11 or newer: make setup PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { echo "This Python cannot create virtual environments: install its venv module (Debian: python3-venv)"; exit 1; }
	@echo "installing the pinned dependencies into $(VENV) (about a minute)"
	@if command -v uv >/dev/null 2>&1; \
	  then VIRTUAL_ENV=$(VENV) uv pip install -q --no-deps --require-hashes -r requirements.lock; \
	  else $(PY) -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r requirements.lock; fi
	@$(PY) -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(STAMP)  ## pull a sandbox company over HTTP, build, check, publish, and show the six metrics
	@$(VENV)/bin/throughline demo

dev: $(STAMP)   ## Dagster UI on 127.0.0.1:3000 (on the sandbox company while no provider is configured)
	@$(VENV)/bin/throughline dev

test: $(STAMP)  ## the test suite without the slow scenarios
	$(PY) -m pytest -n $(WORKERS) -m "not slow and not benchmark"

test-all: $(STAMP) ## the whole test suite, slow scenarios included
	$(PY) -m pytest -n $(WORKERS) -m "not benchmark"

lint: $(STAMP)  ## ruff and sqlfluff
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	THROUGHLINE_WAREHOUSE_PATH=data/lint.duckdb $(VENV)/bin/sqlfluff lint dbt/models --processes 2

format: $(STAMP) ## apply ruff's formatting
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

bench: $(STAMP) ## where the time of a refresh goes, as ratios to floors measured in the same run
	$(PY) -m tests.benchmarks

lock: $(STAMP)  ## pin requirements.in again (needs uv on the path)
	uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 requirements.in -o requirements.lock

clean:          ## remove what runs produced; the ledger and the environment stay
	rm -rf data/demo data/published data/landing data/dagster data/pipelines data/warehouse.duckdb dbt/target dbt/logs
