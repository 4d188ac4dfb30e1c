"""Rules over a pipeline: the exact instant, one request, cooldown, and restarts that change nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from math import nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from driftline.pipeline.engine import Pipeline
from driftline.pipeline.reasons import value_text
from driftline.pipeline.snapshot import restore, snapshot
from driftline.pipeline.stream import StreamEngine
from driftline.records import Dimension, Kind, RawBatch
from driftline.reference.build import build_profile
from driftline.reference.options import BuildOptions
from driftline.reference.profile import Profile
from driftline.rules.parse import parse_rules
from driftline.rules.verdict import Violation
from driftline.settings import (
    HOUR_MS,
    MINUTE_MS,
    Limits,
    Task,
    Window,
)
from driftline.store.blobs import decode, encode
from driftline.wiring import build_pipeline
from tests.unit.rule_run import (
    FIRED,
    HOURLY,
    LOW,
    MODEL,
    RESOLVED,
    START,
    STREAM,
    Run,
    alert,
    ask,
    at,
    told,
)


def played(
    rules: list[dict[str, Any]], wrong: range, hours: int, restarts: frozenset[int] = frozenset()
) -> Run:
    """A run of so many hours."""
    run = Run(rules)
    for number in range(hours):
        run.hour(number, wrong=number in wrong)
        if number in restarts:
            run.restart()
    return run


@pytest.mark.parametrize("restarts", [frozenset(), frozenset({10}), frozenset(range(0, 80, 4))])
def test_a_48h_rule_fires_at_the_exact_instant_whatever_restarts(restarts: frozenset[int]) -> None:
    """Fault 34: first true at 5 h 10 min, fired 48 h later; restarts change no byte."""
    run = played([LOW], range(5, 60), 80, restarts)
    first = 5 + 1 / 6
    assert run.events()[0] == (at(first + 48), "retraining.requested")
    assert [what for _, what in run.events()] == ["retraining.requested", "retraining.resolved"]
    assert [m.value for m in run.messages] == [m.value for m in played([LOW], range(5, 60), 80).messages]


def test_a_shorter_stretch_never_fires() -> None:
    """47 hours of a bad model are not 48."""
    assert played([LOW], range(5, 51), 80).events() == []


def test_several_rules_ask_once() -> None:
    """Fault 80: the second rule is attached, and the request is resolved when both are."""
    second = {**LOW, "name": "lower", "when": {"metric": "accuracy", "below": 0.5}, "for": "50h"}
    run = played([LOW, second], range(5, 70), 90)
    assert [what for _, what in run.events()] == ["retraining.requested", "retraining.resolved"]
    resolved = json.loads(run.messages[1].value or b"")
    assert resolved["data"]["episode"]["rule"] == "low"


def test_a_rule_that_notifies_sends_an_alert() -> None:
    """``then: notify`` is the default."""
    rule = {"name": "alert", "when": {"metric": "accuracy", "below": 0.9}, "for": "1h"}
    assert [what for _, what in played([rule], range(5, 8), 20).events()] == ["alert.fired", "alert.resolved"]


def test_three_windows_that_do_not_overlap() -> None:
    """``for: 3 windows`` is judged at multiples of the length only."""
    rule = {"name": "n", "when": {"metric": "accuracy", "below": 0.9}, "for": "3 windows"}
    assert played([rule], range(5, 9), 20).events()[0] == (at(8), "alert.fired")
    assert played([rule], range(5, 7), 20).events() == []


# -- conditions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("versions", [("1", "2"), ("2", "1")])
def test_versus_another_version_at_the_same_end(versions: tuple[str, str]) -> None:
    """Whichever version was seen first: at 5 h both are wrong, at 6 h only version 2 is."""
    when = {"metric": "accuracy", "drop": "5 points", "versus": "version 1"}
    run = Run([alert(when, versions="2")], HOURLY)
    for number in range(9):
        for version in versions:
            run.feed(number, wrong=number in {"1": (4,), "2": (4, 5)}[version], version=version)
        run.advance()
    assert run.events() == [(at(6), FIRED), (at(7), RESOLVED)]


def test_versus_a_version_without_data_is_too_little_to_judge() -> None:
    """Version 1 stops: its last value is not kept for ever."""
    run = Run(
        [alert({"metric": "accuracy", "drop": "5 points", "versus": "version 1"}, versions="2")], HOURLY
    )
    for number in range(6):
        for version in ("1", "2") if number < 2 else ("2",):
            run.feed(number, wrong=number >= 2, version=version)
        run.advance()
    assert run.events() == []


def test_versus_the_previous_window() -> None:
    """Worse than the hour before by more than half: once, at the step down."""
    when = {"metric": "accuracy", "drop": "50 percent", "versus": "previous window"}
    run = Run([alert(when)], HOURLY)
    for number in range(8):
        run.hour(number, wrong=number >= 3)
    assert run.events()[0] == (at(4), FIRED)


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    """A reference with an accuracy of 0.75, and features a and b that are never missing."""
    rows = ["a,b,prediction,label", *(f"{i},{i},1,{int(i % 4 != 0)}" for i in range(100))]
    (tmp_path / "r.csv").write_text("\n".join(rows))
    options = BuildOptions(
        model="m", version="1", features=("a", "b"), numeric=("a", "b"), prediction="prediction", label="label",
        positive="1", task=Task.BINARY,
    )  # fmt: skip
    return build_profile(tmp_path / "r.csv", options)


@pytest.mark.parametrize(("points", "expected"), [("70 points", [(at(4), FIRED)]), ("80 points", [])])
def test_versus_the_reference(profile: Profile, points: str, expected: list[tuple[str, str]]) -> None:
    """0.75 of the reference to 0 is a drop of 75 points."""
    run = Run([alert({"metric": "accuracy", "drop": points, "versus": "reference"})], HOURLY, profile)
    for number in range(6):
        run.feed(number, wrong=number >= 3, features={"a": 1, "b": 1})
        run.advance()
    assert run.events() == expected


@pytest.mark.parametrize(
    ("more", "instances"),
    [
        ({}, [{"feature": "a"}, {"feature": "b"}]),
        ({"per_feature": {"b": 1}}, [{"feature": "a"}]),
        ({"at_least": 2}, [{}]),
        ({"at_least": 2, "per_feature": {"b": 1}}, []),
    ],
)
def test_features_have_limits_and_instances(
    profile: Profile, more: dict[str, Any], instances: list[dict[str, str]]
) -> None:
    """All values of both are missing, and nothing is above 1; with ``at_least`` there is one instance for all."""
    run = Run([alert({"metric": "missing_ratio", "feature": "*", "above": 0.5, **more})], HOURLY, profile)
    for number in range(4):
        run.feed(number, wrong=False, features={"a": None, "b": None} if number else {"a": 1, "b": 1})
        run.advance()
    assert [run.data(i)["episode"]["instance"] for i in range(len(run.messages))] == instances


def test_a_reason_names_every_feature_that_it_is_about(profile: Profile) -> None:
    """With ``at_least``: the furthest beyond its threshold first."""
    when = {"metric": "missing_ratio", "feature": "*", "above": 0.2, "at_least": 2}
    run = Run([alert(when)], HOURLY, profile)
    for number in range(2):
        for a in (None, 1):
            run.feed(number, wrong=False, features={"a": a, "b": None})
    run.advance()
    assert "is 1 for b, 0.5 for a, above 0.2 since" in run.data(0)["reason"]


@pytest.mark.parametrize(("how", "hours"), [("all", [6, 7]), ("any", [4, 9])])
def test_all_and_any(how: str, hours: list[int]) -> None:
    """Wrong in hours 3-5, twice the traffic in hours 5-7."""
    both = [{"metric": "accuracy", "below": 0.9}, {"metric": "throughput", "above": 0.002}]
    run = Run([alert({how: both})], HOURLY)
    for number in range(12):
        run.feed(number, wrong=number in (3, 4, 5))
        if number in (5, 6, 7):
            run.feed(number, wrong=number == 5, latency_ms=1)
        run.advance()
    assert run.events() == [(at(hours[0]), FIRED), (at(hours[1]), RESOLVED)]


# -- effects -------------------------------------------------------------------------------------------


def test_no_retraining_on_a_broken_feed() -> None:
    """``unless`` holds: it notifies instead."""
    rule = ask("low", unless={"metric": "events", "above": 0})
    assert [what for _, what in played([rule], range(3, 6), 12).events()] == [FIRED, RESOLVED]


@pytest.mark.parametrize("restarts", [frozenset(), frozenset(range(30))])
def test_rules_that_wait_for_the_cooldown_ask_together(restarts: frozenset[int]) -> None:
    """Resolved at 7 h, so nobody asks before 17 h; then one request, with both reasons."""
    run = Run([ask("a", cooldown="10h"), ask("b")], HOURLY)
    for number in range(24):
        run.hour(number, wrong=number in (*range(3, 6), *range(9, 20)))
        if number in restarts:
            run.restart()
    assert told(run) == [
        (at(5), "requested"),
        (at(7), "resolved"),
        (at(17), "requested"),
        (at(21), "resolved"),
    ]
    assert [[r["rule"] for r in run.data(i)["reasons"]] for i in range(4)] == 4 * [["a", "b"]]
    assert [run.data(i)["cooldown_until"] for i in (1, 2)] == [at(17), at(27)]


@pytest.mark.parametrize("restarts", [frozenset(), frozenset(range(30))])
def test_rules_that_fire_while_a_request_is_open_are_its_reasons(restarts: frozenset[int]) -> None:
    """Those of the same instant stand in the request, the later one in what resolves it, each with its own start."""
    later = ask("c", **{"for": "3h"})
    never = ask("d", **{"for": "30h"})
    alerts = ask("e", then="notify")
    run = Run([ask("a"), alerts, ask("b", **{"for": "30m"}), later, never], HOURLY)
    for number in range(14):
        run.hour(number, wrong=number in range(3, 9))
        if number in restarts:
            run.restart()
    asked = [i for i, (_, what) in enumerate(run.events()) if what.startswith("retraining")]
    assert [[r["rule"] for r in run.data(i)["reasons"]] for i in asked] == [["a", "b"], ["a", "b", "c"]]
    assert {r["episode_start"] for i in asked for r in run.data(i)["reasons"]} == {at(4)}
    assert [r["for"] for r in run.data(asked[1])["reasons"]] == ["1h", "30m", "3h"]
    assert [what for _, what in run.events()][:2] == ["retraining.requested", FIRED]


def test_nobody_asks_again_on_a_broken_feed() -> None:
    """The cooldown is over at 17 h, and ``unless`` holds at 17 h and 18 h."""
    run = Run([ask("a", cooldown="10h", unless={"metric": "events", "above": 6})], HOURLY)
    for number in range(22):
        run.feed(number, wrong=number in (*range(3, 6), *range(9, 22)))
        if number in (16, 17):
            run.feed(number, wrong=True, latency_ms=1)
        run.advance()
    assert told(run) == [(at(5), "requested"), (at(7), "resolved"), (at(19), "requested")]


def test_a_resolution_has_the_episode_of_its_request() -> None:
    """The opener fires a second time while another rule keeps the request open."""
    run = Run([ask("a"), ask("b", keep_firing_for="6h")], HOURLY)
    for number in range(24):
        run.hour(number, wrong=number in (3, 4, 5, 9, 10, 11))
    assert [what for _, what in told(run)] == ["requested", "resolved"]
    assert run.data(0)["episode"] == run.data(1)["episode"]


@pytest.mark.parametrize("left", [[], ["b"]])
def test_a_removed_rule_is_resolved(left: list[str]) -> None:
    """Its request ends with it, or with the last rule that was attached; what it was is still told."""
    run = Run([ask("a", severity="critical"), ask("b")], HOURLY)
    for number in range(6):
        run.hour(number, wrong=number >= 3)
    run.specs, _ = parse_rules([ask(name) for name in left], "rules")
    run.restart()
    for number in range(6, 10):
        run.hour(number, wrong=number < 8)
    assert told(run) == [(at(5), "requested"), (at(9 if left else 6), "resolved")]
    assert run.data(1)["reasons"] == run.data(0)["reasons"]
    assert [run.data(i)["severity"] for i in (0, 1)] == ["critical", "critical"]
    assert run.data(0)["episode"] == run.data(1)["episode"]


@pytest.mark.parametrize(
    ("change", "reasons"),
    [({"for": "90h"}, []), ({"when": {"metric": "accuracy", "below": 0.8}}, ["rule changed"])],
)
def test_a_changed_condition_starts_anew_and_a_changed_duration_does_not(
    change: dict[str, Any], reasons: list[str]
) -> None:
    """The old episode is resolved with that reason; a longer ``for`` un-fires nothing."""
    run = Run([ask("a")], HOURLY)
    for number in range(6):
        run.hour(number, wrong=number >= 3)
    run.specs, _ = parse_rules([{**ask("a"), **change}], "rules")
    run.restart()
    run.hour(6, wrong=True)
    assert [run.data(i)["reason"].split(":")[0] for i in range(1, len(run.messages))] == reasons


@pytest.mark.parametrize("steps", [1, 17])
def test_how_often_w_moves_changes_nothing(steps: int) -> None:
    """A long window is judged on, while a shorter one's panes are forgotten."""
    model = replace(HOURLY, performance_windows=(Window(24 * HOUR_MS, HOUR_MS),))
    run = Run([alert({"metric": "accuracy", "below": 0.9}, **{"for": "10h"})], model)
    for number in range(3):
        run.hour(number, wrong=True)
    for step in range(1, steps + 1):
        run.advance(3 + 17 * step / steps)
    assert run.events() == [(at(11), FIRED)]


