"""Rules where no data is: gaps, rules that left, versions and classes that are no more."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from driftline.rules.parse import parse_rules
from driftline.settings import HOUR_MS, LabelSettings
from tests.unit.rule_run import FIRED, HOURLY, RESOLVED, START, Run, alert, ask, at, told

LOW = {"metric": "accuracy", "below": 0.9}


def with_gap(rule: dict[str, Any], wrong: int, gap: int, after: int, cuts: tuple[float, ...] = ()) -> Run:
    """So many wrong hours after a good one, then hours without an event, then wrong ones."""
    run = Run([rule], HOURLY)
    run.hour(0, wrong=False)
    for number in range(1, 1 + wrong):
        run.hour(number, wrong=True)
    for hours in cuts:
        run.advance(1 + wrong + hours)
        run.restart()
    for number in range(1 + wrong + gap, 1 + wrong + gap + after):
        run.hour(number, wrong=True)
    return run


@pytest.mark.parametrize("cuts", [(), (0.5, 1, 3.2), tuple(range(1, 12))])
@pytest.mark.parametrize(
    ("gap", "more", "fires"),
    [
        # First true at 2 h, last at 3 h; the hours after the gap are judged from 4 h + gap on.
        (11, {}, 22),
        (12, {}, 36),
        (12, {"max_gap": "13h"}, 22),
        (30, {"no_data": "fire"}, 22),
        (30, {"no_data": "fire", "max_gap": "1h"}, 22),
        (3, {"no_data": "reset"}, 27),
    ],
)
def test_a_gap_inside_a_long_rule(
    gap: int, more: dict[str, Any], fires: int, cuts: tuple[float, ...]
) -> None:
    """Fault 63: held up to ``max_gap``; taken as true or as false where ``no_data`` says so."""
    run = with_gap(alert(LOW, **{"for": "20h"}, **more), 2, gap, 30, tuple(c for c in cuts if c < gap))
    assert run.events()[0] == (at(fires), FIRED)


@pytest.mark.parametrize("cuts", [(), (1, 2, 3, 4), (0.5, 9)])
@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, []),
        ({"no_data": "fire"}, []),
        ({"no_data": "reset"}, [(at(4), RESOLVED)]),
        ({"no_data": "reset", "keep_firing_for": "5h"}, [(at(8), RESOLVED)]),
        ({"keep_firing_for": "5h"}, []),
    ],
)
def test_what_fires_when_the_data_ends(
    more: dict[str, Any], expected: list[tuple[str, str]], cuts: tuple[float, ...]
) -> None:
    """Fault 55: last true at 3 h. Held, empty windows resolve nothing; ``reset`` takes the hour to 4 h as false."""
    run = with_gap(alert(LOW, **more), 2, 20, 0, cuts)
    run.advance(30)
    assert run.events() == [(at(2), FIRED), *expected]


def test_keep_firing_for_ends_without_data() -> None:
    """Fault 64: false at 4 h, so it is over; the timer from 3 h on needs no data to end, and one event at 8 h."""
    run = Run([alert(LOW, keep_firing_for="5h")], HOURLY)
    for number in range(4):
        run.hour(number, wrong=number in (1, 2))
    run.advance(20)
    assert run.events() == [(at(2), FIRED), (at(8), RESOLVED)]


def test_no_data_fires_a_rule_that_never_was_true() -> None:
    """Silence in event time: the labels' stream goes on, the predictions end."""
    run = Run([alert(LOW, no_data="fire", **{"for": "2h"})], HOURLY)
    run.hour(0, wrong=False)
    run.advance(9)
    assert run.events() == [(at(4), FIRED)]
    assert run.data(0)["window"] == {
        "name": "1h", "start": at(3), "end": at(4), "events": 0, "labelled": 0, "coverage": None,
    }  # fmt: skip


