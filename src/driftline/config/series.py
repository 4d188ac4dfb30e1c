"""One series of a timeline: a statistic's samples from what YAML gave, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isnan
from typing import Any, TypeGuard

from driftline.config.messages import Place, shown, unknown
from driftline.durations import duration_ms
from driftline.records import Dimension
from driftline.rules.catalogue import STATISTICS
from driftline.rules.shorthand import values
from driftline.rules.timeline import ARRIVALS, Numbers, Series
from driftline.settings import GATED_AS, WindowKind

SAMPLE_KEYS = (
    "metric", "values", "model", "version", "window", "feature", "class", "segment", "output", "average",
    "n", "low", "high", "reference",
)  # fmt: skip
_OWN_GATE = frozenset(("precision", "recall", "f1"))
_UNGATED = frozenset(("events", "labelled", "label_coverage", "throughput"))
_REGRESSION = frozenset(("mae", "rmse", "r2", "mape", "bias"))

Mistake = tuple[Place, str]


def read_series(
    raw: Mapping[str, Any], names: tuple[str, str], average: str | None, gates: Mapping[str, int]
) -> tuple[Series | None, list[Mistake]]:
    """The series, or None with all mistakes in it. ``names`` are the test's (model, version)."""
    mistakes: list[Mistake] = list(_dimension_mistakes(raw))
    metric = str(raw.get("metric"))
    numbers = _numbers(raw, "values", None, mistakes)
    sized = {key: _numbers(raw, key, numbers, mistakes) for key in ("n", "low", "high") if key in raw}
    window_ms = None
    if "window" in raw:
        try:
            window_ms = duration_ms(raw["window"])
        except ValueError as error:
            mistakes.append((("window",), str(error)))
    reference, reference_n = _reference(raw, mistakes)
    if mistakes or numbers is None:
        return None, mistakes
    dimension = _dimension(raw, metric, average)
    gate = gate_of(metric, dimension, gates) if sized.get("n") else 0
    return Series(
        metric=metric, values=numbers, dimension=dimension, window_ms=window_ms, gate=gate,
        model=str(raw.get("model", names[0])), version=str(raw.get("version", names[1])),
        reference=reference, reference_n=reference_n, **sized,
    ), []  # fmt: skip


def gate_of(metric: str, dimension: Dimension, gates: Mapping[str, int]) -> int:
    """The least n that a statistic needs."""
    if metric in _UNGATED or metric == ARRIVALS:
        return 0
    if STATISTICS[metric].kind is WindowKind.DRIFT:
        return gates["drift"]
    if metric in _REGRESSION:
        return gates["regression"]
    averaged = metric in _OWN_GATE and dimension.average not in (None, "binary")
    return gates["averages" if averaged else GATED_AS.get(metric, metric)]


def _dimension_mistakes(raw: Mapping[str, Any]) -> Iterator[Mistake]:
    metric = raw.get("metric")
    if metric == ARRIVALS:
        return
    statistic = STATISTICS.get(str(metric))
    if statistic is None:
        hint = unknown(str(metric), sorted((*STATISTICS, ARRIVALS)))
        yield ("metric",), f"{shown(metric)} is not a statistic; {hint}"
        return
    if statistic.of_feature and "feature" not in raw:
        yield ("feature",), f"{metric} is of a feature; write feature: NAME"
    if not statistic.of_feature and "feature" in raw:
        yield ("feature",), f"{metric} is of the model, not of a feature; leave feature out"
    if "average" in raw and not statistic.averaged:
        yield ("average",), f"{metric} has no averages; precision, recall and f1 have"
    segment = raw.get("segment")
    if segment is not None and (not isinstance(segment, dict) or len(segment) != 1):
        yield ("segment",), f"found {shown(segment)}; write one segment, as {{region: nsw}}"


def _dimension(raw: Mapping[str, Any], metric: str, average: str | None) -> Dimension:
    if metric == ARRIVALS:
        return Dimension()
    feature, class_, output = (_text(raw.get(key)) for key in ("feature", "class", "output"))
    whole = STATISTICS[metric].averaged and class_ is None
    segment = next(((str(k), str(v)) for k, v in (raw.get("segment") or {}).items()), None)
    if metric == "class_ratio":
        output = output or "class"
    return Dimension(feature, class_, segment, output, raw.get("average", average) if whole else None)


def _text(value: object) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def _numbers(
    raw: Mapping[str, Any], key: str, beside: Numbers | None, mistakes: list[Mistake]
) -> Numbers | None:
    """A series; beside another one it is as long, or one value for all of it, and has no holes."""
    if key not in raw:
        mistakes.append(((key,), 'is missing; write the samples, as "0.95x10 0.91x60"'))
        return None
    try:
        found = values(raw[key])
    except ValueError as error:
        mistakes.append(((key,), str(error)))
        return None
    if key == "values":
        return found
    if any(x is None or isnan(x) for x in found):
        mistakes.append(((key,), "has holes; write a number for each sample"))
    if beside is None or len(found) == len(beside):
        return found
    if len(found) > 1:
        mistakes.append(
            ((key,), f"has {len(found)} numbers for {len(beside)} samples; write as many, or one")
        )
    return found * len(beside)


def _reference(raw: Mapping[str, Any], mistakes: list[Mistake]) -> tuple[float | None, int | None]:
    """``0.9``, taken as certain, or ``{value: 0.9, n: 2000}``."""
    written = raw.get("reference")
    if written is None:
        return None, None
    value, n = (written.get("value"), written.get("n")) if isinstance(written, dict) else (written, None)
    if not _is_number(value) or (n is not None and (not _is_number(n) or n < 1)):
        mistakes.append(
            (("reference",), f"found {shown(written)}; write a number, or {{value: 0.9, n: 2000}}")
        )
        return None, None
    return float(value), None if n is None else int(n)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value  # noqa: PLR0124
