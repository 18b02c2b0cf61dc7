"""The paper's claims: each can be checked, and the answer follows from what a study holds."""

import numpy as np
import pandas as pd
import pytest
from made_up import frame, study

from lstmcs.alterations import TABLE_1
from lstmcs.paper import claims, completion, evidence
from lstmcs.paper.evidence import UNKNOWN, Chance, any_of, at_least, every, opposite, sure
from lstmcs.stats import single

SETS = list(evidence.SETS)
ALL = claims.CLAIMS


def answers(data, monkeypatch, *ids):
    monkeypatch.setattr(claims, "CLAIMS", [c for c in claims.CLAIMS if c.id in ids])
    return claims.check_claims(data).set_index("id")["verdict"].to_dict()


def test_nothing_on_record_tells_nothing():
    table = claims.check_claims(study({}, ["hate"]).iloc[:0])
    assert len(table) == len(claims.CLAIMS) == 26 and table["id"].is_unique
    assert table.loc[table["verdict"] != "cannot tell", ["id", "verdict"]].values.tolist() == [["robo", "cannot be asked"]]
    assert claims.tally(table) == "of 26 claims of the paper 0 confirmed, 0 not confirmed, 25 cannot tell (1 cannot be asked)"
    assert (table[["claim", "rests_on", "paper", "ours"]].map(len) > 0).all(axis=None)


@pytest.mark.parametrize(("points", "word"), [(1.0, "confirmed"), (-1.0, "not confirmed")])
def test_a_true_effect_confirms_or_refutes(points, word, monkeypatch):
    data = study({"C-1": points, "C-9": points}, SETS)
    assert answers(data, monkeypatch, "c1-average", "c9-least", "h2-average", "robo") == {
        "c1-average": word, "c9-least": word, "h2-average": "cannot tell", "robo": "cannot be asked"}  # fmt: skip


def test_too_few_sets_cannot_tell_an_average(monkeypatch):
    assert answers(study({"C-1": 1}, SETS[:2]), monkeypatch, "c1-average") == {"c1-average": "cannot tell"}
    assert answers(study({"C-1": 1}, [*SETS[:2], "robo"]), monkeypatch, "c1-average") == {"c1-average": "cannot tell"}
    assert answers(study({"C-1": 1}, SETS[:3]), monkeypatch, "c1-average") == {"c1-average": "confirmed"}


def test_a_set_with_a_few_folds_speaks_in_no_average(monkeypatch):
    data = study({"C-1": 1}, SETS[:3])
    few = (data["dataset"] == SETS[0]) & (data["fold"] > 4)
    table = claims.check_claims(data[~few]).set_index("id")
    assert table.loc["c1-average", ["verdict", "ours"]].str.contains("cannot tell|over 2 sets").all()
    assert claims.check_claims(data).set_index("id").loc["c1-average", "verdict"] == "confirmed"


def test_claims_on_one_set(monkeypatch):
    data = study({"C-2": 1, "C-6": 1, "C-8": 1, "H-1": -1, "H-2": -1, "H-3": -1, "H-4": 1, "H-5": 1}, ["hate"])
    assert answers(data, monkeypatch, "hate-current", "hate-hidden") == {"hate-current": "confirmed", "hate-hidden": "confirmed"}
    other = study({"C-2": 1, "C-6": -1, "C-8": 0, "H-1": 1, "H-4": 1, "H-5": 1}, ["hate"])
    monkeypatch.undo()
    assert answers(other, monkeypatch, "hate-current", "hate-hidden") == {"hate-current": "not confirmed", "hate-hidden": "not confirmed"}


@pytest.mark.parametrize("dataset", ["mlma", "ag"])
def test_one_alteration_is_enough_where_the_best_is_claimed(dataset, monkeypatch):
    lower = dict.fromkeys([c for c in TABLE_1 if c.startswith("C")], -1)
    assert answers(study(lower | {"C-7": 1}, [dataset]), monkeypatch, dataset) == {dataset: "confirmed"}
    assert answers(study(lower, [dataset]), monkeypatch, dataset) == {dataset: "not confirmed"}
    assert answers(study({"C-1": -1, "H-1": 1}, [dataset]), monkeypatch, dataset) == {dataset: "cannot tell"}


