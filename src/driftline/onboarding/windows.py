"""Windows that the traffic can fill: long enough for the gates, and for an interval that says something."""

from __future__ import annotations

import math
from dataclasses import dataclass

from driftline.settings import DAY_MS, DEFAULT_GATES, Task, duration_text

PER_DAY_FOR_24H = 1000
"""Positives a day from which an F1 over 24 h is told from one two points lower."""
_ENOUGH = 300
"""Positives (or labels) in a window: its interval is a few points wide."""
_USUAL_DAYS = (1, 3, 7, 14, 28)
_SPARE = 1.5
"""Traffic varies: a window is to hold so many times its gate."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """How much comes: events a day, and those that count for performance (positives, or all labels)."""

    events_a_day: float
    counted_a_day: float
    counted: str
    """What ``counted_a_day`` are: ``positives`` or ``labels``."""


@dataclass(frozen=True, slots=True)
class Windows:
    """The windows' texts, and why they are so long."""

    drift_days: int
    performance_days: int
    reason: str

    @property
    def drift(self) -> str:
        """The name of the drift window."""
        return _text(self.drift_days)

    @property
    def performance(self) -> str:
        """The name of the performance window."""
        return _text(self.performance_days)


def window_yaml(days: int) -> str:
    """As it stands in a list of windows. A week and more is judged daily, so that days are multiples of it."""
    return _text(days) if days < 7 else f"{{length: {_text(days)}, slide: 1d}}"


def traffic(rows: int, span_ms: int, positives: int | None) -> Traffic:
    """Of data with ``rows`` rows over ``span_ms``; ``positives`` where the task has some."""
    days = max(span_ms, 1) / DAY_MS
    counted = rows if positives is None else positives
    return Traffic(rows / days, counted / days, "labels" if positives is None else "positives")


def choose_windows(found: Traffic, task: Task, *, labelled: bool = True) -> Windows:
    """24 h where it is enough, else the shortest usual length that is. Not ``labelled``: drift is all there will be."""
    gate = DEFAULT_GATES["f1"] if found.counted == "positives" else DEFAULT_GATES["accuracy"]
    drift = _days(found.events_a_day, DEFAULT_GATES["drift"] * _SPARE)
    # The accuracy of all labels has a gate of its own, which rare events reach late.
    least = max(
        _days(found.counted_a_day, max(_ENOUGH, gate * _SPARE)), _days(found.events_a_day, 200 * _SPARE)
    )
    performance = 1 if found.counted_a_day >= PER_DAY_FOR_24H and least == 1 else max(3, least)
    if not labelled:
        return Windows(
            drift, performance, f"{found.events_a_day:,.0f} events a day: drift over {_text(drift)}"
        )
    return Windows(drift, performance, _reason(found, task, drift, performance))


def _days(a_day: float, wanted: float) -> int:
    """The shortest usual number of days that hold ``wanted``; beyond, whole weeks."""
    needed = wanted / max(a_day, 1e-9)
    usual = next((days for days in _USUAL_DAYS if days >= needed), None)
    return usual if usual is not None else min(520, math.ceil(needed / 7)) * 7


def _text(days: int) -> str:
    return {1: "24h", 3: "72h"}.get(days) or duration_text(days * DAY_MS)


def _reason(found: Traffic, task: Task, drift: int, performance: int) -> str:
    what = "F1" if task is not Task.REGRESSION else "an error"
    held = found.counted_a_day * performance
    return (
        f"{found.events_a_day:,.0f} events and {found.counted_a_day:,.0f} {found.counted} a day: drift over {_text(drift)}; "
        f"{what} over {_text(performance)}, which then hold {held:,.0f} {found.counted}"
    )
