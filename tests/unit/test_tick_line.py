"""The log: one line a tick and stream with stable keys, and nothing for an event."""

from __future__ import annotations

import json

from driftline.store.backup import backup
from tests.faults.test_reload import START, World


def ticks(world: World) -> list[dict]:
    lines = (json.loads(line) for line in (world.path.parent / "log").read_text().splitlines())
    return [line for line in lines if line["event"] == "tick"]


def test_a_tick_with_records_has_one_line(tmp_path):
    """However many records were read; a commit without any has none. Ids are remembered to tell copies, and wait for no label."""
    world = World(tmp_path)
    world.source.append("p", 0, b"no event", START)
    world.minutes(0, 12)
    world.daemon.commit()
    (line,) = ticks(world)
    expected = {
        "stream": "main", "records": 13, "watermark": "2023-11-14T22:31:00Z", "lag": 0, "staged": 0, "pending": 0, "remembered": 12,
        "rejected": 1, "late": 0, "paused": 0,
    }  # fmt: skip
    assert expected == {key: line[key] for key in expected}
    assert {*expected, "event", "level", "time", "commit_ms"} == line.keys()


def test_the_first_tick_after_a_restart_tells_of_its_own_records(tmp_path):
    """Not of all that were ever read."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one = World(tmp_path / "one")
    one.minutes(0, 12)
    backup(tmp_path / "one" / "state.db", tmp_path / "two" / "state.db")
    two = World(tmp_path / "two")
    two.minutes(0, 12)  # the log that both read; the copy has these records already
    two.minutes(12, 15)
    assert [[12], [3]] == [[line["records"] for line in ticks(world)] for world in (one, two)]


def test_whether_it_is_ready_is_told_when_that_changes(tmp_path):
    """Once, with the reasons: not only on a page that nobody looks at."""
    world = World(tmp_path)
    world.source.set_up(up=False)
    for _ in range(3):
        world.daemon.refresh_view(force=True)
    world.source.set_up(up=True)
    world.daemon.refresh_view(force=True)
    lines = [json.loads(line) for line in (world.path.parent / "log").read_text().splitlines()]
    told = [(line["event"], line.get("reasons")) for line in lines if "ready" in line["event"]]
    assert [("not ready", ["Kafka cannot be reached"]), ("ready", None)] == told[-2:]
    assert 1 == told.count(told[-2])


def test_a_version_over_the_limit_is_told_once(tmp_path):
    """``versions_per_model`` is 5: the sixth is not monitored, which nobody would notice otherwise."""
    world = World(tmp_path)
    for number in range(12):
        event = {"prediction_id": str(number), "model": "m", "version": str(number // 2), "prediction": "1"}
        world.source.append("p", 0, json.dumps({**event, "time": START}).encode())
    world.daemon.tick(0)
    world.daemon.runners[0].look(1e9, world.daemon.log)
    lines = [json.loads(line) for line in (world.path.parent / "log").read_text().splitlines()]
    told = [(x["model"], x["version"], x["why"]) for x in lines if x["event"] == "not monitored"]
    assert [("m", "5", "limits.versions_per_model (5) is reached")] == told
