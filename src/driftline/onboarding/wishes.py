"""What a user says about their data; what is not said is guessed."""

from __future__ import annotations

from dataclasses import dataclass

from driftline.settings import Task

NONE = "-"
"""Written for a column: there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """Columns are names, ``NONE``, or None for a guess."""

    time: str | None = None
    prediction_id: str | None = None
    prediction: str | None = None
    score: str | None = None
    label: str | None = None
    label_time: str | None = None
    task: Task | None = None
    positive: str | None = None
    threshold: float | None = None
    """Score from which on the positive class is meant, where no column has the predicted class."""
    features: tuple[str, ...] | None = None
    categorical: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    """Names or globs of columns that have no meaning at all."""
    every_ms: int | None = None
    """Time between two rows of a file without times."""
    label_delay_ms: int | None = None
    """Time from a prediction to its label, where no column tells it."""

    @property
    def as_features(self) -> frozenset[str]:
        """Columns that are named as features, in whatever way."""
        return frozenset((*(self.features or ()), *self.categorical, *self.numeric))
