# The two commands of a newcomer are `make demo` and `make test`. Both set up .venv by themselves.
#   make demo VIDEOS=~/Videos QUERY="a dog"    the same with your own videos and CLIP from the hub
#   make demo SERVE=1                          and opens what was indexed in the browser, until Ctrl-C
#   TORCH_INDEX=URL make demo                  takes PyTorch from another package index, such as its CPU one

PYTHON ?= python3
VENV ?= .venv
TORCH = torch>=2.10,<2.14
RUN = $(VENV)/bin/python -m

.PHONY: demo test check format docs clean

demo: $(VENV)/.installed
	$(VENV)/bin/deltaclip demo --out demo $(if $(VIDEOS),--videos "$(VIDEOS)") $(if $(QUERY),--query "$(QUERY)")
	$(if $(SERVE),$(RUN) pip install --quiet --editable ".[serve]")
	$(if $(SERVE),$(VENV)/bin/deltaclip serve --library demo/library$(if $(VIDEOS),-of-your-videos))

# One thread each: two test processes share the cores, and threads that wait for each other are slower than none.
test: $(VENV)/.installed-dev
	OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 $(RUN) pytest -q -n 2

check: $(VENV)/.installed-dev
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(VENV)/bin/lint-imports

format: $(VENV)/.installed-dev
	$(RUN) ruff check --fix .
	$(RUN) ruff format .

# Pages that are made from the program; a test holds that they are up to date.
docs: $(VENV)/.installed-dev
	$(RUN) deltaclip.cli.reference docs/reference/commands.md

clean:
	rm -rf $(VENV) demo dist

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit("deltaclip needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(VENV)/bin/python
	$(if $(TORCH_INDEX),$(RUN) pip install --quiet --index-url "$(TORCH_INDEX)" "$(TORCH)")
	$(RUN) pip install --quiet --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(RUN) pip install --quiet --editable ".[dev]"
	touch $@
