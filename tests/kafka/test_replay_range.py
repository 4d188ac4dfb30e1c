"""``driftline replay --from-kafka`` on a real Kafka: transactions, deleted records, and an end of its own."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from driftline.cli import invoke
from tests.unit.replay_world import CONFIG, events, placed, write

pytestmark = pytest.mark.kafka

PREDICTIONS, LABELS = events(6)


class Log:
    """A partition's topic, and what a reader of committed records should see of it."""

    def __init__(self, servers: str, topic: str) -> None:
        self.topic = topic
        self.seen: list[dict] = []
        self._at = 0
        settings = {"bootstrap.servers": servers, "transactional.id": f"{topic}-t"}
        self._producer = Producer(settings)
        self._producer.init_transactions(20)

    def write(self, rows: list[dict], end: str) -> None:
        """A transaction that is committed, aborted, or left open; each ends with a marker that takes an offset."""
        self._producer.begin_transaction()
        for row in rows:
            self._producer.produce(self.topic, json.dumps(row).encode(), partition=0)
        assert 0 == self._producer.flush(20)
        if end == "committed":
            self._producer.commit_transaction(20)
            self.seen += [placed(row, self.topic, 0, self._at + i) for i, row in enumerate(rows)]
        elif end == "aborted":
            self._producer.abort_transaction(20)
        self._at += len(rows) + 1


@pytest.fixture
def world(any_kafka: Any, tmp_path: Path) -> dict[str, Any]:
    """Topics of this test's own, and a configuration that reads them."""
    own = f"r{uuid.uuid4().hex[:8]}"
    names = {name: f"{own}-{name}" for name in ("predictions", "labels")}
    admin = AdminClient({"bootstrap.servers": any_kafka.bootstrap_servers})
    for future in admin.create_topics([NewTopic(t, 1, 1) for t in names.values()]).values():
        future.result(20)
    text = CONFIG.replace("[predictions, more]", f"[{names['predictions']}]")
    text = text.replace("labels: [labels]", f"labels: [{names['labels']}]")
    (tmp_path / "c.yaml").write_text(text, encoding="utf-8")
    return {"folder": tmp_path, "servers": any_kafka.bootstrap_servers, "admin": admin, **names}


def _replay(world: dict[str, Any], *arguments: str) -> tuple[int, bytes]:
    out = world["folder"] / "out"
    command = [
        "replay",
        "--config",
        str(world["folder"] / "c.yaml"),
        "--stream",
        "main",
        "--samples",
        str(out),
    ]
    return invoke([*command, *arguments]), out.read_bytes() if out.exists() else b""


def _from_kafka(world: dict[str, Any], *offsets: str) -> tuple[int, bytes]:
    return _replay(world, "--from-kafka", "--bootstrap-servers", world["servers"], *offsets)


def _from_files(world: dict[str, Any], predictions: list[dict], labels: list[dict]) -> tuple[int, bytes]:
    files = [
        str(write(world["folder"] / f"{name}.jsonl", rows))
        for name, rows in (("p", predictions), ("l", labels))
    ]
    return _replay(world, "--predictions", files[0], "--labels", files[1])


def test_only_committed_records_are_read_and_it_ends_before_an_open_transaction(
    world: dict[str, Any],
) -> None:
    """Faults 32 and 33: aborted records and markers leave gaps; what is still open is not waited for."""
    predictions, labels = Log(world["servers"], world["predictions"]), Log(world["servers"], world["labels"])
    predictions.write(PREDICTIONS[:100], "committed")
    predictions.write(PREDICTIONS[:50], "aborted")
    predictions.write(PREDICTIONS[100:], "committed")
    predictions.write(PREDICTIONS[:5], "open")
    labels.write(LABELS, "committed")
    labels.write(LABELS[:5], "aborted")
    found = _from_kafka(world)
    assert _from_files(world, predictions.seen, labels.seen) == found
    assert found[1]


def test_ranges_may_end_on_what_no_reader_gets(world: dict[str, Any]) -> None:
    """The last offset is a marker, or of an aborted transaction."""
    predictions, labels = Log(world["servers"], world["predictions"]), Log(world["servers"], world["labels"])
    predictions.write(PREDICTIONS[:200], "committed")
    predictions.write(PREDICTIONS[200:], "committed")
    labels.write(LABELS[:200], "committed")
    labels.write(LABELS[:50], "aborted")
    found = _from_kafka(
        world, "--offsets", f"{world['predictions']}:0:0-200", "--offsets", f"{world['labels']}:0:0-220"
    )
    assert _from_files(world, predictions.seen[:200], labels.seen) == found
    assert found[1]


def test_records_that_were_deleted_are_told_with_exit_code_4(world: dict[str, Any], capsys: Any) -> None:
    """Fault 24: the range begins below the oldest record; without a range, what is left is read."""
    predictions, labels = Log(world["servers"], world["predictions"]), Log(world["servers"], world["labels"])
    predictions.write(PREDICTIONS, "committed")
    labels.write(LABELS, "committed")
    for future in world["admin"].delete_records([TopicPartition(world["predictions"], 0, 60)]).values():
        future.result()
    assert 4 == _from_kafka(world, "--offsets", f"{world['predictions']}:0:59-100")[0]
    message = f"{world['predictions']}[0]: offset 59 is no longer there; the oldest that is left is 60"
    assert message in capsys.readouterr().err
    assert _from_files(world, predictions.seen[60:], labels.seen) == _from_kafka(world)
