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
    number: int = 0
    """Episodes so far, this one included."""


QUIET = State()


def step(spec: RuleSpec, state: State, outcome: bool | None, now_ms: int) -> tuple[State, Reason]:
    """The next state, and why. ``outcome`` None: too little data to judge."""
    state, gap = _after_gap(spec, state, now_ms)
    if outcome is None and spec.no_data != "hold":
        outcome = spec.no_data == "fire"
    state = replace(state, last_judged_ms=now_ms)
    if outcome is None:
        return state, Reason.GAP if gap else Reason.INSUFFICIENT
    moved, reason = _true(spec, state, now_ms) if outcome else _false(spec, state, now_ms)
    return moved, Reason.GAP if gap and reason is Reason.QUIET else reason


def _after_gap(spec: RuleSpec, state: State, now_ms: int) -> tuple[State, bool]:
    last = state.last_judged_ms
    gap = state.phase is Phase.PENDING and last is not None and now_ms - last > spec.max_gap_ms
    return (_ended(state), True) if gap else (state, False)


def _ended(state: State) -> State:
    return replace(
        state, phase=Phase.INACTIVE, active_since_ms=None, fired_at_ms=None, last_true_ms=None, trues=0
    )


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
        state = replace(state, last_true_ms=now_ms, trues=state.trues + 1)
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
    if now_ms < (state.last_true_ms or now_ms) + spec.keep_firing_for_ms:
        return state, Reason.KEPT
    return _ended(state), Reason.RESOLVED


def to_row(state: State) -> list[object]:
    """Plain values, for the snapshot."""
    return [
        str(state.phase), state.active_since_ms, state.fired_at_ms, state.last_true_ms, state.last_judged_ms,
        state.trues, state.number,
    ]  # fmt: skip


def from_row(row: list[object]) -> State:
    """The state that ``to_row`` wrote."""
    phase, *rest = row
    return State(Phase(str(phase)), *rest)  # type: ignore[arg-type]
