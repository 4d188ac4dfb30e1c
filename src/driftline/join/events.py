"""What goes into the join and what comes out of it, as columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from driftline.records import Bools, Codes32, Floats, Ints, Words


@dataclass(slots=True)
class Predictions:
    """Predictions to be remembered, in reading order."""

    ids: Words
    time_ms: Ints
    eff_ms: Ints
    model: Codes32
    slot: Codes32
    predicted: Codes32
    value: Floats
    """Score of the positive class, or regression's prediction."""
    segments: Codes32
    scores: list[Floats] | None = None
    """Class probabilities of each row by class code; empty where a row has none."""

    @classmethod
    def joined(cls, parts: list[Predictions]) -> Predictions:
        """All parts, one after the other."""
        columns: Any = {n: np.concatenate([getattr(p, n) for p in parts]) for n in _PREDICTION_COLUMNS}
        if all(p.scores is None for p in parts):
            return cls(**columns)
        nothing = np.zeros(0)
        return cls(**columns, scores=[s for p in parts for s in p.scores or [nothing] * len(p.ids)])

    def take(self, rows: Ints) -> Predictions:
        """Some of them."""
        columns = {name: getattr(self, name)[rows] for name in _PREDICTION_COLUMNS}
        scores = None if self.scores is None else [self.scores[i] for i in rows.tolist()]
        return Predictions(**columns, scores=scores)


_PREDICTION_COLUMNS = ("ids", "time_ms", "eff_ms", "model", "slot", "predicted", "value", "segments")


@dataclass(slots=True)
class Labels:
    """Labels in the order (eff, topic, partition, offset). ``null``: label -1 and value NaN."""

    ids: Words
    eff_ms: Ints
    model: Codes32
    label: Codes32
    value: Floats
    revision: Ints
    null: Bools
    where: Ints
    """[n, 3]: each label's partition by its code, its offset and its time."""


@dataclass(slots=True)
class Matches:
    """Signed changes; ``where`` tells as in ``Labels`` where the label of each stands."""

    eff_ms: Ints
    time_ms: Ints
    slot: Codes32
    sign: Ints
    truth: Codes32
    truth_value: Floats
    predicted: Codes32
    value: Floats
    segments: Codes32
    scores: list[Floats | None]
    where: Ints

    def __len__(self) -> int:
        return len(self.eff_ms)

    def take(self, rows: Ints | Bools) -> Matches:
        """The changes at the given places."""
        picked = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        columns = {name: getattr(self, name)[picked] for name in _MATCH_COLUMNS}
        return Matches(**columns, scores=[self.scores[i] for i in picked.tolist()])


_MATCH_COLUMNS = (
    "eff_ms",
    "time_ms",
    "slot",
    "sign",
    "truth",
    "truth_value",
    "predicted",
    "value",
    "segments",
    "where",
)


def concatenate(parts: list[Matches]) -> Matches:
    """All changes, in the order of the parts."""
    columns = {name: np.concatenate([getattr(p, name) for p in parts]) for name in _MATCH_COLUMNS}
    scores = [score for part in parts for score in part.scores]
    return Matches(**columns, scores=scores)
