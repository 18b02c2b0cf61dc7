"""Models beside each other: Tables 12 to 15 with ours, verdicts, and what a point of macro F1 costs.

results: a frame of records.results with any data sets and models. Scores are in percent, differences in points, times in
seconds a fold (median over folds; training, with the scores of the validation rows after each epoch). Verdicts are paired: the
same folds of the same documents. Scores and times stand for the folds that each row has on record.
"""

import json

import numpy as np
import pandas as pd

from . import checkpoints, environment, kinds, paper, paths, records, stats
from .alterations import ALTERATIONS
from .evidence import Evidence
from .metrics import METRICS
from .plan import Plan

SCORE = "macro_f1"


def names(work: Plan) -> dict[str, str]:
    """Kind -> how readers should call it; a BERT by its checkpoint, which is BERT-base only if that is its name."""
    found = {kind: row.title for kind, row in kinds.KINDS.items()}
    for config in work.folds:
        if "checkpoint" in config:
            found[config["model"]] = f"{kinds.KINDS[config['model']].title} ({config['checkpoint']['name']})"
    return found


def protocol(work: Plan) -> list[str]:
    """How each kind of model is trained, a line each; a set's own number of epochs is named with it."""
    named, lines = names(work), {}
    for config in work.folds:
        training = dict(config["training"])
        epochs = training.pop("epochs", None)
        text = f"{named[config['model']]}: " + ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in training.items())
        lines.setdefault(text, {})[config["dataset"]] = epochs
    return [
        text + (f"; epochs: {', '.join(f'{d} {e}' for d, e in sets.items())}" if any(sets.values()) else "") for text, sets in lines.items()
    ]


def rows(results: pd.DataFrame) -> pd.DataFrame:
    """A row for each data set, model and cell on record: folds, the four scores, seconds a fold and an epoch, parameters.

    times: how many times as long as LSTM-CS with the unaltered cell. per_point: seconds for one point of macro F1. per_gain:
    additional seconds for each additional point over LSTM-CS on the folds that both have; NaN where nothing is gained. The
    yardstick's rows are left out.
    """
    finished = results[(results["state"] == "done") & ~stats.is_null(results["alteration"])]
    groups = finished.groupby(["dataset", "model", "alteration"], sort=False)
    table = 100 * groups[list(METRICS)].mean()
    table.insert(0, "folds", groups.size())
    medians = {"seconds": "train_seconds", "per_epoch": "seconds_per_epoch", "compile": "compile_seconds", "parameters": "parameters"}
    for name, column in medians.items():
        table[name] = groups[column].median().astype(float)
    unaltered = finished[(finished["model"] == "lstm") & (finished["alteration"] == "none")]
    pairs = finished.merge(unaltered[["dataset", "run", "fold", SCORE]], on=["dataset", "run", "fold"], suffixes=("", "_before"))
    pairs["gain"] = 100 * (pairs[SCORE] - pairs[f"{SCORE}_before"])
    gain = pairs.groupby(["dataset", "model", "alteration"])["gain"].mean().reindex(table.index)
    before = table.index.get_level_values("dataset").map(unaltered.groupby("dataset")["train_seconds"].median()).astype(float)
    table["times"] = table["seconds"] / before
    table["per_point"] = table["seconds"] / table[SCORE].replace(0, np.nan)
    table["per_gain"] = ((table["seconds"] - before) / gain).where(gain > 0)
    return table.reset_index().sort_values(["dataset", "model", "alteration"], key=_rank, kind="stable", ignore_index=True)


