# Each target creates the environment that it needs; `make` without a target lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SPEC ?= openapi.yaml
CONFIG ?= generator-config.yaml
PACKAGE ?= binance_coinm
# Only this project's own package belongs in generated/.
OUT ?= $(if $(filter binance_coinm,$(PACKAGE)),generated,lib)
MINUTES ?= 10
SAMPLE ?= 0
ROUNDS ?= 7
WORKERS ?= 0
PROFILE ?= fuzz
GENERATE := $(BIN)/python -m binance_generator --spec $(SPEC) --config $(CONFIG) --output $(OUT) --package $(PACKAGE)
# Runs a tool of package.json. By default, Redocly CLI sends telemetry and looks for updates.
TOOL := PATH="$(CURDIR)/$(BIN):$$PATH" REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true $(VENV)/node/node_modules/.bin
SPHINX := $(BIN)/sphinx-build --quiet --fresh-env --nitpicky --fail-on-warning --keep-going
HTTPX2 := .venv/httpx2
LOWEST := .venv/lowest
SUPPORTED = $(shell sed -n 's/.*:: Python :: \(3\.[0-9]*\)",/python\1/p' pyproject.toml)
# The last one is the free-threaded build.
PYTHONS ?= $(SUPPORTED) $(lastword $(SUPPORTED))t
# gevent has no wheel for the free-threaded build.
GROUPS_OF_TESTS := import sysconfig; print("test" if sysconfig.get_config_var("Py_GIL_DISABLED") else "test --group gevent")
SBOM := .venv/sbom

.DEFAULT_GOAL := help
.PHONY: help run test coverage test-httpx2 test-lowest test-pythons contract examples fuzz soak mutation bench bench-retries bench-scaling bench-smoke generate check-generated check lint-spec check-live report-drift format \
	docs test-docs test-frozen translations build check-wheel sbom check-tag audit

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/run ## Show the balances of the account in BINANCE_*, or those of a sandbox
	@$(BIN)/python examples/balance.py
	@$(if $(filter BINANCE_%,$(.VARIABLES)),,printf '%s\n' '' 'A call from Python, to a sandbox:' '' \
		'  source $(BIN)/activate' \
		'  binance-coinm sandbox -- python examples/async_balance.py' '' \
		'With an API key of your account, which only has to permit reading:' '' \
		'  export BINANCE_API_KEY=your-key BINANCE_API_SECRET=your-secret' \
		'  binance-coinm balance')

test: $(VENV)/test ## Run the tests; WORKERS=2 uses two processes
	@$(BIN)/python -m pytest tests --numprocesses=$(WORKERS)

coverage: $(VENV)/test ## Run the tests and report lines that are not covered; takes twice as long
	@$(BIN)/python -m pytest tests --cov --cov-report=term --numprocesses=$(WORKERS)

contract: $(VENV)/contract $(VENV)/node $(VENV)/foreign $(VENV)/official ## Test the document, the sandbox and the client with Schemathesis, Prism, OpenAPI Generator and the exchange's SDK
	@$(BIN)/python -m pytest -p schemathesis tests/contract

examples: $(VENV)/examples ## Test the examples, which use pandas, Prometheus, FastAPI, OpenTelemetry and Dask
	@$(BIN)/python -m pytest tests/examples

test-httpx2: $(HTTPX2)/done ## Run the tests with httpx2 instead of httpx
	@HTTPX=httpx2 $(HTTPX2)/bin/python -m pytest tests --quiet --numprocesses=$(WORKERS)

test-lowest: $(LOWEST)/done ## Run the tests with the lowest versions of dependencies that pyproject.toml allows
	@LOWEST=1 $(LOWEST)/bin/python -m pytest tests --quiet --numprocesses=$(WORKERS)

test-pythons: ## Run the tests with each supported Python that is installed (PYTHONS=python3.13: only with that one)
	@status=0; tested=; \
		for python in $(PYTHONS); do \
			if $$python -c '' 2>/dev/null; then \
				tested=yes; $(MAKE) --no-print-directory VENV=.venv/$$python PYTHON=$$python test || status=1; \
			else \
				echo "make: $$python is not installed, so the tests did not run with it" >&2; \
			fi; \
		done; \
		test -n "$$tested" && exit $$status

test-frozen: $(VENV)/frozen ## Test a program that is frozen with PyInstaller
	@$(BIN)/python -m pytest --quiet tests/distribution/frozen

fuzz: $(VENV)/test ## Run the property tests with 10,000 examples each (PROFILE=brief: 600)
	@$(BIN)/python -m pytest tests/client/test_properties.py tests/client/test_arguments.py tests/generator/test_documents.py --hypothesis-profile=$(PROFILE)

soak: $(VENV)/test ## Call a failing server for MINUTES (10), and cancel calls for as long; fail on leaks and wrong results
	@PYTHONPATH=tests $(BIN)/python tools/soak.py --scenario faults --minutes $(MINUTES)
	@PYTHONPATH=tests $(BIN)/python tools/soak.py --scenario lost-calls --minutes $(MINUTES)

