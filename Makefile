# nasflow: `make help` lists what there is. Set-up happens by itself, once, and again when pyproject.toml or
# constraints.txt change. It needs Python 3.11 to 3.13, make, and a package index that pip can reach.

# The virtual environment that everything runs in.
VENV ?= .venv
# The Python that creates it; empty: python3 where that is 3.11 to 3.13, else the newest of these that is installed.
PYTHON ?=
# More arguments for pytest, such as `make test PYTEST_ARGS="-k spaces"`.
PYTEST_ARGS ?=
# How the tests share the cores; empty: one after the other.
PARALLEL ?= -n auto --maxprocesses 4 --dist loadfile

CONFIG ?= examples/digits.yaml

# The name of the image, what it begins with, and more arguments for `docker build`, such as `--network host`.
IMAGE ?= nasflow-python:latest
BASE ?= python:3.11-slim
IMAGE_ARGS ?=
# 1: PyTorch without the libraries for GPUs, from this index (empty: PyTorch's own).
CPU ?=
TORCH_CPU_INDEX ?=
# A file with the authority of the package index's certificate. pip's other settings come from the environment.
CA ?=
COMPOSE ?= $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
PIP_INSTALL := $(PIP) install --use-pep517 --no-build-isolation --constraint constraints.txt
SUITABLE := import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
SOURCES := pyproject.toml constraints.txt

.DEFAULT_GOAL := help
.PHONY: help search test test-all coverage lint format wheel image compose clean

help: ## show this list
	@echo "Usage: make TARGET [VENV=.venv] [PYTHON=python3]"
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 14

search: $(VENV)/.runtime ## search, train, explain and register a model of handwritten digits (CONFIG=...: another search)
	@$(BIN)/nasflow run $(CONFIG)

test: $(VENV)/.dev ## run the tests
	@$(BIN)/python -m pytest $(PARALLEL) $(PYTEST_ARGS)

test-all: $(VENV)/.dev ## run the tests, with the ones that take minutes
	@$(BIN)/python -m pytest -m "slow or not slow" $(PYTEST_ARGS)

coverage: $(VENV)/.dev ## run the tests and tell which branches of nasflow/ they leave out
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest $(PYTEST_ARGS)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

