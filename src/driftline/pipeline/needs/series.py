"""How many series a version shows, as the real collector counts them."""

from __future__ import annotations

from driftline.aggregates.panes import Panes
from driftline.metrics.collector import Collector
from driftline.metrics.view import DaemonView, RuleView
from driftline.pipeline.engine import Pipeline
from driftline.pipeline.lookup import Latest, SlotLookup
from driftline.pipeline.needs.asked import Asked
from driftline.pipeline.needs.filled import now_ms
from driftline.pipeline.registry import Registry
from driftline.pipeline.slots import Slot
from driftline.pipeline.stream import StreamEngine, evaluate
from driftline.pipeline.view import stream_view
from driftline.records import Evaluation
from driftline.rules.resolve import resolve
from driftline.rules.verdict import bindings
from driftline.settings import Task, WindowKind


def series_of(view: DaemonView) -> int:
    """How many series a view shows where no budget is in the way."""
    return Collector().families(view, {}).count


def series_of_version(asked: Asked, engine: StreamEngine, slot: Slot) -> int:
    """Series that the version adds, its rules' included."""
    rules, triggers = _rules(asked, slot)
    view = stream_view(asked.stream.name, engine, (), rules, asked.exported, None)
    without = stream_view(asked.stream.name, _empty(asked), (), (), asked.exported, None)
    most = 1 << 40
    shown = DaemonView(streams=(view,), triggers_total=triggers, max_series=most)
    return series_of(shown) - series_of(DaemonView(streams=(without,), max_series=most))


def _empty(asked: Asked) -> StreamEngine:
    registry = Registry((asked.settings,), asked.limits, lambda *_: None)
    engine = StreamEngine(Pipeline(asked.stream, registry, asked.limits, {}), None, None)
    engine.pipeline.watermark_ms = now_ms(asked)
    return engine


def _rules(asked: Asked, slot: Slot) -> tuple[tuple[RuleView, ...], dict[tuple[str, str, str, str], int]]:
    """Every instance of every rule that concerns the version, and the counters of its triggers."""
    latest = {
        (kind, p.window.length_ms): Latest(0, 0, 0, _evaluated(slot, kind, p)) for kind, p in slot.panes()
    }
    lookup = SlotLookup(slot, lambda kind, length_ms: latest.get((kind, length_ms)), {})
    average = {Task.BINARY: "binary", Task.MULTICLASS: "macro"}.get(asked.settings.task)
    views: list[RuleView] = []
    triggers: dict[tuple[str, str, str, str], int] = {}
    for spec in asked.rules:
        resolved = resolve(spec, asked.settings) if spec.concerns(asked.model, asked.version) else None
        if resolved is None:
            continue
        if spec.then == "retrain":
            triggers[spec.name, asked.model, asked.version, spec.severity] = 0
        for binding in bindings(resolved.spec.when, lookup, average):
            view = RuleView(
                rule=spec.name, model=asked.model, version=asked.version, instance=binding,
                severity=spec.severity, value=0.5, threshold=0.5, last_judged_ms=0,
            )  # fmt: skip
            views.append(view)
    return tuple(views), triggers


def _evaluated(slot: Slot, kind: WindowKind, panes: Panes) -> list[Evaluation]:
    end_ms = max(panes.panes) + panes.window.slide_ms
    return evaluate(slot, kind, panes.window.length_ms, panes.peek(end_ms), None)
