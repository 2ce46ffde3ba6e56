# `make demo` and `make test` need python3 (3.11 or newer) with its venv module, and nothing else: .venv is made on the
# way, and made anew when pyproject.toml or the Python changes. Another Python: `PYTHON=python3.12 make test`.
PYTHON ?= python3
VENV := .venv
TESTS := tests

PYTHON_VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' || echo missing)
READY := $(VENV)/ready-$(PYTHON_VERSION)
LINT_READY := $(VENV)/ready-for-lint-$(PYTHON_VERSION)
BENCH_READY := $(VENV)/ready-for-bench-$(PYTHON_VERSION)
PIP := $(VENV)/bin/python -m pip -qq --disable-pip-version-check

.PHONY: ready demo test lint types bench fuzz soak clean

ready: $(READY)

demo: $(READY)  ## One answer, one stream and one tool call; against AWS with REGION=us-east-1 MODEL=...
	@$(VENV)/bin/python examples/demo.py $(if $(REGION),--region '$(REGION)') $(if $(MODEL),--model '$(MODEL)')

WORKERS ?= 2
test: $(READY)  ## All tests, in two processes; WORKERS=0 for one that can be watched (-s, a debugger).
	$(VENV)/bin/python -m pytest --numprocesses=$(WORKERS) --dist=worksteal $(TESTS)

lint: $(LINT_READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(LINT_READY)  ## The package and tests/typing, strict; and no public name without a complete type.
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" pyright --project pyproject.toml
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" pyright --verifytypes bedrock_converse --ignoreexternal

BENCH ?=
bench: $(BENCH_READY)  ## This client against its peers; BENCH="--rounds 1 --only burst" for less, BENCH=--help for more.
	$(VENV)/bin/python -m benchmarks.peers $(BENCH)

FUZZ_SECONDS ?= 3600
fuzz: $(READY)  ## Every Hypothesis test in rounds, each from a new seed; the n-th tries n times as many examples.
	@end=$$(($$(date +%s) + $(FUZZ_SECONDS))); round=0; while [ $$(date +%s) -lt $$end ]; do \
	  round=$$((round + 1)); seed=$$(od -An -N4 -tu4 /dev/urandom | tr -d ' '); echo "round $$round, seed $$seed"; \
	  FUZZ_EFFORT=$$round $(VENV)/bin/python -m pytest -q -m hypothesis --hypothesis-seed=$$seed $(TESTS) || exit 1; done

SOAK_SECONDS ?= 300
soak: $(READY)  ## 500 calls at once with injected faults, on asyncio and then on trio for a quarter of the time.
	SOAK_SECONDS=$(SOAK_SECONDS) $(VENV)/bin/python -m pytest -q -s tests/test_soak.py

clean:
	rm -rf .venv .venv-* build dist .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("bedrock_converse needs Python 3.11 or newer: PYTHON=python3.11 make ...")'
	$(PYTHON) -m venv --clear $(VENV)
	$(PIP) install 'pip>=25.1'
	$(PIP) install --group test --editable .
	@touch $@

$(LINT_READY): $(READY)
	$(PIP) install --group lint
	@touch $@

$(BENCH_READY): $(READY)
	$(PIP) install --group bench
	@touch $@
