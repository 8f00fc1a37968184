# The two commands are `make demo` and `make test`; both build the environment first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
UV_VERSION := 0.13.8
SOURCES := $(shell find extensions portal/ui/dashboards/template -type f -not -path '*/node_modules/*' -not -path '*/lib/*' -not -path '*/.yarn/*' 2>/dev/null)

export UV_NO_PROGRESS := 1
# Every run starts a Python of its own: compiled files save it seconds.
export UV_COMPILE_BYTECODE := 1
# Jupyter asks root, who is at home in containers, to say so.
ROOT := $(if $(filter 0,$(shell id -u)),--allow-root)
# The build finds the node of the environment, whatever else the machine has.
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help env demo lab dashboards test lint test-core test-server test-faces bench bench-core bench-find bench-run bench-view lock wheel clean

help:  ## Say what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

env: $(STAMP)  ## Build the environment in .venv from the lock, the front-ends included

$(STAMP): requirements.lock pyproject.toml hatch_build.py $(SOURCES)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/uv --version 2>/dev/null | grep -qF $(UV_VERSION) || $(BIN)/python -m pip install --quiet uv==$(UV_VERSION)
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: env  ## Run the main job headless: find, run, look, publish; AT=lab.debug runs it there
	$(BIN)/python -m portal.ui.demo --directory build/demo $(if $(AT),--at $(AT))

lab: env  ## Open JupyterLab on the first tutorial
	$(BIN)/jupyter lab $(ROOT) --LabApp.news_url=None --LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate \
	  --ServerApp.root_dir=$(CURDIR)/notebooks --LabApp.default_url=/lab/tree/tutorials/first-steps.ipynb

dashboards: env  ## Serve the Voilà pages, behind the Jupyter server's token
	$(BIN)/python -m portal.ui.dashboards $(ROOT) notebooks/dashboards

test: env lint test-core test-server test-faces  ## Everything that must hold

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test-core: env
	$(BIN)/python -m pytest tests --ignore=tests/ui/server --ignore=tests/faces

test-server: env
	$(BIN)/python -m pytest tests/ui/server

test-faces: env
	$(BIN)/python -m pytest tests/faces

bench: bench-core bench-find bench-run bench-view  ## Every group of benchmarks

bench-core: env  ## Import, search, overhead of a run, memory
	$(BIN)/python -m tests.benchmarks.core

bench-find: env  ## A million records, ten live catalogs, virtual stores, the finder in a browser
	$(BIN)/python -m tests.benchmarks.find

bench-run: env  ## Clusters, what a run costs, a billion cells, the store of runs, progress
	$(BIN)/python -m tests.benchmarks.run

PEERS := build/bench/peers

bench-view: env  ## The viewer in a browser, beside hvplot with datashader, ipympl and lexcube
	@test -x $(PEERS)/bin/python || $(BIN)/uv venv --quiet --python $(BIN)/python $(PEERS)
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(PEERS)/bin/python --requirements requirements.lock --no-deps
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(PEERS)/bin/python --group peers
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(PEERS)/bin/python --no-deps --no-build-isolation --editable .
	$(PEERS)/bin/python -m tests.benchmarks.view

lock: env  ## Resolve the lock anew for Python 3.11 to 3.13
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra all --group build --group test --group lint \
	  --generate-hashes --no-annotate --no-header --upgrade pyproject.toml --output-file requirements.lock

wheel: env  ## Build the sdist and the wheel, front-ends included
	$(BIN)/uv build --quiet --no-build-isolation --python $(BIN)/python --out-dir dist

clean:  ## Remove what was built, the environment too
	rm -rf build dist $(VENV) portal/labextension portal/ui/widgets/static extensions/lib extensions/node_modules
