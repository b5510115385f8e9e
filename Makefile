# `make demo` and `make test` need git, make and Python 3.11 or newer; they install everything else into .venv.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= python3
UV_VERSION := 0.13.8
BIN := .venv/bin
UV := UV_NO_PROGRESS=1 UV_COMPILE_BYTECODE=1 $(BIN)/uv

SAMPLE ?= 400
SEED ?= 1
ROWS ?= 200000
LEAST ?= 85

.PHONY: help demo airflow cluster test test-oldest matrix faults mutants endurance bench tables docs pictures lint format \
  build release-check lock clean

help:
	@echo "make demo         run the example DAGs in a real Airflow against a local Onlive API"
	@echo "make test         run the whole test suite"
	@echo "make airflow      start Airflow's web interface with the example DAGs and a local Onlive API"
	@echo "make cluster      run one key on two Celery workers with PostgreSQL and Redis, and kill one of them (as root on Debian)"
	@echo "make test-oldest  run the suite on the oldest supported Airflow (needs Python 3.11 or 3.12)"
	@echo "make matrix       try the wheel on every supported Airflow and Python; ONLY=3.1.8-py3.11,..., ARGUMENTS='--steps e2e'"
	@echo "make faults       run the fault table: broken networks and servers, for every kind of task (minutes)"
	@echo "make endurance    a long run on a bad day: ROWS=200000"
	@echo "make mutants      put faults into the code and see whether its tests fail; SAMPLE=400 (or all), SEED=1, LEAST=85 (percent)"
	@echo "make bench        measure speed, memory and pacing against the alternatives (half an hour); writes docs/benchmarks.md"
	@echo "make lint         run ruff, mypy and the import contract"
	@echo "make build        build the wheel and check its contents"
	@echo "make release-check  build wheel and source archive, and check that they are fit to be published"
	@echo "make docs         build the documentation as a site into docs/_build; a warning is an error"
	@echo "make pictures     take the documentation's pictures anew, in a browser"
	@echo "make tables       write the tables of fields in the documentation anew, from the code"

.venv/ready: requirements/airflow-3.3.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". To use another: make PYTHON=python3.12")'
	@echo "Preparing .venv (once; about a minute on a slow connection) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(UV) pip install --quiet --python $(BIN)/python uv==$(UV_VERSION) -r requirements/airflow-3.3.txt
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

.venv-oldest/ready: requirements/airflow-2.11.txt pyproject.toml .venv/ready
	@echo "Preparing .venv-oldest ..."
	@test -x .venv-oldest/bin/python || $(UV) venv --quiet --python $(PYTHON) .venv-oldest
	@$(UV) pip install --quiet --python .venv-oldest/bin/python -r requirements/airflow-2.11.txt
	@$(UV) pip install --quiet --python .venv-oldest/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

.venv-cluster/ready: requirements/cluster.txt pyproject.toml .venv/ready
	@echo "Preparing .venv-cluster ..."
	@test -x .venv-cluster/bin/python || $(UV) venv --quiet --python $(PYTHON) .venv-cluster
	@$(UV) pip install --quiet --python .venv-cluster/bin/python -r requirements/cluster.txt
	@$(UV) pip install --quiet --python .venv-cluster/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

.venv-mutants/ready: requirements/mutants.txt pyproject.toml .venv/ready
	@echo "Preparing .venv-mutants ..."
	@test -x .venv-mutants/bin/python || $(UV) venv --quiet --python $(PYTHON) .venv-mutants
	@$(UV) pip install --quiet --python .venv-mutants/bin/python -r requirements/mutants.txt
	@$(UV) pip install --quiet --python .venv-mutants/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

.venv-matrix/ready: requirements/matrix.txt .venv/ready
	@test -x .venv-matrix/bin/python || $(UV) venv --quiet --python $(PYTHON) .venv-matrix
	@$(UV) pip install --quiet --python .venv-matrix/bin/python uv==$(UV_VERSION) -r requirements/matrix.txt
	@touch $@

.venv-release/ready: requirements/release.txt .venv/ready
	@test -x .venv-release/bin/python || $(UV) venv --quiet --python $(PYTHON) .venv-release
	@$(UV) pip install --quiet --python .venv-release/bin/python uv==$(UV_VERSION) -r requirements/release.txt
	@touch $@

.venv-docs/ready: requirements/docs.txt .venv/ready
	@echo "Preparing .venv-docs ..."
	@test -x .venv-docs/bin/python || $(UV) venv --quiet --python $(PYTHON) .venv-docs
	@$(UV) pip install --quiet --python .venv-docs/bin/python -r requirements/docs.txt
	@touch $@

