# Two commands on a fresh machine with python3 and make: `make quickstart`, `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: help quickstart test lint clean

help:  ## Show this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /: /'

quickstart: $(VENV)/.installed  ## Install, run the main job on examples/data, verify its output, train on it if torch is there
	$(BIN)/corpusforge run quickstart --replace
	$(BIN)/corpusforge verify out/quickstart
	$(BIN)/python examples/train_tiny.py out/quickstart

test: $(VENV)/.installed-test  ## Run every test
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/.installed-test  ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:  ## Remove the environment and outputs
	rm -rf $(VENV) out .pytest_cache .mypy_cache .ruff_cache

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $@
