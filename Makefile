# Every target does its own set-up: Python 3.11+ and make are all that a machine needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test test-slow torture torture-nightly mutants lint format bench models parity defects tolerance foreign clean

demo: $(READY)
	$(BIN)/python tools/demo.py --out out/demo

# One process for each processor; a file's tests share what they trained and exported.
test: $(READY)
	$(BIN)/pytest -n auto --dist loadfile

# Every promise of docs/security.md tried thousands of times, side by side on all processors, under 20 minutes on two; writes docs/reliability.md.
torture: $(READY)
	$(BIN)/python -m tools.torture && $(BIN)/python -m tools.torture --write

# The same for a night.
torture-nightly: $(READY)
	$(BIN)/python -m tools.torture --times 10

# Faults put into the code on purpose: does a test notice? A seeded sample of 500.
mutants: $(READY)
	$(BIN)/python -m tools.mutants --sample 500 --seed 0 --jobs 2 --out out/mutants/report.json

# Tests that take too long for every day, and the CUDA wheel (256 MB) without a GPU.
test-slow: $(READY)
	$(BIN)/pytest -m torture

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Training speed against the usual DataLoader loop and against bare matrix products; the runtime's, and its start.
bench: $(READY)
	$(BIN)/python tools/bench_training.py
	$(BIN)/vaeport bench
	$(BIN)/python tools/bench_startup.py

# Trains and exports the bundles under models/ again, from full MNIST (VAEPORT_DATA_DIR, or downloaded once).
models: $(READY)
	$(BIN)/python tools/make_models.py

# Every backend that can be had, each installed into an environment of its own under ~/.cache/vaeport/parity, on both bundles in every
# precision, half an hour on two cores; seals the reports into models/ and writes docs/parity.md from them.
parity: $(READY)
	$(BIN)/python tools/parity.py

# Faults and harmless rewrites planted in bundles and graphs: is each fault seen, in its place, and no rewrite blamed?
defects: $(READY)
	$(BIN)/python -m tools.defects

# Random networks on every runtime that is installed, against seeded defects: calibrates the bound and writes docs/tolerance.md.
tolerance: $(READY)
	$(BIN)/python -m tools.tolerance && $(BIN)/python -m tools.tolerance --write

# The strangers' networks of tests/foreign on the independent runtimes whose environments `make parity` has made; writes docs/foreign.md.
foreign: $(READY)
	$(BIN)/python tools/foreign.py

clean:
	rm -rf $(VENV) out dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "vaeport needs Python 3.11 or later; name one with: make PYTHON=python3.12 ..." >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
