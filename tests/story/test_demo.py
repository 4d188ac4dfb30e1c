"""The demo as a reader of the README sees it: its story happens, on the topic and not only on the screen."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from confluent_kafka import Consumer, TopicPartition
from rich.console import Console

from driftline.cli import demo
from driftline.demo import elec2
from driftline.demo.story import REQUESTED, Story
from tests.prometheus.boards import BOARDS, filled, metrics, queries, variables

ALERT = "io.driftline.alert.fired.v1"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """The demo's folder, and every event of the trigger topic, second copies included."""
    folder = tmp_path_factory.mktemp("demo")
    console = Console(file=io.StringIO(), width=140)
    with ExitStack() as stack:
        story = demo._start(stack, folder, console)
        demo._live(story, console)
        with urlopen(f"{story.address}/metrics", timeout=10) as answer:
            (folder / "metrics.txt").write_bytes(answer.read())
        return folder, _topic(story)


def _topic(story: Story) -> list[dict[str, Any]]:
    """All of driftline.triggers, by an independent consumer."""
    settings = {"bootstrap.servers": story.bootstrap_servers, "group.id": "test", "enable.auto.commit": False}
    consumer = Consumer(settings)
    found: list[dict[str, Any]] = []
    try:
        place = TopicPartition("driftline.triggers", 0, 0)
        _low, high = consumer.get_watermark_offsets(place, timeout=20)
        consumer.assign([place])
        while len(found) < high:
            message = consumer.poll(20)
            assert message is not None
            assert message.error() is None
            found.append(json.loads(message.value() or b""))
    finally:
        consumer.close()
    return found


def test_the_retraining_is_requested_when_the_model_has_decayed(
    told: tuple[Path, list[dict[str, Any]]],
) -> None:
    """F1 fell in spring 1997, and again in summer."""
    asked = [e for e in told[1] if e["type"] == REQUESTED]
    assert {"f1-fell"} == {e["data"]["episode"]["rule"] for e in asked}
    assert ["1997-03-20T01:00:00Z", "1997-06-24T01:00:00Z"] == [e["time"] for e in asked[:2]]
    first = asked[0]["data"]["episode"]
    assert ("1997-03-18T01:00:00Z", "1997-03-20T01:00:00Z") == (first["start"], first["fired"])


def test_the_market_that_opened_in_may_is_an_alert(told: tuple[Path, list[dict[str, Any]]]) -> None:
    """Victoria's price and the transfer were constants until May 1997."""
    alerts = [
        e for e in told[1]
        if e["type"] == ALERT and e["data"]["episode"]["rule"] == "feature-drift" and e["time"].startswith("1997-05")
    ]  # fmt: skip
    assert 1 == len(alerts)
    assert {"vicprice", "transfer"} <= {d["feature"] for d in alerts[0]["data"]["drifted_features"]}


NOT_IN_THE_DEMO = {
    "driftline_partition_paused",  # nothing is paused at the end
    "driftline_performance_segment_f1",  # Elec2 has no segments
    "driftline_prediction_latency_seconds_bucket",  # and its predictions no latency
}


@pytest.mark.parametrize("name", BOARDS)
def test_every_query_of_the_dashboards_finds_its_metric(
    told: tuple[Path, list[dict[str, Any]]], name: str
) -> None:
    """Each metric that a panel names has a sample in the running demo."""
    shown = set(re.findall(r"^(\w+)", (told[0] / "metrics.txt").read_text(), re.MULTILINE))
    values = dict.fromkeys(variables(str(BOARDS[name])), "x") | {"measure": "f1"}
    asked = {found for _title, query in queries(BOARDS[name]) for found in metrics(filled(query, values))}
    assert len(asked) > 8
    assert set() == asked - shown - NOT_IN_THE_DEMO


def test_the_topic_holds_what_a_replay_of_the_same_events_gives(
    told: tuple[Path, list[dict[str, Any]]],
) -> None:
    """Live and replay are one engine: the same ids, each once."""
    folder, events = told
    ids = [e["id"] for e in events]
    assert len(ids) == len(set(ids)), "the daemon never stopped, so nothing was sent twice"
    assert set(ids) == _replayed(folder)


def _replayed(folder: Path) -> set[str]:
    arguments = []
    for topic in ("predictions", "labels"):
        path = folder / f"{topic}.jsonl"
        with path.open("wb") as out:
            out.writelines(value + b"\n" for name, _key, value in elec2.events() if name == topic)
        arguments += [f"--{topic}", str(path)]
    out_path = folder / "replayed.jsonl"
    command = [sys.executable, "-m", "driftline", "replay", "--config", str(folder / "config.yaml")]
    command += [*arguments, "--triggers", str(out_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return {json.loads(line)["id"] for line in out_path.read_text().splitlines()}


def test_the_command_ends_by_itself_without_a_terminal(tmp_path: Path) -> None:
    """Exit code 0, a summary, and the folder left behind."""
    command = [sys.executable, "-m", "driftline", "demo", "--exit", "--keep", str(tmp_path / "kept")]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    assert "1997 Q2" in done.stdout
    assert (tmp_path / "kept" / "state" / "driftline.db").exists()
