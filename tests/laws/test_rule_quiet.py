"""Stretches without data: looking only where something changes equals looking at every instant."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from driftline.rules.machine import QUIET, Reason, State, step
from driftline.rules.quiet import changes_at, passed
from driftline.rules.spec import Comparison, RuleSpec
from driftline.settings import HOUR_MS

WHEN = Comparison(metric="f1", op="below", threshold=(0.92,))
EVERY = HOUR_MS
SPECS = st.builds(
    RuleSpec,
    name=st.just("r"),
    when=st.just(WHEN),
    for_ms=st.integers(0, 30).map(lambda h: h * HOUR_MS // 2),
    for_windows=st.none() | st.integers(1, 5),
    keep_firing_for_ms=st.integers(0, 20).map(lambda h: h * HOUR_MS // 2),
    max_gap_ms=st.integers(2, 20).map(
        lambda h: h * HOUR_MS // 2
    ),  # resolving a rule raises it to its cadence
    no_data=st.sampled_from(("hold", "reset", "fire")),
)
STRETCHES = st.lists(st.tuples(st.sampled_from((True, True, False, None)), st.integers(0, 40)), max_size=8)
Told = list[tuple[int, Reason]]
MOVES = frozenset((Reason.STARTED, Reason.FIRED, Reason.CLEARED, Reason.RESOLVED, Reason.GAP))


def everywhere(spec: RuleSpec, stretches: list[tuple[bool | None, int]]) -> tuple[list[State], Told]:
    """Every instant: one with data, then so many without."""
    state, now_ms, states, told = QUIET, 0, [], []
    for outcome, empty in stretches:
        for place in range(empty + 1):
            now_ms += EVERY
            state, reason = (
                step(spec, state, outcome, now_ms)
                if not place
                else step(spec, state, None, now_ms, empty=True)
            )
            told.append((now_ms, reason))
            if not place:
                states.append(state)
    return states, [(t, r) for t, r in told if r in MOVES]


def where_it_changes(spec: RuleSpec, stretches: list[tuple[bool | None, int]]) -> tuple[list[State], Told]:
    """The same, by leaps."""
    state, now_ms, states, told = QUIET, 0, [], []
    for outcome, empty in stretches:
        now_ms += EVERY
        state, reason = step(spec, state, outcome, now_ms)
        states.append(state)
        told.append((now_ms, reason))
        last_ms, at_ms = now_ms + empty * EVERY, now_ms
        while (change := changes_at(spec, state)) is not None:
            next_ms = max(-(-change // EVERY) * EVERY, at_ms + EVERY)
            if next_ms > last_ms:
                break
            if spec.no_data != "hold" and next_ms - EVERY > at_ms:
                state = passed(spec, state, next_ms - EVERY)
            at_ms = next_ms
            state, reason = step(spec, state, None, at_ms, empty=True)
            told.append((at_ms, reason))
        if last_ms > at_ms:
            state = passed(spec, state, last_ms)
        now_ms = last_ms
    return states, [(t, r) for t, r in told if r in MOVES]


@given(SPECS, STRETCHES)
def test_leaps_tell_what_every_instant_tells(spec, stretches):
    """The same transitions at the same instants, and the same state at every instant with data."""
    assert everywhere(spec, stretches) == where_it_changes(spec, stretches)


@given(SPECS, STRETCHES)
def test_a_held_stretch_without_data_only_lets_timers_run(spec, stretches):
    """It starts nothing and fires nothing; ``max_gap`` ends what is pending, ``keep_firing_for`` what was over."""
    spec = replace(spec, no_data="hold")
    with_data, now_ms = set(), 0
    for _, empty in stretches:
        with_data.add(now_ms + EVERY)
        now_ms += (empty + 1) * EVERY
    between = {r for t, r in everywhere(spec, stretches)[1] if t not in with_data}
    assert between <= {Reason.GAP, Reason.RESOLVED}
