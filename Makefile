# Each target makes the environment that it needs; `make` alone lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SPEC ?= openapi.yaml
CONFIG ?= generator-config.yaml
PACKAGE ?= binance_coinm
# Nothing but this project's own package belongs into generated/.
OUT ?= $(if $(filter binance_coinm,$(PACKAGE)),generated,lib)
MINUTES ?= 10
ROUNDS ?= 7
WORKERS ?= 0
PROFILE ?= fuzz
GENERATE := $(BIN)/python generator/generate.py --spec $(SPEC) --config $(CONFIG) --output $(OUT) --package $(PACKAGE)
# What runs a tool of package.json. Redocly CLI would tell its makers of each run, and look for a newer one.
TOOL := PATH="$(CURDIR)/$(BIN):$$PATH" REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true $(VENV)/node/node_modules/.bin
SPHINX := $(BIN)/sphinx-build --quiet --fresh-env --nitpicky --fail-on-warning --keep-going
HTTPX2 := .venv/httpx2
LOWEST := .venv/lowest
SBOM := .venv/sbom

.DEFAULT_GOAL := help
.PHONY: help run test coverage test-httpx2 test-lowest contract examples fuzz soak mutation bench check-bench growth generate check-generated check lint-spec format hooks \
	docs test-docs translations build check-wheel sbom check-tag audit clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/run ## Show the balances: of the exchange that BINANCE_* names, else of a sandbox
	@$(BIN)/python examples/balance.py

test: $(VENV)/test ## Run the tests; WORKERS=2 shares them between two processes
	@$(BIN)/python -m pytest --numprocesses=$(WORKERS)

coverage: $(VENV)/test ## Run the tests, and tell which lines none of them reaches; it takes twice as long
	@$(BIN)/python -m pytest --cov --cov-report=term --numprocesses=$(WORKERS)

contract: $(VENV)/contract $(VENV)/node $(VENV)/foreign ## Test document, sandbox and client by Schemathesis, Prism and OpenAPI Generator
	@$(BIN)/python -m pytest -p schemathesis tests/contract

examples: $(VENV)/examples ## Test the examples, with pandas, Prometheus, FastAPI, OpenTelemetry and Dask
	@$(BIN)/python -m pytest tests/examples

test-httpx2: $(HTTPX2)/done ## Run the tests with httpx2 in the place of httpx
	@HTTPX=httpx2 $(HTTPX2)/bin/python -m pytest --quiet --numprocesses=$(WORKERS)

test-lowest: $(LOWEST)/done ## Run the tests with the lowest versions that pyproject.toml allows users
	@LOWEST=1 $(LOWEST)/bin/python -m pytest --quiet --numprocesses=$(WORKERS)

fuzz: $(VENV)/test ## Run the property tests with 10,000 examples each (PROFILE=brief: 600)
	@$(BIN)/python -m pytest tests/test_properties.py --hypothesis-profile=$(PROFILE)

soak: $(VENV)/test ## Call for MINUTES (10) among mixed faults, and for as many while calls get lost; all has to stay flat
	@$(BIN)/python tests/soak.py --lane faults --minutes $(MINUTES)
	@$(BIN)/python tests/soak.py --lane lost-calls --minutes $(MINUTES)

mutation: $(VENV)/mutation ## Break each line of the plugin; 9 of 10 breaks have to be found by the tests
	@$(BIN)/python tests/mutation.py

bench: $(VENV)/bench ## Measure the SDK against its peers, ROUNDS (7) times; 25 minutes, tables and plot go to docs/
	@$(BIN)/python benchmarks/distance.py --write-docs
	@$(BIN)/python benchmarks/run.py --rounds $(ROUNDS) --write-docs

check-bench: $(VENV)/bench ## Measure for a moment, without peers; fail if anything cannot be measured
	@$(BIN)/python benchmarks/run.py --strict --rounds 1 --seconds 0.3 \
		--contenders raw_socket,httpx_by_hand,sdk --measures sync,async,in_flight_50,threads_50,parse_1000_rows,import,fresh
	@$(BIN)/python benchmarks/distance.py --short

growth: $(VENV)/test ## Measure what documents of 10, 100 and 400 operations cost; the table goes to docs/
	@$(BIN)/python benchmarks/growth.py --write-docs