mutation: $(VENV)/mutation ## Run mutation tests; 9 of 10 mutants have to be killed (SAMPLE=40: only 40 random mutants, in 2 minutes)
	@$(BIN)/python tools/mutation.py --sample $(SAMPLE)

bench: $(VENV)/bench ## Compare the SDK with other libraries in ROUNDS (7) rounds (25 minutes); fail if a threshold is not met
	@status=0; \
		$(BIN)/python benchmarks/distance.py --write-docs || status=1; \
		$(BIN)/python benchmarks/local_calls.py --rounds $(ROUNDS) --write-docs || status=1; \
		exit $$status

bench-retries: $(VENV)/bench $(VENV)/test ## Count the requests of 1,000 calls to an exchange that is down; draw the plot in docs/explanation/
	@$(BIN)/python benchmarks/retry_quota.py --write-docs

bench-scaling: $(VENV)/test ## Measure documents with 10, 100 and 400 operations; update the table in docs/
	@$(BIN)/python benchmarks/scaling.py --write-docs

bench-smoke: $(VENV)/bench $(VENV)/test ## Run each benchmark briefly; fail if anything cannot be measured
	@$(BIN)/python benchmarks/local_calls.py --smoke
	@$(BIN)/python benchmarks/distance.py --smoke
	@$(BIN)/python benchmarks/scaling.py --smoke
	@$(BIN)/python benchmarks/retry_quota.py --smoke

generate: $(VENV)/test ## Generate generated/ from openapi.yaml (SPEC=, OUT=, PACKAGE= for another document or package)
	@$(GENERATE)

check-generated: $(VENV)/test ## Fail if generated/ is not up to date with openapi.yaml
	@$(GENERATE) --check

check: check-generated $(VENV)/check ## Check formatting, lint rules, types and workflows, without changing anything
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports --no-logo --no-cache
	@$(BIN)/mypy
	@$(BIN)/pyright --project pyproject.toml
	@$(BIN)/pyrefly check --summary=none
	@$(BIN)/zizmor --offline --quiet --no-progress --color=never --persona=pedantic --strict-collection .
	@$(BIN)/check-jsonschema --quiet --builtin-schema=vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema=vendor.dependabot .github/dependabot.yml

lint-spec: $(VENV)/test $(VENV)/node ## Validate openapi.yaml with four OpenAPI tools; warnings fail too
	@$(BIN)/openapi-spec-validator --validation-errors=all $(SPEC)
	@$(TOOL)/redocly lint --lint-config=error $(SPEC)
	@# Spectral takes a path item of another file for an unknown property.
	@$(TOOL)/spectral lint --fail-severity=hint generated/binance_coinm/openapi.json
	@NODE_PATH=$(VENV)/node/node_modules $(BIN)/node .ci/apidom.cjs $(SPEC)

check-live: $(VENV)/test ## Compare responses of the real exchange, or of BINANCE_SERVER, with openapi.yaml; needs no API key
	@$(BIN)/python tools/check_live.py --report $(VENV)/drift.txt

report-drift: ## Open an issue with what check-live found, or comment on the open one; needs gh
	@.ci/report-drift $(VENV)/drift.txt

format: $(VENV)/test ## Format the code, and apply the linter's fixes
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format --quiet .

docs: $(VENV)/docs ## Build the documentation in site/ (Chinese: site/zh/); fail on warnings and broken references
	@rm -rf site
	@$(SPHINX) docs site
	@$(SPHINX) -D language=zh_CN docs site/zh

test-docs: docs $(VENV)/chromium ## Test each page of the site in Chromium: phone and desktop, light and dark
	@$(BIN)/python -m pytest tests/docs/site

translations: $(VENV)/docs ## Update docs/locales/ with new text of the translated pages
	@$(BIN)/sphinx-build --quiet --builder gettext docs $(VENV)/gettext
	@cd $(VENV)/gettext && rm -rf reference changelog.pot contributing.pot performance.pot security.pot
	@$(BIN)/sphinx-intl update --pot-dir $(VENV)/gettext --locale-dir docs/locales --language zh_CN --line-width 0

build: $(VENV)/release ## Build the wheel and the sdist in dist/
	@rm -rf dist
	@$(BIN)/python -m build --quiet

