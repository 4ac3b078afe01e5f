# fedtag's commands. `make demo` and `make test` set up everything that they need, but Python 3.11–3.13, make and git.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# Numeric libraries on more threads than cores made a round 55 times slower.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
export TF_CPP_MIN_LOG_LEVEL ?= 2
# Without bytecode each trainer's import of Keras costs seconds more.
unexport PYTHONDONTWRITEBYTECODE

UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
RUN := $(UV) run --no-sync
SYNCED := .venv/.synced
PYTHON_FILES := __main__.py tag worker local remote report cli components policy docs tests
STACK ?= eu-us-asia

VERSION := $(shell awk -F'"' '/^version = /{print $$2; exit}' pyproject.toml)
IMAGES_TO ?= kind
REGISTRY ?=
CONTAINERS ?= docker
KIND_CLUSTER ?= kind
# The project's own test cluster, where it is there: other machines have kind, or a cloud.
RIG := ../shared/rig/rig

.PHONY: help setup demo test test-long check format docs e2e bench compare images image-kind image-registry image-rig clean

help:  ## list the commands
	@awk -F':.*## ' '/^[a-z0-9]+:.*## /{printf "make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.uv/bin/uv:
	@found=; for python in python3 python3.13 python3.12 python3.11; do \
	  if $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
	  echo "make: no Python 3.11, 3.12 or 3.13 is on PATH; install one (Debian: apt install python3 python3-venv; macOS: brew install python@3.13)" >&2; exit 1; \
	fi; \
	if ! $$found -c 'import ensurepip, venv' 2>/dev/null; then \
	  echo "make: $$found has no venv module, which fetching uv needs; install it (Debian: apt install python3-venv) or install uv itself" >&2; exit 1; \
	fi; \
	echo "fetching uv into .uv"; $$found -m venv .uv && .uv/bin/python -m pip install --quiet uv || { \
	  echo "make: uv could not be fetched; see above why (a proxy: set HTTPS_PROXY; a mirror: PIP_INDEX_URL), or install uv itself" >&2; exit 1; }

$(SYNCED): pyproject.toml uv.lock | $(filter .uv/bin/uv,$(UV))
	$(UV) sync --locked
	@touch $@

setup: $(SYNCED)  ## install everything into .venv

demo: $(SYNCED)  ## train MNIST in three regions, as processes of this machine
	$(RUN) fedtag run $(STACK)

test: $(SYNCED)  ## run the tests: no root, no cluster, under five minutes
	$(RUN) pytest -n 2 --dist loadfile -m "not long"

test-long: $(SYNCED)  ## further federations in which workers are killed: a few minutes
	$(RUN) pytest -n 2 --dist loadfile -m long

check: $(SYNCED)  ## format, lint and types
	$(RUN) ruff format --check $(PYTHON_FILES)
	$(RUN) ruff check $(PYTHON_FILES)
	$(RUN) mypy
	$(RUN) pyright
	cd policy && $(abspath $(UV)) run --locked pytest -q

format: $(SYNCED)  ## format and mend what ruff can mend
	$(RUN) ruff format $(PYTHON_FILES)
	$(RUN) ruff check --fix $(PYTHON_FILES)

docs: $(SYNCED)  ## write docs/stack.md and docs/schema anew from the models
	$(RUN) python docs/reference.py
	$(RUN) fedtag schema tag > docs/schema/tag.json
	$(RUN) fedtag schema stack > docs/schema/stack.json

e2e: $(SYNCED)  ## deploy, train, change and destroy on the cluster of KUBECONFIG
	@rig=$$(if [ -x $(RIG) ]; then $(RIG) env; fi); \
	if grep -q "KUBECONFIG=$${KUBECONFIG:-/}" <<<"$$rig"; then eval "$$rig"; export FEDTAG_E2E_BROKER=localhost/mosquitto:2; fi; \
	$(RUN) pytest -o addopts="--strict-markers --import-mode=importlib -ra" -o timeout=900 -W "ignore:Unverified HTTPS request" -v tests/e2e

images:  ## build the workers' images; IMAGES_TO=kind, registry (REGISTRY=…) or rig
	@case "$(IMAGES_TO)" in kind | rig) ;; \
	  registry) [ -n "$(REGISTRY)" ] || { echo "make: IMAGES_TO=registry needs REGISTRY=host/folder" >&2; exit 2; } ;; \
	  *) echo "make: IMAGES_TO='$(IMAGES_TO)' is unknown; it is kind, registry or rig" >&2; exit 2 ;; esac
	@for target in aggregator trainer; do $(MAKE) --no-print-directory image-$(IMAGES_TO) TARGET=$$target; done

image-kind:
	$(CONTAINERS) build -f worker/Dockerfile --target $(TARGET) -t localhost/fedtag-$(TARGET):$(VERSION) .
	kind load docker-image --name $(KIND_CLUSTER) localhost/fedtag-$(TARGET):$(VERSION)

image-registry:
	$(CONTAINERS) build -f worker/Dockerfile --target $(TARGET) -t $(REGISTRY)/fedtag-$(TARGET):$(VERSION) .
	$(CONTAINERS) push $(REGISTRY)/fedtag-$(TARGET):$(VERSION)

image-rig:
	$(RIG) build -f worker/Dockerfile --build-arg BASE=localhost/python:3.11 --target $(TARGET) -t localhost/fedtag-$(TARGET):$(VERSION) .
	$(RIG) load localhost/fedtag-$(TARGET):$(VERSION)

compare: $(SYNCED)  ## compare topologies and optimizers on MNIST, three seeds each: an hour on two cores
	$(RUN) python -m tests.bench.compare

bench: $(SYNCED)  ## measure the figures of docs/benchmarks.md
	$(RUN) python -m tests.bench.run

clean:  ## remove what was installed and built
	rm -rf .venv .uv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
