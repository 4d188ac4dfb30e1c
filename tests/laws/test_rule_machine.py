"""Laws of the rule machine: when it fires, when it does not, and what it forgets."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from driftline.rules.machine import QUIET, Phase, Reason, State, from_row, step, to_row
from driftline.rules.spec import Comparison, RuleSpec
from driftline.settings import HOUR_MS

WHEN = Comparison(metric="f1", op="below", threshold=(0.92,))
OUTCOMES = st.sampled_from((True, True, True, False, None))
SPECS = st.builds(
    RuleSpec,
    name=st.just("r"),
    when=st.just(WHEN),
    for_ms=st.integers(0, 12).map(lambda h: h * HOUR_MS),
    for_windows=st.none() | st.integers(1, 5),
    keep_firing_for_ms=st.integers(0, 6).map(lambda h: h * HOUR_MS),
    no_data=st.sampled_from(("hold", "reset", "fire")),
)
GAPS = st.sampled_from((1, 1, 1, 1, 2, 5, 12, 13)).map(lambda h: h * HOUR_MS)
HISTORIES = st.lists(st.tuples(GAPS, OUTCOMES), max_size=60)
Step = tuple[int, bool | None, State, Reason]


def run(spec: RuleSpec, history: list[tuple[int, bool | None]]) -> list[Step]:
    """(instant, outcome, state after, reason) of each instant."""
    steps: list[Step] = []
    state, now_ms = QUIET, 0
    for gap_ms, outcome in history:
        now_ms += gap_ms
        state, reason = step(spec, state, outcome, now_ms)
        steps.append((now_ms, outcome, state, reason))
    return steps


@given(SPECS, HISTORIES)
def test_it_never_fires_early(spec, history):
    """From the first true instant of an episode to firing the duration has passed, or the windows are counted."""
    for now_ms, _, state, reason in run(spec, history):
        if reason is Reason.FIRED and spec.for_windows is None:
            assert now_ms - state.active_since_ms >= spec.for_ms
        elif reason is Reason.FIRED:
            assert spec.for_windows == state.trues


@given(SPECS, HISTORIES)
def test_it_fires_only_on_a_true_instant_without_a_false_one_since_the_start(spec, history):
    """``for`` means every instant in between."""
    steps = run(spec, history)
    read = {None: {"hold": None, "reset": False, "fire": True}[spec.no_data], True: True, False: False}
    for now_ms, outcome, state, reason in steps:
        if reason is Reason.FIRED:
            assert read[outcome] is True
            assert False not in [read[o] for t, o, *_ in steps if state.active_since_ms <= t <= now_ms]


@given(SPECS, HISTORIES)
def test_it_fires_once_an_episode_and_resolves_once(spec, history):
    """Firing and resolving alternate; each firing has a number of its own."""
    told = [(r, s.number) for *_, s, r in run(spec, history) if r in (Reason.FIRED, Reason.RESOLVED)]
    numbers = [number for reason, number in told if reason is Reason.FIRED]
    assert [Reason.FIRED, Reason.RESOLVED] * (len(told) // 2) + [Reason.FIRED] * (len(told) % 2) == [
        r for r, _ in told
    ]
    assert sorted(set(numbers)) == numbers


@given(SPECS, HISTORIES, st.integers(0, 60))
def test_a_restart_between_any_two_instants_changes_nothing(spec, history, at):
    """The state goes through JSON and back, and the rest happens as if nothing had been."""
    whole = run(spec, history)
    now_ms, state = (whole[at - 1][0], whole[at - 1][2]) if 0 < at <= len(whole) else (0, QUIET)
    state = from_row(json.loads(json.dumps(to_row(state))))
    rest = []
    for gap_ms, outcome in history[at:] if 0 < at <= len(whole) else history:
        now_ms += gap_ms
        state, reason = step(spec, state, outcome, now_ms)
        rest.append((now_ms, outcome, state, reason))
    assert whole[at if 0 < at <= len(whole) else 0 :] == rest


@given(HISTORIES, st.integers(0, 48), st.data())
def test_instants_with_too_little_data_move_no_transition(history, hours, data):
    """Between instants that are no gap apart, any number of insufficient ones changes nothing that is told."""
    spec = RuleSpec(name="r", when=WHEN, for_ms=hours * HOUR_MS, max_gap_ms=10**15)
    told = [(t, r) for t, _, _, r in run(spec, history) if r is not Reason.INSUFFICIENT]
    more: list[tuple[int, bool | None]] = []
    for gap_ms, outcome in history:
        early = data.draw(st.integers(1, gap_ms - 1))
        more += [(early, None), (gap_ms - early, outcome)]
    assert told == [(t, r) for t, _, _, r in run(spec, more) if r is not Reason.INSUFFICIENT]


@given(st.integers(1, 200), st.integers(0, 30))
def test_a_48_hour_rule_fires_at_the_exact_instant(slide_minutes, good):
    """At the first instant at least 48 h after the first true one, whatever the slide."""
    slide_ms, for_ms = slide_minutes * 60_000, 48 * HOUR_MS
    spec = RuleSpec(name="r", when=WHEN, for_ms=for_ms)
    needed = -(-for_ms // slide_ms)
    steps = run(spec, [(slide_ms, False)] * good + [(slide_ms, True)] * (needed + 3))
    start_ms = (good + 1) * slide_ms
    assert [start_ms + needed * slide_ms] == [t for t, _, _, r in steps if r is Reason.FIRED]


@given(SPECS, HISTORIES, st.integers(0, 24))
def test_another_duration_never_unfires(spec, history, hours):
    """A changed ``for`` is judged on the kept start; what fires goes on firing while it is true."""
    steps = run(spec, history)
    changed = RuleSpec(name="r", when=WHEN, for_ms=hours * HOUR_MS)
    if steps and steps[-1][2].phase is Phase.FIRING:
        now_ms, _, state, _ = steps[-1]
        after, reason = step(changed, state, True, now_ms + HOUR_MS)
        assert (Phase.FIRING, Reason.HOLDS, state.active_since_ms) == (
            after.phase,
            reason,
            after.active_since_ms,
        )


@given(HISTORIES)
def test_a_gap_ends_what_is_pending_and_leaves_what_fires(history):
    """After more than ``max_gap`` without an instant."""
    spec = RuleSpec(name="r", when=WHEN, for_ms=4 * HOUR_MS)
    before = run(spec, history)
    now_ms, state = (before[-1][0], before[-1][2]) if before else (0, QUIET)
    after, _ = step(spec, state, None, now_ms + spec.max_gap_ms + 1)
    expected = Phase.FIRING if state.phase is Phase.FIRING else Phase.INACTIVE
    assert expected == after.phase