generate: $(VENV)/test ## Make generated/ of openapi.yaml (SPEC=, OUT=, PACKAGE=: another package of another document)
	@$(GENERATE)

check-generated: $(VENV)/test ## Fail if generated/ is not what openapi.yaml gives
	@$(GENERATE) --check

check: check-generated $(VENV)/check ## Format, lint and types, and the workflows, without changing anything
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/pyright --project pyproject.toml
	@$(BIN)/pyrefly check --summary=none
	@$(BIN)/zizmor --offline --quiet --no-progress --color=never --persona=pedantic --strict-collection .
	@$(BIN)/check-jsonschema --quiet --builtin-schema=vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema=vendor.dependabot .github/dependabot.yml

lint-spec: $(VENV)/test $(VENV)/node ## Hold openapi.yaml against four OpenAPI tools of different make; a warning fails too
	@$(BIN)/openapi-spec-validator --validation-errors=all $(SPEC)
	@$(TOOL)/redocly lint --lint-config=error $(SPEC)
	@$(TOOL)/spectral lint --fail-severity=hint $(SPEC)
	@NODE_PATH=$(VENV)/node/node_modules $(BIN)/node .ci/apidom.cjs $(SPEC)

format: $(VENV)/test ## Format, and mend what the linter can
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format --quiet .

hooks: $(VENV)/hooks ## Let git format before each commit, and check before each push
	@$(BIN)/pre-commit install

docs: $(VENV)/docs ## Make the documentation, English in site/ and Chinese in site/zh/; whatever leads nowhere fails
	@rm -rf site
	@$(SPHINX) docs site
	@$(SPHINX) -D language=zh_CN docs site/zh

test-docs: docs $(VENV)/chromium ## Open each page of the site in Chromium, as on a phone and a desktop, light and dark
	@$(BIN)/python -m pytest tests/site

translations: $(VENV)/docs ## Put what is new on the translated pages into docs/locales/, for translators
	@$(BIN)/sphinx-build --quiet --builder gettext docs $(VENV)/gettext
	@cd $(VENV)/gettext && rm -rf reference changelog.pot contributing.pot performance.pot security.pot
	@$(BIN)/sphinx-intl update --pot-dir $(VENV)/gettext --locale-dir docs/locales --language zh_CN --line-width 0

build: $(VENV)/release ## Build the wheel and the source archive into dist/
	@rm -rf dist
	@$(BIN)/python -m build --quiet