def test_silence_outlasts_a_restart() -> None:
    """A restart is no event: the alert goes on, and a new one needs the whole duration."""
    run = Run([alert({"no_events_for": "2h"})])
    run.hour(0, wrong=False)
    for hours in (1, 2, 3):
        run.messages += run.engine.rules.silence(START + hours * HOUR_MS)  # type: ignore[union-attr]
    run.restart()
    for hours in (4, 7):
        run.messages += run.engine.rules.silence(START + hours * HOUR_MS)  # type: ignore[union-attr]
    assert [what for _, what in run.events()] == [FIRED]
    run.hour(7, wrong=False)
    run.messages += run.engine.rules.silence(START + 8 * HOUR_MS)  # type: ignore[union-attr]
    assert [what for _, what in run.events()] == [FIRED, RESOLVED]


def test_a_model_that_left_the_configuration_leaves_the_others_as_they_were() -> None:
    """Fault 67: codes of models and versions change at a restart; the state follows the names."""

    def pipeline(*names: str) -> Pipeline:
        models = tuple(replace(MODEL, match=name) for name in names)
        return build_pipeline(STREAM, models, Limits(), lambda *_: None)

    def batch(kind: Kind, topic: str, value: dict[str, Any]) -> RawBatch:
        values = [
            json.dumps({"prediction_id": "1", "model": m, "version": "1", "time": START, **value}).encode()
            for m in ("gone", "m")
        ]
        return RawBatch(kind, ((topic, 0),), np.zeros(2, np.int32), np.arange(2), np.full(2, -1), values)

    old = pipeline("gone", "m")
    old.feed(batch(Kind.PREDICTION, "p", {"prediction": "1"}))
    old.feed(batch(Kind.LABEL, "l", {"label": "1"}))
    blobs = {key: decode(encode(blob)) for key, blob in snapshot(old).items() if blob is not None}
    new = pipeline("m")
    restore(new, blobs)
    assert (1, 1, 1) == (new.join.table.live, new.labels.rows, len(new.registry.slots))
    StreamEngine(new).advance(frozenset(new.watermarks), 0, START + HOUR_MS)
    panes = new.registry.slots[0].performance_panes[0].panes
    again = {
        key: decode(encode(blob)) for key, blob in {**blobs, **snapshot(new)}.items() if blob is not None
    }
    third = pipeline("m")
    restore(third, again)
    for start, pane in third.registry.slots[0].performance_panes[0].panes.items():
        assert (panes[start].counts == pane.counts).all()
    assert new.join.pending() == 0


