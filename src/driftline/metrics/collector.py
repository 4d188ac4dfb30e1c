"""The last view as metrics. What vanishes from the view vanishes from the scrape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from driftline.metrics import daemon_series
from driftline.metrics.blocks import WHOLE, Cache, Values
from driftline.metrics.budget import Budget, Candidate, Part
from driftline.metrics.render import Families, render
from driftline.metrics.view import DaemonView
from driftline.records import Bools, Floats, Ints


@dataclass(slots=True)
class Collector:
    """Renders views; remembers which parts were shown, so the series budget is steady, and label texts."""

    budget: Budget = field(default_factory=Budget)
    _cache: Cache = field(default_factory=Cache)

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
        found = [
            values
            for stream in view.streams
            for window in stream.windows
            if window.exported
            for values in self._cache.values(window)
        ]
        self._show(families, found, view)
        self._cache.turn()
        return families

    def _show(self, families: Families, found: list[Values], view: DaemonView) -> None:
        parts = list(self._cache.parts)
        counts = _counts(found, len(parts))
        fixed = families.count + int(counts[WHOLE]) + 1
        kept = self._chosen(
            parts, counts, _scores(found, parts), max(0, view.max_series - fixed), view.now_ms
        )
        for values in found:
            count, lines = values.lines(kept)
            if count:
                families.add(values.block.name, lines, count)
        families.put("metrics_series_suppressed", "", int(counts[~kept].sum()))

    def _chosen(
        self, parts: list[Part | None], counts: Ints, scores: Floats, room: int, now_ms: int
    ) -> Bools:
        """Which parts are shown, by their number."""
        candidates = {
            part: Candidate(score, count)
            for part, score, count in zip(parts, scores.tolist(), counts.tolist(), strict=True)
            if part is not None and count
        }
        chosen = self.budget.choose(candidates, room, now_ms)
        return np.array([part is None or part in chosen for part in parts], np.bool_)


def _counts(found: list[Values], parts: int) -> Ints:
    return sum((values.counts(parts) for values in found), start=np.zeros(parts, np.int64))


def _scores(found: list[Values], parts: list[Part | None]) -> Floats:
    """A feature's worst PSI, -1 without one; classes and segments come before features."""
    scores = np.array([-1.0 if part is None or part[2] == "feature" else np.inf for part in parts])
    for values in found:
        if values.block.name == "feature_psi":
            values.worst(scores)
    return scores
