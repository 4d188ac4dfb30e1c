"""A full volume pauses the daemon and loses nothing; a file that cannot be written at all ends it."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import closing, suppress

import pytest

from driftline.app import Daemon, Runner
from driftline.cli import invoke
from driftline.config.parse import load_config
from driftline.errors import StateError
from driftline.logs import configure
from driftline.pipeline.snapshot import restore
from driftline.records import Kind
from driftline.store.sqlite import SqliteStore, StateFull
from driftline.testing.publisher import FakePublisher
from driftline.testing.source import FakeSource
from driftline.wiring import build_engine

CONFIG = """
kafka: {{bootstrap_servers: "127.0.0.1:1"}}
state: {{path: {path}}}
streams: {{main: {{predictions: [p], labels: [l]}}}}
models: [{{match: m, stream: main, task: binary, positive: "1", windows: {{performance: [24h]}}}}]
rules: []
"""
START = 1_700_000_000_000


class Store:
    """The store's port: a real one, until it is full."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.full = False

    def commit(self, commit):
        if self.full:
            raise StateFull("the volume is full")
        return self.store.commit(commit)

    def __getattr__(self, name):
        return getattr(self.store, name)


class World:
    """A daemon over sources in memory."""

    def __init__(self, folder, where) -> None:
        self.folder = folder
        file = folder / "driftline.yaml"
        file.write_text(CONFIG.format(path=where))
        self.config = load_config(file, {})
        self.source = FakeSource({"p": Kind.PREDICTION, "l": Kind.LABEL})
        self.store = Store(SqliteStore.open(where))
        stream = self.config.streams[0]
        self.engine = build_engine(self.config, stream)
        runner = Runner("main", self.source, self.engine, kinds={"p": "prediction", "l": "label"})
        log = configure((folder / "log").open("w"))
        self.daemon = Daemon(self.config, [runner], self.store, FakePublisher(), log)
        self.daemon.restore()
        self.written = 0

    def write(self, events: int) -> None:
        """Predictions, and their labels an hour later."""
        for number in range(self.written, self.written + events):
            at = START + number * 1000
            event = {"prediction_id": f"i{number}", "model": "m", "version": "1", "time": at, "prediction": 1}
            label = {"prediction_id": f"i{number}", "model": "m", "label": number % 2, "time": at + 3_600_000}
            self.source.append("p", 0, json.dumps({**event, "score": number % 100 / 100}).encode(), at)
            self.source.append("l", 0, json.dumps(label).encode(), at + 3_600_000)
        self.written += events

    def stored(self) -> tuple[dict, int, int]:
        """Positions, predictions and rows of the join that a start would find."""
        with closing(SqliteStore.peek(self.config.state_path)) as store:
            blobs = store.load().blobs["main"]
        engine = build_engine(self.config, self.config.streams[0])
        restore(engine.pipeline, blobs)
        pipeline = engine.pipeline
        return pipeline.positions, pipeline.registry.slots[0].predictions, pipeline.join.table.live


def test_a_full_volume_pauses_reading_and_nothing_is_lost(tmp_path):
    """Fault 10: not ready, nothing read meanwhile, and all there once it can be written again."""
    world = World(tmp_path, tmp_path / "state.db")
    world.write(1000)
    world.daemon.tick(0)
    world.daemon.commit()
    before = world.stored()
    world.write(1000)
    world.daemon.tick(0)
    world.store.full = True
    for _ in range(3):
        world.daemon.commit()
        world.write(100)
        world.daemon.tick(0)
    world.daemon.refresh_view(force=True)
    assert not world.daemon.view.ready
    assert any("the volume is full" in reason for reason in world.daemon.view.reasons)
    assert 2000 == world.engine.pipeline.positions["p", 0]
    assert before == world.stored()
    world.store.full = False
    world.daemon.commit()
    assert ({("p", 0): 2000, ("l", 0): 2000}, 2000, 2000) == world.stored()
    world.daemon.tick(0)
    world.daemon.refresh_view(force=True)
    assert world.daemon.view.ready
    world.daemon.stop()
    assert ({("p", 0): 2300, ("l", 0): 2300}, 2300, 2300) == world.stored()


