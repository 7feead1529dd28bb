# Every target sets up what it needs. `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup up down status logs demo test test-unit test-cluster lint types format proto client problems bench sizing images chart chart-docs dashboards promtool test-rules clean drill-backup drill-region

UV_VERSION := 0.13.8
# A uv that is on PATH is used; otherwise one is installed into .local, from a wheel.
UV := $(or $(shell command -v uv 2>/dev/null),.local/uv/bin/uv)
RUN := $(UV) run --frozen --no-sync
export UV_PYTHON_DOWNLOADS := never
# Bytecode is kept, whatever the environment says: without it every process compiles its imports anew.
unexport PYTHONDONTWRITEBYTECODE

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## (.*)/\1|\2/' | column -t -s '|'

$(UV):
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Assay needs Python 3.11 or newer")'
	@echo "installing uv $(UV_VERSION) into .local/uv"
	@python3 -m venv .local/uv || { echo "python3 -m venv failed: install your system's venv package (on Debian: python3-venv)" >&2; exit 1; }
	@.local/uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/.synced: $(UV) uv.lock pyproject.toml $(wildcard */pyproject.toml */*/pyproject.toml)
	@$(UV) sync --frozen
	@touch $@

setup: .venv/.synced ## install everything into .venv

up: setup ## start the whole suite on this machine
	@$(RUN) python -m assay_local up

down: setup ## stop it
	@$(RUN) python -m assay_local down

status: setup ## what runs, on which port, with how much memory
	@$(RUN) python -m assay_local status

logs: setup ## follow the logs (one service: make logs S=gateway)
	@$(RUN) python -m assay_local logs $(S) --follow

demo: setup ## start the suite and do the main job on it
	@$(RUN) python -m assay_local demo

test: setup lint types ## every test, on real components
	@$(RUN) pytest -n 3 --dist worksteal

test-unit: setup ## the fast tests, without input or output
	@$(RUN) pytest $(wildcard */*/tests/unit) tests/contract tests/architecture

test-cluster: setup ## install, upgrade, break and scale the suite on the cluster that KUBECONFIG names
	@$(UV) sync --frozen --inexact --group cluster && $(RUN) pytest -m cluster tests/cluster

lint: setup ## style, architecture, lock file, workflows
	@$(RUN) ruff check . && $(RUN) ruff format --check . && $(RUN) lint-imports && $(UV) lock --check
	@$(RUN) zizmor --quiet --offline --persona pedantic .github && $(RUN) actionlint $(wildcard .github/workflows/*.yaml)

types: setup ## mypy, strict
	@$(RUN) mypy

format: setup ## put style right
	@$(RUN) ruff check --fix . && $(RUN) ruff format .

proto: setup ## lint the contracts, hold them against main, rebuild what is generated
	@$(RUN) buf lint protos && $(RUN) buf breaking protos --against '.git#branch=main,subdir=protos' && $(RUN) python protos/generate.py

client: setup ## rebuild what of the Python client follows from the API
	@$(RUN) python libs/client/generate.py

problems: setup ## list the API's problems anew, from the code
	@$(RUN) python -m tests.contract.problem_types

bench: setup ## measure, and write docs/benchmarks.md and .json
	@$(RUN) python -m tests.load

sizing: setup ## measure what each process takes, and write docs/operations/sizing.md
	@$(RUN) python -m tests.load.sizing

drill-backup: setup ## lose the database of a suite under load, restore it, and measure both
	@$(RUN) python -m tests.drills.backup $(DRILL_ARGS)

drill-region: setup ## move a suite under load to a second region, planned or (DRILL_ARGS=--lost) not, and measure
	@$(RUN) python -m tests.drills.region $(DRILL_ARGS)

images: ## build every image (needs skaffold and docker)
	@skaffold build

# Debian's package without installing it: nothing is started. Elsewhere, put promtool on PATH.
.local/prometheus/usr/bin/promtool:
	@mkdir -p .local/prometheus && cd .local/prometheus && apt-get download -q prometheus && dpkg-deb -x prometheus_*.deb . && rm prometheus_*.deb

promtool: .local/prometheus/usr/bin/promtool ## fetch what evaluates the alerts in tests (Debian)

test-rules: setup promtool ## test what fires when, on made-up series
	@$(RUN) pytest tests/deploy/test_rules.py tests/deploy/test_monitoring.py

dashboards: setup ## write the dashboards for Grafana anew, from deploy/monitoring
	@$(RUN) python -m deploy.monitoring

chart-docs: setup ## write the tables of values in the chart's README
	@$(RUN) python -m tests.deploy.values_table

chart: setup ## test the chart, and write its golden renderings anew
	@$(RUN) pytest tests/deploy --write-golden

clean: down ## stop everything and forget its data
	@rm -rf .local/data .local/logs .local/objects .local/state.json
