# Everything that can be done here. `make` alone lists it.
# PYTHON=/path/to/python3.12 chooses the Python for .venv; PORT=8001 the port to serve on.

.DEFAULT_GOAL := help
unexport PYTHONHOME PYTHONPATH
PYTHON ?=
PORT ?= 8000
python := .venv/bin/python
install := @PYTHON="$(PYTHON)" sh tools/install.sh

.PHONY: help book serve test lab pages bench lock clean install-site install-all

help: ## list what can be made
	@echo "make TARGET, where TARGET is"
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 12

book: install-site ## build the book into _build/html: read it there
	@$(python) tools/build.py

serve: book ## build the book, serve it on this machine and open it
	@$(python) tools/serve.py $(PORT)

test: install-all ## check everything: code, pages, site
	@$(python) tools/check.py

lab: install-all ## open the pages in JupyterLab, to run and change them
	$(install) lab
	@$(python) -m jupyter lab book

pages: install-all ## execute the pages that changed
	@$(python) tools/pages.py run

bench: install-all ## time the wings against the libraries that compute the same
	@$(python) tools/bench.py

lock: install-all ## resolve all versions anew and write requirements.lock
	@$(python) tools/lock.py

clean: ## remove what was built; .venv stays (rm -rf .venv removes it)
	@rm -rf _build .make .pytest_cache .ruff_cache .hypothesis code/*.egg-info
	@find code tests tools book -name __pycache__ -type d -prune -exec rm -rf {} +

install-site:
	$(install) book

install-all:
	$(install) book test pytorch tf
