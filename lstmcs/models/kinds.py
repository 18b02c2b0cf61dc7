"""The kinds of model a study can train, as a table: sizes, what its training differs in, and which cells it has.

The folds, the sigmoid scores, the threshold and the scores are the same for all of them. Imports no TensorFlow.
"""

from dataclasses import dataclass, field

from ..alterations import ALTERATIONS, KNOWN

LSTM = {"embedding": 256, "units": 104, "dropout": 0.2}
#: Any widths of the encoder block that come within half a percent of Table 14's total would do: these are a choice.
ENCODER = {"heads": 4, "head_width": 32, "feed_forward": 240}
SMOKE = {"embedding": 8, "units": 4, "dropout": 0.2}
PADDINGS = ("fixed", "mask")  # of a model that reads ids: padding as one more token, as the paper, or masked
MODELS = ("lstm", "constant", "tfidf")  # of a study: the network, and what can be had without one
START = ("none", "C-1", "C-4", "H-1", "H-2", "H-3")  # the cells of a first study
TOP = ("none", "C-1", "H-2")  # the cells that Tables 12 and 15 show, of LSTM-CS and of SIMPLE


@dataclass(frozen=True)
class Kind:
    """title: for readers. sizes, smoke: as build_model takes them, of the study and of the preset smoke. training: what
    differs from the study's. cells: "all", "top" (TOP, or the study's alterations where these were chosen) or "none".
    text: what it reads, the study's prepared "ids" or "terms", the "raw" text, or "none". checkpoint: whether it starts from one."""

    title: str
    sizes: dict = field(default_factory=dict)
    smoke: dict = field(default_factory=dict)
    training: dict = field(default_factory=dict)
    cells: str = "none"
    text: str = "ids"
    checkpoint: bool = False

    @property
    def network(self) -> bool:
        """Whether it is one: compiled, then trained epoch by epoch. The others take a second a fold, or none."""
        return self.checkpoint or self.text == "ids"


#: Fine-tuning as Devlin et al. 2019, appendix A.3: batch 16, learning rate 5e-5, 4 epochs at most; AdamW, a tenth of the steps to
#: warm up, then a linear decay to 0. dense: the paper's Dense(512). Longer texts are cut after max_tokens word pieces.
_BERT = {
    "sizes": {"dense": 512, "dropout": 0.1}, "smoke": {"dense": 8, "dropout": 0.1},
    "training": {"epochs": 4, "batch_size": 16, "learning_rate": 5e-5, "warm_up": 0.1, "weight_decay": 0.01, "max_tokens": 128}, "checkpoint": True,
}  # fmt: skip

KINDS = {
    "lstm": Kind("LSTM-CS", LSTM, SMOKE, cells="all"),
    "simple": Kind("SIMPLE", LSTM | ENCODER, SMOKE | {"heads": 2, "head_width": 4, "feed_forward": 8}, cells="top"),
    "bert": Kind("BERT", text="raw", **_BERT),
    "bert-prepared": Kind("BERT on prepared text", text="terms", **_BERT),
    "tfidf": Kind("TF-IDF + logistic regression", training={"C": 10.0}, text="terms"),
    "constant": Kind("Best constant answer", text="none"),
}


def cells(kind: str, alterations: tuple[str, ...], reseeds: int) -> list[tuple[str, int]]:
    """(alteration, number of the row with other seeds or 0) of each row that a study trains with this kind."""
    which = KINDS[kind].cells
    if which == "none":
        return [("none", 0)]
    if which == "top":
        whole = set(alterations) >= set(ALTERATIONS)  # nobody chose among them; of pairs and gates the paper has no table
        return [(name, 0) for name in ([*TOP, *(a for a in alterations if a not in KNOWN)] if whole else alterations)]
    return [(name, 0) for name in alterations] + [("none", number) for number in range(1, reseeds + 1)]
