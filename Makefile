# Every target does its own set-up; `make` alone lists them.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The first interpreter on the PATH that is new enough. Set PYTHON to choose another one.
PYTHON ?= $(shell for candidate in python3 python3.14 python3.13 python3.12 python3.11 python3.10; do \
	"$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1 \
	&& { echo "$$candidate"; break; }; done)

VENV := .venv
BIN := $(VENV)/bin
SAM_VENV := .venv-sam
DOCS_VENV := .venv-docs
POLICIES_VENV := .venv-policies
# `sam` tells AWS about its use unless this is off.
SAM := SAM_CLI_TELEMETRY=0 $(SAM_VENV)/bin/sam
RIE := build/rie/aws-lambda-rie
LAYER ?= build/layer
STACK ?= firehose-logging
EVENT ?= {"lines": 3}

# What a POSIX shell or bash runs.
SCRIPTS := .ci/run wrapper_script/firehose_wrapper local_lambda/var_runtime/bootstrap

# Folders of Python that mypy reads, strictly.
SOURCES := benchmarks conformance faults firehose_logging local_firehose local_lambda sample_function tools

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

# --- on this machine -------------------------------------------------------------------------

.PHONY: demo
demo: $(VENV)/dev.stamp ## Run the sample function in a local Lambda: its lines, the balance, a report; TIMELINE=1
	@$(BIN)/python -m tools.demo $(if $(TIMELINE),--timeline)

.PHONY: test
test: lint types unit ## Lint, types, unit and end-to-end tests

.PHONY: lint
lint: $(VENV)/dev.stamp ## Ruff, spelling, shell scripts, and cfn-lint on the templates
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/codespell $$(git ls-files 2>/dev/null || echo .)
	$(BIN)/shellcheck $(SCRIPTS)
	! test -x $(BIN)/cfn-lint || $(BIN)/cfn-lint template.yaml deploy/*.yaml

.PHONY: types
types: $(VENV)/dev.stamp ## mypy, strict; the public names with pyright too
	$(BIN)/mypy $(SOURCES)
	$(BIN)/mypy tests/typing
	$(BIN)/mypy --config-file tests/mypy.ini tests
	$(BIN)/pyright --project tests/typing --pythonpath $(BIN)/python

.PHONY: unit
unit: $(VENV)/dev.stamp layer rie ## Tests; TESTS='-k name -x' passes arguments to pytest
	$(BIN)/python -m tools.run_tests $(TESTS)

.PHONY: test-all
test-all: $(VENV)/pyvenv.cfg ## The tests with every Python found, each in an environment of its own
	$(BIN)/python -m tools.interpreters | while read -r version python; do \
		echo "--- Python $$version"; \
		$(MAKE) --no-print-directory unit VENV=.venv-$$version PYTHON="$$python" </dev/null || exit 1; \
	done

.PHONY: browser
browser: ## Install a headless Chromium for the report's tests (Debian, Ubuntu; asks for root)
	@command -v chromium chromium-browser google-chrome || $(if $(filter 0,$(shell id -u)),,sudo) apt-get install -y chromium

.PHONY: coverage
coverage: $(VENV)/dev.stamp layer rie ## The tests that measure the package's coverage, and the figure
	$(BIN)/python -m tools.run_tests --coverage

.PHONY: faults
faults: $(VENV)/dev.stamp ## Every fault, end and policy, kills and mutants; into docs/reliability.md
	$(BIN)/python -m faults all --write

.PHONY: soak
soak: $(VENV)/dev.stamp ## Invocations while faults come and go; MINUTES=30
	$(BIN)/python -m faults soak --minutes $(or $(MINUTES),30) --write

.PHONY: fuzz
fuzz: $(VENV)/dev.stamp ## Hypothesis on everything that reads; MINUTES=10
	$(BIN)/python -m faults fuzz --minutes $(or $(MINUTES),10) --write

.PHONY: conformance
conformance: $(VENV)/dev.stamp $(SAM_VENV)/sam.stamp layer rie ## All on AWS's own parts, every version; into docs/conformance.md
	$(BIN)/python -m conformance

.PHONY: bench
bench: $(VENV)/dev.stamp rie ## Measure beside what others use; into docs/benchmarks.md and its plots
	@$(BIN)/python -m benchmarks run

# The page of `run` also judges what calls has stored: it comes last.
.PHONY: bench-all
bench-all: $(VENV)/dev.stamp rie ## The same after all else that is timed; leave the machine alone meanwhile
	@for part in calls stages throughput first_delivery small; do \
		$(BIN)/python -m benchmarks.$$part --write || exit 1; \
	done
	@$(BIN)/python -m benchmarks run

.PHONY: bench-quick
bench-quick: $(VENV)/dev.stamp rie ## The same with few rounds, under 3 minutes, as a table only
	@$(BIN)/python -m benchmarks run --quick

.PHONY: bench-against
bench-against: $(VENV)/dev.stamp ## Instructions of each step beside those of COMMIT; fails where one is dearer
	@$(BIN)/python -m benchmarks.against $(COMMIT)

.PHONY: docs
docs: $(DOCS_VENV)/docs.stamp ## The docs as a site that needs no server, into build/site
	@$(DOCS_VENV)/bin/python -m tools.site

.PHONY: policies
policies: $(POLICIES_VENV)/policies.stamp ## checkov on the templates, the recipes' stacks and Terraform
	$(POLICIES_VENV)/bin/checkov --config-file .checkov.yaml

.PHONY: layer
layer: $(VENV)/pyvenv.cfg ## Build the layer into build/layer, laid out as /opt
	@$(BIN)/python -m tools.build_layer "$(LAYER)"

.PHONY: release
release: $(VENV)/dev.stamp ## Cut a release into dist/: VERSION=1.2.3; packages, layers, bill of materials
	@test -n "$(VERSION)" || { echo 'release: no version: make release VERSION=1.2.3' >&2; exit 1; }
	@$(MAKE) --no-print-directory policies
	@$(BIN)/python -m tools.release "$(VERSION)"

.PHONY: hooks
hooks: $(VENV)/dev.stamp ## Check each commit before it is made (pre-commit)
	$(BIN)/pre-commit install

.PHONY: rie
rie: $(RIE) ## Fetch AWS's Runtime Interface Emulator into build/rie

.PHONY: clean
clean: ## Remove what was built; KEEP=1 keeps the virtual environments
	rm -rf build .aws-sam .demo .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage* htmlcov
	rm -rf $(if $(KEEP),,$(VENV) $(wildcard .venv-3.*) $(SAM_VENV) $(DOCS_VENV) $(POLICIES_VENV))
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +

# --- on AWS, with your credentials -----------------------------------------------------------

.PHONY: validate
validate: $(SAM_VENV)/sam.stamp ## Check the template with SAM's own linter
	$(SAM) validate --lint --region $${AWS_REGION:-us-east-1}

.PHONY: build
build: $(SAM_VENV)/sam.stamp ## Build layer and function for deployment (sam build)
	$(SAM) build

.PHONY: deploy
deploy: build ## Create or update the stack; STACK names it, PARAMETERS='Name=value ...'
	$(SAM) deploy --stack-name $(STACK) --resolve-s3 --capabilities CAPABILITY_IAM \
		--no-fail-on-empty-changeset $(if $(PARAMETERS),--parameter-overrides $(PARAMETERS))

.PHONY: invoke
invoke: $(SAM_VENV)/sam.stamp ## Invoke the deployed sample function; EVENT is its JSON event
	$(SAM) remote invoke SampleFunction --stack-name $(STACK) --event '$(EVENT)'

.PHONY: logs
logs: $(SAM_VENV)/sam.stamp ## Show the newest log objects in the stack's bucket
	@$(SAM_VENV)/bin/python -m tools.bucket show --stack $(STACK)

.PHONY: publish
publish: $(VENV)/dev.stamp ## Put the layers of dist/ into REGIONS=eu-central-1,us-east-1; writes their ARNs
	@$(BIN)/python -m tools.release publish --regions "$(REGIONS)"

.PHONY: delete
delete: $(SAM_VENV)/sam.stamp ## Delete the stack; its logs stay, unless LOGS=delete (both ask first)
	@bucket="$$($(SAM_VENV)/bin/python -m tools.bucket name --stack $(STACK))" || exit 1; \
	$(SAM) delete --stack-name $(STACK) || exit 1; \
	if [ "$(LOGS)" = delete ]; then \
		$(SAM_VENV)/bin/python -m tools.bucket remove --bucket "$$bucket"; \
	else \
		echo "The logs stay in s3://$$bucket. To delete them too:"; \
		echo "  $(SAM_VENV)/bin/python -m tools.bucket remove --bucket $$bucket"; \
	fi

# --- set-up: what the targets above ask for --------------------------------------------------

$(VENV)/pyvenv.cfg $(SAM_VENV)/pyvenv.cfg $(DOCS_VENV)/pyvenv.cfg $(POLICIES_VENV)/pyvenv.cfg:
	@test -n "$(PYTHON)" || { \
		echo 'No Python 3.10 or newer on the PATH. Install one, or name it: make PYTHON=/path/to/python3 ...' >&2; \
		exit 1; }
	$(PYTHON) -m venv $(@D)

# -qq: errors only. A stamp is newer than its requirements exactly when they are installed.
$(VENV)/dev.stamp: requirements/dev.txt | $(VENV)/pyvenv.cfg
	$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(SAM_VENV)/sam.stamp: requirements/sam.txt | $(SAM_VENV)/pyvenv.cfg
	$(SAM_VENV)/bin/python -m pip install -qq --disable-pip-version-check -r $<
	@touch $@

$(DOCS_VENV)/docs.stamp: requirements/docs.txt | $(DOCS_VENV)/pyvenv.cfg
	$(DOCS_VENV)/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(POLICIES_VENV)/policies.stamp: requirements/policies.txt | $(POLICIES_VENV)/pyvenv.cfg
	$(POLICIES_VENV)/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(RIE): requirements/sam.txt tools/fetch_rie.py | $(VENV)/pyvenv.cfg
	@$(BIN)/python -m tools.fetch_rie $@
