"""A small engine of one version, filled with made-up traffic."""

from __future__ import annotations

import numpy as np

from driftline.aggregates.panes import Panes
from driftline.aggregates.totals import Totals
from driftline.pipeline import synthetic
from driftline.pipeline.engine import Pipeline
from driftline.pipeline.needs.asked import Asked, kept_ms
from driftline.pipeline.registry import Registry
from driftline.pipeline.slots import Slot
from driftline.pipeline.stream import StreamEngine
from driftline.settings import DAY_MS, WindowKind

_MOST = 20_000
"""Events that are drawn at most; more are reckoned as multiples of them."""


def small_engine(asked: Asked) -> StreamEngine:
    """An engine with the one version, and nothing counted yet."""
    registry = Registry((asked.settings,), asked.limits, lambda *_: asked.profile)
    engine = StreamEngine(Pipeline(asked.stream, registry, asked.limits, {}), None, None)
    registry.schema_of(asked.model, asked.version)
    pipeline = engine.pipeline
    pipeline.watermark_ms = now_ms(asked)
    pipeline.learn_policies()
    slot = slot_of(engine)
    slot.seen(0, pipeline.watermark_ms)
    slot.predictions = 1
    return engine


def slot_of(engine: StreamEngine) -> Slot:
    """The one version."""
    return engine.pipeline.registry.slots[0]


def now_ms(asked: Asked) -> int:
    """An instant that lies well after all that any window reaches back to."""
    windows = (*asked.settings.drift_windows, *asked.settings.performance_windows)
    longest = max((kept_ms(w, asked.settings, asked.stream) for w in windows), default=DAY_MS)
    return 2 * longest + 20_000 * DAY_MS


def fill(asked: Asked, slot: Slot, kind: WindowKind, panes: Panes, span_ms: int) -> int:
    """One pane with the events of a span; returns its start. It lies in the newest window that is shown."""
    slide = panes.window.slide_ms
    end_ms = (now_ms(asked) - slot.delay_ms(kind)) // slide * slide
    panes.add(end_ms - slide, totals_of(asked, slot, kind, span_ms))
    return end_ms - slide


def totals_of(asked: Asked, slot: Slot, kind: WindowKind, span_ms: int) -> Totals:
    """The totals of a span's traffic."""
    random = np.random.default_rng(1)
    share = 1.0 if kind is WindowKind.DRIFT else asked.settings.labels.sample
    expected = max(1, round(asked.a_day * share * span_ms / DAY_MS))
    times = max(1, round(expected / _MOST))
    truth, predicted = synthetic.classes(slot, min(expected, _MOST), random)
    part = synthetic.predictions(slot, predicted, random)
    if kind is WindowKind.DRIFT:
        slot.measure_latency(part.latency_ms)
        totals = slot.drift.totals(part)
    else:
        changes = synthetic.labelled(slot, part, truth, random)
        totals = slot.performance.totals(changes, np.arange(len(truth)))
        totals.add(slot.performance.predictions(changes.sign, changes.segments))
    totals.counts *= times
    totals.sums *= times
    return totals
