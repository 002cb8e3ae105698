# Lethe: `make up` brings the whole system up on this machine, `make test` tests it. `make help` lists the rest.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3.11
ENV := .venv
RUN := $(ENV)/bin
CODE := lethe spark_apps dashboard plugins dags tests benchmarks

.PHONY: help up down status clean test test-fast test-long lint format bench rights docs lock

help: ## Say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: $(ENV)/installed ## Bring the whole system up on this machine
	@$(RUN)/lethe up

down: ## Stop everything; the data stays
	@if [ -x $(RUN)/lethe ]; then $(RUN)/lethe down; fi

status: $(ENV)/installed ## Say what runs
	@$(RUN)/lethe status

clean: ## Stop everything and remove all data (asks first)
	@if [ -x $(RUN)/lethe ]; then $(RUN)/lethe clean; fi

test: $(ENV)/installed lint ## The tests, on a system of their own
	@$(RUN)/python -m lethe.stack.prerequisites --for-tests
	@$(RUN)/python -m pytest

test-fast: $(ENV)/installed lint ## What needs no server
	@$(RUN)/python -m pytest tests/unit tests/dags

test-long: $(ENV)/installed ## The load and fault tests, at full length
	@LETHE_TEST_LENGTH=long $(RUN)/python -m pytest tests/integration tests/security tests/chaos

lint: $(ENV)/installed ## Style, types, direction of imports
	@$(RUN)/ruff check $(CODE)
	@$(RUN)/ruff format --check $(CODE)
	@$(RUN)/mypy
	@PYTHONPATH=plugins $(RUN)/lint-imports --no-logo
	@$(RUN)/lethe register check

format: $(ENV)/installed ## Bring the code to its one form
	@$(RUN)/ruff check --fix $(CODE)
	@$(RUN)/ruff format $(CODE)

bench: $(ENV)/installed ## Measure against the pipeline that people build instead (more than an hour)
	@$(RUN)/python -m benchmarks.run

rights: $(ENV)/installed ## Write the tables of rights in docs/security.md anew
	@$(RUN)/python -m lethe.stack.rights_tables

docs: $(ENV)/installed ## Check what the documents show
	@$(RUN)/python -m pytest tests/unit/docs

lock: ## Resolve requirements.txt anew from pyproject.toml
	@$(RUN)/uv pip compile pyproject.toml --extra dev --generate-hashes --python-version 3.11 \
		--no-emit-index-url --no-emit-find-links --quiet -o requirements.txt

# The environment: uv from the lock, then all of the lock, then this checkout. Made anew when the lock changes.
$(ENV)/installed: requirements.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { \
		echo "Python 3.11: no $(PYTHON) on PATH; \`uv python install 3.11\`, or PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "preparing the environment in $(ENV)"
	@[ -x $(RUN)/python ] || $(PYTHON) -m venv $(ENV)
	@awk '/^[a-z]/ {ours = /^uv==/} ours' requirements.txt > $(ENV)/uv.txt
	@$(RUN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $(ENV)/uv.txt
	@VIRTUAL_ENV=$(ENV) $(RUN)/uv pip install --quiet --require-hashes -r requirements.txt
	@VIRTUAL_ENV=$(ENV) $(RUN)/uv pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@
