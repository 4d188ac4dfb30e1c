"""A second daemon waits for the state file, and goes on where the first one died."""

from __future__ import annotations

import signal
from contextlib import suppress
from pathlib import Path
from urllib.request import urlopen

import psutil

from driftline.sources.embedded import EmbeddedBroker
from tests.faults.harness import (
    Process,
    check_state,
    free_port,
    oracle,
    producer,
    records_read,
    send,
    settle,
    until,
)
from tests.oracle.traffic import Traffic, config_text

PARTITIONS = 2


def _waits(process: Process) -> bool:
    """Whether the process has come to the lock of the state file."""
    assert process.process is not None
    files = psutil.Process(process.process.pid).open_files()
    return any(f.path.endswith("driftline.db.lock") for f in files)


def _answers(port: int) -> bool:
    with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/-/healthy", timeout=5) as answer:
        return bool(answer.status == 200)
    return False


def test_a_standby_takes_over(broker: EmbeddedBroker, references: Path, tmp_path: Path) -> None:
    """Fault 20: the active process is killed while a standby waits on its lock: the standby goes on, exactly.

    It goes by the configuration of now, not by that of when it began to wait; and a SIGHUP meanwhile is no end.
    """
    (tmp_path / "references").symlink_to(references)
    config, servers = tmp_path / "config.yaml", broker.bootstrap_servers
    port, other = free_port(), free_port()
    config.write_text(config_text(servers, "own", port, {"s": ["m"]}))
    records = Traffic(5, "s", ("m",), minutes=60 * 16, every_ms=4 * 60_000, spell_hours=2).records()
    to, half = producer(servers), len(records) // 2
    active, standby = Process(config), Process(config, ("-m", "driftline", "run", "--wait"))
    try:
        send(to, records[:half])
        active.start()
        until(lambda: records_read(config) > 0, active.log)
        standby.start()
        until(lambda: _waits(standby), standby.log)
        config.write_text(config.read_text().replace(f":{port}", f":{other}"))
        standby.send(signal.SIGHUP)
        send(to, records[half:])
        active.kill()
        until(lambda: _answers(other), standby.log)
        expected = oracle(config, servers, "s", ["m"], PARTITIONS)
        settle(standby, servers, "own", [expected])
    finally:
        active.clear()
        standby.clear()
    check_state(config, expected)
