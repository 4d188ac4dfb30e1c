"""Which series a view's samples make, in which order: made once, and kept as long as the dimensions stay the same.

All samples of all windows are one long vector. A family of series is a selection of it with a template of
their texts, so that a scrape fills numbers into templates, which costs less than a microsecond a series
whether there are few models with many features or many with few.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from typing import NamedTuple

import numpy as np

from driftline.metrics.budget import Part
from driftline.metrics.declarations import (
    FEATURE_STATISTICS,
    PERFORMANCE_STATISTICS,
    PREDICTION_STATISTICS,
)
from driftline.metrics.labels import text_of
from driftline.metrics.placing import Place, place
from driftline.metrics.render import start_of
from driftline.metrics.view import WindowView
from driftline.records import Dimension, Evaluation, Ints

WHOLE = 0
"""The number of the part that is the model itself; the budget never takes it away."""
_SHOWN = frozenset(
    (*FEATURE_STATISTICS, *PERFORMANCE_STATISTICS, *PREDICTION_STATISTICS, "class_ratio", "label_coverage")
)
_FEATURE = attrgetter("feature")
_DIMENSIONS = attrgetter("feature", "class_", "segment", "output", "average")


class Asked(NamedTuple):
    """What an evaluation is about: two of the same need the same series."""

    model: str
    version: str
    window: str
    kind: str
    statistic: str
    dimensions: list[object]


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """Series of one metric; their values have twelve digits, which is a third cheaper than all of them."""

    name: str
    source: str
    """Which of the vectors holds the values: ``value``, ``low`` or ``high``."""
    columns: Ints
    starts: list[str]
    """Each series up to its value, as a template's text."""
    template: str
    """All series, to be filled with all values."""
    parts: Ints
    """The number of each series' part."""


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The families of a view's samples, and the parts by their numbers."""

    asked: list[Asked]
    families: list[Family]
    parts: list[Part | None]


EMPTY = Layout([], [], [None])


def shown(windows: Iterable[WindowView]) -> list[tuple[WindowView, Evaluation]]:
    """The evaluations that have metrics, of exported windows."""
    return [(w, e) for w in windows if w.exported for e in w.evaluations if e.statistic in _SHOWN]


def layout_of(found: list[tuple[WindowView, Evaluation]], before: Layout) -> Layout:
    """The layout, which is the one before where nothing but values has changed."""
    asked = [Asked(w.model, w.version, w.window, w.kind, e.statistic, _dimensions(e)) for w, e in found]
    return before if before.asked == asked else _Making().make(asked, [e.dimensions for _w, e in found])


def _dimensions(evaluation: Evaluation) -> list[object]:
    """Of a feature's statistic the name is enough."""
    what = _FEATURE if evaluation.statistic in FEATURE_STATISTICS else _DIMENSIONS
    return list(map(what, evaluation.dimensions))


def template(starts: Iterable[str]) -> str:
    """The text of series, to be filled with their values."""
    return "\n".join([f"{start}%.12g" for start in starts])


_SOURCES = (("", "value"), ("_lower_bound", "low"), ("_upper_bound", "high"))


@dataclass(slots=True)
class _Making:
    """A layout as it is put together."""

    members: dict[str, list[tuple[int, str, int]]] = field(default_factory=dict)
    """By metric: (column, labels, part)."""
    parts: dict[Part | None, int] = field(default_factory=lambda: {None: WHOLE})

    def make(self, asked: list[Asked], dimensions: list[tuple[Dimension, ...]]) -> Layout:
        column = 0
        for about, of in zip(asked, dimensions, strict=True):
            self._place(about, of, column)
            column += len(of)
        families = [family for name in self.members for family in self._families(name)]
        return Layout(asked, families, list(self.parts))

    def _place(self, about: Asked, dimensions: tuple[Dimension, ...], first: int) -> None:
        where = text_of((("model", about.model), ("version", about.version), ("window", about.window)))
        for column, dimension in enumerate(dimensions, first):
            placed = place(about.statistic, dimension)
            if placed is not None:
                labels = f"{where},{text_of(placed.labels)}" if placed.labels else where
                number = self._number(about, placed)
                self.members.setdefault(placed.name, []).append((column, labels, number))

    def _number(self, about: Asked, placed: Place) -> int:
        part = None if placed.part is None else (about.model, about.version, *placed.part)
        return self.parts.setdefault(part, len(self.parts))

    def _families(self, name: str) -> Iterator[Family]:
        columns, labels, numbers = zip(*self.members[name], strict=True)
        for suffix, source in _SOURCES if name.startswith("performance_") else _SOURCES[:1]:
            starts = [start_of(name + suffix, text).replace("%", "%%") for text in labels]
            yield Family(
                name + suffix, source, np.array(columns), starts, template(starts), np.array(numbers)
            )
