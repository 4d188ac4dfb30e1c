"""Stretches without data: when an instance changes in one, so that nobody has to look at every instant.

Stepping a machine with "no data" at each instant of a stretch gives the same as stepping it at the instants
that ``changes_at`` names and, at the stretch's end, ``passed``; a law says so.
"""

from __future__ import annotations

from dataclasses import replace

from driftline.rules.machine import Phase, State
from driftline.rules.spec import RuleSpec


def changes_at(spec: RuleSpec, state: State) -> int | None:
    """The first instant without data at or after this one changes the phase; None: none does.

    0 means the very next one.
    """
    if spec.no_data == "fire":
        return _firing(spec, state)
    if state.phase is Phase.FIRING and (state.cleared or spec.no_data == "reset"):
        return (state.last_true_ms or 0) + spec.keep_firing_for_ms
    if state.phase is not Phase.PENDING:
        return None
    return 0 if spec.no_data == "reset" else (state.last_judged_ms or 0) + spec.max_gap_ms + 1


def _firing(spec: RuleSpec, state: State) -> int | None:
    if state.phase is Phase.FIRING:
        return None
    waits = state.phase is Phase.PENDING and spec.for_windows is None
    return (state.active_since_ms or 0) + spec.for_ms if waits else 0


def passed(spec: RuleSpec, state: State, last_ms: int) -> State:
    """The state after a stretch that changed no phase, whose last instant was ``last_ms``."""
    if spec.no_data == "hold":
        return state
    state = replace(state, last_judged_ms=last_ms)
    if spec.no_data == "reset":
        return replace(state, cleared=state.phase is Phase.FIRING)
    # A rule by windows is stepped at each of them while it waits, so that they are counted.
    return replace(state, last_true_ms=last_ms, cleared=False)
