"""Canary secrets, in the file, in the environment and in files of their own, and everything that is shown."""

from __future__ import annotations

import contextlib
import io
import os
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
import zlib
from pathlib import Path

import pytest

from driftline.config.parse import load_config
from driftline.demo.processes import free_port, start_broker, stop
from driftline.logs import configure
from driftline.records import Kind
from driftline.sinks.publisher import KafkaPublisher
from driftline.sources.kafka import KafkaSource
from driftline.web.api import ENDPOINTS

CANARY = "canary"
IN_FILE, IN_ENVIRONMENT, IN_A_FILE_OF_ITS_OWN = "canary-in-file", "canary-in-environment", "canary-apart"
CONFIG = """
kafka:
  bootstrap_servers: "{servers}"
  properties:
    sasl.username: driftline
    sasl.password: {secret}
    sasl.oauthbearer.client.secret_file: secret
streams: {{main: {{predictions: [predictions], labels: [labels]}}}}
models:
  - {{match: elec2, stream: main, task: binary, positive: UP, windows: {{drift: [24h], performance: [24h]}}}}
http: {{listen: "127.0.0.1:{port}"}}
{more}
"""
ENVIRONMENT = {"DRIFTLINE_KAFKA__PROPERTIES__SSL_KEY_PASSWORD": IN_ENVIRONMENT}
PAGES = (
    "metrics",
    "-/healthy",
    "-/ready",
    "",
    *(f"api/v1/{e.name}" for e in ENDPOINTS),
    "api/v1/openapi.json",
)


def write(folder: Path, servers: str = "127.0.0.1:1", port: int = 1, more: str = "") -> Path:
    """A configuration with three canaries; everybody may read it, so that it is spoken of."""
    (folder / "secret").write_text(IN_A_FILE_OF_ITS_OWN, encoding="utf-8")
    path = folder / "driftline.yaml"
    text = CONFIG.format(servers=servers, secret=IN_FILE, port=port, more=more)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o644)
    return path


def command(*arguments: str) -> str:
    """All output of a command."""
    run = [sys.executable, "-m", "driftline", *arguments]
    done = subprocess.run(run, env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def get(port: int, page: str) -> str:
    """A page's headers and text, whatever its status."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}", timeout=5) as answer:
            return f"{answer.headers}{answer.read().decode()}"
    except urllib.error.HTTPError as error:
        return f"{error.headers}{error.read().decode()}"


def wait_until_up(port: int, process: subprocess.Popen) -> None:
    """Asks until the daemon reaches the broker."""
    for _ in range(300):
        try:
            if "\ndriftline_kafka_up 1" in get(port, "metrics"):
                return
        except OSError:
            pass
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.2)
            break
    raise AssertionError("the daemon did not start")


def unpacked(path: Path) -> bytes:
    """The state file's bytes, and those of its compressed blocks."""
    found = b"".join(p.read_bytes() for p in path.parent.iterdir())
    with sqlite3.connect(path) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        cells = [c for t in tables for row in db.execute(f"SELECT * FROM {t}") for c in row]
    db.close()
    for cell in cells:
        if isinstance(cell, bytes) and cell.startswith(b"DLB1"):
            found += zlib.decompress(cell[12:])
    return found


def test_the_canaries_are_in_use(tmp_path):
    """Else the tests below would prove nothing."""
    config = load_config(write(tmp_path), ENVIRONMENT)
    assert config.kafka.properties == {
        "sasl.username": "driftline",
        "sasl.password": IN_FILE,
        "sasl.oauthbearer.client.secret": IN_A_FILE_OF_ITS_OWN,
        "ssl.key.password": IN_ENVIRONMENT,
    }
    assert CANARY not in f"{config!r}{config}{config.kafka}{config.notes!r}"


def test_no_secret_is_in_anything_that_a_running_daemon_shows(tmp_path):
    """Fault 69: not on its pages, in its metrics, its API, its log, or its state file."""
    broker, servers = start_broker(1)
    port = free_port()
    path = write(tmp_path, servers, port)
    with (tmp_path / "log").open("wb") as log:
        run = [sys.executable, "-m", "driftline", "run", "--config", str(path)]
        daemon = subprocess.Popen(run, stdout=log, stderr=log, env={**os.environ, **ENVIRONMENT})
        try:
            wait_until_up(port, daemon)
            shown = {page: get(port, page) for page in PAGES}
        finally:
            code = stop(daemon)
            stop(broker)
    shown["log"] = (tmp_path / "log").read_text(encoding="utf-8")
    shown["state"] = unpacked(tmp_path / "var" / "driftline.db").decode("latin-1")
    shown["state show"] = command("state", "show", str(tmp_path / "var" / "driftline.db"))
    shown["models"] = command("models", "--config", str(path))
    assert (code, [name for name, text in shown.items() if CANARY in text]) == (0, [])
    assert "driftline has stopped" in shown["log"]
    assert "everybody on this machine may read this file" in shown["log"]
    assert all(shown.values())


@pytest.mark.parametrize(
    "more",
    [
        "",
        "rules: [{name: r, when: {metric: f2, below: 1}}]",
        "limits: {models: 0}",
        "kafka: {}",
        "x: *canary",
        "x: !canary 5",
        "x: [",
    ],
)
def test_no_secret_is_in_what_is_said_of_the_configuration(tmp_path, more):
    """Fault 69: whether it is right, has mistakes, or is no YAML at all."""
    text = command("check-config", str(write(tmp_path, more=more)))
    assert text
    assert CANARY not in text


def test_no_secret_is_in_what_is_said_of_properties_that_librdkafka_refuses(tmp_path):
    """Fault 69: its own message is shown, and it names the property."""
    path = write(tmp_path)
    path.write_text(
        path.read_text(encoding="utf-8").replace("sasl.username", "sasl.usernme"), encoding="utf-8"
    )
    text = command("run", "--config", str(path))
    assert "sasl.usernme" in text
    assert CANARY not in text


def test_no_secret_is_in_a_traceback():
    """Fault 69: on a terminal too, an error is shown without the values of variables."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    log = configure(out)
    secret = {"sasl.password": CANARY}
    try:
        _fail(secret)
    except ZeroDivisionError:
        log.exception("it failed")
    assert "ZeroDivisionError" in out.getvalue()
    assert CANARY not in out.getvalue()


def _fail(properties: dict[str, str]) -> float:
    return len(properties) / 0


def test_no_secret_is_in_what_kafkas_two_sides_say_of_themselves():
    """Fault 69: a log line or an error may hold one of them."""
    properties = {"sasl.password": CANARY}
    source = KafkaSource(bootstrap_servers="127.0.0.1:1", properties=properties, topics={"t": Kind.LABEL})
    sides = f"{source!r}{KafkaPublisher('127.0.0.1:1', properties)!r}"
    source.close()
    assert CANARY not in sides
