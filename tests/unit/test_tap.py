"""``driftline tap``: what is read of a record beside the record, without a trace in Kafka."""

from __future__ import annotations

import json
from threading import Event, Thread

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from driftline.cli.tap_lenses import likely_kind
from driftline.onboarding.decoded import Lens
from driftline.records import Kind
from driftline.settings import Limits
from driftline.sources.embedded import EmbeddedBroker
from tests.unit.init_world import run

CONFIG = """
streams: {main: {predictions: [p], labels: [l]}}
models:
  - {match: "m", stream: main, task: binary, positive: "yes", references: "r-{version}.json", windows: {drift: [24h], performance: [24h]}}
"""
GOOD = {
    "prediction_id": "a",
    "model": "m",
    "version": "1",
    "time": 1_767_225_600_000,
    "features": {"x": 1.5, "c": "red"},
    "prediction": "yes",
    "score": 0.75,
}
LABEL = b'{"prediction_id":"a","model":"m","label":"no","time":"2026-01-02T00:00:00Z","revision":2}'
DEAD = "driftline.dead-letters"
RECORDS = [
    GOOD,
    {**GOOD, "features": {"x": "old", "new": 1}},
    {**GOOD, "model": "other", "version": None},
    {**GOOD, "time": "2026-01-01"},
    {**GOOD, "time": "2126-01-01T00:00:00Z"},
    {"prediction_id": "a", "model": "m"},
]


@pytest.fixture(scope="module")
def servers():
    """An embedded broker with predictions, labels, and records that are none."""
    with EmbeddedBroker({"p": 2, "l": 1, "empty": 1, DEAD: 1}) as broker:
        producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
        stamp = 1_767_225_601_500
        for number, record in enumerate([*map(json.dumps, RECORDS), '{"prediction_id": ', None]):
            value = None if record is None else record.encode()
            producer.produce("p", value, key=b"k", partition=number % 2, timestamp=stamp + number)
        producer.produce("l", LABEL, timestamp=stamp)
        assert 0 == producer.flush(30)
        yield broker.bootstrap_servers


@pytest.fixture
def config(tmp_path, capfd):
    """A configuration, and a reference with x and c."""
    (tmp_path / "c.yaml").write_text(CONFIG, encoding="utf-8")
    rows = "\n".join(f"{i / 7},{'red' if i % 2 else 'blue'},{'yes' if i % 3 else 'no'}" for i in range(200))
    (tmp_path / "d.csv").write_text(f"x,c,prediction\n{rows}\n", encoding="utf-8")
    code, _out, _err = run(
        capfd, "reference", "build", tmp_path / "d.csv", "--model", "m", "--version", "1", "--prediction", "prediction",
        "--positive", "yes", "--output", tmp_path / "r-1.json",
    )  # fmt: skip
    assert 0 == code
    return tmp_path / "c.yaml"


def _tapped(capfd, *arguments):
    code, out, err = run(capfd, "tap", *arguments)
    assert 0 == code, err
    return [json.loads(line) for line in out.splitlines()], err


def test_each_record_is_shown_with_what_is_read_of_it(servers, config, capfd):
    """By the configuration: usable, invalid and unknown features, unmonitored, rejected with the daemon's reasons."""
    lines, err = _tapped(capfd, "p", "--bootstrap-servers", servers, "--config", config, "--from", "earliest")
    read = {
        "model": "m", "version": "1", "monitored": True, "time": "2026-01-01T00:00:00Z", "class": "yes", "score": 0.75,
        "features": {"x": 1.5, "c": "red"}, "behind_s": 1.5,
    }  # fmt: skip
    assert [read] == lines[0]["events"]
    second = lines[1]["events"][0]
    assert (["c"], ["x"], ["new"]) == (second["missing"], second["invalid"], second["not_read"])
    assert ("unversioned", False) == tuple(lines[2]["events"][0][k] for k in ("version", "monitored"))
    assert [None, None, None, "bad_time", "future", "missing_field", "not_json", "empty"] == [
        x["rejected"] for x in lines
    ]
    assert ("p", 1, 0, "k", json.dumps(RECORDS[1])) == tuple(
        lines[1][k] for k in ("topic", "partition", "offset", "key", "raw")
    )
    assert "2 usable, 1 unmonitored, 1 rejected (bad_time)" in err


def test_without_a_configuration_events_are_read_by_their_own_names(servers, capfd):
    """Labels and predictions are told apart by their fields; nothing is called unmonitored."""
    lines, err = _tapped(capfd, "l", "--bootstrap-servers", servers)
    assert [
        {"model": "m", "time": "2026-01-02T00:00:00Z", "label": "no", "revision": 2, "behind_s": -86398.5}
    ] == lines[0]["events"]
    assert "read as label events" in err
    lines, _err = _tapped(capfd, "p", "--bootstrap-servers", servers, "--from", "earliest", "--count", "1")
    assert {"x": 1.5, "c": "red"} == lines[0]["events"][0]["features"]


def test_count_bounds_it_from_either_end(servers, capfd):
    """Over all partitions, by the records' timestamps."""
    first, _err = _tapped(capfd, "p", "--bootstrap-servers", servers, "--from", "earliest", "--count", "3")
    last, _err = _tapped(capfd, "p", "--bootstrap-servers", servers, "--count", "3")
    assert [(0, 0), (1, 0), (0, 1)] == [(x["partition"], x["offset"]) for x in first]
    assert [(1, 2), (0, 3), (1, 3)] == [(x["partition"], x["offset"]) for x in last]


