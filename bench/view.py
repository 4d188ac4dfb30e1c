"""What a view, the page and the API cost for a fleet: models that all have Elec2's numbers of 28 days."""

import copy
import importlib.util
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TypeVar

from driftline.metrics.view import DaemonView, StreamView
from driftline.pipeline.shown import WINDOWS_A_VIEW, Shown
from driftline.pipeline.stream import StreamEngine
from driftline.pipeline.view import stream_view
from driftline.web.api import ENDPOINTS
from driftline.web.page import render

MODELS = int(sys.argv[1]) if len(sys.argv) > 1 else 300
ROOT = Path(__file__).parents[1]


def elec2_view() -> ModuleType:
    """The tests' engine on Elec2."""
    spec = importlib.util.spec_from_file_location("elec2_view", ROOT / "tests" / "web" / "elec2_view.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fleet(engine: StreamEngine) -> StreamEngine:
    """The engine with copies of its one model: panes of their own, sharing the arrays."""
    registry = engine.pipeline.registry
    slot = registry.slots[0]
    for number in range(1, MODELS):
        other = copy.copy(slot)
        other.model, other.code = replace(slot.model, name=f"model-{number:03d}"), number
        other.drift_panes = [copy.copy(p) for p in slot.drift_panes]
        other.performance_panes = [copy.copy(p) for p in slot.performance_panes]
        registry.slots.append(other)
    return engine


Result = TypeVar("Result")


def timed(
    label: str, work: Callable[[], Result], times: int = 1, before: Callable[[], None] = lambda: None
) -> Result:
    """The median of some times; what the last one returned."""
    spent = []
    for _ in range(times):
        before()
        start = time.perf_counter()
        result = work()
        spent.append(time.perf_counter() - start)
    print(f"{label:55} {sorted(spent)[len(spent) // 2] * 1e3:9.1f} ms")
    return result


with tempfile.TemporaryDirectory() as folder:
    engine = fleet(elec2_view().fed(Path(folder), "1997-03-25T12:00:00Z")[0])
shown = Shown()


def view() -> StreamView:
    return stream_view(
        "main", engine, (), engine.rules.views() if engine.rules else (), ("28d",), None, shown
    )


def events() -> None:
    """Something arrives for every model."""
    for slot in engine.pipeline.registry.slots:
        for _kind, panes in slot.panes():
            panes.revision += 1


view()  # loads scipy
shown.kept.clear()
print(f"{MODELS} models, {2 * MODELS} windows shown, {WINDOWS_A_VIEW} or a quarter of them anew a view")
timed("first view: every window", view)
while any(kept.past is None for kept in shown.kept.values()):
    view()
timed("view, nothing new", view, 5)
stream = timed("view, new events for every model", view, 9, events)
daemon = DaemonView(streams=(stream,), now_ms=stream.watermark_ms or 0, ready=True)
page = timed("page", lambda: render(daemon), 3)
samples = next(e for e in ENDPOINTS if e.name == "samples")
timed("1000 samples", lambda: samples.answer(daemon, []), 3)
month = [("from", "1997-01-01T00:00:00Z"), ("statistic", "f1")]
timed("1000 samples of F1 over time", lambda: samples.answer(daemon, month), 3)
print(f"page {len(page.encode()) / 1e3:.0f} kB")
