# One command runner: the same commands in the README, in CI and here.
# Needs only make and Python 3.11 or later; everything else goes into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
TEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help install demo test test-browser test-prometheus test-kafka test-chaos dashboards lint format bench lock clean

help: ## Show the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-16s %s\n", $$1, $$2}' Makefile

$(STAMP): requirements/dev.txt pyproject.toml
	@echo "setting up $(VENV): takes about a minute, once"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

install: $(STAMP) ## Make .venv with driftline in it, and nothing else

demo: $(STAMP) ## The whole story on real data, with a broker inside the process
	@$(BIN)/driftline demo $(DEMO_ARGS)

test: $(STAMP) ## All tests that need no real Kafka, on two cores
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not kafka and not chaos and not bench" -rs $(TEST_ARGS)

test-browser: $(STAMP) ## The tests of the status page in a real Chromium
	DRIFTLINE_REQUIRE_BROWSER=1 $(BIN)/python -m pytest -m browser $(TEST_ARGS)

test-kafka: $(STAMP) ## The tests on a real Apache Kafka
	$(BIN)/python -m pytest -m "kafka and not chaos and not bench" -rs $(TEST_ARGS)

test-chaos: $(STAMP) ## Random kills of daemon and broker under load, against the oracle (DRIFTLINE_CHAOS_SEED, _KILLS)
	$(BIN)/python -m pytest -m chaos -s -rs $(TEST_ARGS)

test-prometheus: $(STAMP) ## The tests on a real Prometheus and Alertmanager
	$(BIN)/python -m pytest -m "prometheus and not bench" -rs $(TEST_ARGS)

dashboards: $(STAMP) ## Write grafana/*.json from the metric declarations
	$(BIN)/python grafana/generate.py

lint: $(STAMP) ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(STAMP) ## Let ruff format and mend what it can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(STAMP) ## Measure (bench/*.py one after the other, but for the half hour of bench/long_run.py)
	@set -e; for file in $(filter-out bench/live.py bench/long_run.py,$(wildcard bench/*.py)); do echo "== $$file"; $(BIN)/python "$$file"; done

lock: ## Compile requirements/*.txt anew (needs uv in .venv)
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
	  pyproject.toml -o requirements/run.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
	  --extra dev -c requirements/run.txt pyproject.toml -o requirements/dev.txt
	echo 'hatchling>=1.25' | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
	  -c requirements/dev.txt - -o requirements/build.txt

clean: ## Remove the environment and all caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
