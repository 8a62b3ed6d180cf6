# abbe from a fresh clone. Needs Python 3.11 or newer, make and the package registries; everything else is set up in .venv.
#
#   make demo       simulate a cell whose truth is known, enhance it, show what was gained (under 3 minutes, most of it downloads)
#   make test       lint, types, floors, and every test but the long ones
#   make test-all   every test, and the documentation
#   make docs       the documentation as a site, in site/
#   make page       the page of `abbe serve`, where its sources in web/ are newer than what is built
#   make clean      remove what these made
#
#   make demo PYTHON=/opt/python3.12/bin/python3     with a Python of your choice

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

.PHONY: help demo test test-all lint types floors tests tests-all docs page browser screen clean
.DELETE_ON_ERROR:
.NOTPARALLEL:

.DEFAULT_GOAL := help

help:
	@sed -n 's/^# \{0,1\}//;1,10p' Makefile

# ------------------------------------------------------------------------------------------------------------ installing
# Stamps in .venv say what is installed; each is newer than what decides its content, so that a second run installs nothing.
CORE := $(VENV)/.core
TEST := $(VENV)/.test
NAPARI := $(VENV)/.napari
DOCS := $(VENV)/.docs
DECIDES := pyproject.toml $(wildcard hatch_build.py)

# The first Python that is new enough and can make an environment: Debian splits the venv module off, and a version manager's
# shim exists also where the Python behind it does not. No prerequisites: an environment whose Python moved away counts as absent.
$(BIN)/python:
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11 python; do \
	  if "$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    echo "$$("$$python" --version) makes $(VENV)"; exec "$$python" -m venv --clear $(VENV); \
	  fi; \
	done; \
	echo "abbe wants Python 3.11 or newer with its venv module (on Debian: apt-get install python3-venv), and found none;" \
	  "install one, or name it: make PYTHON=/path/to/python3" >&2; exit 1

$(CORE): $(DECIDES) | $(BIN)/python
	@echo "installing abbe into $(VENV)"
	$(PIP) install --quiet --editable .
	@touch $@

# A CPU build of torch suffices. It is asked for exactly, and before all that depends on it: a release that the configured package
# index has only as a CUDA build would download gigabytes that nothing here uses.
$(TEST): $(DECIDES) | $(BIN)/python
	@echo "installing abbe with what its tests and its training need into $(VENV)"
	$(PIP) install --quiet torch==2.13.0
	$(PIP) install --quiet --editable '.[test,train,formats]'
	@touch $@ $(CORE)

# napari brings no Qt of its own; this one's licence is the LGPL. Newer ones (seen in 6.12) release None once too often, 6,700 times per
# viewer, which ends in an abort where None is counted: before Python 3.12.
$(NAPARI): $(DECIDES) | $(TEST)
	@echo "installing napari with a Qt into $(VENV)"
	$(PIP) install --quiet --editable '.[napari]' 'PySide6_Essentials>=6.7,<6.9; python_version < "3.12"' \
	  'PySide6_Essentials>=6.7; python_version >= "3.12"'
	@touch $@ $(CORE)

$(DOCS): $(DECIDES) | $(BIN)/python
	$(PIP) install --quiet --editable '.[docs]'
	@touch $@ $(CORE)

# The build hook makes the page where it is absent, from a bare checkout; make also knows when it is stale.
PAGE := src/abbe/server/page/index.html
page: $(PAGE)

$(PAGE): $(shell find web -name node_modules -prune -o -type f -print) | $(CORE)
	rm -f $@
	$(PIP) install --quiet --no-deps --editable .

# The page is tested in a real browser. Playwright drives whichever Chromium is here; ABBE_BROWSER names another one.
browser:
	@for name in "$$ABBE_BROWSER" chromium chromium-browser google-chrome google-chrome-stable; do \
	  if [ -n "$$name" ] && command -v "$$name" >/dev/null 2>&1; then exit 0; fi; \
	done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	  echo "installing Chromium for the tests of the page"; \
	  export DEBIAN_FRONTEND=noninteractive; \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	else \
	  echo "The tests of the page want Chromium or Chrome, and found none: install one (Debian: apt-get install chromium;" \
	    "macOS: brew install --cask chromium), or set ABBE_BROWSER to its path" >&2; exit 1; \
	fi

# napari is tested on a screen: the one that is here, or one that nobody sees, with OpenGL in software.
SCREEN := xvfb libgl1-mesa-dri libegl1 libgl1 libopengl0 libdbus-1-3 libfontconfig1 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 \
  libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-xinerama0 libxcb-xkb1
screen:
	@if [ "$$(uname)" != Linux ] || [ -n "$$DISPLAY" ] || command -v Xvfb >/dev/null 2>&1; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	  echo "installing Xvfb for the tests of napari"; \
	  export DEBIAN_FRONTEND=noninteractive; \
	  apt-get update -qq && apt-get install -y -qq --no-install-recommends $(SCREEN) >/dev/null; \
	else \
	  echo "The tests of napari want a screen or Xvfb, and found neither: install it (Debian: apt-get install $(SCREEN))" >&2; exit 1; \
	fi

# ------------------------------------------------------------------------------------------------------------ doing
demo: $(CORE)
	$(BIN)/abbe demo --out demo --overwrite

test: lint types floors tests

test-all: lint types floors docs tests-all

lint: $(TEST)
	$(BIN)/ruff check

types: $(TEST)
	$(BIN)/mypy

floors: $(TEST)
	$(BIN)/lint-imports

tests: $(TEST) $(PAGE) browser
	$(BIN)/python -m pytest -m "not long"

tests-all: $(TEST) $(NAPARI) $(PAGE) browser screen
	$(BIN)/python -m pytest

docs: $(DOCS)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) demo site dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
