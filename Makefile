# demo: watch it work, locally · test · check: lint, types, arrows between rooms · fix: what can be mended by itself
# docs: the documentation as a site in build/site, to be read without a network
# dist: a wheel and a source archive in dist/, checked in a clean environment by scripts/check-dist.sh
# stories: N random ones, of edits, kills, lost answers and people who interfere (FIRST=… goes on from a seed)
# bench: time and memory, against the floor and one GET per object (SIZES="10 300" for fewer)
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

# where this repository lives; `make repository REPOSITORY=acme/reconcile` puts it wherever the placeholder stands
REPOSITORY ?= your-org/reconcile

.PHONY: demo test check fix stories bench dist docs repository

demo: $(STAMP)
	@PATH="$(CURDIR)/$(BIN):$$PATH" sh scripts/demo.sh

test: $(STAMP)
	@$(BIN)/pytest -n auto tests

check: $(STAMP)
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

fix: $(STAMP)
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

dist: $(STAMP)
	@rm -rf dist && $(BIN)/pip install --quiet --disable-pip-version-check 'build>=1.2' 'hatchling>=1.25'
	@$(BIN)/python -m build --no-isolation .

docs: $(STAMP)
	@$(BIN)/pip install --quiet --disable-pip-version-check -e '.[docs]'
	@$(BIN)/mkdocs build --quiet
	@echo "build/site/index.html"

repository:
	@for file in $$(git grep -l your-org/reconcile -- ':!Makefile' ':!tests' ':!CONTRIBUTING.md'); do \
		sed 's|your-org/reconcile|$(REPOSITORY)|g' "$$file" > "$$file.new" && cat "$$file.new" > "$$file" && rm "$$file.new"; \
	done

stories: $(STAMP)
	@STORIES=$(or $(N),100) FIRST_STORY=$(or $(FIRST),0) $(BIN)/pytest -n auto tests/crash/test_random_stories.py

bench: $(STAMP)
	@$(BIN)/python bench/run.py $(SIZES)

$(STAMP): pyproject.toml constraints.txt
	@echo "Preparing $(VENV) (once, and again when pyproject.toml or constraints.txt change) …"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed: make PYTHON=…")'
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,check]'
	@touch $@