@pytest.mark.parametrize(("more", "fires"), [({"active_for": "3h"}, []), ({"versions": "1"}, [at(6)])])
def test_a_version_that_is_not_seen_any_more_is_not_judged(more: dict[str, Any], fires: list[str]) -> None:
    """The hour of its last event ends at 1 h: judged to 3 h and not to 6 h, unless the rule names it."""
    run = Run([alert(LOW, no_data="fire", **{"for": "4h"}, **more)], HOURLY)
    run.hour(0, wrong=False)
    run.advance(30)
    assert [t for t, _ in run.events()] == fires


def test_an_instance_whose_class_is_gone_has_too_little_data() -> None:
    """Class 0 is neither predicted nor a label from 3 h on: with ``reset`` that resolves it."""
    when = {"metric": "precision", "class": "*", "below": 0.5}
    run = Run([alert(when, no_data="reset")], HOURLY)
    for number in range(6):
        run.feed(number, wrong=False)
        if number < 3:
            run.feed(number, wrong=False, prediction="0")  # label 1
        run.advance()
    assert [(t, e, run.data(i)["episode"]["instance"]) for i, (t, e) in enumerate(run.events())] == [
        (at(1), FIRED, {"class": "0"}),
        (at(4), RESOLVED, {"class": "0"}),
    ]


def test_the_other_window_is_read_while_the_finest_is_empty() -> None:
    """``any`` of 1 h and 6 h: the day's last hour is in the long window until 10 h, and only there."""
    model = replace(
        HOURLY, performance_windows=(*HOURLY.performance_windows, replace(HOURLY.performance_windows[0], length_ms=6 * HOUR_MS))
    )  # fmt: skip
    both = {"any": [{**LOW, "window": "1h"}, {**LOW, "window": "6h"}]}
    run = Run([alert(both, no_data="reset")], model)
    for number in range(5):
        run.hour(number, wrong=number == 4)
    for hours in (6, 7.5, 20):
        run.advance(hours)
        run.restart()
    assert run.events() == [(at(5), FIRED), (at(11), RESOLVED)]


# -- other rules ---------------------------------------------------------------------------------------


def firing(*rules: dict[str, Any]) -> Run:
    """Rules that ask after an hour, at 5 h; then no event comes any more."""
    run = Run(list(rules), HOURLY)
    for number in range(6):
        run.hour(number, wrong=number >= 3)
    return run


@pytest.mark.parametrize("reload", ["restart", "replace"])
def test_a_removed_rule_is_resolved_without_data(reload: str) -> None:
    """Fault 67: at the first instant after W, 7 h, of what the rule was."""
    run = firing(ask("a"))
    run.advance(6.5)
    run.specs, _ = parse_rules([], "rules")
    if reload == "restart":
        run.restart()
    else:
        run.engine.rules.replace(run.specs)  # type: ignore[union-attr]
    run.advance(6.9)
    assert told(run) == [(at(5), "requested")]
    run.advance(9)
    assert told(run) == [(at(5), "requested"), (at(7), "resolved")]
    assert run.data(1)["reason"].startswith("rule removed: ")
    assert list(run.engine.rules.views()) == []  # type: ignore[union-attr]


def test_a_changed_rule_is_resolved_without_data() -> None:
    """Fault 67: another condition resolves the old episode with that reason, at the first instant after W."""
    run = firing(ask("a"))
    run.specs, _ = parse_rules([ask("a", when={**LOW, "below": 0.8})], "rules")
    run.restart()
    run.advance(9)
    assert told(run) == [(at(5), "requested"), (at(6), "resolved")]
    assert run.data(1)["reason"].startswith("rule changed: ")


@pytest.mark.parametrize(("uid", "expected"), [("u1", []), (None, [(at(6), "resolved")])])
def test_a_renamed_rule_keeps_its_state_by_its_uid(uid: str | None, expected: list[Any]) -> None:
    """Fault 67: without a uid the old name is gone, and the new one starts anew."""
    known = {} if uid is None else {"uid": uid}
    run = firing(ask("a", **known))
    run.specs, _ = parse_rules([ask("b", **known, **{"for": "90h"})], "rules")
    run.restart()
    run.hour(6, wrong=True)
    assert told(run)[1:] == expected
    assert [(v.rule, v.state) for v in run.engine.rules.views()] == [("b", "firing" if uid else "pending")]  # type: ignore[union-attr]


