"""Stopping: in order at the first signal, at once at the second, and never with an effect lost."""

from __future__ import annotations

import signal
from contextlib import closing

import pytest

from driftline.store.sqlite import SqliteStore
from tests.faults.test_reload import World


@pytest.fixture
def world(tmp_path):
    """A daemon whose broker takes nothing, and says nothing."""
    made = World(tmp_path)
    made.publisher.silent = True
    made.minutes(0, 12)
    return made


def stored(world) -> list[str]:
    """Ids in the outbox of the state file."""
    with closing(SqliteStore.peek(world.path.parent / "state.db")) as store:
        return [row.message.id for row in store.load().outbox]


def test_a_stop_with_the_broker_down_keeps_the_outbox(world):
    """Fault 9: a bounded wait, then the end; the next start sends the same id."""
    world.daemon.stop()
    (kept,) = stored(world)
    again = World(world.path.parent)
    again.daemon.tick(0)
    assert [kept] == [message.id for message in again.publisher.sent]
    again.daemon.stop()


def test_the_first_signal_ends_the_loop_and_the_second_the_process(world, monkeypatch):
    """Fault 8: what is being committed is committed; whoever asks twice does not want to wait."""
    told = []
    monkeypatch.setattr(signal, "signal", lambda number, handler: told.append((number, handler)))
    monkeypatch.setattr(signal, "raise_signal", told.append)
    world.daemon.on_signal(signal.SIGTERM, None)
    assert (True, []) == (world.daemon.stopping, told)
    world.daemon.on_signal(signal.SIGTERM, None)
    assert [(signal.SIGTERM, signal.SIG_DFL), signal.SIGTERM] == told


def test_a_signal_within_a_commit_waits_for_it(world, monkeypatch):
    """Fault 8: the commit that was under way is whole."""
    commit = world.daemon.store.commit

    def interrupted(what):
        if not world.daemon.stopping:
            world.daemon.on_signal(signal.SIGTERM, None)
        return commit(what)

    monkeypatch.setattr(world.daemon.store, "commit", interrupted)
    world.minutes(12, 22)
    assert world.daemon.stopping
    world.daemon.stop()
    again = World(world.path.parent)
    assert 22 == again.daemon.runners[0].engine.pipeline.registry.slots[0].predictions