@pytest.mark.parametrize("size", [1, 4, 7, 30])
def test_a_trigger_has_the_same_bytes_however_the_log_was_cut(size: int) -> None:
    """Fault 74: what was read ahead of a window is no part of its evidence."""
    whole, cut = Run([LOW]), Run([LOW])
    for run, step in ((whole, 420), (cut, size)):
        events = []
        for number in range(70):
            for minute in range(0, 60, 10):
                shifted = minute - 30 if number % 7 == 0 and minute == 50 else minute
                events.append((number, shifted, 5 <= number < 60))
        for at_ in range(0, len(events), step):
            piece = events[at_ : at_ + step]
            for kind, topic in ((Kind.PREDICTION, "p"), (Kind.LABEL, "l")):
                values = [
                    json.dumps(
                        {"prediction_id": f"{h}/{m}/{at_ + i}", "model": "m", "version": "1", "revision": 1}
                        | {"time": START + h * HOUR_MS + m * MINUTE_MS}
                        | (
                            {"prediction": "1"}
                            if kind is Kind.PREDICTION
                            else {"label": "0" if wrong else "1"}
                        )
                    ).encode()
                    for i, (h, m, wrong) in enumerate(piece)
                ]
                n = len(piece)
                offsets = np.arange(at_, at_ + n)
                run.engine.pipeline.feed(
                    RawBatch(kind, ((topic, 0),), np.zeros(n, np.int32), offsets, np.full(n, -1), values)
                )
            run.messages += run.engine.advance(frozenset(), 0)
    assert whole.events()[0][1] == "retraining.requested"
    assert [m.value for m in whole.messages] == [m.value for m in cut.messages]


