"""Many series at once: one family's part of an evaluation, with all but the values kept between scrapes.

A block is made when a (model, version, window) first shows a statistic over some dimensions. From then on
a scrape adds a number to each kept text, which is what makes a series cost less than a microsecond.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import compress
from operator import attrgetter
from typing import Any

import numpy as np

from driftline.metrics.budget import Part
from driftline.metrics.declarations import FEATURE_STATISTICS
from driftline.metrics.labels import text_of
from driftline.metrics.placing import Place, place
from driftline.metrics.render import start_of
from driftline.metrics.view import WindowView
from driftline.records import Bools, Evaluation, Floats, Ints

WHOLE = 0
"""The number of the part that is the model itself; the budget never takes it away."""
_SPARE = 10_000
"""Numbers of parts that may be kept beyond those in use."""
_FEATURE = attrgetter("feature")
_ASKED = attrgetter("feature", "class_", "segment", "output", "average")


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Series of one family; their values have twelve digits, which is a third cheaper than all of them."""

    name: str
    source: str
    """Which of an evaluation's arrays holds the values: ``value``, ``low`` or ``high``."""
    columns: Ints
    starts: list[str]
    """Each series up to its value, as a template's text."""
    template: str
    """All series, to be filled with all values."""
    parts: Ints
    """The number of each series' part."""


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """A block with the values of this scrape, those that are unknown left out."""

    block: Block
    values: Floats
    known: Bools

    def lines(self, kept: Bools) -> tuple[int, str]:
        """How many series are of parts that are kept, by part number; and their lines."""
        shown = self.known & kept[self.block.parts]
        if shown.all():
            return len(shown), self.block.template % tuple(self.values.tolist())
        values = self.values[shown]
        return len(values), _template(compress(self.block.starts, shown)) % tuple(values.tolist())

    def counts(self, parts: int) -> Ints:
        """How many series each part has."""
        return np.bincount(self.block.parts[self.known], minlength=parts)

    def worst(self, scores: Floats) -> None:
        """Raises each part's score to its largest value here."""
        np.maximum.at(scores, self.block.parts[self.known], self.values[self.known])


Key = tuple[str, str, str, str, str]
"""(model, version, window, kind, statistic)."""
_Held = tuple[list[Any], list["Block"]]
"""The dimensions that blocks were made for, and the blocks."""


@dataclass(slots=True)
class Cache:
    """The blocks of the last scrape; those that a scrape does not ask for are forgotten after it."""

    parts: dict[Part | None, int] = field(default_factory=lambda: {None: WHOLE})
    _old: dict[Key, _Held] = field(default_factory=dict)
    _new: dict[Key, _Held] = field(default_factory=dict)

    def values(self, view: WindowView) -> Iterator[Values]:
        """All series of a window's samples."""
        for evaluation in view.evaluations:
            key = (view.model, view.version, view.window, view.kind, evaluation.statistic)
            yield from _values(evaluation, self._blocks(key, evaluation))

    def _blocks(self, key: Key, evaluation: Evaluation) -> list[Block]:
        what = _FEATURE if evaluation.statistic in FEATURE_STATISTICS else _ASKED
        asked = list(map(what, evaluation.dimensions))
        held = self._old.get(key)
        blocks = held[1] if held and held[0] == asked else list(self._make(key, evaluation))
        self._new[key] = (asked, blocks)
        return blocks

    def turn(self) -> None:
        """A scrape is over: what it did not ask for is forgotten; part numbers too, once many are unused."""
        self._old, self._new = self._new, {}
        live = sum(len(block.starts) for _asked, blocks in self._old.values() for block in blocks)
        if len(self.parts) > live + _SPARE:
            self._old, self.parts = {}, {None: WHOLE}

    def _make(self, key: Key, evaluation: Evaluation) -> Iterator[Block]:
        model, version, window, _kind, statistic = key
        where = text_of((("model", model), ("version", version), ("window", window)))
        families: dict[str, list[tuple[int, Place]]] = {}
        for column, dimension in enumerate(evaluation.dimensions):
            placed = place(statistic, dimension)
            if placed is not None:
                families.setdefault(placed.name, []).append((column, placed))
        for name, members in families.items():
            yield from self._family(name, where, (model, version), members)

    def _family(
        self, name: str, where: str, model: tuple[str, str], members: list[tuple[int, Place]]
    ) -> Iterator[Block]:
        columns = np.array([column for column, _placed in members], np.int64)
        labels = [f"{where},{text_of(p.labels)}" if p.labels else where for _column, p in members]
        parts = np.array([self._number(model, p.part) for _column, p in members], np.int64)
        for suffix, source in _SOURCES if name.startswith("performance_") else _SOURCES[:1]:
            starts = [start_of(name + suffix, text).replace("%", "%%") for text in labels]
            yield Block(name + suffix, source, columns, starts, _template(starts), parts)

    def _number(self, model: tuple[str, str], part: tuple[str, str] | None) -> int:
        return WHOLE if part is None else self.parts.setdefault((*model, *part), len(self.parts))


def _template(starts: Iterable[str]) -> str:
    return "\n".join([f"{start}%.12g" for start in starts])


_SOURCES = (("", "value"), ("_lower_bound", "low"), ("_upper_bound", "high"))


def _values(evaluation: Evaluation, blocks: list[Block]) -> Iterator[Values]:
    """Where a value is unknown or its gate is not met, its bounds are not shown either."""
    usable = evaluation.sufficient[-1] & np.isfinite(evaluation.value[-1])
    for block in blocks:
        source: Floats | None = getattr(evaluation, block.source)
        if source is not None:
            values = source[-1][block.columns]
            yield Values(block, values, usable[block.columns] & np.isfinite(values))
