"""The last view as metrics. What vanishes from the view vanishes from the scrape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from driftline.metrics import daemon_series
from driftline.metrics.budget import Budget, Candidate
from driftline.metrics.layout import EMPTY, WHOLE, Layout, layout_of, shown
from driftline.metrics.render import Families, render
from driftline.metrics.samples import Samples
from driftline.metrics.view import DaemonView
from driftline.records import Bools, Ints


@dataclass(slots=True)
class Collector:
    """Renders views; remembers which parts were shown, so the series budget is steady, and texts of series."""

    budget: Budget = field(default_factory=Budget)
    _layout: Layout = EMPTY

    def scrape(
        self, view: DaemonView, *, openmetrics: bool = False, process: Mapping[str, float] | None = None
    ) -> bytes:
        """The text of ``/metrics``: all of one view, which never changes. ``process``: see ``web.process``."""
        return render(self.families(view, process or {}), openmetrics=openmetrics)

    def families(self, view: DaemonView, process: Mapping[str, float]) -> Families:
        """All series of the view, parts within what the budget leaves them."""
        families = Families()
        daemon_series.write(families, view)
        for name, value in process.items():
            families.put(name, "", value)
        found = shown(window for stream in view.streams for window in stream.windows)
        self._layout = layout_of(found, self._layout)
        self._show(families, Samples.of(self._layout, found), view)
        return families

    def _show(self, families: Families, samples: Samples, view: DaemonView) -> None:
        counts = samples.counts()
        fixed = families.count + int(counts[WHOLE]) + 1
        kept = self._chosen(samples, counts, max(0, view.max_series - fixed), view.now_ms)
        for family in samples.layout.families:
            count, lines = samples.lines(family, kept)
            if count:
                families.add(family.name, lines, count)
        families.put("metrics_series_suppressed", "", int(counts[~kept].sum()))

    def _chosen(self, samples: Samples, counts: Ints, room: int, now_ms: int) -> Bools:
        """Which parts are shown, by their number."""
        parts = samples.layout.parts
        candidates = {
            part: Candidate(score, count)
            for part, score, count in zip(parts, samples.scores().tolist(), counts.tolist(), strict=True)
            if part is not None and count
        }
        chosen = self.budget.choose(candidates, room, now_ms)
        return np.array([part is None or part in chosen for part in parts], np.bool_)
