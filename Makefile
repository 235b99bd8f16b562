# Every target first sets up what it needs, once. `make` alone lists them.
SHELL := bash
BIN := .venv/bin

# Debian packages that the tests and the training data are spoken with.
SPEECH_PACKAGES := espeak-ng flite festival festvox-kallpc16k festvox-kdlpc16k festvox-us-slt-hts

# And those that the tests listen with: a sound server of their own, and what the program itself needs for a microphone.
SOUND_PACKAGES := pulseaudio pulseaudio-utils libportaudio2 libasound2-plugins

# What the window needs of the system beside PySide6, and a screen for its tests.
WINDOW_PACKAGES := libegl1 libgl1 libfontconfig1 libglib2.0-0 libdbus-1-3 libxkbcommon0 libxkbcommon-x11-0 libxcb-cursor0 \
	libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0 libxcb-render-util0 libxcb-shape0 libxcb-xkb1 libx11-xcb1
SCREEN_PACKAGES := xvfb xdotool fonts-dejavu-core

# Processes of tests, each of which computes on one core; one of them waits for the sound server most of the time.
WORKERS ?= 3

.DEFAULT_GOAL := help
.PHONY: help demo run test check format bench bench-latency bench-quality screenshots clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/.ready-app ## Translate the shipped recordings in the console while they play
	@$(BIN)/python -m s2t2_live.evaluation.demo $(ARGS)

run: .venv/.ready-app ## Start the application: make run ARGS="--no-gui recording.flac"
	@scripts/system-packages $(WINDOW_PACKAGES) libportaudio2
	@$(BIN)/s2t2-live $(ARGS)

test: .venv/.ready-dev .venv-oracle/.ready-oracle check ## Check and test everything: make test ARGS="-k tokenizer"
	@scripts/system-packages $(SPEECH_PACKAGES) $(SOUND_PACKAGES) $(WINDOW_PACKAGES) $(SCREEN_PACKAGES)
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(WORKERS) $(ARGS)

check: .venv/.ready-dev ## Lint, format and types
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

format: .venv/.ready-dev ## Put the code in the house's format
	@$(BIN)/ruff check --fix-only
	@$(BIN)/ruff format

bench: .venv/.ready-dev .venv-oracle/.ready-oracle ## Run every benchmark, about an hour; each has flags of its own
	@scripts/system-packages $(SPEECH_PACKAGES) $(WINDOW_PACKAGES)
	@set -e; for benchmark in benchmarks/*.py; do echo "== $$benchmark"; $(BIN)/python $$benchmark; done

bench-latency: .venv/.ready-dev ## Measure captions while people speak, by simulstream: make bench-latency ARGS="--steps 0.4"
	@scripts/system-packages $(SPEECH_PACKAGES)
	@$(BIN)/python benchmarks/latency.py $(ARGS)

bench-quality: .venv/.ready-dev ## Measure the checkpoint's translations beside the goals: make bench-quality ARGS="--only natural"
	@scripts/system-packages $(SPEECH_PACKAGES)
	@$(BIN)/python benchmarks/quality.py $(ARGS)

screenshots: .venv/.ready-app ## Take the README's pictures of the window, from a run with a shipped recording
	@$(BIN)/python scripts/screenshots.py $(ARGS)

clean: ## Remove all that make has made, the virtual environments included
	rm -rf .venv .venv-oracle build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An environment is made anew for a PYTHON that is named, where another one has made it.
ifdef PYTHON
.PHONY: another-python
.venv/.ready-app .venv/.ready-dev: $(shell PYTHON='$(PYTHON)' scripts/setup compare .venv)
.venv-oracle/.ready-oracle: $(shell PYTHON='$(PYTHON)' scripts/setup compare .venv-oracle)
endif

.venv/.ready-app: pyproject.toml constraints.txt
	@scripts/setup app

.venv/.ready-dev: pyproject.toml constraints.txt
	@scripts/setup dev

.venv-oracle/.ready-oracle: constraints-oracle.txt
	@scripts/setup oracle
