"""The series budget: which features and other parts are shown when not all can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate

from driftline.settings import HOUR_MS

Part = tuple[str, str, str, str]
"""(model, version, ``feature``, ``class`` or ``segment``, name)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A part that wants to be shown: the higher the score, the sooner; ``series`` is its cost."""

    score: float
    series: int


@dataclass(slots=True)
class Budget:
    """Keeps the choice steady: a part enters within half the room, leaves beyond it, and stays an hour.

    So a feature near the limit does not come and go with every scrape. The room is never exceeded.
    """

    stay_ms: int = HOUR_MS
    _since_ms: dict[Part, int] = field(default_factory=dict)

    def choose(self, candidates: Mapping[Part, Candidate], room: int, now_ms: int) -> set[Part]:
        """The parts to show, within ``room`` series."""
        ranked = sorted(candidates, key=lambda part: (-candidates[part].score, part))
        reach = dict(zip(ranked, accumulate(candidates[part].series for part in ranked), strict=True))
        kept = self._fit(ranked, reach, candidates, room, now_ms)
        self._since_ms = {part: self._since_ms.get(part, now_ms) for part in kept}
        return set(kept)

    def _fit(
        self,
        ranked: list[Part],
        reach: Mapping[Part, int],
        candidates: Mapping[Part, Candidate],
        room: int,
        now_ms: int,
    ) -> list[Part]:
        if not ranked or reach[ranked[-1]] <= room:
            return ranked
        wanted = [part for part in ranked if self._wanted(part, reach[part], room, now_ms)]
        return _within(wanted, candidates, room)

    def _wanted(self, part: Part, reach: int, room: int, now_ms: int) -> bool:
        since_ms = self._since_ms.get(part)
        if since_ms is None:
            return reach <= room // 2
        return reach <= room or now_ms - since_ms < self.stay_ms


def _within(ranked: list[Part], candidates: Mapping[Part, Candidate], room: int) -> list[Part]:
    totals = accumulate(candidates[part].series for part in ranked)
    return [part for part, total in zip(ranked, totals, strict=True) if total <= room]
