# Set-up and the main jobs, on a machine with nothing but python3 >= 3.11 and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CUSTOMERS ?= 20000
# One more than there are processors: tests wait for servers a seventh of their time.
WORKERS ?= $(shell expr $$($(PYTHON) -c 'import os; print(os.cpu_count())') + 1)
export BENTOML_DO_NOT_TRACK := true
export MLFLOW_DISABLE_TELEMETRY := true
export FEAST_USAGE := False
export OMP_WAIT_POLICY := PASSIVE
# Without bytecode each process would compile all that it imports anew: 3 to 5 s of a processor.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help install lint test types tests docs screenshots bench demo mlflow

help:  ## Say what there is.
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/:.*## /\t/'

install: $(STAMP)  ## Make .venv with the `guanjia` command in it.

# Hashes pin every package; the project itself is editable and brings no package of its own. The last
# line compiles what is imported: compiling all that is installed would take longer than the rest.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] < (3, 13) else "python3 is %d.%d; 3.11 or 3.12 is needed: make PYTHON=python3.12 ..." % sys.version_info[:2])'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -W ignore -c "import econml, feast, guanjia.cli, mlflow, serving.api.app, sklearn"
	@touch $@

lint: install  ## Style and types.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Types are checked beside the tests: one processor would stand idle meanwhile.
test: install  ## Set up, style, types and every test.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@$(MAKE) --no-print-directory --jobs 2 types tests

types:
	$(BIN)/mypy

tests:
	$(BIN)/pytest --numprocesses $(WORKERS) --no-loadscope-reorder

docs: install  ## Write the generated pages anew.
	$(BIN)/guanjia catalogue --out docs/tags.md
	$(BIN)/guanjia catalogue --language zh --out docs/tags.zh.md
	$(BIN)/python -m guanjia.jobs.raw_tables docs/raw-tables.md
	$(BIN)/python -m features.segments.document docs/segments.md
	$(BIN)/python -m features.events.document docs/events.md
	$(BIN)/python -m serving.touchpoints.document docs/touchpoints.md
	$(BIN)/python -m serving.decision.text_page docs/texts.md
	$(BIN)/python -m guanjia.jobs.architecture docs/architecture.md
	$(BIN)/python tests/support/fault_page.py docs/robustness.md

screenshots: install  ## Take the pictures of the console anew, from the demo's home.
	PYTHONPATH=tests/support $(BIN)/python tests/support/screenshots.py

bench: install  ## Measure against the peers named in benchmarks/README.md, on one insurer of 100,000.
	@home=$$(mktemp -d); failed=0; for name in tags scoring online events training_sets triggers; do \
		$(BIN)/python benchmarks/$$name.py --home $$home --customers 100000 || failed=1; \
	done; rm -r $$home; exit $$failed

mlflow: install  ## Start the MLflow server, with access control (mlflow/README.md).
	@mlflow/serve

demo: install  ## Everything, end to end, on the simulated insurer.
	@$(BIN)/guanjia demo --customers $(CUSTOMERS)
