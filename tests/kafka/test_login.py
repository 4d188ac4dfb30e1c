"""A real Kafka that asks for a name and a password: every command tells what it said, and how to go on."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from tests.kafka.real_broker import USER
from tests.unit.replay_world import CONFIG, events

pytestmark = pytest.mark.kafka

COMMANDS = {
    "run": ("run", "--config", "c.yaml"),
    "tap": ("tap", "predictions", "--config", "c.yaml"),
    "replay": ("replay", "--config", "c.yaml", "--stream", "main", "--from-kafka"),
    "init": ("init", "--topic", "predictions", "--output", "new"),
}


@pytest.fixture(scope="module")
def door(login_kafka: Any) -> str:
    """The address of the listener with SASL; the topics have some events."""
    producer = Producer({"bootstrap.servers": login_kafka.bootstrap_servers, "log_level": 0})
    for topic, rows in zip(("predictions", "labels"), events(3), strict=True):
        for number, row in enumerate(rows):
            features = {"features": {"x": number % 97 / 10}} if topic == "predictions" else {}
            producer.produce(topic, json.dumps(row | features).encode())
    assert 0 == producer.flush(20)
    return str(login_kafka.sasl_servers)


def _call(name: str, folder: Path, door: str, password: str) -> subprocess.CompletedProcess[str]:
    (folder / "password").write_text(password, encoding="utf-8")
    (folder / "password").chmod(0o600)
    properties = {
        "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN",
        "sasl.username": USER[0], "sasl.password_file": "password",
    }  # fmt: skip
    kafka = {"bootstrap_servers": door, "properties": properties}
    config = (
        f"kafka: {json.dumps(kafka)}\nstate: {{path: state.db}}\nhttp: {{listen: '127.0.0.1:0'}}\n{CONFIG}"
    )
    (folder / "c.yaml").write_text(config.replace(", more]", "]"), encoding="utf-8")
    command = [sys.executable, "-m", "driftline", *COMMANDS[name]]
    if name == "init":
        command += ["--bootstrap-servers", door]
        for key, value in properties.items():
            command += ["--property", f"{key}={value}"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("name", list(COMMANDS))
def test_a_wrong_password_is_told_as_kafka_says_it(name: str, door: str, tmp_path: Path) -> None:
    """Exit 5, Kafka's own words, and not the password."""
    done = _call(name, tmp_path, door, "wrong-secret-0815")
    said = done.stdout + done.stderr
    assert 5 == done.returncode, said
    assert "Authentication failed: Invalid username or password" in said
    assert "wrong-secret-0815" not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("name", ["tap", "replay", "init"])
def test_the_right_password_opens(name: str, door: str, tmp_path: Path) -> None:
    """The events are read."""
    done = _call(name, tmp_path, door, USER[1])
    assert 0 == done.returncode, done.stderr
    assert USER[1] not in done.stdout + done.stderr
