"""The log: one line a tick and stream with stable keys, and nothing for an event."""

from __future__ import annotations

import json

from tests.faults.test_reload import START, World


def ticks(world: World) -> list[dict]:
    lines = (json.loads(line) for line in (world.path.parent / "log").read_text().splitlines())
    return [line for line in lines if line["event"] == "tick"]


def test_a_tick_with_records_has_one_line(tmp_path):
    """However many records were read; a commit without any has none. Ids wait, so that copies can be told."""
    world = World(tmp_path)
    world.source.append("p", 0, b"no event", START)
    world.minutes(0, 12)
    world.daemon.commit()
    (line,) = ticks(world)
    expected = {
        "stream": "main", "records": 13, "watermark": "2023-11-14T22:31:00Z", "lag": 0, "staged": 0, "pending": 12,
        "rejected": 1, "paused": 0,
    }  # fmt: skip
    assert expected == {key: line[key] for key in expected}
    assert {*expected, "event", "level", "time", "commit_ms"} == line.keys()
