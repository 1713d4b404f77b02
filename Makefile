# Each target does its own set-up, in a virtual environment in this folder.
.DEFAULT_GOAL := help
.PHONY: help demo test unit test-lowest test-pythons rehearse check format rules policies mutate mutants dashboards
.PHONY: bench lock clean man translated licences version set-version dist chart sbom notes image registry-login push-image push-index push-chart publish

VENV := .venv
LOCK := requirements/dev.txt
RECENT := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	"$$python" -c '$(RECENT)' 2>/dev/null && echo "$$python" && break; done)
COMMA := ,
SHORT := import sys; print("%d.%d" % sys.version_info[:2])
PYTHONS := 3.11 3.12 3.13

# Where that is set, each of hundreds of processes would compile what it imports.
unexport PYTHONDONTWRITEBYTECODE

help: ## Say what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 21

demo: $(VENV)/.run ## Run the simulator and the exporter that watches it, no account needed
	@exec $(VENV)/bin/dcdn-exporter demo

test: $(VENV)/.dev ## Run the tests (three minutes on two cores)
	@$(VENV)/bin/pytest -n 4 --dist worksteal

unit: $(VENV)/.dev ## Run the unit tests: all but those of end_to_end, deployment, alerts and dashboards (a minute and a half)
	@$(VENV)/bin/pytest -n 4 --dist worksteal \
		$(addprefix --ignore=tests/,end_to_end deployment alerts dashboards)

test-lowest: ## Run the unit tests with the lowest versions of the dependencies, in build/venv-lowest
	@$(MAKE) --no-print-directory unit VENV=build/venv-lowest LOCK=requirements/lowest.txt

test-pythons: ## Run the unit tests on every other Python that is supported, in build/venv-3.13 and the like
	@for version in $(filter-out $(shell "$(PYTHON)" -c '$(SHORT)'),$(PYTHONS)); do \
		if python=$$($(call find,$$version)); then \
			$(MAKE) --no-print-directory unit VENV=build/venv-$$version PYTHON="$$python" || exit; \
		else \
			echo "Python $$version is neither on the path nor one of pyenv: the tests do not run on it"; \
			test "$$DCDN_EXPORTER_TESTS_NEED_TOOLS" != 1 || exit 1; \
		fi; \
	done

rehearse: $(VENV)/.dev ## Run the long tests: hundreds of accounts, the image, the unit, shards (some minutes)
	@$(VENV)/bin/pytest -m "rehearsal and waits" -n 12 --dist loadfile
	@$(VENV)/bin/pytest -m "rehearsal and not waits"

check: $(VENV)/.dev ## Format, lint, types and import floors
	@$(VENV)/bin/ruff format --check
	@$(VENV)/bin/ruff check
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-logo

format: $(VENV)/.dev ## Format the code and mend what ruff can mend
	@$(VENV)/bin/ruff format
	@$(VENV)/bin/ruff check --fix

rules: $(VENV)/.dev ## Write the files of the alerting rules (DOCS_URL=… GRAFANA_URL=…: with links)
	@$(VENV)/bin/python -m deploy.prometheus.rules --docs-url='$(DOCS_URL)' --grafana-url='$(GRAFANA_URL)'

.PHONY: values
values: $(VENV)/.dev ## Write the chart's table of values, and the schema of the configuration in that of the values
	@$(VENV)/bin/python -m deploy.helm

policies: $(VENV)/.dev ## Write the RAM policies
	@$(VENV)/bin/python -m deploy.ram

mutate: $(VENV)/.dev ## Break every alerting rule and see that the tests notice (some minutes)
	@$(VENV)/bin/python -m tests.alerts.mutate

mutants: $(VENV)/.dev ## Break modules that decide and see that the tests notice (SEED=… COUNT=…; half an hour)
	@$(VENV)/bin/python -m tests.mutation --seed $(or $(SEED),1) --count $(or $(COUNT),200)

dashboards: $(VENV)/.dev ## Write the Grafana dashboards (DOCS_URL=…: with links to runbooks)
	@$(VENV)/bin/python -m grafana.builder --docs-url='$(DOCS_URL)'

bench: $(VENV)/.dev ## Measure it against its peers, on an idle machine (all, or ONLY="scrape …"; long)
	@mkdir -p build
	@$(VENV)/bin/python -m benchmarks $(ONLY) --json build/bench.json

man: $(VENV)/.run ## Write the manual page from the texts of --help
	@$(VENV)/bin/python -m deploy.release man

translated: $(VENV)/.dev ## Note that Chinese pages have all of the English text (PAGE="docs/zh/alerts.md …")
	@$(VENV)/bin/python -m tests.translations $(PAGE)

