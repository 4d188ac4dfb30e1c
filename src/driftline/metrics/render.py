"""Families as text: the Prometheus exposition format 0.0.4 and OpenMetrics 1.0.

It knows nothing of drift: series of declared names in, bytes out. Labels come as text that is made once
(``labels.text_of``), so that a series costs one format and no sorting, hashing or escaping.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf, isfinite

from driftline.metrics.declarations import METRICS, Metric
from driftline.metrics.view import Histogram

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

_FULL_NAMES = {metric.name: metric.full_name for metric in METRICS}


@dataclass(slots=True)
class Families:
    """The series of a scrape, as lines by family."""

    lines: dict[str, list[str]] = field(default_factory=dict)
    count: int = 0
    """How many series there are."""

    def put(self, name: str, labels: str, value: float | None) -> None:
        """Shows a value; None, NaN and the infinities show nothing."""
        if value is not None and isfinite(value):
            braces = f"{{{labels}}}" if labels else ""
            self.add(name, f"{_FULL_NAMES[name]}{braces} {number(value)}")

    def put_histogram(self, name: str, labels: str, histogram: Histogram | None) -> None:
        """Shows a histogram; None shows nothing."""
        if histogram is not None:
            lines = list(_histogram(_FULL_NAMES[name], labels, histogram))
            self.add(name, "\n".join(lines), len(lines))

    def add(self, name: str, lines: str, count: int = 1) -> None:
        """Shows series that are text already."""
        self.lines.setdefault(name, []).append(lines)
        self.count += count


def number(value: float) -> str:
    """A sample value: integers without a fraction, others as the shortest text that reads back equal."""
    if isinstance(value, int):
        return str(value)
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(float(value))


def start_of(name: str, labels: str) -> str:
    """A series up to its value, for those who keep it: ``driftline_feature_psi{…} ``."""
    return f"{_FULL_NAMES[name]}{{{labels}}} "


def _histogram(name: str, labels: str, histogram: Histogram) -> Iterator[str]:
    bounds, counts, total_s = histogram
    total = counts[-1] if counts else 0
    before = f"{labels}," if labels else ""
    for bound, count in zip(bounds, counts, strict=False):
        if bound != inf:
            yield f'{name}_bucket{{{before}le="{float(bound)!r}"}} {count}'
    yield f'{name}_bucket{{{before}le="+Inf"}} {total}'
    braces = f"{{{labels}}}" if labels else ""
    yield f"{name}_sum{braces} {number(total_s)}"
    yield f"{name}_count{braces} {total}"


def _head(metric: Metric, openmetrics: bool) -> list[str]:
    name, kind = metric.full_name, metric.type
    if not openmetrics:
        return [f"# HELP {name} {metric.help}.", f"# TYPE {name} {'gauge' if kind == 'info' else kind}"]
    family = name.removesuffix({"counter": "_total", "info": "_info"}.get(kind, ""))
    unit = [f"# UNIT {family} {metric.unit}"] if metric.unit else []
    return [f"# HELP {family} {metric.help}.", f"# TYPE {family} {kind}", *unit]


def render(families: Families, *, openmetrics: bool = False) -> bytes:
    """The text of a scrape, families in the order of their declaration."""
    lines: list[str] = []
    for metric in METRICS:
        if series := families.lines.get(metric.name):
            lines += _head(metric, openmetrics)
            lines += series
    lines += ["# EOF", ""] if openmetrics else [""]
    return "\n".join(lines).encode()
