# make TARGET ARGS="..." hands the arguments on. Every target first sets up what it needs, and does nothing the second time.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.PHONY: setup demo test test-cluster check bench kafka kafka-stop generate lock

setup: .venv/dev

.venv/dev: requirements/dev.lock pyproject.toml tools/setup.sh
	@tools/setup.sh dev
	@touch $@

.venv/demo: requirements/demo.lock pyproject.toml tools/setup.sh
	@test -e .venv/dev || tools/setup.sh demo
	@touch $@

demo: .venv/demo
	@$(BIN)/breakwater demo $(ARGS)