licences: $(VENV)/.run ## Write the table of the dependencies' licences
	@$(VENV)/bin/python -m deploy.release licences

set-version: $(VENV)/.run ## Set the version of the next release, VERSION=1.2.0, and begin its chapter of the changelog
	@$(VENV)/bin/python -m deploy.release set-version '$(VERSION)' --date="$$(date -u +%F)"

version: ## Print the version, which exporter/__init__.py has
	@sed -n 's/^__version__ = "\(.*\)"$$/\1/p' exporter/__init__.py

dist: build/venv-build/.done ## Build sdist and wheel of the last commit in dist/ (PROJECT_URL=… FILES_URL=…: with links)
	@$(call stage)
	@cd build/source; test -z '$(PROJECT_URL)$(FILES_URL)' || printf '\n[project.urls]\n' >> pyproject.toml; \
	test -z '$(PROJECT_URL)' || printf 'Homepage = "%s"\n' '$(PROJECT_URL)' >> pyproject.toml; \
	test -z '$(FILES_URL)' || { printf 'Documentation = "%s/docs"\n' '$(FILES_URL)' >> pyproject.toml; \
		sed -E 's#\]\(([A-Za-z][^():]*)\)#](FILES_URL/\1)#g; s#(\.png)\)#\1?raw=true)#g; s#FILES_URL/#$(FILES_URL)/#g' \
			README.md > links.md && mv links.md README.md; }
	@mkdir -p dist && rm -f dist/dcdn_exporter-* && cd build/source && SOURCE_DATE_EPOCH=$(COMMITTED_AT) ../venv-build/bin/hatchling build -d ../../dist

chart: $(VENV)/.run ## Pack the chart of the last commit in dist/ (PROJECT_URL=…: with a link)
	@$(call stage)
	@$(call write,chart deploy/helm/dcdn-exporter --home='$(PROJECT_URL)')

sbom: $(VENV)/.run ## Write the bill of materials of what is installed with the exporter, as CycloneDX, in dist/
	@$(call stage)
	@$(call write,sbom)

notes: $(VENV)/.run ## Print what CHANGELOG.md says of this version
	@$(VENV)/bin/python -m deploy.release notes