@pytest.mark.parametrize(
    ("value", "threshold", "said"),
    [(0.871, 0.92, "0.871"), (0.9196, 0.92, "0.9196"), (0.9199999, 0.92, "0.9199999"), (0.92, 0.92, "0.92"),
     (0.25, 0.25, "0.25"), (17.8123, 0.2, "17.8"), (0.2004, 0.2, "0.2004"), (nan, 0.2, "unknown")],
)  # fmt: skip
def test_a_value_is_told_apart_from_its_threshold(value: float, threshold: float, said: str) -> None:
    """It would be a riddle: 0.92, below 0.92."""
    violation = Violation("f1", 0, Dimension(), value, nan, nan, threshold, 500)
    assert value_text(violation) == said


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ({"drop": "5 points", "versus": "reference"}, "is 0, a drop of more than 5 points versus reference (0.75) since"),
        ({"drop": "10 percent", "versus": "previous window"}, "is 0, a drop of more than 10% versus previous window (1) since"),
    ],
)  # fmt: skip
def test_a_reason_says_what_a_drop_is_measured_from(
    when: dict[str, Any], said: str, profile: Profile
) -> None:
    """A reader asks "from where?" first; restarts do not forget it."""
    run = Run([alert({"metric": "accuracy", **when})], HOURLY, profile)
    for number in range(6):
        run.feed(number, wrong=number >= 4, features={"a": 1, "b": 1})
        run.advance()
        run.restart()
    assert said in run.data(0)["reason"]
