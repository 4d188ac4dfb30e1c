"""Replaying what the clock decided: a state file tells where a partition was taken for idle."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from driftline.cli import invoke
from driftline.cli.replay_inputs import controls
from driftline.records import Control
from driftline.store.rows import Commit
from driftline.store.sqlite import SqliteStore

MINUTE = 60_000
START = 28_333_340 * MINUTE
CONFIG = """
state: {path: other.db}
streams: {s: {predictions: [p], time: {out_of_orderness: 0s, allowed_lateness: 1m}}}
models: [{match: m, stream: s, task: binary, positive: "1", classes: ["0", "1"], labels: none, windows: {drift: [10m]}}]
rules: []
"""


@pytest.fixture
def world(tmp_path):
    """A busy partition, one with an old event, and the state of a daemon that had taken the second for idle."""
    (tmp_path / "c.yaml").write_text(CONFIG)
    for name, minutes in (("busy", range(30)), ("quiet", (5,))):
        events = [
            {
                "prediction_id": f"{name}{i}",
                "model": "m",
                "version": "1",
                "time": START + i * MINUTE,
                "prediction": "1",
            }
            for i in minutes
        ]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(e) + "\n" for e in events))
    with closing(SqliteStore.open(tmp_path / "state.db")) as store:
        where = {"topic": "p", "partition": 1, "offset": 0}
        rows = [("idle", START), ("wake", START + 20 * MINUTE)]
        noted = [("s", 1, kind, {**where, "watermark_ms": at_ms}) for kind, at_ms in rows]
        store.commit(
            Commit(controls=[*noted, ("s", 1, "reload", {"path": "c"}), ("other", 1, "wake", where)])
        )
    return tmp_path


def events(world, *more: str) -> list[float]:
    """Events in each judged window."""
    out = world / "out.jsonl"
    arguments = ["replay", "--config", str(world / "c.yaml"), "--samples", str(out), *more]
    for name in ("busy", "quiet"):
        arguments += ["--predictions", str(world / f"{name}.jsonl")]
    assert 0 == invoke(arguments)
    lines = map(json.loads, out.read_text().splitlines())
    return [line["value"] for line in lines if line["statistic"] == "events"]


def test_a_partition_that_was_idle_then_is_late_again(world):
    """§4.8: with equal logs and equal control records, what the live run dropped is dropped."""
    assert 31 * 10 == sum(events(world, "--until", "2023-11-14T23:00:00Z"))
    obeyed = events(world, "--until", "2023-11-14T23:00:00Z", "--controls", str(world / "state.db"))
    assert 30 * 10 == sum(obeyed)


def test_only_what_was_decided_about_partitions_of_the_stream_is_obeyed(world):
    """Reloads and other streams are none of a replay's business."""
    expected = [Control("idle", "p", 1, 0, START), Control("wake", "p", 1, 0, START + 20 * MINUTE)]
    assert expected == controls(world / "state.db", "s")
