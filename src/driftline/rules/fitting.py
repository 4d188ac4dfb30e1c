"""Whether a comparison fits its statistic: what cannot be judged, or asks for an improvement, is a mistake."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from driftline.rules.catalogue import STATISTICS, Better, Statistic
from driftline.words import shown, unknown

Mistake = tuple[str, str]
"""(place below the condition, what would be right)"""


def mistakes(metric: str, op: str, unit: str | None, raw: Mapping[str, Any]) -> Iterator[Mistake]:
    """Everything that does not fit between a known statistic and the rest of its condition."""
    statistic = STATISTICS[metric]
    yield from _change(metric, op, unit, raw, statistic)
    yield from _per_feature(op, raw)
    yield from _bounded(metric, raw, statistic)
    if statistic.of_feature and "feature" not in raw:
        yield "", f'{metric} is of a feature: add feature: NAME, or feature: "*"'
    if "feature" in raw and not statistic.of_feature:
        yield ".feature", f"{metric} is of the model, not of a feature; leave feature out"
    yield from _single(raw)
    for key, known in _CHOICES.items():
        if key in raw and raw[key] not in known:
            yield f".{key}", f"found {shown(raw[key])}; {unknown(str(raw[key]), known)}"
    if "output" in raw and metric not in _OF_OUTPUT:
        yield ".output", f"{metric} has no outputs; {', '.join(_OF_OUTPUT)} have"
    if "average" in raw and not statistic.averaged:
        yield ".average", f"{metric} has no averages; precision, recall and f1 have"


_CHOICES = {"average": ("binary", "macro", "micro", "weighted"), "output": ("score", "class", "value")}
_OF_OUTPUT = ("prediction_psi", "prediction_js_distance", "class_ratio")


def _single(raw: Mapping[str, Any]) -> Iterator[Mistake]:
    for key in ("feature", "class"):
        if isinstance(raw.get(key), list | dict):
            yield f".{key}", f"found {shown(raw[key])}; write one name or a glob, or a condition for each"


def _change(
    metric: str, op: str, unit: str | None, raw: Mapping[str, Any], statistic: Statistic
) -> Iterator[Mistake]:
    if unit == "points" and not statistic.share:
        yield f".{op}", f'points are for statistics in 0…1, which {metric} is not; write "percent"'
    if op == "drop" and statistic.better is Better.LOWER:
        yield ".drop", f"a drop of {metric} is an improvement; write rise"
    if op == "rise" and statistic.better is Better.HIGHER:
        yield ".rise", f"a rise of {metric} is an improvement; write drop"
    if op in ("drop", "rise") and statistic.distance and raw.get("versus") == "reference":
        yield ".versus", f"{metric} compares with the reference already; write above or below"
    if op in ("drop", "rise") and not statistic.in_reference and raw.get("versus") == "reference":
        yield ".versus", f'a reference has no {metric}; write "previous window" or "version X"'


def _bounded(metric: str, raw: Mapping[str, Any], statistic: Statistic) -> Iterator[Mistake]:
    """Without limits, the whole interval is never beyond anything, and the rule would never fire."""
    if "confidence" not in raw:
        return
    if not statistic.bounded:
        yield ".confidence", f"{metric} has no interval; leave confidence out"


def _per_feature(op: str, raw: Mapping[str, Any]) -> Iterator[Mistake]:
    if "per_feature" not in raw:
        return
    if op == "outside":
        yield ".per_feature", "one number for a feature does not fit outside; write above or below"
    if "feature" not in raw:
        yield ".per_feature", 'needs feature: add feature: "*"'
