# Every target sets up .venv by itself.
SHELL := /bin/bash
# make splits names at spaces, and the path of this folder may hold one, or a quote: so all targets are relative names, every
# path is quoted for the shell, and make runs in this folder, also when it was started elsewhere with `make -f`.
quoted = '$(subst ','\'',$(1))'
FILE := $(shell printf '%s' $(call quoted,$(MAKEFILE_LIST)) | sed 's/^ *//')
HERE := $(shell dirname -- $(call quoted,$(FILE)))
TARGETS := help reproduce street everything study choices rivals successor regimes leaderboard demo refit reference transcript test flow graph cluster mutants lint types pages check clean
.PHONY: $(TARGETS)

ifneq ($(HERE),.)

$(TARGETS):
	@$(MAKE) --no-print-directory --directory $(call quoted,$(HERE)) $@

else

# The first of these that runs and is new enough: a name on the PATH may be a shim of a version that is not active.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
# What of pyproject.toml's extras a target needs.
RUN := workflow,acquire
TEST := $(RUN),cluster,test,lint
MUTANTS := $(TEST),mutants
SEEDS ?= 0,1,2,3,4
# A study trains further seeds beside the first, and puts its tables, its claims and the reading of them into docs/results.
DEFAULT := table1 table2 table3 table4 table5 table6 controls game
PAPER := $(DEFAULT) adaptation beyond losses noise print bounds
tables = $(foreach table,$(1),results/tables/$(table).md results/tables/$(table).csv)
ANSWERS := $(addprefix results/more/tables/,claims.md claims.csv contrasts.csv) results/more/figures/forest.png
define study # folder below docs/results, tables, further files, file of claims
	sed -e 's/^seeds: .*/seeds: [$(SEEDS)]/' -e 's|^claims: .*|claims: $(4)|' params.yaml > params.study.yaml
	$(BIN)/python -m snakemake --cores all --config params=params.study.yaml -- $(call tables,$(2)) $(3)
	mkdir -p docs/results/$(1)
	cp $(call tables,$(2) $(addsuffix _classes,$(2))) $(3) docs/results/$(1)/
endef
# Of real streets: a folder that holds the sets already, and a source in place of that in params.street.yaml.
DATA ?=
SOURCE ?=
MADE := acquired features manifests miniature networks prepared refit
# uv installs in a sixth of pip's time. Where it cannot (it does not read pip's settings, so a mirror set up for pip alone
# is unknown to it), pip does the same. Like pip it compiles what it installs: hundreds of jobs import it, and where Python
# must not write (PYTHONDONTWRITEBYTECODE, a read-only folder) each would compile it anew, two seconds for torch alone.
INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt
define install
	@$(INSTALL) uv 2> /dev/null && UV_SYSTEM_CERTS=1 $(BIN)/python -m uv pip install --quiet --python $(BIN)/python \
		--compile-bytecode --constraint constraints.txt --editable '.[$(1)]' || { echo "uv cannot install here; pip does, which takes longer" >&2; \
		$(INSTALL) --editable '.[$(1)]'; }
	@touch $@
endef

help: ## this list
	@grep -hE '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

.venv/bin/.run: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "no Python 3.11 or newer on the PATH; install one or name it: make PYTHON=..." >&2; exit 2; }
	"$(PYTHON)" -m venv .venv
	$(call install,$(RUN))

.venv/bin/.test: .venv/bin/.run
	$(call install,$(TEST))

.venv/bin/.mutants: .venv/bin/.test
	$(call install,$(MUTANTS))

reproduce: .venv/bin/.run ## the whole paper, in the protocol that params.yaml names
	$(BIN)/python -m snakemake --cores all
	@echo Report: $(call quoted,$(CURDIR)/results/report.html)

street: .venv/bin/.run ## real streets: CARLA to CamVid, into street/; DATA=FOLDER that holds them already, SOURCE=urbansyn
	$(BIN)/python -m workflow.street $(if $(DATA),--data $(call quoted,$(DATA))) $(if $(SOURCE),--source $(call quoted,$(SOURCE))) -- --cores all

everything: .venv/bin/.run ## that, the rivals with target images, what answers the claims, and what goes beyond the paper
	$(BIN)/python -m snakemake --cores all everything
	@echo Report: $(call quoted,$(CURDIR)/results/everything.html)

