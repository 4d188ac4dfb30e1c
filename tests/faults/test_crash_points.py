"""kill -9 at the worst moments of a commit, hit by intent: after the restart all is as the oracle says."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from driftline.sources.embedded import EmbeddedBroker
from driftline.testing.crashes import Point
from tests.faults.harness import Process, check_state, free_port, oracle, producer, send, settle
from tests.oracle.traffic import Traffic, config_text

PARTITIONS = 2
PROGRAM = str(Path(__file__).with_name("dying_daemon.py"))
PORTIONS = 2


@pytest.mark.parametrize("point", list(Point))
def test_a_kill_at_a_point_of_the_commit_changes_nothing(
    broker: EmbeddedBroker, references: Path, tmp_path: Path, point: Point
) -> None:
    """Faults 1, 2, 3 and 4: killed before, inside, at the end of and after the commit, after the send: exact."""
    (tmp_path / "references").symlink_to(references)
    config = tmp_path / "config.yaml"
    servers = broker.bootstrap_servers
    config.write_text(config_text(servers, "own", free_port(), {"s": ["m"]}))
    records = Traffic(4, "s", ("m",), minutes=60 * 24, every_ms=4 * 60_000, spell_hours=2).records()
    to, process = producer(servers), Process(config)
    size = -(-len(records) // PORTIONS)
    try:
        for portion in range(PORTIONS):
            send(to, records[portion * size : (portion + 1) * size])
            process.start(PROGRAM, str(point), "own-triggers", "run")
            assert -signal.SIGKILL == process.wait(), f"the point was not reached: {process.log()}"
        process.start()
        expected = oracle(config, servers, "s", ["m"], PARTITIONS)
        found = settle(process, servers, "own", [expected])
    finally:
        process.clear()
    twice = sum(n > 1 for n in found.values())
    assert (twice > 0) == (point is Point.BEFORE_MARK), found
    check_state(config, expected)