demo: .venv/ready
	@$(BIN)/python -m scripts.demo

airflow: .venv/ready
	@$(BIN)/python -m scripts.airflow_standalone

cluster: .venv-cluster/ready
	@scripts/install_debian.sh postgresql:/usr/lib/postgresql/*/bin/postgres redis-server:/usr/bin/redis-server
	@.venv-cluster/bin/python -m scripts.cluster

test: .venv/ready
	$(BIN)/python -m pytest --numprocesses 2 $(COVERAGE)

test-oldest: .venv-oldest/ready
	.venv-oldest/bin/python -m pytest --numprocesses 2

matrix: .venv-matrix/ready build
	@.venv-matrix/bin/python -m scripts.matrix --only '$(ONLY)' $(ARGUMENTS)

faults: .venv/ready
	$(BIN)/python -m pytest --numprocesses 2 --quiet --tb=short --show-capture=no tests/faults

mutants: .venv-mutants/ready
	@.venv-mutants/bin/python -m scripts.mutants --sample $(SAMPLE) --seed $(SEED) --least $(LEAST)

endurance: .venv/ready
	@$(BIN)/python -m scripts.endurance --rows $(ROWS)

bench: .venv/ready
	@$(BIN)/python -m benchmarks

tables: .venv/ready
	@$(BIN)/python -m scripts.tables
	@$(BIN)/python -m scripts.faults

docs: .venv-docs/ready
	@rm -rf docs/_build
	@.venv-docs/bin/sphinx-build --quiet --fail-on-warning --keep-going --nitpicky --doctree-dir docs/_build/.doctrees docs docs/_build
	@echo "The site is docs/_build/index.html"

pictures: .venv/ready
	ONLIVE_REQUIRE_BROWSER=1 ONLIVE_PICTURES=$(CURDIR)/docs/pictures $(BIN)/python -m pytest --quiet -m browser

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff check --preview --select AIR .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict onlive_provider
	$(BIN)/lint-imports

format: .venv/ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

build: .venv/ready
	rm -rf dist
	$(UV) build --quiet --no-build-isolation --python $(BIN)/python --out-dir dist .
	$(BIN)/python scripts/check_wheel.py dist/*.whl

release-check: .venv-release/ready build
	@.venv-release/bin/python -m scripts.release_check $(if $(TAG),--tag $(TAG)) $(AUDIT)

# Resolves the pinned versions again; commit what it writes. Airflow 3.0 and 3.2 break with packages that are newer than
# these dates. What 3.0 came with lacks names that the provider imports: of common-compat it gets a newer one.
lock: .venv/ready
	$(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --no-header --no-annotate \
	  --extra cluster --extra parquet --extra sandbox --group test --group lint --constraint <(echo 'apache-airflow==3.3.2') \
	  pyproject.toml --output-file requirements/airflow-3.3.txt
	$(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --no-header --no-annotate \
	  --extra cluster --extra parquet --extra sandbox --group test --constraint <(echo 'apache-airflow==2.11.2') \
	  pyproject.toml --output-file requirements/airflow-2.11.txt
	$(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --no-header --no-annotate \
	  --extra cluster --extra sandbox --group celery --constraint <(echo 'apache-airflow==3.3.2') \
	  pyproject.toml --output-file requirements/cluster.txt
	$(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --no-header --no-annotate \
	  --extra cluster --extra parquet --extra sandbox --group test --group mutants --constraint requirements/airflow-3.3.txt \
	  pyproject.toml --output-file requirements/mutants.txt
	$(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --no-header --no-annotate \
	  --extra cluster --extra sandbox --group docs --constraint requirements/airflow-3.3.txt \
	  pyproject.toml --output-file requirements/docs.txt
	for each in '3.0.6 --exclude-newer 2025-09-20 --exclude-newer-package apache-airflow-providers-common-compat=2026-06-20' \
	  '3.1.8' '3.2.2 --exclude-newer 2026-06-20'; do \
	  set -- $$each; airflow=$$1; shift; \
	  $(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --no-header --no-annotate "$$@" \
	    --extra cluster --extra parquet --extra sandbox --group test --constraint <(echo "apache-airflow==$$airflow") \
	    pyproject.toml --output-file requirements/airflow-$${airflow%.*}.txt; \
	done
	for each in matrix release; do \
	  $(UV) pip compile --quiet --upgrade --universal --python-version 3.11 --no-header --no-annotate \
	    --group $$each --output-file requirements/$$each.txt; \
	done

clean:
	rm -rf .venv .venv-oldest .venv-cluster .venv-docs .venv-matrix .venv-mutants .venv-release .nox docs/_build dist sbom.cdx.json
