"""``run --wait``: a second process stands by, ends when asked to, and takes over when the first is gone."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from driftline.store.sqlite import SqliteStore

HOLD = """
import sys
from driftline.store.sqlite import SqliteStore
store = SqliteStore.open(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""
CONFIG = """
kafka: {{bootstrap_servers: "127.0.0.1:1"}}
state: {{path: {path}}}
http: {{listen: "127.0.0.1:0"}}
streams: {{main: {{predictions: [p], labels: [l]}}}}
models: [{{match: m, stream: main, task: binary, positive: "1", windows: {{performance: [24h]}}}}]
rules: []
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.db"


@pytest.fixture
def holder(path):
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert "open\n" == child.stdout.readline()
    yield child
    child.kill()
    child.wait()


@pytest.fixture
def standby(path, holder, tmp_path):
    config = tmp_path / "driftline.yaml"
    config.write_text(CONFIG.format(path=path))
    child = subprocess.Popen(
        [sys.executable, "-m", "driftline", "run", "--wait", "--config", str(config)],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    line = child.stderr.readline()
    assert "standing by for the state file" in line
    assert f"process {holder.pid} on host" in line
    yield child
    child.kill()
    child.wait()


def test_a_waiting_standby_ends_at_once_with_exit_0(standby):
    """Fault 20: SIGTERM while it waits is an orderly stop."""
    standby.send_signal(signal.SIGTERM)
    assert 0 == standby.wait(5)
    assert "stopped while it waited" in standby.stderr.read()


def test_a_standby_takes_over_within_a_second_of_a_kill(standby, holder):
    """Fault 20: the lock dies with its process, and the next one holds it in under a second."""
    holder.send_signal(signal.SIGKILL)
    started = time.monotonic()
    line = standby.stderr.readline()
    taken_s = time.monotonic() - started
    assert "the state file is free, taking over" in line
    assert taken_s < 1
    standby.send_signal(signal.SIGTERM)
    standby.wait(30)


def test_a_closed_file_can_be_taken_by_anyone(path):
    """Fault 15: the lock file that stays behind locks nobody out."""
    SqliteStore.open(path).close()
    SqliteStore.open(path).close()