def test_a_rule_that_becomes_one_on_silence_ends_what_it_was() -> None:
    """Its request is resolved at W, and the wall clock is not mixed in."""
    run = firing(ask("a"))
    run.specs, _ = parse_rules([{"name": "a", "when": {"no_events_for": "2h"}}], "rules")
    run.restart()
    run.messages += run.engine.rules.silence(START + 500 * HOUR_MS)  # type: ignore[union-attr]
    assert told(run) == [(at(5), "requested"), (at(5 + 5 / 6), "resolved")]
    run.messages += run.engine.rules.silence(START + 503 * HOUR_MS)  # type: ignore[union-attr]
    assert run.events()[-1] == (at(503), FIRED)


def test_a_narrower_pattern_drops_the_instances_that_it_does_not_match() -> None:
    """The class that is not named any more is resolved, and shown no longer."""
    when = {"metric": "precision", "class": "*", "below": 0.5}
    run = Run([alert(when)], HOURLY)
    for number in range(4):
        run.feed(number, wrong=False)
        run.feed(number, wrong=False, prediction="0")
        run.advance()
    run.specs, _ = parse_rules([alert({**when, "class": "1*"})], "rules")
    run.restart()
    run.hour(4, wrong=False)
    assert run.events() == [(at(1), FIRED), (at(4), RESOLVED)]
    assert [v.instance for v in run.engine.rules.views()] == [{"class": "1"}]  # type: ignore[union-attr]


# -- requests ------------------------------------------------------------------------------------------


def test_a_rule_that_waits_asks_when_the_cooldown_ends_without_data() -> None:
    """It fires at 11 h, the data ends at 12 h, the cooldown at 17 h: ``fired`` is 11 h, ``time`` 17 h."""
    run = Run([ask("a", cooldown="10h")], HOURLY)
    for number in range(12):
        run.hour(number, wrong=number in (*range(3, 6), *range(9, 12)))
    for hours in (13, 16.5, 30):
        run.advance(hours)
        run.restart()
    assert told(run) == [(at(5), "requested"), (at(7), "resolved"), (at(17), "requested")]
    assert (run.data(2)["episode"]["start"], run.data(2)["episode"]["fired"]) == (at(10), at(11))


def test_a_backlog_asks_once() -> None:
    """Fault 79: a month read in one go asks once for 30 days of a bad model, marked as backfilled."""
    run = Run([ask("a")], HOURLY)
    for number in range(720):
        run.feed(number, wrong=number >= 24)
    run.messages += run.engine.advance(frozenset(), START + 1000 * HOUR_MS)
    assert told(run) == [(at(26), "requested")]
    assert run.data(0)["backfilled"] is True


def test_an_events_rule_without_labels() -> None:
    """A model with ``labels: none`` counts its events in the windows of drift."""
    model = replace(HOURLY, labels=LabelSettings(enabled=False))
    run = Run([alert({"metric": "events", "above": 6})], model)
    for number in range(6):
        run.feed(number, wrong=False)
        if number == 3:
            run.feed(number, wrong=False, latency_ms=1)
        run.advance()
    assert run.events() == [(at(4), FIRED), (at(5), RESOLVED)]


# -- retraction ----------------------------------------------------------------------------------------

SLOW = replace(HOURLY, labels=LabelSettings(delay_ms=0, corrections_ms=48 * HOUR_MS))


def corrected(rule: dict[str, Any], hours: range, *, at_hour: float, until: float = 40, cuts: int = 1) -> Run:
    """Wrong labels from 3 h to 5 h; those of some hours are mended at an hour."""
    run = Run([rule], SLOW)
    for number in range(9):
        run.hour(number, wrong=number in (3, 4))
    for number in hours:
        run.mend(number, known_hours=at_hour)
    for step in range(cuts):
        run.advance(9 + (until - 9) * (step + 1) / cuts)
        run.restart()
    return run


@pytest.mark.parametrize("cuts", [1, 7, 93])
@pytest.mark.parametrize(
    ("more", "hours", "at_hour", "expected"),
    [
        ({}, range(3, 5), 10.5, [at(11)]),
        ({}, range(3, 5), 28.5, [at(29)]),  # fired at 5 h: until 29 h
        ({}, range(3, 5), 29.5, []),
        ({}, range(3, 4), 10.5, []),  # one instant of it is still true
        ({"retract": False}, range(3, 5), 10.5, []),
        ({"retract_within": "3h"}, range(3, 5), 10.5, []),
        ({"then": "notify"}, range(3, 5), 10.5, []),
    ],
)
def test_mended_labels_take_a_request_back(
    more: dict[str, Any], hours: range, at_hour: float, expected: list[str], cuts: int
) -> None:
    """True from 4 h to 5 h, where it fired; once no instant of it is true, one retraction follows."""
    run = corrected(ask("a", **more), hours, at_hour=at_hour, cuts=cuts)
    assert [t for t, what in told(run) if what == "retracted"] == expected


def test_a_retraction_tells_the_old_and_the_new_values() -> None:
    """It has the episode, the window and the reasons of its request."""
    run = corrected(ask("a"), range(3, 5), at_hour=10.5)
    assert told(run) == [(at(5), "requested"), (at(6), "resolved"), (at(11), "retracted")]
    first, last = run.data(0), run.data(2)
    assert [last[k] == first[k] for k in ("episode", "window", "model")] == [True, True, True]
    assert last["retraction"]["was"] == first["violations"]
    assert [v["value"] for v in last["retraction"]["was"]] == [0.0]
    assert [v["value"] for v in last["retraction"]["is"]] == [1.0]
    assert last["violations"] == last["retraction"]["is"]
    assert (
        last["reason"]
        == f"retracted: accuracy of m/1 over 1h is 1, no longer below 0.9 as it was since {at(4)}"
    )
    events = [json.loads(m.value or b"") for m in run.messages]
    schema = json.loads(files("driftline.schemas").joinpath("trigger.schema.json").read_text())
    assert [e.message for event in events for e in Draft202012Validator(schema).iter_errors(event)] == []


def test_a_label_that_came_before_its_prediction_is_in_the_data_range() -> None:
    """Fault 74: whichever of the two was read first, the trigger has the same bytes."""
    ranges = []
    for labels_first in (False, True):
        run = Run([ask("a", **{"for": "0s"})], HOURLY)
        for number in range(4):
            run.feed(number, wrong=number >= 3, labels_first=labels_first, label_minutes=-5)
            run.advance()
        run.advance(4.5)
        ranges.append([json.loads(m.value or b"")["data"]["data_range"] for m in run.messages])
    assert ranges[0] == ranges[1]
    assert [(r["kind"], r["first_offset"], r["last_offset"]) for r in ranges[0][0]] == [
        ("prediction", 18, 23),
        ("label", 18, 23),
    ]


@pytest.mark.parametrize(
    ("no_data", "hours", "expected", "said"),
    [
        ("reset", 4, (at(3), RESOLVED), "resolved: accuracy of m/1 over 1h is unknown for want of data (n = 6), which counts as no longer below 0.9 as it was"),
        ("fire", 3, (at(2), FIRED), "accuracy of m/1 over 1h is unknown for want of data (n = 6), which counts as below 0.9"),
    ],
)  # fmt: skip
def test_too_little_data_is_no_value(no_data: str, hours: int, expected: tuple[str, str], said: str) -> None:
    """The third hour (or the second) has half of what the gate asks for: neither its event nor the page has a number."""
    run = Run([alert(LOW, no_data=no_data)], replace(HOURLY, gates={**HOURLY.gates, "accuracy": 10}))
    for number in range(hours - 1):
        run.feed(number, wrong=no_data == "reset")
        if number < hours - 2:
            run.feed(number, wrong=no_data == "reset", segments={"half": "2"})
        run.advance()
    run.advance(hours - 0.5)
    assert expected == run.events()[-1]
    data = run.data(len(run.events()) - 1)
    assert data["reason"].startswith(said)
    assert [None] == [v["value"] for v in data["violations"]]
    (shown,) = run.engine.rules.views()
    assert shown.insufficient
    assert shown.value != shown.value


def test_no_event_at_all_is_said_in_words() -> None:
    """What no data is taken for must not read as if it had been measured."""
    run = Run([alert(LOW, no_data="fire")], HOURLY)
    run.hour(0, wrong=False)
    run.advance(5)
    run.hour(5, wrong=False)
    run.advance(6.5)
    assert [(at(2), FIRED), (at(6), RESOLVED)] == run.events()
    assert run.data(0)["reason"].startswith(
        "m/1 has no events, which counts as accuracy over 1h below 0.9 since"
    )
    assert run.data(1)["reason"].startswith("resolved: accuracy of m/1 over 1h is 1, no longer below 0.9")


GONE = replace(HOURLY, match="another")


@pytest.mark.parametrize("restarts", [1, 3])
@pytest.mark.parametrize(
    "rule", [alert(LOW), alert(LOW, then="retrain", cooldown="3h")], ids=["alert", "request"]
)
def test_what_a_model_that_left_has_open_is_told_to_be_over(rule: dict[str, Any], restarts: int) -> None:
    """At the next instant of what its rule was, with the tags of then; nothing is left of it afterwards."""
    run = Run([rule], replace(HOURLY, tags={"team": "pricing"}))
    for number in range(3):
        run.hour(number, wrong=True)
    run.advance(3.5)
    opened = run.events()
    run.model = GONE
    for _ in range(restarts):
        run.restart()
        assert [("m", "firing")] == [(v.model, v.state) for v in run.engine.rules.views()]
    run.advance(7)
    assert [
        *opened,
        (at(4), opened[0][1].replace("fired", "resolved").replace("requested", "resolved")),
    ] == run.events()
    data = run.data(1)
    assert {"name": "m", "version": "1", "tags": {"team": "pricing"}} == data["model"]
    assert data["reason"].startswith("rule removed: ")
    assert run.data(0)["episode"] == data["episode"]
    assert () == run.engine.rules.views()
    run.restart()
    run.advance(20)
    assert 2 == len(run.events())
    assert [] == run.engine.rules.departed


def test_a_model_that_comes_back_at_once_goes_on() -> None:
    """Nothing was told in between, so nothing is over."""
    run = Run([alert(LOW)], HOURLY)
    for number in range(3):
        run.hour(number, wrong=True)
    for model in (GONE, HOURLY):
        run.model = model
        run.restart()
    run.hour(3, wrong=True)
    run.advance(4.5)
    assert [(at(1), FIRED)] == run.events()
    run.hour(5, wrong=False)
    run.advance(6.5)
    assert [(at(1), FIRED), (at(6), RESOLVED)] == run.events()


def test_silence_of_a_model_that_left_is_over_by_the_wall_clock() -> None:
    """As of a rule that left."""
    run = Run([alert({"no_events_for": "2h"})], HOURLY)
    run.hour(0, wrong=False)
    for hours in (1, 4):
        run.messages += run.engine.rules.silence(START + hours * HOUR_MS)
    run.model = GONE
    run.restart()
    run.messages += run.engine.rules.silence(START + 5 * HOUR_MS)
    assert [FIRED, RESOLVED] == [what for _, what in run.events()]
    assert [] == run.engine.rules.departed
