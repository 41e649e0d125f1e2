# Two commands do everything on a machine that has Python 3.11 and make:
#   make demo   install into .venv, run the main job on the embedded task, write reports/demo/report.html
#   make test   install into .venv, run the tests
# Every install goes through constraints.txt: without it pip takes several GB of CUDA packages.

# Tests run in as many processes as there are cores; make WORKERS=1 for one.
WORKERS ?= auto
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEV_READY := $(VENV)/.ready-dev

# One thread a process: spinning OpenMP threads make small operations wait for each other.
export OMP_NUM_THREADS ?= 1
export TOKENIZERS_PARALLELISM := false

.PHONY: demo test check bench example golden clean

demo: $(READY)
	$(BIN)/kdprobe demo -o reports/demo

test: $(DEV_READY)
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal -m "not bench and not gpu"

check: $(DEV_READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist worksteal --quick

# One table at the end; make bench JSON=FILE writes it for tracking too.
bench: $(DEV_READY)
	$(BIN)/python -m pytest -q -s -m bench tests/bench $(if $(JSON),--json $(JSON))

# The committed example: built from the embedded task, read by the README.
example: $(READY)
	$(BIN)/kdprobe demo -o reports/example
	rm -rf reports/example/models

golden: $(DEV_READY)
	PYTHONPATH=. $(BIN)/python tests/golden/regenerate.py

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "kdprobe needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(READY): $(VENV)/bin/python pyproject.toml setup.py constraints.txt
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e .
	touch $@

$(DEV_READY): $(READY)
	$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@
