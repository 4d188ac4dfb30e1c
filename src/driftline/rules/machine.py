"""One instance of a rule: inactive, pending, firing. A pure function of state, verdict and event time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from driftline.rules.spec import RuleSpec


class Phase(StrEnum):
    """Where an instance stands."""

    INACTIVE = "inactive"
    """The condition does not hold."""
    PENDING = "pending"
    """It holds, and its duration has not passed."""
    FIRING = "firing"
    """It has held for its duration, and was not resolved since."""


class Reason(StrEnum):
    """Why an instance moved, or did not."""

    STARTED = "started"
    HOLDS = "holds"
    FIRED = "fired"
    CLEARED = "cleared"
    """Pending, and the condition stopped holding."""
    RESOLVED = "resolved"
    GAP = "gap"
    """Pending, and nothing was judged for longer than ``max_gap``."""
    INSUFFICIENT = "insufficient"
    KEPT = "kept"
    """Firing on, for ``keep_firing_for``."""
    QUIET = "quiet"
    CHANGED = "rule changed"
    REMOVED = "rule removed"


@dataclass(frozen=True, slots=True)
class State:
    """What is kept of an instance. ``active_since_ms`` is the first true instant of its episode."""

    phase: Phase = Phase.INACTIVE
    active_since_ms: int | None = None
    fired_at_ms: int | None = None
    last_true_ms: int | None = None
    last_judged_ms: int | None = None
    trues: int = 0
    """True instants of a pending episode whose duration is in windows."""
    number: int = 0
    """Episodes so far, this one included."""
    cleared: bool = False
    """Firing, and the last instant that was judged true or false was false: ``keep_firing_for`` runs."""


QUIET = State()


def step(
    spec: RuleSpec, state: State, outcome: bool | None, now_ms: int, *, empty: bool = False
) -> tuple[State, Reason]:
    """The next state, and why. ``outcome`` None: too little data to judge.

    ``empty``: no window of the rule holds an event. Held (``no_data: hold``), such an instant is as if it were
    not there: ``max_gap`` runs on. One with too little data is there, and ends the gap.
    """
    state, gap = _after_gap(spec, state, now_ms)
    outcome = reading(spec, outcome)
    if outcome is not None or not empty:
        state = replace(state, last_judged_ms=now_ms)
    moved, reason = _moved(spec, state, outcome, now_ms)
    return moved, Reason.GAP if gap and reason in (Reason.QUIET, Reason.INSUFFICIENT) else reason


def reading(spec: RuleSpec, outcome: bool | None) -> bool | None:
    """What ``no_data`` makes of too little data."""
    return outcome if outcome is not None or spec.no_data == "hold" else spec.no_data == "fire"


def _moved(spec: RuleSpec, state: State, outcome: bool | None, now_ms: int) -> tuple[State, Reason]:
    if outcome is None:
        over = state.phase is Phase.FIRING and state.cleared and now_ms >= _kept_until_ms(spec, state)
        return (_ended(state), Reason.RESOLVED) if over else (state, Reason.INSUFFICIENT)
    return _true(spec, state, now_ms) if outcome else _false(spec, state, now_ms)


def _after_gap(spec: RuleSpec, state: State, now_ms: int) -> tuple[State, bool]:
    last = state.last_judged_ms
    gap = state.phase is Phase.PENDING and last is not None and now_ms - last > spec.max_gap_ms
    return (_ended(state), True) if gap else (state, False)


def _ended(state: State) -> State:
    return replace(
        state, phase=Phase.INACTIVE, active_since_ms=None, fired_at_ms=None, last_true_ms=None, trues=0,
        cleared=False,
    )  # fmt: skip


def _true(spec: RuleSpec, state: State, now_ms: int) -> tuple[State, Reason]:
    if state.phase is Phase.INACTIVE:
        state = replace(
            state,
            phase=Phase.PENDING,
            active_since_ms=now_ms,
            last_true_ms=now_ms,
            trues=1,
            number=state.number + 1,
        )
        reason = Reason.STARTED
    else:
        counted = state.phase is Phase.PENDING and spec.for_windows is not None
        state = replace(state, last_true_ms=now_ms, trues=state.trues + counted, cleared=False)
        reason = Reason.HOLDS
    if state.phase is Phase.PENDING and _held(spec, state, now_ms):
        return replace(state, phase=Phase.FIRING, fired_at_ms=now_ms), Reason.FIRED
    return state, reason


def _held(spec: RuleSpec, state: State, now_ms: int) -> bool:
    if spec.for_windows is not None:
        return state.trues >= spec.for_windows
    return now_ms - (state.active_since_ms or 0) >= spec.for_ms


def _false(spec: RuleSpec, state: State, now_ms: int) -> tuple[State, Reason]:
    if state.phase is Phase.INACTIVE:
        return state, Reason.QUIET
    if state.phase is Phase.PENDING:
        return _ended(state), Reason.CLEARED
    if now_ms < _kept_until_ms(spec, state):
        return replace(state, cleared=True), Reason.KEPT
    return _ended(state), Reason.RESOLVED


def _kept_until_ms(spec: RuleSpec, state: State) -> int:
    return (state.last_true_ms or 0) + spec.keep_firing_for_ms


def to_row(state: State) -> list[object]:
    """Plain values, for the snapshot."""
    return [
        str(state.phase), state.active_since_ms, state.fired_at_ms, state.last_true_ms, state.last_judged_ms,
        state.trues, state.number, state.cleared,
    ]  # fmt: skip


def from_row(row: list[object]) -> State:
    """The state that ``to_row`` wrote."""
    phase, *rest = row
    return State(Phase(str(phase)), *rest)  # type: ignore[arg-type]
