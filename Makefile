# Every target sets up what it needs by itself. Needed on a fresh machine: Python 3.11 or newer, and make.
#   make demo    the checker alone on a small project (no ML framework is installed)
#   make test    all tests, on every core (installs the development extras, torch among them, once)
#   make check   formatting, lint, types and tests: what a change has to pass

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo "$$p" && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
TESTS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test check format format-check lint types bench clean

help:
	@sed -n '2,4s/^# *//p' Makefile

demo: $(VENV)/core.stamp
	$(BIN)/rawlogits check examples --exit-zero

test: $(VENV)/dev.stamp
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 $(TESTS)

check: format-check lint types test

format: $(VENV)/dev.stamp
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

format-check: $(VENV)/dev.stamp
	$(BIN)/ruff format --check

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check

types: $(VENV)/dev.stamp
	$(BIN)/mypy --strict src

bench: $(VENV)/dev.stamp
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/static_speed.py
	$(BIN)/python benchmarks/step_overhead.py

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "rawlogits needs Python 3.11 or newer; none was found. Name one: make PYTHON=/path/to/python3 ..." >&2; exit 1; }
	"$(PYTHON)" -m venv $(VENV)

$(VENV)/core.stamp: pyproject.toml | $(BIN)/python
	$(PIP) --editable .
	@touch $@

$(VENV)/dev.stamp: pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/core.stamp

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis dist build
