"""Samples as JSON lines: the one shape of ``replay --samples``, the API and tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite

import msgspec
from msgspec import UNSET, UnsetType

from driftline.instants import rfc3339
from driftline.records import Dimension, Evaluation, Floats, SampleState

_Text = str | UnsetType


class SampleLine(msgspec.Struct, kw_only=True, gc=False):
    """One sample; fields stand in the order of the line, unset ones are left out."""

    statistic: str
    model: str
    version: str
    feature: str | None
    class_: _Text = msgspec.field(default=UNSET, name="class")
    segment: dict[str, str] | UnsetType = UNSET
    output: _Text = UNSET
    average: _Text = UNSET
    window: str
    end: str
    judged: str | None
    value: float | None
    n: int
    low: float | None
    high: float | None
    state: str


def _set(text: str | None) -> _Text:
    return UNSET if text is None else text


def _segment(dimension: Dimension) -> dict[str, str] | UnsetType:
    return UNSET if dimension.segment is None else {dimension.segment[0]: dimension.segment[1]}


def _bounds(bounds: Floats | None, e: int, k: int) -> list[float] | list[None]:
    return [None] * k if bounds is None else bounds[e].tolist()


def is_empty(evaluations: Sequence[Evaluation], e: int) -> bool:
    """Whether the window at end ``e`` has no events: then it has no samples either.

    ``events`` tells; without it, a window is empty when no statistic has a denominator.
    """
    for evaluation in evaluations:
        if evaluation.statistic == "events":
            return bool((evaluation.value[e] == 0).all())
    return not any(evaluation.n[e].any() for evaluation in evaluations)


def sample_rows(
    model: str,
    version: str,
    window_name: str,
    end_ms: int,
    judged_ms: int | None,
    evaluations: Sequence[Evaluation],
    e: int,
    ok: SampleState = SampleState.OK,
) -> Iterator[SampleLine]:
    """The samples of one window end; ``ok`` is the word for those that can be relied on."""
    if is_empty(evaluations, e):
        return
    end = rfc3339(end_ms)
    judged = None if judged_ms is None else rfc3339(judged_ms)
    good, bad = str(ok), str(SampleState.INSUFFICIENT)
    for evaluation in evaluations:
        size = len(evaluation.dimensions)
        for dimension, value, n, sufficient, low, high in zip(
            evaluation.dimensions,
            evaluation.value[e].tolist(),
            evaluation.n[e].tolist(),
            evaluation.sufficient[e].tolist(),
            _bounds(evaluation.low, e, size),
            _bounds(evaluation.high, e, size),
            strict=True,
        ):
            known = sufficient and isfinite(value)
            yield SampleLine(
                statistic=evaluation.statistic,
                model=model,
                version=version,
                feature=dimension.feature,
                class_=_set(dimension.class_),
                segment=_segment(dimension),
                output=_set(dimension.output),
                average=_set(dimension.average),
                window=window_name,
                end=end,
                judged=judged,
                value=value if known else None,
                n=n,
                low=low if known else None,
                high=high if known else None,
                state=good if known else bad,
            )


def sample_lines(
    model: str,
    version: str,
    window_name: str,
    end_ms: int,
    judged_ms: int | None,
    evaluations: Sequence[Evaluation],
    e: int,
    *,
    state_final: bool = False,
) -> list[bytes]:
    """The samples of one window end as JSON lines, without line ends; none for an empty window.

    An insufficient or undefined sample has null for value, low and high, and its n.
    ``state_final`` writes ``final`` for ``ok``.
    """
    encode = msgspec.json.Encoder().encode  # writes NaN as null
    word = SampleState.FINAL if state_final else SampleState.OK
    return [
        encode(row)
        for row in sample_rows(model, version, window_name, end_ms, judged_ms, evaluations, e, word)
    ]
