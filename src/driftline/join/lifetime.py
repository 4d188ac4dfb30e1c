"""How long a row of the join takes part: a function of the row and of its model's policy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from driftline.join.table import LABELLED, PREDICTED, JoinTable
from driftline.records import Codes32, Ints


@dataclass(frozen=True, slots=True)
class Policy:
    """How long one model waits, in milliseconds."""

    horizon_ms: int
    orphan_wait_ms: int
    corrections_ms: int
    labelled: bool = True
    """Labels are waited for; else ids are kept to tell copies only."""


def limits(policies: Sequence[Policy], name: str, model: Ints | Codes32) -> Ints:
    """One limit of the policy of each row's model."""
    return np.array([getattr(p, name) for p in policies], np.int64)[model]


def until(table: JoinTable, rows: Ints, policies: Sequence[Policy]) -> Ints:
    """Last effective time at which a row still takes part."""
    t = table
    model = t.model[rows]
    predicted = (t.flags[rows] & PREDICTED) != 0
    labelled = (t.flags[rows] & LABELLED) != 0
    waits = t.time_ms[rows] + limits(policies, "horizon_ms", model)
    corrects = t.label_ms[rows] + limits(policies, "corrections_ms", model)
    orphaned = t.label_ms[rows] + limits(policies, "orphan_wait_ms", model)
    return np.where(predicted, np.where(labelled, np.maximum(waits, corrects), waits), orphaned)