def test_counting_claims(monkeypatch):
    hidden = {"H-1": -1, "H-2": 1, "H-3": -1, "H-4": -1, "H-5": -1}
    assert answers(study(hidden, SETS), monkeypatch, "one-hidden", "h1-worst") == {"one-hidden": "confirmed", "h1-worst": "confirmed"}
    monkeypatch.undo()
    assert answers(study(hidden | {"H-3": 1}, SETS), monkeypatch, "one-hidden") == {"one-hidden": "not confirmed"}


def three_models(**seconds):
    """SIMPLE scores 10 points below the LSTM, BERT 10 above; the unaltered cell takes as long with other seeds."""
    sets = [*evidence.COMPARED, "robo"]
    data = pd.concat(
        [study({"C-1": 0, "reseed-1": 0}, sets), study({"C-1": 0}, sets, model="simple", base=0.4), study({}, sets, model="bert", base=0.6)]
    )
    for model, value in seconds.items():
        data.loc[data["model"] == model, "train_seconds"] = value
    return data


MODELS = "beats-simple", "bert-accuracy", "outperformed", "cheaper", "hundred-times"


def test_models_are_compared_on_their_own_folds(monkeypatch):
    found = answers(three_models(bert=150.0), monkeypatch, *MODELS)
    assert found == dict.fromkeys(MODELS[:3], "confirmed") | {"cheaper": "not confirmed", "hundred-times": "not confirmed"}
    slow = three_models(simple=4.0, bert=250.0)
    monkeypatch.undo()
    assert answers(slow, monkeypatch, "cheaper", "hundred-times") == {"cheaper": "confirmed", "hundred-times": "confirmed"}


def test_a_stand_in_answers_for_nothing(monkeypatch):
    """Neither ROBO's nor BERT-base's."""
    robo = three_models(bert=150.0).query("dataset == 'robo'")
    assert set(answers(robo, monkeypatch, *MODELS).values()) == {"cannot tell"}
    assert set(claims.check_claims(robo).query("id in ('beats-simple', 'outperformed')")["ours"]) == {
        "nothing on record; ROBO as printed: no; 0 yes, 0 no, 5 open",
        "SIMPLE minus C-1: nothing on record; BERT: nothing on record; ROBO as printed: no; 0 yes, 0 no, 5 open"}  # fmt: skip
    monkeypatch.undo()
    small = three_models(bert=150.0)
    small.loc[small["model"] == "bert", "parameters"] = 22e6
    table = claims.check_claims(small).set_index("id")
    assert set(table.loc[["bert-accuracy", "bert-f1", "hundred-times"], "verdict"]) == {"cannot tell"}
    assert table.loc["bert-f1", "ours"] == table.loc["hundred-times", "ours"] == "only a stand-in checkpoint is on record"


def test_an_average_is_of_percent_as_the_papers(monkeypatch):
    """0.4 points are 20 % of a baseline of 2 %; half a point less of 80 % on every other set is 0.6 %. By hand: (20 - 5 * 0.625) / 6."""
    data = pd.concat(
        [study({"C-1": 0.4}, ["mlma"], base=0.02, sd=0), study({"C-1": -0.5}, [s for s in SETS if s != "mlma"], base=0.8, sd=0)]
    )
    table = claims.check_claims(data).set_index("id")
    assert (
        table.loc["c1-average", "ours"].startswith("+2.81 % (-0.35 points) over 6 sets, P(above 0) ")
        and table.loc["c1-average", "verdict"] != "confirmed"
    )
    # five times +20 % outweigh -10 % on any two sets together, though not 0.4 points -8
    data = pd.concat([study({"C-1": 0.4}, SETS[:5], base=0.02, sd=0), study({"C-1": -8.0}, SETS[5:], base=0.8, sd=0)])
    assert claims.check_claims(data).set_index("id").loc["c1-average", "verdict"] == "confirmed"