@pytest.mark.parametrize("trouble", ["a full volume", "a hold"])
def test_what_does_not_read_waits_as_long_as_a_reader_would(tmp_path, monkeypatch, trouble):
    """A daemon whose stream is paused takes no CPU for it (Faults 10 and 24)."""
    rested = []
    monkeypatch.setattr("driftline.app.daemon.time.sleep", rested.append)
    world = World(tmp_path, tmp_path / "s.db")
    world.write(10)
    world.daemon.tick(0.05)
    assert [] == rested
    if trouble == "a full volume":
        world.store.full = True
        world.daemon.commit()
    else:
        world.daemon.runners[0].hold = "lost"
    world.daemon.tick(0.05)
    assert [0.05] == rested


@pytest.fixture
def small_volume(tmp_path):
    """A file system of 2 MB of its own."""
    folder = tmp_path / "volume"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("NOT TESTED on a real full volume: this machine lets nobody mount one")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(ballast) -> None:
    """Leave no byte."""
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass


def test_a_real_full_volume_loses_nothing(tmp_path, small_volume):
    """Fault 10: no byte left on the file system; when there is room again the daemon goes on by itself."""
    world = World(tmp_path, small_volume / "state.db")
    world.write(1000)
    world.daemon.tick(0)
    world.daemon.commit()
    before = world.stored()
    ballast = small_volume / "ballast"
    fill(ballast)
    world.write(9000)
    world.daemon.tick(0)
    world.daemon.commit()
    assert "cannot be written" in world.daemon.trouble
    assert before == world.stored()
    ballast.unlink()
    world.daemon.commit()
    assert "" == world.daemon.trouble
    world.daemon.stop()
    assert ({("p", 0): 10_000, ("l", 0): 10_000}, 10_000, 10_000) == world.stored()


def test_a_read_only_volume_ends_the_start_with_exit_3(tmp_path, small_volume, capsys):
    """Fault 11: it never goes on in memory."""
    world = World(tmp_path, small_volume / "state.db")
    world.daemon.stop()
    subprocess.run(["mount", "-o", "remount,ro", str(small_volume)], check=True)
    assert 3 == invoke(["run", "--config", str(tmp_path / "driftline.yaml")])
    assert "Read-only file system" in capsys.readouterr().err


def test_a_file_that_became_read_only_ends_the_daemon(tmp_path):
    """Fault 11: permission lost while it runs is no passing trouble."""
    world = World(tmp_path, tmp_path / "state.db")
    world.write(10)
    world.daemon.tick(0)
    world.store._db.execute("PRAGMA query_only=1")
    with pytest.raises(StateError, match="check its permissions") as raised:
        world.daemon.commit()
    assert 3 == raised.value.exit_code
    assert not isinstance(raised.value, StateFull)


def test_an_old_backup_reads_on_from_its_own_offsets(tmp_path):
    """Fault 14: a state put back from a backup counts what came since once more, and once."""
    world = World(tmp_path, tmp_path / "state.db")
    world.write(500)
    world.daemon.tick(0)
    world.daemon.commit()
    assert 0 == invoke(["state", "backup", str(tmp_path / "state.db"), str(tmp_path / "old.db")])
    world.write(500)
    world.daemon.tick(0)
    world.daemon.stop()
    expected = world.stored()
    (tmp_path / "state.db").unlink()
    (tmp_path / "old.db").rename(tmp_path / "state.db")
    again = World(tmp_path, tmp_path / "state.db")
    assert 500 == again.engine.pipeline.positions["p", 0]
    again.write(1000)
    again.daemon.tick(0)
    again.daemon.stop()
    assert expected == again.stored()
