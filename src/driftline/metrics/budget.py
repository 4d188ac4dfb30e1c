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

    So a feature near the limit does not come and go with every scrape. The room is never exceeded. What these
    leave of it is filled with the next ones, which have no hour, and give way to those that enter.
    """

    stay_ms: int = HOUR_MS
    _since_ms: dict[Part, int] = field(default_factory=dict)
    _guests: set[Part] = field(default_factory=set)

    def choose(self, candidates: Mapping[Part, Candidate], room: int, now_ms: int) -> set[Part]:
        """The parts to show, within ``room`` series."""
        if sum(candidate.series for candidate in candidates.values()) <= room:
            members, guests = list(candidates), list[Part]()
        else:
            members, guests = self._fit(candidates, room, now_ms)
        self._since_ms = {part: self._since_ms.get(part, now_ms) for part in members}
        self._guests = set(guests)
        return {*members, *guests}

    def _fit(
        self, candidates: Mapping[Part, Candidate], room: int, now_ms: int
    ) -> tuple[list[Part], list[Part]]:
        ranked = sorted(candidates, key=lambda part: (-candidates[part].score, part))
        reach = dict(zip(ranked, accumulate(candidates[part].series for part in ranked), strict=True))
        wanted = [part for part in ranked if self._wanted(part, reach[part], room, now_ms)]
        members = _within(wanted, candidates, room)
        return members, self._fill(ranked, reach, candidates, set(members), room)

    def _wanted(self, part: Part, reach: int, room: int, now_ms: int) -> bool:
        since_ms = self._since_ms.get(part)
        if since_ms is None:
            return reach <= room // 2
        return reach <= room or now_ms - since_ms < self.stay_ms

    def _fill(
        self,
        ranked: list[Part],
        reach: Mapping[Part, int],
        candidates: Mapping[Part, Candidate],
        members: set[Part],
        room: int,
    ) -> list[Part]:
        """Guests of before that are still within reach, then the others by rank."""
        left = room - sum(candidates[part].series for part in members)
        others = [part for part in ranked if part not in members]
        stay = [part for part in others if part in self._guests and reach[part] <= room]
        staying = set(stay)
        return _within([*stay, *(part for part in others if part not in staying)], candidates, left)


def _within(ranked: list[Part], candidates: Mapping[Part, Candidate], room: int) -> list[Part]:
    totals = accumulate(candidates[part].series for part in ranked)
    return [part for part, total in zip(ranked, totals, strict=True) if total <= room]