def test_an_empty_topic_and_one_that_is_not_there_are_told(servers, config, capfd):
    """The first is no mistake."""
    assert ([], "no records\n") == _tapped(capfd, "empty", "--bootstrap-servers", servers)
    code, _out, err = run(capfd, "tap", "emty", "--bootstrap-servers", servers)
    assert (2, True) == (code, 'no topic emty; did you mean "empty"?' in err)
    code, _out, err = run(capfd, "tap", "empty", "--config", config)
    assert (
        2,
        "driftline: no stream reads empty; known are: p, l (or say what its events are with --kind)\n",
    ) == (code, err)


def test_a_rejected_record_says_what_would_be_right(servers, config, capfd):
    """The reason is a word for machines; the field and what it holds are for people."""
    lines, _err = _tapped(
        capfd, "p", "--bootstrap-servers", servers, "--config", config, "--from", "earliest"
    )
    assert {
        'time is "2026-01-01"; write RFC 3339 with an offset or Z, or whole milliseconds since 1970',
        "there is no prediction or score or scores; there are prediction_id, model",
    } <= {x["why"] for x in lines}
    assert [x["rejected"] is None for x in lines] == [x["why"] is None for x in lines]


def test_dead_letters_are_shown_with_where_they_came_from(servers, config, capfd):
    """Each is read as an event of its own topic: a label as a label; one that is good by now is shown as read."""
    letters = [("p", 1, "missing_field", b'{"prediction_id":"a"}'), ("l", 0, "unknown_class", LABEL)]
    producer = Producer({"bootstrap.servers": servers, "log_level": 0})
    for topic, partition, reason, value in letters:
        where = {"topic": topic, "partition": str(partition), "offset": "7", "reason": reason}
        producer.produce(DEAD, value, headers={f"driftline_{k}": v.encode() for k, v in where.items()})
        assert 0 == producer.flush(30)
    for options in (["--config", config], []):
        lines, err = _tapped(capfd, DEAD, "--bootstrap-servers", servers, *options)
        first, second = lines
        assert first["dead_letter"] == {"topic": "p", "partition": 1, "offset": 7, "reason": "missing_field"}
        assert "there is no model" in first["why"]
        assert second["dead_letter"]["topic"] == "l"
        assert second["why"] == 'label is "no", which is not among the model\'s classes'
        assert (second["rejected"], second["events"][0]["label"]) == (None, "no")
        assert "1 dead letters (missing_field), 1 dead letters (unknown_class)" in err


def test_nothing_is_committed_and_no_topic_is_made(servers, capfd):
    """Neither offsets of its group, nor the topic of a typing mistake."""
    _tapped(capfd, "p", "--bootstrap-servers", servers)
    run(capfd, "tap", "typo", "--bootstrap-servers", servers)
    consumer = Consumer({"bootstrap.servers": servers, "group.id": "driftline-look", "log_level": 0})
    try:
        committed = consumer.committed([TopicPartition("p", 0), TopicPartition("p", 1)], timeout=20)
        assert [-1001, -1001] == [c.offset for c in committed]
        assert {"p", "l", "empty", DEAD} == set(consumer.list_topics(timeout=20).topics)
    finally:
        consumer.close()


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (b'{"prediction_id": 1, "label": null}', Kind.LABEL),
        (b'{"prediction_id": 1, "features": {}}', Kind.PREDICTION),
        (b'{"model": "m", "features": {}}', Kind.FEATURES),
        (b'{"specversion": "1.0", "data": {"label": 1}}', Kind.LABEL),
        (b"[1]", Kind.PREDICTION), (b"\xff", Kind.PREDICTION), (None, Kind.PREDICTION), (b'{"data": 3}', Kind.PREDICTION),
        pytest.param(b"[" * 5000 + b"]" * 5000, Kind.PREDICTION, id="deep"),
    ],
)  # fmt: skip
def test_the_kind_is_told_by_the_fields(value, kind):
    """What is none of them is read as a prediction, so that the reason for its rejection is shown."""
    assert kind is likely_kind(value)


def test_a_number_of_many_classes_reads_as_a_number_where_the_task_is_one():
    """Values and class scores are shown by what they are."""
    lens = Lens(Kind.PREDICTION, Limits())
    event = {"prediction_id": 1, "model": "m", "time": 1, "prediction": "a", "scores": {"a": 0.5, "b": 0.5}}
    assert {"a": 0.5, "b": 0.5} == lens.read(json.dumps(event).encode(), None, 0).events[0]["scores"]


def test_following_shows_what_comes_and_ends_after_count(capfd):
    """First what is there, then as many as were asked for."""
    with EmbeddedBroker({"p": 1}) as broker:
        producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "log_level": 0})
        producer.produce("p", json.dumps({**GOOD, "prediction_id": "old"}).encode())
        assert 0 == producer.flush(30)
        ends = Event()

        def later():
            number = 0
            while not ends.wait(0.2):
                producer.produce("p", json.dumps({**GOOD, "prediction_id": f"new-{number}"}).encode())
                producer.flush(30)
                number += 1

        thread = Thread(target=later)
        thread.start()
        try:
            lines, _err = _tapped(
                capfd, "p", "--bootstrap-servers", broker.bootstrap_servers, "--count", "1", "--follow"
            )
        finally:
            ends.set()
            thread.join()
    first, second = (line["offset"] for line in lines)
    assert first < second
