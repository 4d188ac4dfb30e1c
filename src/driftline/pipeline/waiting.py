"""On-time rows of a (model, version) that wait to be counted together, because counting has a price per call.

Sums are the same in any order and split, so it changes no result when rows are counted, only that they are
before something reads them: ``Pipeline.instants`` counts them when W reaches the first window end that holds
one of them, ``Pipeline.catch_up`` and a snapshot count all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from driftline.records import Bools, Coded, Codes32, Ints, PredictionPart

ENOUGH_ROWS = 1024
"""Rows that are counted without waiting for more: by then a call's price no longer matters."""
ENOUGH_CELLS = 32_768
"""The same in feature values, so that what waits takes at most 256 KiB a (model, version)."""
NEVER_MS = 1 << 62


@dataclass(slots=True)
class Waiting:
    """Rows of one (model, version) that are in no pane yet."""

    parts: list[PredictionPart] = field(default_factory=list)
    times: list[Ints] = field(default_factory=list)
    counted: list[Bools] = field(default_factory=list)
    """Rows whose prediction takes part in the join."""
    rows: int = 0
    due_ms: int = NEVER_MS
    """The first W at which a window that holds one of them is judged."""

    def add(self, part: PredictionPart, time_ms: Ints, counted: Bools, due_ms: int) -> None:
        """Let rows wait."""
        self.parts.append(part)
        self.times.append(time_ms)
        self.counted.append(counted)
        self.rows += len(time_ms)
        self.due_ms = min(self.due_ms, due_ms)

    def enough(self) -> bool:
        """Whether waiting for more is not worth it."""
        return self.rows >= ENOUGH_ROWS or self.rows * len(self.parts[0].numeric) >= ENOUGH_CELLS

    def take(self) -> tuple[PredictionPart, Ints, Bools]:
        """All of them as one part; then none wait."""
        taken = _one(self.parts), np.concatenate(self.times), np.concatenate(self.counted)
        self.parts, self.times, self.counted = [], [], []
        self.rows, self.due_ms = 0, NEVER_MS
        return taken


def _one(parts: Sequence[PredictionPart]) -> PredictionPart:
    """What panes count of the parts of one schema, one after the other: class scores are not among it."""
    first = parts[0]
    if len(parts) == 1:
        return first
    return replace(
        first,
        rows=np.concatenate([p.rows for p in parts]),
        numeric=np.concatenate([p.numeric for p in parts], axis=1),
        categorical=_columns([p.categorical for p in parts]),
        predicted=_column([p.predicted for p in parts]),
        value=np.concatenate([p.value for p in parts]),
        score=np.concatenate([p.score for p in parts]),
        scores=None,
        score_classes=(),
        latency_ms=np.concatenate([p.latency_ms for p in parts]),
        segments=_columns([p.segments for p in parts]),
    )


def _columns(parts: Sequence[tuple[Coded, ...]]) -> tuple[Coded, ...]:
    return tuple(_column(columns) for columns in zip(*parts, strict=True))


def _column(columns: Sequence[Coded]) -> Coded:
    """One column over the values of all, in order of first appearance."""
    values = columns[0].values
    if all(column.values == values for column in columns):
        return Coded(np.concatenate([column.codes for column in columns]), values)
    places: dict[str, int] = {}
    return Coded(np.concatenate([_placed(column, places) for column in columns]), tuple(places))


def _placed(column: Coded, places: dict[str, int]) -> Codes32:
    """The codes by ``places``, which grows; missing and invalid stay what they are."""
    codes = [places.setdefault(value, len(places)) for value in column.values]
    # Codes -1 (missing) and -2 (invalid) index from the end.
    return np.array([*codes, -2, -1], np.int32)[column.codes]