study: .venv/bin/.run ## the paper and its claims with five seeds (or SEEDS=0,1,2), into docs/results/study; goes on where it was cut
	$(call study,study,$(PAPER),$(ANSWERS),workflow/resources/claims.yaml)
	$(BIN)/python -m ash.cli claims-reading docs/results/study/claims.csv --into docs/results/README.md

choices: .venv/bin/.run ## what the paper leaves open, one by one, with five seeds (or SEEDS=0,1,2), into docs/results/choices
	$(call study,choices,choices,,workflow/resources/claims.yaml)

rivals: ## the same of later methods of the field
successor: ## the same of class-wise style, its controls, and what it has to beat
regimes: ## the same of six methods by two recipes of training
rivals successor regimes: .venv/bin/.run
	$(call study,$@,$@,$(ANSWERS),workflow/resources/$@_claims.yaml)
	$(BIN)/python -m ash.cli claims-reading docs/results/$@/claims.csv --into docs/results/$@/README.md

leaderboard: .venv/bin/.run ## docs/leaderboard.md: whatever may enter, with five seeds (or SEEDS=0,1,2)
	$(BIN)/python -m ash.cli leaderboard --seeds $(SEEDS)

demo: .venv/bin/.run ## three experiments: source only, CLAN, ASH
	$(BIN)/python -m snakemake --cores all demo
	@cat results/tables/demo.md

refit: .venv/bin/.run ## fit the miniature's stylizer anew
	$(BIN)/python -m snakemake --cores all refit_stylizer

reference: .venv/bin/.run ## build all, record it in dvc.lock, share it, and put its tables into docs/results/reference
	$(BIN)/python -m snakemake --cores all
	$(BIN)/python -m ash.cli dvc-record && $(BIN)/python -m dvc push && $(BIN)/python -m ash.cli dvc-check
	rm -rf docs/results/reference && mkdir -p docs/results/reference
	cp $(call tables,$(DEFAULT) $(addsuffix _classes,$(DEFAULT)) claims cost) results/tables/contrasts.csv results/metrics.json \
		results/iou.csv results/figures/forest.png docs/results/reference/

transcript: .venv/bin/.test ## run a session with DVC in a throw-away repository and print what its commands say
	$(BIN)/python -m tests.tools.transcript

test: .venv/bin/.test ## the tests, in two processes, but for those of the next three targets
	$(BIN)/python -m pytest --numprocesses 2 --dist loadgroup -m "not slurm and not graph and not dvc"

flow: .venv/bin/.test ## the tests of Snakemake and DVC in repositories of their own, kills among them
	$(BIN)/python -m pytest --numprocesses 2 --dist loadgroup -m dvc

graph: .venv/bin/.test ## the paper's whole graph, and that of real streets, on sets of a few files in their published archives
	$(BIN)/python -m pytest -m graph

cluster: .venv/bin/.test ## the test through a one-node Slurm, where its daemons are installed
	$(BIN)/python -m pytest -m slurm

mutants: .venv/bin/.mutants ## 200 small faults, and how many of them the tests notice (docs/measured/mutants.md)
	$(BIN)/python -m tests.tools.mutants

lint: .venv/bin/.test ## style, formatting, layers, pages of docs/methods, whether dvc.yaml and the Snakefile agree
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/lint-imports
	$(BIN)/python -m ash.cli method-pages --out docs/methods --check && $(BIN)/python -m ash.cli dvc-check --pipeline

types: .venv/bin/.test ## mypy
	$(BIN)/python -m mypy

pages: .venv/bin/.run ## write docs/methods from the methods' code
	$(BIN)/python -m ash.cli method-pages --out docs/methods

check: .venv/bin/.run ## settings and data
	$(BIN)/python -m ash.cli check

clean: ## remove what was made; raw data of your own, fetched weights and both README files stay
	find results -mindepth 1 -maxdepth 1 ! -name README.md -exec rm -rf {} +
	rm -rf logs benchmarks .snakemake
	rm -rf $(addprefix data/,$(MADE))
	if [ -d street ]; then cd street && rm -rf results logs benchmarks .snakemake params.yaml protocols $(addprefix data/,$(MADE)); fi

endif
