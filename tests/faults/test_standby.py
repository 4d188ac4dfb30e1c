"""A second daemon waits for the state file, and goes on where the first one died."""

from __future__ import annotations

from pathlib import Path

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


def test_a_standby_takes_over(broker: EmbeddedBroker, references: Path, tmp_path: Path) -> None:
    """Fault 20: the active process is killed while a standby waits on its lock: the standby goes on, exactly."""
    (tmp_path / "references").symlink_to(references)
    config, servers = tmp_path / "config.yaml", broker.bootstrap_servers
    config.write_text(config_text(servers, "own", free_port(), {"s": ["m"]}))
    records = Traffic(5, "s", ("m",), minutes=60 * 16, every_ms=4 * 60_000, spell_hours=2).records()
    to, half = producer(servers), len(records) // 2
    active, standby = Process(config), Process(config, ("-m", "driftline", "run", "--wait"))
    try:
        send(to, records[:half])
        active.start()
        until(lambda: records_read(config) > 0, active.log)
        standby.start()
        until(lambda: _waits(standby), standby.log)
        send(to, records[half:])
        active.kill()
        expected = oracle(config, servers, "s", ["m"], PARTITIONS)
        settle(standby, servers, "own", [expected])
    finally:
        active.clear()
        standby.clear()
    check_state(config, expected)