def test_training_time(monkeypatch):
    ids = "ten-percent", "current-shorter"
    data = study(dict.fromkeys([*TABLE_1, "reseed-1"], 0), ["hate"])
    assert answers(data, monkeypatch, *ids) == {"ten-percent": "confirmed", "current-shorter": "not confirmed"}  # all alike
    data.loc[data["alteration"].str.startswith("H"), "train_seconds"] = 2.15
    monkeypatch.undo()
    assert answers(data, monkeypatch, *ids) == {"ten-percent": "confirmed", "current-shorter": "confirmed"}
    data.loc[data["alteration"] == "C-3", "train_seconds"] = 2.4
    monkeypatch.undo()
    assert answers(data, monkeypatch, *ids) == {"ten-percent": "not confirmed", "current-shorter": "confirmed"}
    monkeypatch.undo()  # of C-12, no time is known: its card was shared
    unknown = data.assign(train_seconds=data["train_seconds"].where(data["alteration"] != "C-12"))
    assert answers(unknown, monkeypatch, *ids) == {"ten-percent": "not confirmed", "current-shorter": "cannot tell"}
    data.loc[data["alteration"] == "reseed-1", "train_seconds"] = 2.2  # the same program takes a tenth longer: something else was running
    monkeypatch.undo()
    assert answers(data, monkeypatch, *ids) == dict.fromkeys(ids, "cannot tell")
    monkeypatch.undo()
    assert answers(data[data["alteration"] != "reseed-1"], monkeypatch, *ids) == dict.fromkeys(ids, "cannot tell")


def test_figures_stand_beside_the_papers():
    """By hand, on a baseline of 50 %: a point is 2 %. What is undecided, what has no fold and what is no set's differ."""
    hate = study({"H-1": -1, "H-2": 0.5, "H-4": 2, "H-5": 1}, ["hate"], sd=0)
    table = claims.check_claims(hate).set_index("id")["ours"]
    assert table["hate-hidden"] == "H-4 +4.00 % (+2.00 points of Macro F1), no fold of H-3; 7 yes, 1 no, 1 open"
    assert table["mlma"] == table["crowd"] == table["c9-least"] == "nothing on record"
    assert table["majority"] == "3 of 4 averages above 0; 0 yes, 0 no, 17 open"
    assert table["one-hidden"] == "3 of 4 above 0: H-2, H-4, H-5; 0 yes, 0 no, 5 open"
    assert table["h1-worst"] == "-2.00 % (-1.00 points) over 1 set (of at least 3 needed); 0 yes, 0 no, 4 open"
    assert (
        table["six-of-seven"]
        == "1 of 1 sets on record have a row above 0 in all four: hate; 1 yes, 0 no, 5 open (ROBO as the paper has it: yes)"
    )
    models = three_models(bert=150.0).query("dataset in ('hate', 'mlma')")
    table = claims.check_claims(models).set_index("id")["ours"]
    assert table["beats-simple"].startswith("mlma +9.9") and table["beats-simple"].endswith(
        " points; ROBO as printed: no; 2 yes, 0 no, 3 open"
    )
    assert table["outperformed"].startswith("SIMPLE minus C-1: mlma -") and "; BERT: mlma +" in table["outperformed"]


def why(data, monkeypatch, *ids):
    monkeypatch.setattr(claims, "CLAIMS", [c for c in ALL if c.id in ids])
    return claims.check_claims(data).set_index("id")["why"].to_dict()


def test_what_cannot_be_told_says_why(monkeypatch):
    """What the check asked for and did not get; by hand, of a study that lacks something of each kind."""
    data = study(dict.fromkeys(TABLE_1, 0), ["hate"], sd=0.05)
    data.loc[data["alteration"] == "C-4", "state"] = "failed"
    data = data[~((data["alteration"] == "H-3") & (data["fold"] > 3))]
    data = pd.concat([data, study({}, ["ag-subset"]), study({}, ["hate"], model="bert").assign(parameters=22e6)])
    found = why(data, monkeypatch, "robo", "ag", "mlma", "majority", "bert-f1", "beats-simple", "ten-percent")
    part = "of ag only a part, ag-subset, is on record"
    assert (found["robo"], found["ag"], found["mlma"]) == ("", part, "nothing on mlma")
    assert (
        found["majority"] == f"{part}; nothing on mlma, hasoc, crowd, semeval; 3 folds of H-3 on hate; no fold of C-4 on hate (10 failed)"
    )
    assert found["bert-f1"] == f"{part}; nothing on mlma, hasoc, crowd; the BERT on record is not BERT-base"
    assert found["beats-simple"].endswith("no SIMPLE on hate") and found["ten-percent"].endswith(
        "no fold of the unaltered cell with other seeds on hate"
    )


