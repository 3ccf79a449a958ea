# Every command a person needs; `make` alone lists them.
PY := .venv/bin/python
.DEFAULT_GOAL := help
.PHONY: help demo push up site install programs password link test unit unit-config unit-runner unit-rest test-all coverage e2e chaos fuzz bench check format documents release clean
# Compiled once, beside the environment: a process that has to compile everything takes three times as long to start.
export PYTHONPYCACHEPREFIX = $(CURDIR)/.venv/bytecode
# Who forbids it means the source folders, which stay clean.
unexport PYTHONDONTWRITEBYTECODE
SETUP := python3 scripts/setup
BIN ?= $(HOME)/.local/bin

help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## Push an image at a demo Docker Hub and watch it deploy (CHAIN=1, ONCE=1, KUBECONFIG=path, IMAGE=ref, HOST=, PORT=)
	@$(SETUP) --broker
	@$(PY) scripts/site
	@$(PY) -m cli demo $(if $(ONCE),--once) $(if $(CHAIN),--chain) $(if $(HOST),--host $(HOST)) \
	  $(if $(PORT),--port $(PORT)) $(if $(IMAGE),--image $(IMAGE)) \
	  $(if $(filter command%,$(origin KUBECONFIG)),--kubeconfig $(KUBECONFIG))

push: ## Let the Hub of the running demo, or of make up DEMO=1, push again (TAG=1.4.1, TAG=broken)
	@$(SETUP)
	@$(PY) -m cli demo push $(if $(TAG),--tag $(TAG))

up: ## Start Portside for use (DEMO=1 with sample data, HOST=0.0.0.0, PORT=8080, RUNNERS=1, PUBLIC_URL=https://…)
	@$(SETUP) --broker
	@$(PY) scripts/site
	@$(PY) -m cli system up $(if $(HOST),--host $(HOST)) $(if $(PORT),--port $(PORT)) $(if $(RUNNERS),--runners $(RUNNERS)) \
	  $(if $(DEMO),--demo $(if $(filter-out 1,$(DEMO)),$(DEMO),push))

site: ## Build the documentation as static files (TO=folder); the gateway serves them at /docs
	@$(SETUP)
	@$(PY) scripts/site $(if $(TO),--to $(TO))

install: ## Link the command portside into a folder on the path (BIN=~/.local/bin)
	@$(SETUP)
	@mkdir -p $(BIN) && ln -sf $(CURDIR)/.venv/bin/portside $(BIN)/portside && echo "portside is in $(BIN)"

programs: ## Bring helm and kubectl, checked, for charts and overlays (BIN=.venv/bin)
	@$(SETUP)
	@$(PY) scripts/programs $(if $(filter file,$(origin BIN)),,--to $(BIN))

password: ## Set a new password (USER=admin)
	@$(SETUP)
	@$(PY) -m cli system password --user $(if $(filter command%,$(origin USER)),$(USER),admin)

link: ## Print a sign-in link that works once
	@$(SETUP)
	@$(PY) -m cli system link

# Three at a time on two cores, since most of a test's time is waiting; a file's tests share what they start.
test: ## Run the whole suite; starts what it needs itself
	@$(SETUP) --dev --broker
	@$(PY) -m pytest -q --hypothesis-profile=whole -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

# Schemathesis, which none of them uses, takes two seconds of every process to load; and collecting a third of the tests
# takes a third as long, while each process of pytest-xdist collects them all. Three on two cores: a runner's tests wait.
UNIT := $(PY) -m pytest -q -m "not slow" -p no:schemathesis
UNIT_CONFIG := tests/model tests/unit/config tests/unit/shared
UNIT_RUNNER := tests/unit/runner

unit: ## Run the fast tests alone
	@$(SETUP) --dev
	@$(MAKE) --no-print-directory -j 3 --output-sync=target unit-runner unit-rest unit-config

unit-config:
	@$(UNIT) $(UNIT_CONFIG) $(ARGS)

unit-runner:
	@$(UNIT) $(UNIT_RUNNER) $(ARGS)

unit-rest:
	@$(UNIT) $(addprefix --ignore=,$(UNIT_CONFIG) $(UNIT_RUNNER)) tests/unit $(ARGS)

test-all: ## Run everything with every part: outer ring, real cluster, Docker, browsers twice, chaos (MINUTES=5)
	@$(SETUP) --dev --broker
	@$(PY) -m pytest -q --outer --every-part --hypothesis-profile=whole -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)
	@$(PY) -m pytest -q tests/browser $(ARGS)
	@$(MAKE) --no-print-directory chaos

# The inner rings whose code runs in processes that coverage can follow; whole systems that tests kill are left out.
coverage: ## Measure which lines and branches the unit and integration tests reach, and print it
	@$(SETUP) --dev --broker
	@$(PY) -m coverage erase
	@$(PY) -m pytest -q --cov --cov-report= -n 2 --dist loadfile tests/unit tests/model tests/integration $(ARGS)
	@$(PY) -m coverage report

e2e: ## Run the tests on a real cluster (KUBECONFIG and TEST_REGISTRY)
	@$(SETUP) --dev --broker
	@$(PY) -m pytest -q -m cluster tests/e2e $(ARGS)

chaos: ## Push while everything dies at random, then account for every hook (MINUTES=5, CLUSTER=3, SEED=, JSON=path, STRANGERS=1)
	@$(SETUP) --dev --broker
	@$(PY) -m tests.chaos --minutes $(or $(MINUTES),5) $(if $(CLUSTER),--cluster $(CLUSTER)) $(if $(SEED),--seed $(SEED)) \
	  $(if $(JSON),--json $(JSON)) $(if $(CHAOS_HOME),--home $(CHAOS_HOME)) $(if $(STRANGERS),--strangers)

fuzz: ## Send mutated documents to every edge (MINUTES=1, SEED=)
	@$(SETUP) --dev
	@$(PY) -m tests.fuzz --minutes $(or $(MINUTES),1) $(if $(SEED),--seed $(SEED))

bench: ## Measure against bare floors in the same run (JSON=path, ROWS=first-task,hooks, SOAK=20000, BESIDE=clone)
	@$(SETUP) --dev --broker
	@$(PY) -m bench $(if $(JSON),--json $(JSON)) $(if $(ROWS),--rows $(ROWS)) $(if $(SOAK),--soak $(SOAK)) $(if $(BESIDE),--beside $(BESIDE))

check: ## Format, lint (Python, templates, JavaScript), types, imports, generated documents
	@$(SETUP) --dev
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	.venv/bin/djlint --lint --quiet services/gateway/templates
	.venv/bin/oxlint --quiet services/gateway/static
	$(PY) -m mypy
	.venv/bin/lint-imports --no-logo
	.venv/bin/deptry --no-ansi .
	$(PY) scripts/idioms
	$(PY) scripts/names
	$(PY) scripts/documents --check
	@$(PY) -W error -c "from services.config.migrations import head; head()"

format: ## Rewrite the code in the house's format
	@$(SETUP) --dev
	$(PY) -m ruff check --fix --exit-zero -q .
	$(PY) -m ruff format -q .

release: ## Tag what is committed, write its changelog section, build its image (VERSION=0.2.0)
	@$(SETUP) --dev
	@$(PY) scripts/release "$(VERSION)"

documents: ## Generate the committed documents again
	@$(SETUP) --dev
	$(PY) scripts/documents

clean: ## Remove the environment and all local state
	rm -rf .venv .portside .site .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage
