"""One statistic as it is read: now, with its interval, and over the ends still held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, nan

from driftline.metrics.view import HistoryView, RuleView, WindowView
from driftline.records import Dimension, Evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A statistic over the ends still held."""

    ends_ms: tuple[int, ...] = ()
    values: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One statistic now, with all that says how far to trust it."""

    statistic: str
    window: str
    kind: str
    end_ms: int
    dimension: Dimension
    value: float
    low: float
    high: float
    n: int
    sufficient: bool
    series: Series
    rule: RuleView | None = None
    """The rule that reads it."""

    @property
    def known(self) -> bool:
        """Whether there is enough data for a number."""
        return self.sufficient and isfinite(self.value)


def find(evaluations: Sequence[Evaluation], statistic: str) -> Evaluation | None:
    """The evaluation of a statistic; None where there is none."""
    return next((e for e in evaluations if e.statistic == statistic), None)


def reading(
    window: WindowView, statistic: str, average: str | None = None, rule: RuleView | None = None
) -> Reading | None:
    """A statistic of the model as a whole; None where the window has it not."""
    evaluation = find(window.evaluations, statistic)
    if evaluation is None:
        return None
    place = _whole(evaluation, average)
    past = find(window.history.evaluations, statistic) if window.history else None
    return None if place is None else at_place(window, evaluation, place, past, rule)


def _whole(evaluation: Evaluation, average: str | None) -> int | None:
    for wanted in (
        Dimension(average=average),
        Dimension(),
        Dimension(average="binary"),
        Dimension(average="macro"),
    ):
        if wanted in evaluation.dimensions:
            return evaluation.dimensions.index(wanted)
    return None


def at_place(
    window: WindowView, evaluation: Evaluation, place: int, past: Evaluation | None, rule: RuleView | None
) -> Reading:
    """A statistic of one of its dimensions, with its past."""
    dimension = evaluation.dimensions[place]
    return Reading(
        statistic=evaluation.statistic, window=window.window, kind=window.kind, end_ms=window.end_ms,
        dimension=dimension, value=float(evaluation.value[-1, place]), n=int(evaluation.n[-1, place]),
        low=_bound(evaluation.low, place), high=_bound(evaluation.high, place),
        sufficient=bool(evaluation.sufficient[-1, place]), rule=rule,
        series=series(window.history, past, dimension),
    )  # fmt: skip


def _bound(bounds: object, place: int) -> float:
    return nan if bounds is None else float(bounds[-1, place])  # type: ignore[index]


def series(history: HistoryView | None, past: Evaluation | None, dimension: Dimension) -> Series:
    """A statistic over the past; insufficient ends are NaN."""
    if history is None or past is None or dimension not in past.dimensions:
        return Series()
    k = past.dimensions.index(dimension)
    enough = past.sufficient[:, k].tolist()

    def known(values: object) -> tuple[float, ...]:
        if values is None:
            return ()
        column = values[:, k].tolist()  # type: ignore[index]
        return tuple(v if e else nan for v, e in zip(column, enough, strict=True))

    low, high = known(past.low), known(past.high)
    bounded = any(isfinite(v) for v in (*low, *high))
    return Series(
        ends_ms=history.ends_ms,
        values=known(past.value),
        low=low if bounded else (),
        high=high if bounded else (),
    )
