"""Where a sample is shown: its family, its own labels, and the part of the model that it belongs to."""

from __future__ import annotations

from typing import NamedTuple

from driftline.metrics.declarations import (
    FEATURE_STATISTICS,
    PERFORMANCE_STATISTICS,
    PREDICTION_STATISTICS,
)
from driftline.records import Dimension


class Place(NamedTuple):
    """A series but for its value."""

    part: tuple[str, str] | None
    """(``feature``, ``class`` or ``segment``, name); None: the model as a whole."""
    name: str
    labels: tuple[tuple[str, str], ...]
    """Its own, after model, version and window."""


def place(statistic: str, at: Dimension) -> Place | None:
    """Where a sample goes; None: it is not shown."""
    if statistic in FEATURE_STATISTICS:
        if at.feature is None or at.segment or at.class_:
            return None
        return Place(("feature", at.feature), FEATURE_STATISTICS[statistic][0], (("feature", at.feature),))
    if statistic in PERFORMANCE_STATISTICS:
        return _performance(PERFORMANCE_STATISTICS[statistic][0], at)
    if at.segment is not None:
        return None
    if statistic in PREDICTION_STATISTICS:
        return Place(None, PREDICTION_STATISTICS[statistic][0], (("output", at.output or ""),))
    if statistic == "class_ratio" and at.class_ is not None:
        return Place(("class", at.class_), "prediction_class_ratio", (("class", at.class_),))
    if statistic == "label_coverage":
        return Place(None, "label_coverage_ratio", ())
    return None


def _performance(name: str, at: Dimension) -> Place | None:
    average = (("average", at.average),) if at.average else ()
    if at.segment is not None:
        if at.class_ is not None:
            return None
        segment, value = at.segment
        labels = (("segment", segment), ("value", value), *average)
        return Place(("segment", f"{segment}={value}"), f"performance_segment_{name}", labels)
    if at.class_ is not None:
        return Place(("class", at.class_), f"performance_class_{name}", (("class", at.class_),))
    return Place(None, f"performance_{name}", average)