lint: $(VENV)/.dev ## check style, types and the direction of imports
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(VENV)/.dev ## put the code into its style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# setuptools packs whatever an earlier build left in build/, so that goes first.
wheel: $(VENV)/.dev ## build the wheel into dist/
	@rm -rf build nasflow.egg-info
	@$(PIP) wheel --no-deps --no-build-isolation --wheel-dir dist .
	@rm -rf build
	@ls dist/*.whl

# The values of pip's settings are taken from the environment, where no list of processes shows them. The labels say what
# is installed, so the image tells them itself.
PASSED_ON := PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_FIND_LINKS PIP_NO_INDEX PIP_TRUSTED_HOST PIP_DEFAULT_TIMEOUT \
    http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY

image: ## build the image of the steps (CPU=1: without GPUs; IMAGE=name, BASE=image, CA=file)
	@set -e; \
	if ! docker version >/dev/null 2>&1; then \
	    echo "make image needs Docker, and no daemon answers: install and start it, and see that you may use it ('docker ps')." >&2; \
	    exit 1; \
	fi; \
	if [ -n "$(CA)" ]; then trap 'rm -f build-ca.crt' EXIT; cp "$(CA)" build-ca.crt; fi; \
	docker build $(foreach name,$(PASSED_ON),--build-arg $(name)) --build-arg BASE="$(BASE)" --build-arg CPU="$(CPU)" \
	    $(if $(TORCH_CPU_INDEX),--build-arg TORCH_CPU_INDEX="$(TORCH_CPU_INDEX)") $(IMAGE_ARGS) --tag "$(IMAGE)" .; \
	docker run --rm --network none --read-only --tmpfs /tmp "$(IMAGE)" python3 -P -m nasflow.pipelines.search.contents | { \
	    set --; \
	    while IFS= read -r label; do set -- "$$@" --label "$$label"; done; \
	    if [ "$$#" -eq 0 ]; then exit 1; fi; \
	    if revision="$$(git rev-parse HEAD 2>/dev/null)"; then \
	        set -- "$$@" --label "org.opencontainers.image.revision=$$revision"; \
	    fi; \
	    echo "FROM $(IMAGE)" | docker build --quiet "$$@" --tag "$(IMAGE)" -; \
	}; \
	echo "Built $(IMAGE). Try it: nasflow run $(CONFIG) --runner docker --image $(IMAGE)"

compose/.env: compose/env.example
	@set -e; umask 077; \
	if [ -e $@ ]; then touch $@; exit 0; fi; \
	while IFS= read -r line; do \
	    case "$$line" in \
	        \#*) ;; \
	        *=) printf '%s%s\n' "$$line" "$$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')" ;; \
	        *) printf '%s\n' "$$line" ;; \
	    esac; \
	done < $< > $@.new; \
	mv $@.new $@; \
	echo "Made $@ with random passwords: keep it, as the volumes know them."

compose: compose/.env ## start MinIO, and MLflow with PostgreSQL, on this machine (make compose COMPOSE_ARGS=down: stop them)
	@$(COMPOSE) --project-name nasflow --file compose/compose.yaml --env-file compose/.env $(or $(COMPOSE_ARGS),up --detach)
	@$(if $(COMPOSE_ARGS),:,echo "MLflow: http://127.0.0.1:5000; MinIO: http://127.0.0.1:9001. Let a shell use them: set -a; . compose/.env; set +a")

clean: ## remove the virtual environment, caches and builds (searches and their models stay)
	@if [ -e "$(VENV)/.runtime" ] || [ -e "$(VENV)/.installing" ]; then rm -rf "$(VENV)"; fi
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find nasflow components pipelines tests -name __pycache__ -type d -prune -exec rm -rf {} +

# An installation that was interrupted leaves `.installing` behind and is begun anew; pip keeps what it has downloaded.
# Only an environment that was made here is ever replaced.
$(VENV)/.runtime: $(SOURCES)
	@set -e; \
	if [ -e "$(VENV)/.installing" ] || { [ -e "$@" ] && ! "$(BIN)/python" -c "$(SUITABLE)" 2>/dev/null; }; then \
	    rm -rf "$(VENV)"; \
	fi; \
	if [ ! -e "$(VENV)" ]; then \
	    found=; \
	    for python in $(if $(PYTHON),"$(PYTHON)",python3 python3.13 python3.12 python3.11 python); do \
	        if "$$python" -c "$(SUITABLE)" >/dev/null 2>&1; then found="$$python"; break; fi; \
	    done; \
	    if [ -z "$$found" ]; then \
	        echo "nasflow needs Python 3.11, 3.12 or 3.13 with its venv module, and $(if $(PYTHON),$(PYTHON) is not that,none was found): install one, or name it with 'make PYTHON=/path/to/python ...'." >&2; \
	        exit 1; \
	    fi; \
	    echo "Creating $(VENV) with $$("$$found" -V) ..."; \
	    mkdir -p "$(VENV)"; \
	    touch "$(VENV)/.installing"; \
	    "$$found" -m venv "$(VENV)"; \
	elif ! "$(BIN)/python" -c "$(SUITABLE)" 2>/dev/null; then \
	    echo "$(VENV) exists and is no virtual environment of Python 3.11 to 3.13: move it away, or name another with 'make VENV=... ...'." >&2; \
	    exit 1; \
	fi; \
	rm -f "$@"; \
	touch "$(VENV)/.installing"; \
	echo "Installing nasflow and what it needs into $(VENV) (PyTorch is large: 2 to 15 minutes the first time) ..."; \
	$(PIP_INSTALL) setuptools; \
	$(PIP_INSTALL) --editable .; \
	touch "$@"; \
	rm "$(VENV)/.installing"

$(VENV)/.dev: $(VENV)/.runtime
	@set -e; \
	rm $<; \
	touch "$(VENV)/.installing"; \
	echo "Installing the tools for tests and checks into $(VENV) (about a minute) ..."; \
	$(PIP_INSTALL) --editable '.[dev]'; \
	touch $< "$@"; \
	rm "$(VENV)/.installing"
