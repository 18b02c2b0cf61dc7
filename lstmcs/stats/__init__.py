"""Statistics: frames in, frames or numbers out; no prose, no paper, no files.

single    one data set: improvements as the paper gives them, paired differences, intervals, verdicts
multiple  several data sets: averages, tests over sets, ranks; sets on which nothing is learned
hierarchical  the model that carries the folds' noise from set to set
seeds     what other seeds alone do; whether another run says the same
pairs     families of alterations: a pair and its parts, the best of many
cost      models beside each other, in score and time
curves    how fast a cell learns; whether a verdict hangs on the epoch that is read
multiverse  one comparison under many protocols: what survives, and which dimension moves it
"""

from . import cost, curves, hierarchical, multiple, multiverse, pairs, seeds, single
from .single import (
    LEVEL,
    ROPE,
    ROPES,
    TEST_TO_TRAIN,
    VERDICTS,
    corrected_interval,
    corrected_ttest,
    costs,
    detectable,
    differences_table,
    done,
    holm,
    improvements,
    paired_differences,
    posterior,
    standard_error,
    times_as_long,
    verdict,
    verdicts,
)  # fmt: skip

__all__ = [
    "LEVEL", "ROPE", "ROPES", "TEST_TO_TRAIN", "VERDICTS", "corrected_interval", "corrected_ttest", "cost", "costs", "curves", "detectable",
    "differences_table", "done", "hierarchical", "holm", "improvements", "multiple", "multiverse", "paired_differences", "pairs", "posterior", "seeds", "single", "standard_error",
    "times_as_long", "verdict", "verdicts",
]  # fmt: skip