check-wheel: build ## Build the same again; install the wheel into an empty environment, and run a second project's tests there
	@.ci/check-reproducible $(BIN)/python
	@$(BIN)/twine --no-color check --strict dist/*.whl dist/*.tar.gz
	@.ci/check-wheel dist/*.whl examples/balance.py tests/second_project

sbom: build $(VENV)/test ## List what users get with the wheel and all extras, as CycloneDX in dist/, and check that list
	@$(PYTHON) -m venv --clear --without-pip $(SBOM)
	@$(BIN)/python .ci/sbom.py dist/*.whl $(SBOM)
	@SBOM=$(SBOM) $(BIN)/python -m pytest --quiet tests/release

check-tag: ## Fail if TAG is not the version of openapi.yaml, with a section in CHANGELOG.md
	@.ci/check-tag "$$TAG"

audit: sbom $(VENV)/audit ## Ask for known vulnerabilities of what users get with the wheel and all extras
	@$(BIN)/python -m pip --python $(SBOM)/bin/python freeze --exclude binance-coinm > $(SBOM)/requirements.txt
	@$(BIN)/pip-audit --strict --disable-pip --no-deps --progress-spinner off --requirement $(SBOM)/requirements.txt

clean: ## Remove what the other targets made, generated/ excepted
	rm -rf $(VENV) .bench .mutation dist site .mypy_cache .pytest_cache .ruff_cache .coverage

# The environment grows as it is needed: `make run` installs far less than `make check`.
$(VENV)/python:
	@$(PYTHON) -m venv $(VENV) || { echo "make: python3 cannot make environments; on Debian: apt-get install python3-venv" >&2; rm -rf $(VENV); exit 1; }
	@# Dependency groups need a pip of 25.1 or later.
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/run: $(VENV)/python pyproject.toml
	@$(BIN)/python -m pip install --quiet --editable '.[sandbox]'
	@touch $@

$(VENV)/test: $(VENV)/run
	@# The tests have signatures verified by another program than the one that made them.
	@command -v openssl >/dev/null || { apt-get update -qq && apt-get install -qq --yes openssl; } || { echo "make: the tests need the openssl command" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --group generate --group test
	@touch $@

$(VENV)/contract: $(VENV)/test
	@$(BIN)/python -m pip install --quiet --group contract
	@touch $@

$(VENV)/foreign: $(VENV)/python pyproject.toml
	@$(PYTHON) -m venv --clear --without-pip $@
	@$(BIN)/python -m pip --python $@/bin/python install --quiet --group foreign || { rm -rf $@; exit 1; }
	@touch $@

$(VENV)/mutation: $(VENV)/test
	@$(BIN)/python -m pip install --quiet --group mutation
	@touch $@

$(VENV)/bench: $(VENV)/python pyproject.toml
	@$(BIN)/python -m pip install --quiet --group bench
	@touch $@

$(VENV)/examples: $(VENV)/test
	@$(BIN)/python -m pip install --quiet --group examples
	@touch $@

$(VENV)/docs: $(VENV)/test
	@$(BIN)/python -m pip install --quiet --group docs
	@touch $@

# Playwright has no browser in its package. Without a font for Chinese, nothing would be as wide as it is.
$(VENV)/chromium: $(VENV)/docs
	@command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null \
		|| { apt-get update -qq && apt-get install -qq --yes --no-install-recommends chromium-headless-shell fonts-wqy-microhei >/dev/null; } \
		|| $(BIN)/playwright install chromium
	@touch $@

$(VENV)/release: $(VENV)/python pyproject.toml
	@$(BIN)/python -m pip install --quiet --group release
	@touch $@

$(VENV)/hooks: $(VENV)/python pyproject.toml
	@$(BIN)/python -m pip install --quiet --group hooks
	@touch $@

$(VENV)/audit: $(VENV)/python pyproject.toml
	@$(BIN)/python -m pip install --quiet --group audit
	@touch $@

# Types are judged by the libraries that are used.
$(VENV)/check: $(VENV)/contract $(VENV)/docs $(VENV)/examples $(VENV)/release
	@$(BIN)/python -m pip install --quiet --group check
	@touch $@

$(VENV)/node: $(VENV)/python pyproject.toml package.json
	@$(BIN)/python -m pip install --quiet --group node
	@rm -rf $@ $@.part && mkdir $@.part && cp package.json $@.part
	@# Packages' own scripts would tell their makers of it (Spectral's), or compile what is not needed (ApiDOM's).
	@# Node.js has certificates of its own, and the machine may need others on its way to the registry.
	@PATH="$(CURDIR)/$(BIN):$$PATH" NODE_USE_SYSTEM_CA=1 $(BIN)/npm install --prefix $@.part --ignore-scripts \
		--no-package-lock --no-audit --no-fund --loglevel=error
	@mv $@.part $@ && touch $@

# An environment of its own: the one of the tests, but what is imported as httpx there is httpx2.
$(HTTPX2)/done: pyproject.toml tests/httpx2_stand_in.py
	@$(MAKE) --no-print-directory VENV=$(HTTPX2) $(HTTPX2)/test
	@$(HTTPX2)/bin/python -m pip uninstall --quiet --yes httpx httpcore
	@$(HTTPX2)/bin/python -m pip install --quiet --group httpx2
	@cd "$$($(HTTPX2)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" && \
		for name in httpx httpcore; do cp "$(CURDIR)/tests/httpx2_stand_in.py" $$name.py; done
	@touch $@

# An environment of its own: the one of the tests, but what users need is there in the lowest version that they may have.
# uv finds those in pyproject.toml, where pip would have to be told them; the machine may need certificates of its own.
$(LOWEST)/done: pyproject.toml
	@$(MAKE) --no-print-directory VENV=$(LOWEST) $(LOWEST)/test
	@$(LOWEST)/bin/python -m pip install --quiet --group lowest
	@$(LOWEST)/bin/uv pip install --quiet --system-certs --python $(LOWEST)/bin/python --resolution lowest-direct --reinstall \
		--requirements pyproject.toml --all-extras
	@touch $@