image: ## Build the image of the last commit (IMAGE=NAME BASE=NAME PIP_INDEX_URL=… PROJECT_URL=… ENGINE=docker)
	@$(call stage)
	@set -e; version=$$($(MAKE) --no-print-directory -C build/source version); base='$(BASE)'; \
	$(ENGINE) pull --quiet "$$base" >/dev/null || $(ENGINE) image inspect "$$base" >/dev/null; \
	digest=$$($(ENGINE) image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$$base" | head -n 1); \
	label="--label org.opencontainers.image"; \
	$(ENGINE) build $(if $(IS_DOCKER),,--format docker) -f deploy/container/Containerfile \
		--build-arg BASE="$${digest:-$$base}" \
		$(foreach name,PIP_INDEX_URL PIP_TRUSTED_HOST,$(if $($(name)),--build-arg $(name)='$($(name))')) \
		$$label.version="$$version" $$label.revision=$$(git rev-parse HEAD) \
		$$label.base.name="$$base" $${digest:+$$label.base.digest="$${digest#*@}"} \
		$(if $(PROJECT_URL),$$label.source='$(PROJECT_URL)') \
		-t '$(IMAGE)':"$$version" build/source

registry-login: ## Log in to the registry of IMAGE as REGISTRY_USER with REGISTRY_PASSWORD, both of the environment
	@mkdir -p $$HOME/.docker && printf %s "$$REGISTRY_PASSWORD" | $(ENGINE) login \
		$(if $(IS_DOCKER),,--authfile $$HOME/.docker/config.json) --username "$$REGISTRY_USER" --password-stdin '$(firstword $(subst /, ,$(IMAGE)))'

push-image: ## Push the image to its registry, as IMAGE:VERSION-ARCHITECTURE (IMAGE=REGISTRY/NAME)
	@set -e; image='$(IMAGE)':$$($(MAKE) --no-print-directory version); \
	pushed="$$image-$$($(ENGINE) image inspect --format '{{.Architecture}}' "$$image")"; \
	$(ENGINE) tag "$$image" "$$pushed"; $(ENGINE) push "$$pushed"

push-index: ## Make the pushed images of all architectures one, IMAGE:VERSION; its digest goes into dist/image.digest
	@set -e; mkdir -p dist; image='$(IMAGE)':$$($(MAKE) --no-print-directory version); \
	$(ENGINE) manifest rm "$$image-index" >/dev/null 2>&1 || true; \
	$(ENGINE) manifest create "$$image-index"; \
	for architecture in $(ARCHITECTURES); do \
		$(ENGINE) manifest add "$$image-index" "docker://$$image-$$architecture"; \
	done; \
	$(ENGINE) manifest push --all --digestfile dist/image.digest "$$image-index" "docker://$$image"

push-chart: ## Push the chart to a registry (CHARTS=REGISTRY/FOLDER)
	@HELM_REGISTRY_CONFIG=$$HOME/.docker/config.json helm push dist/dcdn-exporter-$$($(MAKE) --no-print-directory version).tgz 'oci://$(CHARTS)' $(HELM_FLAGS)

publish: build/venv-uv/.done ## Upload sdist and wheel to the package index
	@build/venv-uv/bin/uv publish dist/*.whl dist/*.tar.gz

ENGINE ?= podman
IS_DOCKER = $(findstring docker,$(notdir $(ENGINE)))
ARCHITECTURES := amd64 arm64
IMAGE ?= dcdn-exporter
BASE ?= $(shell sed -n 's/^ARG BASE=//p' deploy/container/Containerfile)

# What git has, and nothing else that lies about; from the same commit everybody builds the same bytes.
COMMITTED_AT = $(shell git log -1 --format=%ct)

define stage
rm -rf build/source && mkdir -p build/source && git -c core.autocrlf=false archive HEAD | tar -x -C build/source
endef

define write
mkdir -p dist && cd build/source && "$(abspath $(VENV))/bin/python" -m deploy.release $(1) --built-at=$(COMMITTED_AT) && \
	mv dist/* ../../dist/
endef

lock: build/venv-uv/.done ## Write requirements/ anew from pyproject.toml
	$(compile) pyproject.toml -o requirements/run.txt
	$(compile) pyproject.toml --group dev -c requirements/run.txt -o requirements/dev.txt
	$(compile) pyproject.toml --group dev --resolution lowest-direct -o requirements/lowest.txt
	@# Some dependencies are published as source alone, which setuptools builds; editables is for an install that
	@# reads the code from this folder.
	sed -n 's/^requires = \["\(.*\)"\]$$/\1\nsetuptools\neditables/p' pyproject.toml | $(compile) - -o requirements/build.txt
	echo uv | $(compile) - -o requirements/uv.txt
	$(compile) --group tools -o requirements/tools.txt
	$(compile) --group helm --no-deps -o requirements/helm.txt

compile = build/venv-uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-annotate --no-emit-index-url --no-emit-find-links

clean: ## Remove the virtual environments, caches and what was built
	rm -rf $(VENV) build/venv-* build/source dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache

$(VENV)/bin/python:
	@"$(PYTHON)" -c '$(RECENT)' 2>/dev/null || { echo "Python 3.11 or newer is needed$(if $(PYTHON),$(COMMA) and" \
		"$(PYTHON) is none): install it (Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install" \
		"python), or name it: make PYTHON=/path/to/python3"; exit 1; }
	@"$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); echo "This Python cannot make virtual environments:" \
		"install its venv module (Debian, Ubuntu: apt install python3-venv)"; exit 1; }

# A stamp is newer than the lock file that it was made from. The development lock holds all of the other one.
$(VENV)/.run: requirements/run.txt requirements/build.txt pyproject.toml | $(VENV)/bin/python
	@if test -e $(VENV)/.dev; then $(MAKE) --no-print-directory $(VENV)/.dev; else $(call install,requirements/run.txt); fi
	@touch $@

$(VENV)/.dev: $(LOCK) requirements/build.txt pyproject.toml | $(VENV)/bin/python
	@$(call install,$(LOCK))
	@touch $@

build/venv-%/.done: requirements/%.txt
	@"$(PYTHON)" -m venv build/venv-$*
	@build/venv-$*/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r $<
	@touch $@

# Prints the path of Python $(1). A command of pyenv on the path fails where that version is not the chosen one.
define find
for python in python$(1) "$$(pyenv prefix $(1) 2>/dev/null)/bin/python"; do \
	test "$$("$$python" -c '$(SHORT)' 2>/dev/null)" = $(1) && command -v "$$python" && exit; \
done; exit 1
endef

# A build in isolation would fetch its tools without a hash, so they are installed first. What is locked comes last: it
# may have other versions of them.
define install
{ echo "Setting up $(VENV) from $(1) ..." && \
	$(pip_install) --require-hashes -r requirements/build.txt && \
	$(pip_install) --no-build-isolation --no-deps --editable . && \
	$(pip_install) --no-build-isolation --use-pep517 --require-hashes -r $(1) && \
	echo "Set up."; }
endef

pip_install = $(VENV)/bin/python -m pip --disable-pip-version-check install --quiet
