"""A state that was written under other settings, in today's terms: segments, and what panes count."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from driftline.aggregates.performance import PerformanceLayout, Segments
from driftline.aggregates.totals import Totals
from driftline.pipeline.slots import Slot
from driftline.records import Codes32
from driftline.settings import OTHER, Task, WindowKind

Convert = Callable[[Totals], Totals]
Conversions = dict[tuple[int, WindowKind], Convert | None]
"""By version and kind of window, where panes count otherwise by now; None: what they count is nothing today."""


class SegmentsThen:
    """Segment codes that were written under other segments, in today's: ``-1`` where nobody can tell."""

    def __init__(self, slots: Sequence[Slot], then: Mapping[int, Segments], width: int) -> None:
        self._width = width
        self._tables = {
            code: _tables(segments, slots[code].segments)
            for code, segments in then.items()
            if segments != slots[code].segments
        }

    def fits(self, codes: Codes32, slots: Codes32) -> bool:
        """Whether codes [k, S] of rows of these versions are today's."""
        return codes.shape[1] == self._width and not np.isin(slots, list(self._tables)).any()

    def today(self, codes: Codes32, slots: Codes32) -> Codes32:
        """Today's codes [k, width] of rows of these versions."""
        out = np.full((len(codes), self._width), -1, np.int32)
        both = min(codes.shape[1], self._width)
        out[:, :both] = codes[:, :both]
        for code, tables in self._tables.items():
            rows = np.flatnonzero(slots == code)
            if not len(rows):  # of a version that was not there for a while: it may have had more segments
                continue
            for place, (then, table) in enumerate(tables):
                out[rows, place] = -1 if then is None else table[codes[rows, then]]
        return out


def _tables(then: Segments, now: Segments) -> list[tuple[int | None, Codes32]]:
    """For each of today's segments its place then, and today's code by the code then; the last is of -1."""
    places = {name: (place, values) for place, (name, values) in enumerate(then)}
    found: list[tuple[int | None, Codes32]] = []
    for name, values in now:
        place, before = places.get(name, (None, ()))
        other = values.index(OTHER)
        # What was none of the values then may be one of those that are new.
        told = {value: code for code, value in enumerate(values)} | {
            OTHER: -1 if fresh(before, values) else other
        }
        codes = [told.get(value, other) for value in before]
        found.append((place, np.array([*codes, -1], np.int32)))
    return found


def fresh(before: Sequence[str], values: Sequence[str]) -> set[str]:
    """The values that were not told apart from others before."""
    return set(values) - set(before)


def begin(slot: Slot, data: Mapping[str, Any], then: PerformanceLayout, watermark_ms: int) -> Conversions:
    """Windows and segments that are new, or count otherwise (another reference, say), begin anew.

    What was read ahead of W was counted the old way too, so they begin after the last event that was seen.
    """
    begin_ms = max(watermark_ms, slot.last_ms + 1)
    since = {(kind, length, slide): since_ms for kind, length, slide, since_ms in data["windows"]}
    conversions: Conversions = {}
    if data["layouts"][str(WindowKind.DRIFT)] != slot.layout_id(WindowKind.DRIFT):
        conversions[slot.code, WindowKind.DRIFT] = None
    if _shape(then) != _shape(slot.performance):
        conversions[slot.code, WindowKind.PERFORMANCE] = _convert(then, slot)
    for kind, panes in slot.panes():
        key = (str(kind), panes.window.length_ms, panes.window.slide_ms)
        goes_on = conversions.get((slot.code, kind), as_it_is) is not None
        panes.since_ms = since[key] if goes_on and key in since else begin_ms
    before, known = dict(then.segments), data.get("segments_since", {})
    started = {
        name: begin_ms if fresh(before.get(name, ()), values) else known.get(name)
        for name, values in slot.segments
    }
    slot.segments_since_ms = {name: since_ms for name, since_ms in started.items() if since_ms is not None}
    return conversions


def as_it_is(totals: Totals) -> Totals:
    """The conversion of what counts today as it did."""
    return totals


def performance_then(data: Mapping[str, Any], slot: Slot) -> PerformanceLayout:
    """The layout that a version's performance was written with."""
    task, positive, segments, mean = json.loads(data["layouts"][str(WindowKind.PERFORMANCE)])
    # Files of an earlier release name the classes by model only, and those are the model's by now.
    classes = tuple(data.get("classes", slot.performance.classes))
    layout = PerformanceLayout.of(
        Task(task),
        classes,
        positive,
        tuple((name, tuple(values)) for name, values in segments),
        label_mean=mean,
    )
    return replace(layout, capacity=data.get("capacity", layout.capacity))


def _convert(then: PerformanceLayout, slot: Slot) -> Convert | None:
    if _meaning(then) != _meaning(slot.performance):
        return None
    return lambda totals: then.convert(totals, slot.performance)


def _meaning(layout: PerformanceLayout) -> tuple[Any, ...]:
    """What must be the same for counts to go on."""
    return layout.task, layout.positive, layout.label_mean


def _shape(layout: PerformanceLayout) -> tuple[Any, ...]:
    """What must be the same for counts to go on as they are."""
    return *_meaning(layout), layout.classes, layout.segments, layout.capacity
