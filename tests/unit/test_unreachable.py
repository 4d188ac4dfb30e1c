"""A broker that is not there: what the commands that read and write Kafka say, and how they end."""

from __future__ import annotations

from pathlib import Path

import pytest

from driftline.cli import invoke
from driftline.sources import asking
from driftline.sources.embedded import EmbeddedBroker
from tests.kafka.real_broker import free_port


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """One event."""
    path = tmp_path / "events.jsonl"
    path.write_text('{"prediction_id": "a"}\n', encoding="utf-8")
    return path


@pytest.mark.parametrize("command", ["produce", "tap", "init"])
def test_why_a_broker_is_out_of_reach_is_said(
    command: str, lines: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In librdkafka's own words, which name address and cause; exit 1: it may be there tomorrow."""
    monkeypatch.setattr(asking, "LOOK_UP_S", 0.5)
    servers = f"127.0.0.1:{free_port()}"
    given = {
        "produce": ["--topic", "t", str(lines)],
        "tap": ["t"],
        "init": ["--topic", "t", "--output", str(lines.parent / "new")],
    }
    assert 1 == invoke([command, "--bootstrap-servers", servers, *given[command]])
    said = capsys.readouterr().err
    assert f"Kafka at {servers} cannot be reached" in said
    assert "Connection refused" in said


def test_no_address_is_a_mistake_of_the_command_line(lines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty variable in a script."""
    assert 2 == invoke(["produce", "--bootstrap-servers", "", "--topic", "t", str(lines)])
    assert 'found ""; write host:port' in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["produce", "--bootstrap-servers", "a:99999", "--topic", "t"], '"a:99999" has a port that is none of 1…65535'),
        (["tap", "--bootstrap-servers", "a:9092;b:9092", "t"], 'write "a:9092,b:9092"'),
        (["tap", "--bootstrap-servers", "a:9092", "my topic"], 'write "my-topic"'),
        (["init", "--bootstrap-servers", "kafka://a", "--topic", "t"], 'write "a:9092"'),
        (["init", "--bootstrap-servers", "a", "--topic", "a/b"], 'write "a-b"'),
    ],
)  # fmt: skip
def test_a_broker_that_cannot_be_is_not_asked(
    lines: Path, capsys: pytest.CaptureFixture[str], given: list[str], said: str
) -> None:
    """Addresses and topics are judged as the configuration's are; nothing else is said of them."""
    assert 2 == invoke([*given, str(lines)] if given[0] == "produce" else given)
    error = capsys.readouterr().err
    assert said in error
    assert "DATA" not in error


def test_produce_tells_of_a_topic_that_the_broker_made(
    lines: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A topic misspelt is a new topic, and its partitions are the broker's choice."""
    with EmbeddedBroker({"there": 1}) as broker:
        for topic in ("there", "their"):
            assert 0 == invoke(["produce", "--bootstrap-servers", broker.bootstrap_servers, "--topic", topic, str(lines)])  # fmt: skip
    there, their = capsys.readouterr().err.splitlines()
    assert there == "1 message in there"
    assert their == "1 message in their (a new topic: the broker made it, with its own defaults)"


@pytest.mark.parametrize(
    "line", ['{"a": ' + "[" * 5000 + "]" * 5000 + "}", '{"prediction_id": "\\ud800"}', "{"]
)
def test_a_line_without_a_readable_key_is_named(
    line: str, lines: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Depth without end, half a character, no JSON: exit 2 with the line, no traceback."""
    lines.write_text(f'{{"prediction_id": "a"}}\n{line}\n', encoding="utf-8")
    broker = EmbeddedBroker({"t": 1})
    try:
        assert 2 == invoke(
            ["produce", "--bootstrap-servers", broker.bootstrap_servers, "--topic", "t", str(lines)]
        )
    finally:
        broker.close()
    assert f"{lines}: line 2: " in capsys.readouterr().err
