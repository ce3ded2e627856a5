# The two commands: `make demo` and `make test`. Everything a command needs is installed by `make setup`, which each runs first.
# Apache Spark, the other engine, is an extra: `make setup-spark`, and `make setup-iceberg` in an environment of its own.
VENV   := .venv
PY     := $(VENV)/bin/python
PYTHON ?= python3
STAMP  := $(VENV)/.installed
SPARK_STAMP   := $(VENV)/.installed-spark
ICEBERG_VENV  := .venv-iceberg
ICEBERG_STAMP := $(ICEBERG_VENV)/.installed
WORKERS ?= 2
LOCK    := uv pip compile --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11

# an extra's lock agrees with the default one, and holds only what that lacks
BESIDE  := -c requirements.lock $$(sed -n 's/^\([a-z0-9.-]*\)==.*/--no-emit-package \1/p' requirements.lock)

# $(call install,VENV,LOCK): what the lock pins. pyspark is source only, and is built with the setuptools of the default lock
define install
	@if command -v uv >/dev/null 2>&1; \
	  then VIRTUAL_ENV=$(1) uv pip install -q --no-deps --no-build-isolation --require-hashes -r $(2); \
	  else $(1)/bin/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation --require-hashes -r $(2); fi
endef
# $(call environment,VENV): what is pinned and Throughline itself
define environment
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Throughline needs Python 3.11 or newer: make setup PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m venv $(1) || { echo "This Python cannot create virtual environments: install its venv module (Debian: python3-venv)"; exit 1; }
	@echo "installing the pinned dependencies into $(1) (about a minute)"
	$(call install,$(1),requirements.lock)
	@$(1)/bin/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
endef

SPLINK_STAMP  := $(VENV)/.installed-splink

.PHONY: help setup setup-splink setup-spark setup-iceberg demo dev metrics spark spark-stop test test-all test-nights test-spark test-cluster mutants lint format docs bench bench-engines lock clean
help:           ## list the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 15

setup: $(STAMP) ## create .venv and install the pinned dependencies

$(STAMP): requirements.lock pyproject.toml
	$(call environment,$(VENV))
	@touch $@

setup-splink: $(SPLINK_STAMP) ## add Splink to .venv, which proposes doubtful pairs of people

$(SPLINK_STAMP): $(STAMP) requirements-splink.lock
	$(call install,$(VENV),requirements-splink.lock)
	@touch $@

setup-spark: $(SPARK_STAMP) ## add Apache Spark and its clients to .venv (needs Java 17)

$(SPARK_STAMP): $(STAMP) requirements-spark.lock
	@$(PY) -m warehouse.cluster java
	@echo "installing Spark into $(VENV) (about a minute, 450 MB)"
	$(call install,$(VENV),requirements-spark.lock)
	@touch $@

setup-iceberg: $(ICEBERG_STAMP) ## make .venv-iceberg: Spark 3.5 with Iceberg (needs Java 17)

$(ICEBERG_STAMP): requirements.lock requirements-iceberg.lock pyproject.toml
	$(call environment,$(ICEBERG_VENV))
	@$(ICEBERG_VENV)/bin/python -m warehouse.cluster java
	@echo "installing Spark and Iceberg into $(ICEBERG_VENV) (about a minute, 400 MB)"
	$(call install,$(ICEBERG_VENV),requirements-iceberg.lock)
	@touch $@

demo: $(STAMP)  ## pull a sandbox company over HTTP, build, check, publish, and show the six metrics
	@$(VENV)/bin/throughline demo

dev: $(STAMP)   ## Dagster UI on 127.0.0.1:3000 (on the sandbox company while no provider is configured)
	@$(VENV)/bin/throughline dev

# as one word each: make metrics METRIC=mrr,arpa BY=metric_time__month,account__country
metrics: $(STAMP) ## list the metrics of the semantic layer, or answer one: METRIC=mrr BY=metric_time__month
	@$(VENV)/bin/throughline query $(if $(METRIC),"$(METRIC)") $(if $(BY),--by "$(BY)") $(if $(WHERE),--where "$(WHERE)") $(if $(LIMIT),--limit $(LIMIT))

spark: $(SPARK_STAMP) ## start a Spark cluster on this machine and print the settings that use it
	@$(PY) -m warehouse.cluster start

spark-stop: $(STAMP) ## stop it
	@$(PY) -m warehouse.cluster stop

test: $(STAMP)  ## the test suite without the slow scenarios
	$(PY) -m pytest -n $(WORKERS) -m "not slow and not benchmark and not spark and not cluster and not iceberg"

test-all: $(STAMP) ## the whole test suite, slow scenarios included
	$(PY) -m pytest -n $(WORKERS) -m "not benchmark and not spark and not cluster and not iceberg"

test-nights: $(STAMP) ## the nights after the first of the scenarios, which `make test` leaves out
	$(PY) -m pytest -n 0 -m slow tests/scenarios

test-spark: $(SPARK_STAMP) ## the tests that need Spark, on a server of their own
	$(PY) -m pytest -n 0 -m "spark and not cluster and not iceberg" tests/engines

test-cluster: $(SPARK_STAMP) $(ICEBERG_STAMP) ## the tests on a whole cluster, and those on Iceberg tables
	$(PY) -m pytest -n 0 -m cluster tests/engines tests/warehouse
	$(ICEBERG_VENV)/bin/python -m pytest -n 0 -m iceberg tests/engines tests/warehouse

mutants: $(STAMP) ## put deliberate faults into the models, and see whether the tests notice (an hour)
	$(PY) -m tests.mutation

lint: $(STAMP)  ## ruff and sqlfluff
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	THROUGHLINE_WAREHOUSE_PATH=data/lint.duckdb $(VENV)/bin/sqlfluff lint dbt/models --processes 2

format: $(STAMP) ## apply ruff's formatting
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

docs: $(STAMP)   ## make the tables and the picture of docs/star-schema.md from the project again
	@$(PY) -m tests.docs.star

bench: $(STAMP) ## where the time of a refresh goes, as ratios to floors, and how the build grows with the company
	$(PY) -m tests.benchmarks
	$(PY) -m tests.benchmarks.growth

bench-engines: $(SPARK_STAMP) ## the same work on both engines
	$(PY) -m tests.benchmarks.engines

lock:           ## pin all requirements again, the extras to what the default has (needs uv on the path)
	$(LOCK) requirements.in -o requirements.lock
	$(LOCK) $(BESIDE) requirements-spark.in -o requirements-spark.lock
	$(LOCK) $(BESIDE) requirements-splink.in -o requirements-splink.lock
	$(LOCK) $(BESIDE) requirements-iceberg.in -o requirements-iceberg.lock

clean:          ## remove what runs produced; the ledger and the environments stay
	@test ! -e data/spark/pids.json || $(PY) -m warehouse.cluster stop --folder data/spark
	rm -rf data/spark data/spark.duckdb data/lake data/demo data/published data/landing data/dagster data/pipelines data/warehouse.duckdb dbt/target dbt/logs
