"""Families as text: the Prometheus exposition format 0.0.4 and OpenMetrics 1.0.

It knows nothing of drift: declarations and values in, bytes out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf, isfinite

from driftline.metrics.declarations import METRICS, PREFIX, Metric
from driftline.metrics.view import Histogram

TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

Labels = tuple[tuple[str, str], ...]
_NOT_A_NAME = re.compile(r"[^a-zA-Z0-9_]")


@dataclass(slots=True)
class Families:
    """The values of a scrape: per metric name, series with their labels in order. NaN is absent."""

    values: dict[str, dict[Labels, float]] = field(default_factory=dict)
    histograms: dict[str, dict[Labels, Histogram]] = field(default_factory=dict)

    def put(self, name: str, labels: Labels, value: float | None) -> None:
        """Shows a value; None, NaN and the infinities show nothing."""
        if value is not None and isfinite(value):
            self.values.setdefault(name, {})[labels] = value

    def put_histogram(self, name: str, labels: Labels, histogram: Histogram | None) -> None:
        """Shows a histogram; None shows nothing."""
        if histogram is not None:
            self.histograms.setdefault(name, {})[labels] = histogram


def label_name(text: str) -> str:
    """A valid label name of any text: other characters become ``_``."""
    name = _NOT_A_NAME.sub("_", text) or "_"
    return f"_{name}" if name[0].isdigit() else name.lstrip("_") or "_"


def escape(text: str) -> str:
    """A label value as it stands between quotes; lone surrogates become ``?``, so the text is UTF-8."""
    clean = text.encode("utf-8", "replace").decode("utf-8")
    return clean.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def number(value: float) -> str:
    """A sample value: integers without a fraction, others as the shortest text that reads back equal."""
    if value == inf:
        return "+Inf"
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def _series(name: str, labels: Labels, value: str) -> str:
    if not labels:
        return f"{name} {value}"
    inner = ",".join(f'{key}="{escape(text)}"' for key, text in labels)
    return f"{name}{{{inner}}} {value}"


def _histogram(name: str, labels: Labels, histogram: Histogram) -> Iterator[str]:
    bounds, counts, total_s = histogram
    finite = [(b, c) for b, c in zip(bounds, counts, strict=False) if b != inf]
    total = counts[-1] if counts else 0
    for bound, count in finite:
        yield _series(f"{name}_bucket", (*labels, ("le", repr(float(bound)))), str(int(count)))
    yield _series(f"{name}_bucket", (*labels, ("le", "+Inf")), str(int(total)))
    yield _series(f"{name}_sum", labels, number(total_s))
    yield _series(f"{name}_count", labels, str(int(total)))


def _head(metric: Metric, openmetrics: bool) -> list[str]:
    name, kind = PREFIX + metric.name, metric.type
    if openmetrics:
        name = name.removesuffix("_total") if kind == "counter" else name.removesuffix("_info")
        return [f"# HELP {name} {metric.help}.", f"# TYPE {name} {kind}"]
    return [f"# HELP {name} {metric.help}.", f"# TYPE {name} {'gauge' if kind == 'info' else kind}"]


def _lines(families: Families, openmetrics: bool) -> Iterator[str]:
    for metric in METRICS:
        values: Mapping[Labels, float] = families.values.get(metric.name, {})
        histograms = families.histograms.get(metric.name, {})
        if not values and not histograms:
            continue
        yield from _head(metric, openmetrics)
        name = PREFIX + metric.name
        for labels, value in values.items():
            yield _series(name, labels, number(value))
        for labels, histogram in histograms.items():
            yield from _histogram(name, labels, histogram)
    if openmetrics:
        yield "# EOF"


def render(families: Families, *, openmetrics: bool = False) -> bytes:
    """The text of a scrape, families in the order of their declaration."""
    lines: Iterable[str] = _lines(families, openmetrics)
    return ("\n".join(lines) + "\n").encode()
