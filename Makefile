# make TARGET ARGS="..." hands the arguments on. Every target first sets up what it needs; the second time that is nothing.
BIN := .venv/bin
ARGS ?=

.PHONY: help setup demo test test-cluster check bench kafka kafka-stop generate lock
.DEFAULT_GOAL := help

help: ## what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: .venv/.dev ## the virtual environment with the locked dependencies

.venv/.dev: requirements/dev.lock requirements/installer.lock tools/setup.sh pyproject.toml
	@tools/setup.sh dev
	@touch .venv/.dev .venv/.demo

.venv/.demo: requirements/demo.lock requirements/installer.lock tools/setup.sh pyproject.toml
	@tools/setup.sh demo
	@touch .venv/.demo

.venv/.test: .venv/.dev
	@tools/setup.sh test
	@touch .venv/.test

demo: .venv/.demo ## an outage in accelerated time, told in the terminal and on a status page (--once ends by itself)
	@$(BIN)/breakwater demo $(ARGS)

test: .venv/.test ## every test; those on Apache Kafka where Java and Maven are there
	@$(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder --ignore=tests/cluster --ignore=tests/image $(ARGS)

.venv/.cluster: .venv/.test
	@tools/setup.sh cluster
	@touch .venv/.cluster

test-cluster: .venv/.cluster ## the chart on a real API server, the image as a pod runs it (--all: an older Kubernetes, KEDA)
	@$(BIN)/python -m tools.go_programs $(filter --all,$(ARGS))
	@$(BIN)/pytest tests/cluster tests/image $(ARGS)

check: .venv/.dev ## formatting, lint, types, import contracts, generated files
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m tools.generate --check

generate: .venv/.dev ## JSON Schemas and the AsyncAPI document from schemas/
	@$(BIN)/python -m tools.generate

bench: .venv/.test ## the numbers we promise, each a ratio against a peer in the same run
	@$(BIN)/python -m benchmarks $(ARGS)

kafka: .venv/.test ## a real Apache Kafka node in the background
	@$(BIN)/python -m tools.kafka start $(ARGS)

kafka-stop: .venv/.dev ## ends it
	@$(BIN)/python -m tools.kafka stop

lock: .venv/.dev ## writes the lock files anew from pyproject.toml
	@$(BIN)/python -m tools.lock
