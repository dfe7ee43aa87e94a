# Every target sets up .venv by itself. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
HERE := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))
# The first of these that runs and is new enough: a name on the PATH may be a shim of a version that is not active.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := $(HERE).venv/bin
# The workflow's rules call `ash` of the environment that snakemake runs in.
SNAKEMAKE := cd $(HERE) && $(BIN)/snakemake

.PHONY: help reproduce everything demo refit reference transcript test graph cluster lint types pages check clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(HERE)Makefile | sed -E 's/:.*## /\t/' | expand -t 12

$(BIN)/.run: $(HERE)pyproject.toml $(HERE)constraints.txt
	@test -n "$(PYTHON)" || { echo "no Python 3.11 or newer on the PATH; install one or name it: make PYTHON=..." >&2; exit 2; }
	"$(PYTHON)" -m venv "$(HERE).venv"
	cd "$(HERE)" && .venv/bin/pip install --quiet --constraint constraints.txt --editable '.[workflow,acquire]'
	@touch $@

$(BIN)/.test: $(BIN)/.run
	cd "$(HERE)" && .venv/bin/pip install --quiet --constraint constraints.txt --editable '.[workflow,acquire,cluster,test,lint]'
	@touch $@

reproduce: $(BIN)/.run ## the whole paper, in the protocol that params.yaml names
	$(SNAKEMAKE) --cores all
	@echo "Report: $(HERE)results/report.html"

everything: $(BIN)/.run ## that, the rivals with target images, and what goes beyond the paper
	$(SNAKEMAKE) --cores all everything
	@echo "Report: $(HERE)results/everything.html"

demo: $(BIN)/.run ## three experiments: source only, CLAN, ASH
	$(SNAKEMAKE) --cores all demo
	@cat $(HERE)results/tables/demo.md

refit: $(BIN)/.run ## fit the miniature's stylizer anew
	$(SNAKEMAKE) --cores all refit_stylizer

reference: $(BIN)/.run ## build all, record it in dvc.lock, share it, and put its tables into docs/results/reference
	$(SNAKEMAKE) --cores all
	cd "$(HERE)" && $(BIN)/ash dvc-record && $(BIN)/dvc push && $(BIN)/ash dvc-check
	cd "$(HERE)" && rm -rf docs/results/reference && mkdir -p docs/results/reference
	cd "$(HERE)" && cp results/tables/*.md results/tables/*.csv results/metrics.json results/iou.csv docs/results/reference/

transcript: $(BIN)/.test ## run a session with DVC in a throw-away repository and print what its commands say
	cd "$(HERE)" && $(BIN)/python -m tests.tools.transcript

test: $(BIN)/.test ## the tests, in two processes
	cd "$(HERE)" && $(BIN)/python -m pytest --numprocesses 2 --dist loadgroup -m "not slurm and not graph"

graph: $(BIN)/.test ## the paper's whole graph on sets of a few files in their published archives
	cd "$(HERE)" && $(BIN)/python -m pytest -m graph

cluster: $(BIN)/.test ## the test through a one-node Slurm, where its daemons are installed
	cd "$(HERE)" && $(BIN)/python -m pytest -m slurm

lint: $(BIN)/.test ## style, formatting, layers, the workflow's own linter, pages of docs/methods, whether dvc.yaml is current
	cd "$(HERE)" && $(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/snakefmt --check Snakefile workflow/rules
	cd "$(HERE)" && $(BIN)/lint-imports && $(BIN)/snakemake --lint > /dev/null
	cd "$(HERE)" && $(BIN)/ash method-pages --out docs/methods --check && $(BIN)/ash dvc-stages --check

types: $(BIN)/.test ## mypy
	cd "$(HERE)" && $(BIN)/mypy

pages: $(BIN)/.run ## write docs/methods from the methods' code
	cd "$(HERE)" && $(BIN)/python -m ash.cli method-pages --out docs/methods

check: $(BIN)/.run ## settings and data
	cd "$(HERE)" && $(BIN)/ash check

clean: ## remove what was made; raw data of your own stay
	cd "$(HERE)" && rm -rf results logs benchmarks data/miniature data/prepared data/features data/manifests data/refit data/stylizer.safetensors .snakemake
