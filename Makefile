# entrevistador. `make` builds .venv and lists what there is; every recipe is plain POSIX shell.

VENV := .venv
PEERS := .venv-peers
BIN := $(VENV)/bin
PIP := PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip install -q --no-input
COMPILE := uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate
PYTHON ?=
export PYTHON

.DEFAULT_GOAL := ready
.PHONY: ready help demo up test check bench bench-peers lock clean clean-data
.SUFFIXES:
.DELETE_ON_ERROR:

ready: $(VENV)/.project
	@$(MAKE) -s --no-print-directory help

help: ## this list
	@echo 'make TARGET:'
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)$$/\1|\2/p' Makefile \
		| while IFS='|' read -r name text; do printf '  %-11s %s\n' "$$name" "$$text"; done
	@echo 'STATE=folder: where demo, up and clean-data keep their data (.state).'
	@echo 'The console script is $(BIN)/entrevistador (try --help).'

demo: $(VENV)/.project ## a whole interview in the terminal, from a CV to a report: CV=file OPENING=file LOCALE=es|en|pt
	@exec $(BIN)/entrevistador demo $${CV:+--cv "$$CV"} $${OPENING:+--opening "$$OPENING"} \
		$${LOCALE:+--locale "$$LOCALE"} $${STATE:+--state "$$STATE"}

up: $(VENV)/.project ## the whole house on this machine, links printed, until Ctrl-C
	@exec $(BIN)/entrevistador up $${STATE:+--state "$$STATE"}

# Four processes, each with services of its own: tests wait more than they compute. One where some
# or real services are asked for.
test: $(VENV)/.test ## every test, on real services that start by themselves: ONLY=path for some, DEPTH=10 to search further
	@set --; \
	[ -n "$$ONLY$$DATABASE_URL$$REDIS_URL" ] || set -- -n 4 --dist loadfile --no-loadscope-reorder; \
	$(BIN)/python -m pytest -q "$$@" $${ONLY:+"$$ONLY"}

check: $(VENV)/.test ## format, lint, types, floors and the rules of the house
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m pytest -q tests/house

bench: $(VENV)/.test ## the measurements, one JSON line per figure: ONLY=name for one
	@$(BIN)/python -m loadtest.bench $${ONLY:+--only "$$ONLY"}

bench-peers: $(VENV)/.test $(PEERS)/.installed ## the gateway beside LiteLLM's proxy, installed apart: STREAMS=10 ROUNDS=2 for less
	@$(BIN)/python -m loadtest.bench.peers --litellm $(PEERS)/bin/litellm \
		$${STREAMS:+--streams "$$STREAMS"} $${ROUNDS:+--rounds "$$ROUNDS"}

lock: ## pin the dependencies anew (needs uv; a developer's tool)
	@command -v uv >/dev/null || { echo 'make lock needs uv on the PATH' >&2; exit 1; }
	$(COMPILE) --group build pyproject.toml -o requirements.lock
	$(COMPILE) --group test -c requirements.lock -o requirements-test.lock

clean: ## remove .venv, caches and builds; the data in .state stays
	rm -rf $(VENV) $(PEERS) build dist *.egg-info .hypothesis .import_linter_cache .mypy_cache \
		.pytest_cache .ruff_cache
	find . -name .state -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

clean-data: $(VENV)/.project ## stop the services of .state and delete their data
	@$(BIN)/python -m cli.wipe "$${STATE:-.state}"

# The environment, in layers that are made once and again when what they are made from changes.

$(VENV)/.made:
	@set -e; found=; \
	for python in $${PYTHON:-python3 python3.11 python3.12 python3.13 python3.14 python}; do \
		command -v "$$python" >/dev/null 2>&1 || continue; \
		if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			found="$$python"; break; \
		fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "entrevistador needs Python 3.11 or newer: none of [$${PYTHON:-python3, python3.11 ...}]" >&2; \
		echo 'is. Install one, or name yours: make PYTHON=/path/to/python3' >&2; exit 1; \
	fi; \
	if ! "$$found" -c 'import ensurepip, venv' 2>/dev/null; then \
		echo "$$found cannot make virtual environments: install its venv package" >&2; \
		echo '(Debian and Ubuntu: apt-get install python3-venv)' >&2; exit 1; \
	fi; \
	echo "making $(VENV) with $$("$$found" --version 2>&1)"; \
	rm -rf $(VENV); "$$found" -m venv $(VENV)
	@touch $@

$(VENV)/.lock: requirements.lock $(VENV)/.made
	@echo 'installing what requirements.lock pins (once; about a minute)'
	@$(PIP) --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.project: pyproject.toml $(VENV)/.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.test: requirements-test.lock $(VENV)/.project
	@echo 'installing what requirements-test.lock pins (once)'
	@$(PIP) --require-hashes -r requirements-test.lock
	@touch $@

# An environment apart for what is measured beside the product, which never imports from it.
$(PEERS)/.installed: requirements-peers.txt $(VENV)/.made
	@echo 'installing what requirements-peers.txt names into $(PEERS) (once; a minute or two)'
	@rm -rf $(PEERS); $(BIN)/python -m venv $(PEERS) && \
	PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 $(PEERS)/bin/python -m pip install -q --no-input \
		--retries 2 --timeout 60 -r requirements-peers.txt || { \
		rm -rf $(PEERS); \
		echo 'bench-peers: the packages of requirements-peers.txt could not be installed; pip says' >&2; \
		echo 'above why. It needs a package index that has them. Nothing else needs them.' >&2; exit 1; }
	@touch $@