def test_of_many_alterations_without_a_record_only_the_number_is_said(monkeypatch):
    data, first = study(dict.fromkeys(TABLE_1, 0), ["hasoc"], sd=0.05), [*TABLE_1][:6]
    five = why(data[~data["alteration"].isin(first[:5])], monkeypatch, "hasoc")["hasoc"]
    assert five == f"no fold of {', '.join(first[:5])} on hasoc"
    assert why(data[~data["alteration"].isin(first)], monkeypatch, "hasoc")["hasoc"] == "no fold of 6 alterations on hasoc"


def test_what_is_on_record_and_stays_open_says_so(monkeypatch):
    cells = dict.fromkeys(["C-2", "C-6", "C-8"], 0)
    assert why(study(cells, ["hate"], sd=0.05), monkeypatch, "hate-current") == {
        "hate-current": "12 of 12 answers are below 95 % either way"
    }
    assert why(study(dict.fromkeys(cells, 1), ["hate"]), monkeypatch, "hate-current") == {"hate-current": ""}  # confirmed
    assert why(study({"C-1": 0}, SETS, sd=0.05), monkeypatch, "c1-average") == {"c1-average": "below 95 % either way"}
    alike, ids = study(dict.fromkeys([*TABLE_1, "reseed-1"], 0), SETS), ("current-shorter", "ten-percent")
    alike.loc[alike["alteration"] == "reseed-1", "train_seconds"] = 2.2
    slow = "times on hate cannot be compared: the unaltered cell with other seeds took 10 % more or less"
    assert all(slow in reason for reason in why(alike, monkeypatch, *ids).values())


def test_whatever_cannot_be_told_has_a_reason_and_nothing_else_has():
    for data in (study({}, ["hate"]).iloc[:0], three_models(bert=150.0), study(dict.fromkeys(TABLE_1, 0), ["hate"], sd=0.05)):
        table = claims.check_claims(data)
        assert ((table["why"] != "") == (table["verdict"] == "cannot tell")).all()


def test_partial_conjunctions_by_hand():
    """Benjamini and Heller's bound, as 1 - p: for "at least u of n", n - u + 1 times the u-th smallest p; for its opposite, that n - u + 1
    of them are no, u times the (n - u + 1)-th smallest."""
    chances = [Chance(0.99, 0.01), Chance(0.98, 0.02), Chance(0.30, 0.70), UNKNOWN]
    assert any_of(chances) == pytest.approx((1 - 4 * 0.01, 0))  # no: the smallest of four P(no) is that of UNKNOWN
    assert at_least(2, chances) == pytest.approx((1 - 3 * 0.02, 0))
    assert at_least(2, [Chance(0, 0.99), Chance(0, 0.98), Chance(0.9, 0.1)]) == pytest.approx((0, 1 - 2 * 0.02))
    assert every(chances[:3]) == pytest.approx((0.30, 1 - 3 * 0.30)) and every(chances[:2]) == pytest.approx((0.98, 0))
    assert at_least(0, chances) == (1, 0) and at_least(5, chances) == (0, 1) and every([]) == UNKNOWN
    assert opposite(chances[0]) == (0.01, 0.99) and [Chance(0.95, 0).answer, Chance(0, 0.95).answer, Chance(0.9, 0.1).answer] == [
        True,
        False,
        None,
    ]
    assert [sure(answer).answer for answer in (True, False, None)] == [True, False, None]


def test_yes_and_no_pay_alike_for_the_ways_they_come_about(monkeypatch):
    """Nothing is there, and thirty claims of twelve questions each are asked: neither answer comes in more than one of twenty."""
    found = {True: 0, False: 0, None: 0}
    for seed in range(60):
        rng = np.random.default_rng(seed)
        chances = [Chance(p, 1 - p) for p in rng.uniform(size=12)]  # a posterior of nothing is uniform
        for told in (any_of, every):
            found[told(chances).answer] += 1
    assert found[True] <= 6 and found[False] <= 6


