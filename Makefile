# `make help` says what there is. Everything is installed into .venv by deploy/setup.sh.
.DEFAULT_GOAL := help
.PHONY: run test check bench chaos clean help
.NOTPARALLEL:
.DELETE_ON_ERROR:

# GPU=1 behind any command installs the CUDA build of torch, and flash-attn.
GPU ?=
SETUP := deploy/setup.sh $(if $(GPU),--gpu)
SOURCES := pyproject.toml constraints.txt deploy/setup.sh
READY := .venv/.ready$(if $(GPU),-gpu)
READY_DEV := .venv/.ready-dev
GPU_READY := $(if $(GPU),$(READY))
BIN := .venv/bin

run: $(READY)  ## start Redis, playground (or Discord), bot and worker, and print the address
	@$(BIN)/newbie run

# In the order of the folders: the longest files (chaos, e2e) hold the fewest tests, and would be last.
test: $(READY_DEV) $(GPU_READY)  ## run every test
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

check: $(READY_DEV) $(GPU_READY)  ## everything that must be clean before a change goes in
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory test

bench: $(READY_DEV) $(GPU_READY)  ## measure, and add rows to BENCHMARKS.md
	$(BIN)/python -m benchmarks

chaos: $(READY_DEV) $(GPU_READY)  ## kill all that runs at random moments, for fifty seeds, and add a row
	$(BIN)/python -m tests.chaos --seeds 50 --at-once 2 --record

clean:  ## remove .venv and caches; data/ keeps its jobs and logs
	rm -rf .venv build dist *.egg-info
	rm -rf .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help:  ## show this
	@echo "make COMMAND [GPU=1]"; echo
	@sed -n 's/^\([a-z]*\):.*##\(.*\)/  \1\t\2/p' Makefile | expand -t 10
	@echo; echo "GPU=1 installs the CUDA build of torch and flash-attn (once; it is kept)."

$(READY): $(SOURCES)
	@$(SETUP)

$(READY_DEV): $(SOURCES)
	@$(SETUP) --dev
