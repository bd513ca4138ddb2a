# The project's commands; `make` alone lists them.
.DEFAULT_GOAL := help
.NOTPARALLEL:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# -qq keeps pip silent, except for what made it fail.
INSTALL = $(BIN)/python -m pip install -qq --no-input --disable-pip-version-check -c constraints.txt

.PHONY: help
help: ## Print this list
	@echo "Targets (PYTHON=python3.12 chooses the Python of a new environment):"
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | awk -F '\t' '{printf "  make %-8s %s\n", $$1, $$2}'

.PHONY: demo
demo: $(VENV)/.runtime ## Make the environment, build and profile Hiera-B, and list what that made
	$(BIN)/hiera build specs/hiera_b.yaml -o build/hiera_b
	$(BIN)/hiera profile specs/hiera_b.yaml --device a100-40gb
	@echo && echo "Made in build/hiera_b:" && ls -lh build/hiera_b | awk 'NR > 1 {printf "  %6s  %s\n", $$5, $$NF}'

.PHONY: test
test: lint ## Make the environment and check everything: lint, types, import contracts, tests
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 $(PYTEST_ARGS)

.PHONY: lint
lint: $(VENV)/.installed ## Lint, format check, types and import contracts, without the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: $(VENV)/.installed ## Format the code and fix what the linter can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: schema
schema: $(VENV)/.runtime ## Write the JSON schemas in specs/ and docs/spec.md anew, after a change to the language
	$(BIN)/hiera schema -o specs/hiera.schema.json
	$(BIN)/hiera schema --space -o specs/spaces/hiera.space.schema.json
	$(BIN)/hiera schema --markdown -o docs/spec.md

.PHONY: bench
bench: $(VENV)/.installed ## Run the benchmarks and print their tables (an hour or more; BENCH_ARGS=--quick for minutes)
	@for name in startup lowering cost throughput compile_time search_speed workers; do $(BIN)/python -m benchmarks.$$name $(BENCH_ARGS) && echo || exit 1; done

.PHONY: clean
clean: ## Remove what the commands made, and leave the environment
	rm -rf build dist .cache .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache

# Two stamps, newer than what they were installed from: to run needs less than to test.
$(VENV)/.runtime: pyproject.toml constraints.txt | $(BIN)/pip
	@echo "Installing the compiler into $(VENV); torch is large, so this takes minutes the first time ..."
	@$(INSTALL) -e .
	@touch $@

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/pip
	@echo "Installing the compiler and its test tools into $(VENV); this takes minutes the first time ..."
	@$(INSTALL) -e '.[dev]'
	@touch $@ $(VENV)/.runtime

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "error: Python 3.11 or newer is needed, and '$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo not there)" >&2; \
	  echo "help: name another one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
