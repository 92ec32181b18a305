# The commands of this project. They need Python 3.11 or newer (with venv) and make, and put all else into this folder.
.DEFAULT_GOAL := help
.PHONY: help setup up down demo test lint bench chaos fuzz
SHELL := /bin/sh
RUN := .venv/bin
# Override it to choose another: `make PYTHON=/opt/python3.13/bin/python3 setup`.
PYTHON ?= $(shell for each in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$each" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$each" && break; done)

help: ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /\1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r name what; do printf '  make %-8s %s\n' "$$name" "$$what"; done

setup: ## Install everything into this folder; what is there already is skipped
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or newer was found: install one (Debian, Ubuntu: apt install python3 python3-venv)." >&2; exit 1; }
	@"$(PYTHON)" -I local/bootstrap.py
	@$(RUN)/python -m local install

up: setup ## Start the stack in the background and print its addresses
	@$(RUN)/python -m local up

down: ## Stop the stack; nothing stays behind
	@if [ -x $(RUN)/python ]; then $(RUN)/python -m local down; else echo "Nothing is installed, so nothing runs."; fi

demo: up ## Play a conversation through the real API, and compare what was asked with what is stored
	@$(RUN)/python -m local.demo

test: setup lint ## Run everything that CI runs
	$(RUN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

lint: setup ## Check style, types and the direction of imports
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .
	$(RUN)/mypy
	$(RUN)/lint-imports

bench: setup ## Measure the way of a message beside its peers; SCALE=full: at the size it is built for; ARGS="--quick --rows a,b"
	@$(RUN)/pip --disable-pip-version-check install --quiet --only-binary=:all: --require-hashes -r locks/bench.txt
	@$(RUN)/python -m bench $(if $(SCALE),--scale $(SCALE)) $(ARGS)

chaos: setup ## Kill processes at random under load: RUNS=100, SEED=n to have one again
	@$(RUN)/python -m tests.faults.chaos --runs $(or $(RUNS),100) $(if $(SEED),--seed $(SEED))

fuzz: setup ## Change bytes of an audit PDF at random, and see that none passes: CHANGES=10000, SEED=n to have them again
	@FUZZ_CHANGES=$(or $(CHANGES),10000) $(if $(SEED),FUZZ_SEED=$(SEED)) $(RUN)/pytest tests/faults/test_p9_bytes.py