check-wheel: build $(VENV)/test ## Check that the build is reproducible; test the wheel, a project that uses it, and the tutorial, in empty environments
	@.ci/check-reproducible $(BIN)/python
	@$(BIN)/twine --no-color check --strict dist/*.whl dist/*.tar.gz
	@.ci/check-wheel dist/*.whl examples/balance.py tests/distribution/second_project
	@$(BIN)/python -m pytest --quiet tests/distribution/first_steps

sbom: build $(VENV)/test ## Create the SBOM (CycloneDX) of the wheel with all extras in dist/, and check it
	@$(PYTHON) -m venv --clear --without-pip $(SBOM)
	@$(BIN)/python .ci/sbom.py dist/*.whl $(SBOM)
	@SBOM=$(SBOM) $(BIN)/python -m pytest --quiet tests/distribution/release

check-tag: ## Fail if TAG is not the version in openapi.yaml, or has no section in CHANGELOG.md
	@.ci/check-tag "$$TAG"

audit: sbom $(VENV)/audit ## Check the wheel's dependencies, with all extras, for known vulnerabilities
	@$(BIN)/python -m pip --python $(SBOM)/bin/python freeze --exclude binance-coinm > $(SBOM)/requirements.txt
	@$(BIN)/pip-audit --strict --disable-pip --no-deps --progress-spinner off --requirement $(SBOM)/requirements.txt

# The environment grows as needed: `make run` installs far less than `make check`.
$(VENV)/python:
	@$(PYTHON) -m venv $(VENV) || { echo "make: python3 cannot create virtual environments; on Debian: apt-get install python3-venv" >&2; rm -rf $(VENV); exit 1; }
	@# Dependency groups require pip 25.1 or later.
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@touch $@

$(VENV)/run: $(VENV)/python pyproject.toml
	@$(BIN)/python -m pip install --quiet --editable '.[sandbox,cli]'
	@touch $@

$(VENV)/test: $(VENV)/run
	@# The tests verify signatures with openssl, which is independent of the library that creates them.
	@command -v openssl >/dev/null || { apt-get update -qq && apt-get install -qq --yes openssl; } || { echo "make: the tests need the openssl command" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --editable '.[sandbox,generate,keyring]' --group $$($(BIN)/python -c '$(GROUPS_OF_TESTS)')
	@touch $@

$(VENV)/contract: $(VENV)/test
	@$(BIN)/python -m pip install --quiet --group contract
	@touch $@

$(VENV)/frozen: $(VENV)/test
	@# PyInstaller inspects libraries with objdump.
	@command -v objdump >/dev/null || { apt-get update -qq && apt-get install -qq --yes binutils; } || { echo "make: PyInstaller needs the objdump command" >&2; exit 1; }
	@$(BIN)/python -m pip install --quiet --group frozen
	@touch $@

# Separate environments; each has the name of its group of dependencies.
$(VENV)/foreign $(VENV)/official: $(VENV)/python pyproject.toml
	@$(PYTHON) -m venv --clear --without-pip $@
	@$(BIN)/python -m pip --python $@/bin/python install --quiet --group $(@F) || { rm -rf $@; exit 1; }
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

# Playwright's package does not include a browser. Without a Chinese font, text would have other widths.
$(VENV)/chromium: $(VENV)/docs
	@command -v chromium-headless-shell >/dev/null || command -v chromium >/dev/null \
		|| { apt-get update -qq && apt-get install -qq --yes --no-install-recommends chromium-headless-shell fonts-wqy-microhei >/dev/null; } \
		|| $(BIN)/playwright install chromium
	@touch $@

$(VENV)/release: $(VENV)/python pyproject.toml
	@$(BIN)/python -m pip install --quiet --group release
	@touch $@

$(VENV)/audit: $(VENV)/python pyproject.toml
	@$(BIN)/python -m pip install --quiet --group audit
	@touch $@

# Type checkers need the libraries that are used.
$(VENV)/check: $(VENV)/contract $(VENV)/docs $(VENV)/examples $(VENV)/mutation $(VENV)/release
	@$(BIN)/python -m pip install --quiet --group check
	@touch $@

$(VENV)/node: $(VENV)/python pyproject.toml package.json
	@$(BIN)/python -m pip install --quiet --group node
	@rm -rf $@ $@.part && mkdir $@.part && cp package.json $@.part
	@# Install scripts would send telemetry (Spectral) or compile what is not needed (ApiDOM).
	@# Node.js has its own CA certificates; the registry may need those of the system.
	@PATH="$(CURDIR)/$(BIN):$$PATH" NODE_USE_SYSTEM_CA=1 $(BIN)/npm install --prefix $@.part --ignore-scripts \
		--no-package-lock --no-audit --no-fund --loglevel=error
	@mv $@.part $@ && touch $@

# A separate environment, like that of the tests, in which httpx2 is imported as httpx.
$(HTTPX2)/done: pyproject.toml tests/distribution/httpx2_stand_in.py
	@$(MAKE) --no-print-directory VENV=$(HTTPX2) $(HTTPX2)/test
	@$(HTTPX2)/bin/python -m pip uninstall --quiet --yes httpx httpcore
	@$(HTTPX2)/bin/python -m pip install --quiet --group httpx2
	@cd "$$($(HTTPX2)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')" && \
		for name in httpx httpcore; do cp "$(CURDIR)/tests/distribution/httpx2_stand_in.py" $$name.py; done
	@touch $@

# A separate environment, like that of the tests, with the lowest allowed version of each dependency. Unlike pip, uv can
# resolve to these; the registry may need the CA certificates of the system.
$(LOWEST)/done: pyproject.toml
	@$(MAKE) --no-print-directory VENV=$(LOWEST) $(LOWEST)/test
	@$(LOWEST)/bin/python -m pip install --quiet --group lowest
	@$(LOWEST)/bin/uv pip install --quiet --system-certs --python $(LOWEST)/bin/python --resolution lowest-direct --reinstall \
		--requirements pyproject.toml --extra cli --extra keyring --extra keys --extra sandbox --extra socks
	@touch $@
