# `make help` lists the targets. Everything is installed into .venv and .tools; the system is left alone.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
EXAMPLE := examples/ai-camera-counting
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help setup tools demo demo-ai test e2e matrix lint type gen scenarios drift bench mutants soak catalogs docs wheel clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[dev,exporter]'
	@touch $@

setup: $(STAMP) ## create .venv with mkit and everything for its development

tools: $(STAMP) ## find prometheus, promtool, alertmanager and amtool, or fetch them into .tools
	$(BIN)/mkit tools fetch

demo: tools ## break a service of the example on the real servers and watch the alert arrive
	$(BIN)/python -m monitoring_kit.stack.demo $(EXAMPLE)/mkit.yaml

demo-ai: tools ## watch a people detector through its exporter and a real Prometheus
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[demo-ai]'
	$(BIN)/python -m monitoring_kit.stack.demo_ai examples/people-detector

test: tools ## prove the whole project: lint, types, unit tests, drift of the generated files
	$(MAKE) --no-print-directory lint type drift
	$(BIN)/python -m pytest tests -m 'not e2e' -n $(WORKERS) --cov --cov-report=

e2e: tools ## the tests that start the real servers; coverage is counted over both runs
	$(BIN)/python -m pytest tests -m e2e -n $(WORKERS) --cov --cov-append --cov-report=term:skip-covered --cov-fail-under=90

matrix: $(STAMP) ## the end-to-end tests on the servers of Debian bookworm, trixie and sid
	@for suite in bookworm trixie sid; do \
	  $(BIN)/mkit tools fetch --refresh --suite $$suite || exit 1; \
	  MKIT_SUITE=$$suite $(BIN)/python -m pytest tests -m e2e -n $(WORKERS) || exit 1; \
	done

lint: $(STAMP) ## ruff
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --quiet --check .

type: $(STAMP) ## mypy, strict
	$(BIN)/mypy monitoring_kit exporters

gen: tools ## generate the committed files of the example, the schema and the reference pages anew
	$(BIN)/mkit generate $(EXAMPLE)/mkit.yaml -o $(EXAMPLE)/generated
	$(BIN)/python -m monitoring_kit.docs

scenarios: tools ## replay every scenario of incidents, anomalies and capacity, and write their pages (minutes)
	$(BIN)/mkit simulate $(EXAMPLE)/mkit.yaml --format markdown > docs/.simulation.md && mv docs/.simulation.md docs/simulation.md
	$(BIN)/python -m tests.history.page

drift: tools ## fail when a committed generated file is not what mkit writes
	$(BIN)/mkit generate $(EXAMPLE)/mkit.yaml -o $(EXAMPLE)/generated --check
	$(BIN)/python -m monitoring_kit.docs --check
	$(BIN)/python -m tests.history.page --check

bench: tools ## measure what the documentation promises; printed, never a gate
	$(BIN)/python -m tests.bench

mutants: $(STAMP) ## change the checkers one decision at a time; the tests must notice 90 %
	$(BIN)/python -m tests.mutation.run_checks_mutants --workers $(WORKERS)

soak: tools ## ten minutes of both exporters under load while their sources die and return (the test runs one)
	MKIT_SOAK=600 $(BIN)/python -m pytest tests/soak -m e2e -rs

catalogs: $(STAMP) ## capture the metric catalogs from the real exporters anew
	$(BIN)/python -m monitoring_kit.stack.catalogs

wheel: $(STAMP) ## build the wheel into dist/
	$(BIN)/python -m build --wheel --outdir dist .

clean: ## remove what the targets above made, but not the fetched tools
	rm -rf build dist *.egg-info .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis
