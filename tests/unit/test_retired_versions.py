"""Versions that others have replaced: out of sight, out of the limit, and back when they have events."""

from __future__ import annotations

import pytest

from driftline.pipeline.view import stream_view
from driftline.settings import HOUR_MS
from tests.unit.rule_run import FIRED, HOURLY, RESOLVED, START, Run, alert, at

EIGHT_DAYS = 8 * 24
LOW = {"metric": "accuracy", "below": 0.9}


def shown(run: Run) -> list[str]:
    """The versions that anything is shown of."""
    view = stream_view("s", run.engine, (), run.engine.rules.views(), None, None)
    versions = {m.version for m in view.models}
    assert versions >= {w.version for w in view.windows} | {r.version for r in view.rules}
    assert versions >= {key[2] for key in view.trigger_last_ms} | {i.version for i in view.rule_infos}
    return sorted(versions, key=int)


def versions(run: Run, numbers: range, *, restart: bool, every: int = EIGHT_DAYS) -> None:
    """One version after the other, an hour of each."""
    for number in numbers:
        run.feed(number * every, False, version=str(number))
        run.advance(number * every + 3)
        if restart:
            run.restart()


@pytest.mark.parametrize("restart", [False, True])
def test_a_version_that_was_replaced_makes_room(restart: bool) -> None:
    """Eight versions, one after the other: each is monitored, and the last ones are shown."""
    run = Run([alert(LOW)], HOURLY)
    versions(run, range(8), restart=restart)
    registry = run.engine.pipeline.registry
    assert [] == registry.refused
    run.advance(7 * EIGHT_DAYS + 40)
    assert ["7"] == shown(run)[-1:]
    assert len(shown(run)) <= 2
    if restart:
        assert len(registry.slots) <= 6
        counters = [k for k in run.kept if k[0] == "counter" and '"slot"' in k[1]]
        assert len(counters) <= 6


def test_versions_side_by_side_keep_their_places() -> None:
    """A sixth one beside five that have events is refused, as ever."""
    run = Run([alert(LOW)], HOURLY)
    for hour in range(0, 20 * 24, 24):
        for version in range(6 if hour > 48 else 5):
            run.feed(hour, False, version=str(version))
        run.advance(hour + 3)
    assert ["0", "1", "2", "3", "4"] == shown(run)
    assert 1 == len(run.engine.pipeline.registry.refused)


def test_a_version_that_comes_back_is_shown_again() -> None:
    """With its counts, as long as the process lives."""
    run = Run([alert(LOW)], HOURLY)
    versions(run, range(3), restart=False)
    assert ["2"] == shown(run)
    run.feed(3 * EIGHT_DAYS, False, version="0")
    assert ["0", "2"] == shown(run)
    assert 12 == run.engine.pipeline.registry.of["m", "0"].predictions


@pytest.mark.parametrize("rule", [alert(LOW), alert({"metric": "accuracy", "below": 2.0}, versions="0")])
def test_what_a_rule_has_to_do_with_stays(rule: dict) -> None:
    """What fires goes on to, and what a rule names is not out of its sight."""
    run = Run([rule], HOURLY)
    run.feed(0, True, version="0")
    run.advance(3)
    assert [(at(1), FIRED)] == run.events()
    versions(run, range(1, 4), restart=True)
    assert "0" in shown(run)


def test_silence_of_a_replaced_version_is_no_news() -> None:
    """Of the model's newest version it is, however long."""
    run = Run([alert({"no_events_for": "2h"})], HOURLY)

    def silence(hours: int) -> None:
        run.messages += run.engine.rules.silence(START + hours * HOUR_MS)

    run.feed(0, False, version="1")
    for hours in (1, 4):
        silence(hours)
    assert [FIRED] == [what for _, what in run.events()]
    run.feed(EIGHT_DAYS, False, version="2")
    for hours in (EIGHT_DAYS, EIGHT_DAYS + 1, EIGHT_DAYS + 30 * 24):
        silence(hours)
    found = [(run.data(i)["model"]["version"], what) for i, (_, what) in enumerate(run.events())]
    assert [("1", FIRED), ("1", RESOLVED), ("2", FIRED)] == found