def test_hasoc_is_asked_of_the_test_file_with_the_training_file_beside_it():
    cells = dict.fromkeys(TABLE_1, -1)
    data = pd.concat([study(cells, ["hasoc-test"]), study(cells | {"C-1": 3}, ["hasoc"])])
    row = claims.check_claims(data).set_index("id").loc["hasoc"]
    assert row["verdict"] == "confirmed" and row["ours"].startswith("hasoc-test: ") and "; hasoc: C-1 +5" in row["ours"]
    row = claims.check_claims(data[data["dataset"] == "hasoc"]).set_index("id").loc["hasoc"]
    assert row["verdict"] == "not confirmed" and row["ours"].startswith("hasoc: C-1 +5")
    wide = claims.check_claims(study(dict.fromkeys(TABLE_1, 0), ["hasoc"], sd=0.05)).set_index("id").loc["hasoc"]
    assert wide["verdict"] == "cannot tell" and "the bound on the largest" in wide["why"]


def test_a_set_on_which_nothing_is_learned_answers_nothing():
    data = pd.concat([study({"C-3": 5, "C-1": 1}, SETS), study({}, ["mlma"], model="constant", base=0.6)])
    table = claims.check_claims(data).set_index("id")
    assert table.loc["mlma", "verdict"] == "cannot tell" and "nothing is learned on mlma" in table.loc["mlma", "why"]
    assert "over 5 sets (with mlma, where nothing is learned, +2.0" in table.loc["c1-average", "ours"]
    assert claims.check_claims(study({"C-3": 5}, ["mlma"])).set_index("id").loc["mlma", "verdict"] == "confirmed"


def test_every_question_says_what_it_could_have_seen():
    """The corrected test's detectable difference, by its own formula; and half as wide folds see half as much."""
    data = study({"C-2": 0, "C-6": 0, "C-8": 0}, ["hate"], sd=0.02)
    seen = [float(claims.check_claims(study({"C-2": 0, "C-6": 0, "C-8": 0}, ["hate"], sd=sd)).set_index("id").loc["hate-current", "seen"].split()[0])
            for sd in (0.02, 0.01)]  # fmt: skip
    typical = np.median([single.detectable(d, 10) for d in single.differences_table(data)["sd"]])
    assert seen[0] == pytest.approx(typical, abs=0.06) and seen[1] == pytest.approx(seen[0] / 2, abs=0.1)


def test_completing_the_records_says_what_would_settle_a_claim():
    """Differences of +0.56 and -0.56 points in turn: P(within half a point) is below 95 % with ten folds (half-width 0.59 * sqrt(1/10 + 1/8)
    * 1.83 = 0.51) and above it with a hundred (0.56 * sqrt(1/100 + 1/8) * 1.66 = 0.34). What was never trained stays open."""
    wobble = [[0.5 + 0.0056 * (-1) ** k for k in range(10)]]
    data = frame({"none": [[0.5] * 10], **dict.fromkeys(claims.SIX, wobble)}, "semeval")
    table = claims.check_claims(data)
    assert table.set_index("id").loc["semeval", "verdict"] == "cannot tell"
    found = completion.settle(data, table, draws=15).set_index("id")
    row = found.loc["semeval"]
    assert row["3 x 10, yes"] > 20 and row["10 x 10, yes"] > 20 and row["10 x 10, no"] == 0
    assert (found.drop("semeval") == 0).all(axis=None) and set(found.index) == set(table.loc[table["verdict"] == "cannot tell", "id"])


def test_an_urn_keeps_what_is_there_and_draws_the_same_folds_for_all():
    urn = completion.Urn(30, 1)
    drawn = urn.folds("hate", 10)
    assert drawn[:10].tolist() == list(range(10)) and len(drawn) == 30 and set(drawn) == set(range(10)) and urn.folds("hate", 10) is drawn
    assert (completion.Urn(30, 1).folds("hate", 10) == drawn).all() and (completion.Urn(30, 2).folds("hate", 10) != drawn).any()
    assert len(urn.folds("hate", 40)) == 40