def beside_paper(results: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Tables 12 (metric "accuracy") and 15 ("macro_f1"): rows model and cell; for each data set the paper's figure and ours."""
    table = {"accuracy": paper.table_12, "macro_f1": paper.table_15}[metric]()
    cell = table["modification"].map(paper.TOP | {"none": "none", "not applicable": "none"})
    printed = table.assign(alteration=cell).pivot(index=["model", "alteration"], columns="dataset", values=metric)
    ours = rows(results).pivot(index=["model", "alteration"], columns="dataset", values=metric)
    both = pd.concat({"paper": printed, "ours": ours}, axis=1).astype(float)
    order = [(name, which) for name in printed.columns.union(ours.columns, sort=False) for which in ("paper", "ours")]
    both = both.reindex(columns=[(which, name) for name, which in order])
    both.columns = [f"{name} {which}" for name, which in order]
    both = both.dropna(axis=1, how="all").reset_index()
    return both.sort_values(["model", "alteration"], key=_rank, kind="stable", ignore_index=True)


def times(results: pd.DataFrame) -> pd.DataFrame:
    """Table 13: seconds a fold with the unaltered cell, the paper's and ours, and our seconds an epoch and compiling."""
    ours = rows(results).query("alteration == 'none'").set_index(["dataset", "model"])[["seconds", "per_epoch", "compile"]]
    printed = paper.table_13().set_index(["dataset", "model"])
    bounds = printed["bound"].map({"below": "<"}).fillna("")
    text = (bounds + printed["seconds"].map("{:g}".format)).rename("paper, seconds")
    both = ours.join(text, how="outer").reset_index().sort_values(["dataset", "model"], key=_rank, kind="stable", ignore_index=True)
    return both[both["dataset"].isin(results["dataset"].unique())].fillna({"paper, seconds": "–"})


def table_14(results: pd.DataFrame) -> pd.DataFrame:
    """Table 14, CROWD: parameters of our models for the paper's shape of it, beside the paper's; seconds where on record."""
    from .models import build_model

    shape = {"vocab_size": 1459, "max_len": 11, "n_classes": 11}  # Table 2: 1458 terms and padding, MaxLen 11, 11 classes
    ours = {kind: build_model(kind, **shape).count_params() for kind in ("lstm", "simple")}
    ours["bert"] = build_model("bert", n_classes=11, checkpoint=checkpoints.BASE, seed=0).count_params()
    table = paper.table_14().rename(columns={"parameters": "paper, parameters", "seconds": "paper, seconds"})
    table["ours, parameters"] = table["model"].map(ours)
    crowd = rows(results).query("dataset == 'crowd' and alteration == 'none'").set_index("model")["seconds"]
    table["ours, seconds"] = table["model"].map(crowd).astype(float)
    table["model"] = table["model"].map({kind: row.title for kind, row in kinds.KINDS.items()})
    table["difference, %"] = 100 * (table["ours, parameters"] / table["paper, parameters"] - 1)
    return table


def verdicts(results: pd.DataFrame, metric: str = SCORE) -> pd.DataFrame:
    """Every other model's unaltered row against LSTM-CS with the unaltered cell, and each model's own alterations against its unaltered row.

    Columns: dataset, row, against, folds, mean, low, high (points), p_worse, p_same, p_better, verdict; rules of stats.py.
    """
    evidence, found = Evidence(results), []
    for dataset, model, cell in rows(results)[["dataset", "model", "alteration"]].itertuples(index=False):
        if cell != "none":
            base = (model, "none")
        elif model != "lstm":
            base = ("lstm", "none")
        else:
            continue
        d = evidence.differences(dataset, cell, metric, base=base[1], model=model, base_model=base[0])
        if len(d):
            probabilities = stats.posterior(d)
            mean, low, high = stats.corrected_interval(d)
            found.append({"dataset": dataset, "row": _row(model, cell), "against": _row(*base), "folds": len(d), "mean": mean, "low": low, "high": high,
                          **dict(zip(("p_worse", "p_same", "p_better"), probabilities)), "verdict": stats.verdict(*probabilities)})  # fmt: skip
    columns = ["dataset", "row", "against", "folds", "mean", "low", "high", "p_worse", "p_same", "p_better", "verdict"]
    return pd.DataFrame(found, columns=columns)


def sentence(results: pd.DataFrame, named: dict[str, str]) -> str:
    """How each other model on record does against LSTM-CS, over the data sets: one sentence."""
    table, parts = verdicts(results), []
    for model in kinds.KINDS:
        words = table[table["row"] == _row(model, "none")]["verdict"].value_counts()
        if count := int(words.sum()):
            told = ", ".join(f"{word} on {words[word]}" for word in stats.VERDICTS if word in words)
            parts.append(f"{named[model]} {told} of {count} set{'s' * (count > 1)}")
    if not parts:
        return 'Only one kind of model is on record; models = ["lstm", "simple", "tfidf"] trains others.'
    return f"Against LSTM-CS with the unaltered cell, in macro F1: {'; '.join(parts)}."


def lines(results: pd.DataFrame, named: dict[str, str]) -> list[str]:
    """What the models on record score and cost beside LSTM-CS, a line a data set."""
    table, words = rows(results), verdicts(results)
    parts = []
    for dataset, group in table[table["alteration"] == "none"].groupby("dataset", sort=False):
        base = group[group["model"] == "lstm"]
        others = group[group["model"] != "lstm"]
        if base.empty or others.empty:
            continue
        base = base.iloc[0]
        text = f"{dataset}: LSTM-CS {base[SCORE]:.1f} % macro F1 in {base['seconds']:.3g} s a fold ({base['folds']} folds)"
        for row in others.itertuples():
            found = words[(words["dataset"] == dataset) & (words["row"] == _row(row.model, "none"))].to_dict("records")
            word = f"{found[0]['verdict']} on {found[0]['folds']} folds" if found else "no paired fold"
            text += f"; {named[row.model]} {getattr(row, SCORE):.1f} % in {row.seconds:.3g} s ({word})"
        parts.append(text + ".")
    return parts


def base_cost(work: Plan) -> pd.DataFrame:
    """What BERT-base would cost here: a few training steps with random weights at each batch length, times the steps of a fold.

    For plans with a BERT that is not BERT-base; empty otherwise, or if it was not measured before and `train` is off. The
    measurement (minutes) is kept in the folder cost beside the records. Columns: dataset, parameters, steps (of a fold), seconds_per_epoch,
    seconds and processor_seconds (of a fold's training; they differ where other work shares the machine), host (where it was measured).
    """
    columns = ["dataset", "parameters", "steps", "seconds_per_epoch", "seconds", "processor_seconds", "host"]
    folds = {config["dataset"]: config for config in reversed(work.folds) if config["model"] == "bert"}
    if not folds or any(c["checkpoint"]["name"].endswith("bert-base-uncased") for c in folds.values()):
        return pd.DataFrame(columns=columns)
    found = []
    for dataset, config in folds.items():
        file = work.folder.parent / "cost" / f"{records.key(config)}.json"
        if not file.is_file():
            if not work.settings.train:
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            with paths.whole(file) as temporary:
                temporary.write_text(json.dumps(_measure(work.data[dataset], config)))
        found.append({"dataset": dataset, **json.loads(file.read_text())})
    return pd.DataFrame(found, columns=columns)


def _measure(prepared, config: dict) -> dict:
    environment.prepare(training=True)
    from .finetuning import FineTuner
    from .folds import split

    tuner = FineTuner(prepared, config | {"architecture": checkpoints.BASE}, jit=False)
    train, _, _ = split(prepared.labels, config)
    lengths = [tuner.length(batch) for batch in tuner.cut(train, np.random.default_rng(0))]
    step = {length: tuner.step_seconds(length, 2) for length in sorted(set(lengths))}
    wall, processor = (float(seconds) for seconds in np.sum([step[length] for length in lengths], axis=0))
    epochs = config["training"]["epochs"]
    return {"parameters": tuner.parameters(), "seconds_per_epoch": wall, "seconds": wall * epochs, "processor_seconds": processor * epochs,
            "steps": epochs * len(lengths), "host": environment.host(), "step": {str(length): seconds[0] for length, seconds in step.items()}}  # fmt: skip


def _row(model: str, cell: str) -> str:
    title = kinds.KINDS[model].title
    return title if cell == "none" else f"{title}, {records.label(cell)}"


def _rank(column: pd.Series) -> pd.Series:
    """Models in the order of the table of kinds, cells in that of Table 1 with own formulas last; anything else as it is."""
    order = {"model": [*kinds.KINDS], "alteration": [*ALTERATIONS]}.get(column.name)
    return column if order is None else column.map(lambda name: order.index(name) if name in order else len(order))
