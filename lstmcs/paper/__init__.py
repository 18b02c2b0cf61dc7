"""The paper, and what our folds say of it.

tables     its numbers as printed          contradictions   where they disagree with its words
comparison ours beside theirs              claims           what it claims, each with a check
evidence   our folds, asked yes or no
"""

from . import claims, comparison, contradictions, evidence, tables
from .claims import check_claims
from .tables import (
    baselines,
    published,
    table_1,
    table_2,
    table_12,
    table_13,
    table_14,
    table_15,
    table_16,
    tables_3_to_9,
    tables_10_11,
)  # fmt: skip

__all__ = [
    "baselines", "check_claims", "claims", "comparison", "contradictions", "evidence", "published", "table_1", "table_2", "table_12", "table_13",
    "table_14", "table_15", "table_16", "tables", "tables_3_to_9", "tables_10_11",
]  # fmt: skip
