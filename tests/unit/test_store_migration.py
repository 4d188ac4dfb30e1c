"""A file of format 1, as the program wrote it then, goes on as if the program had never changed."""

import re
import shutil
from pathlib import Path

import pytest

from driftline.errors import StateError
from driftline.pipeline.snapshot import restore
from driftline.records import Message
from driftline.store.rows import ControlRow, OutboxRow
from driftline.store.sqlite import SqliteStore
from tests.faults.small_stream import LOG, feed, finish, fresh_engine, turns

FIXTURE = Path(__file__).parents[1] / "faults" / "data" / "format-1.db"
"""Written by format 1's program after ``turns(1, 90, 12)`` of ``LOG``."""


@pytest.fixture
def path(tmp_path):
    copy = tmp_path / "state.db"
    shutil.copyfile(FIXTURE, copy)
    return copy


def without_rmse_limits(line):
    """The sum of fourth powers is newer than the file: for its panes it is that of normal errors."""
    return re.sub(rb'("statistic":"rmse".*?"low":)[^,]*(,"high":)[^,]*', rb"\1\2", line)


def with_ece_of(expected, actual):
    """The sums of calibration are newer than the file: while a window has panes of it, its ECE is insufficient."""
    value = re.compile(rb'"value":[^,]*,("n":\d+),"low":[^,]*,"high":[^,]*,"state":"[^"]*"')
    unknown = value.sub(rb'"value":null,\1,"low":null,"high":null,"state":"insufficient"', expected)
    return unknown if b'"statistic":"ece"' in expected and actual == unknown else expected


def test_a_file_of_format_1_goes_on(path):
    """Fault 13: the rest of the log gives the samples of a run that was never stopped."""
    expected: list[bytes] = []
    undisturbed = fresh_engine(expected)
    for turn in turns(1, 90, 12):
        feed(undisturbed, LOG, *turn)
    del expected[:]
    finish(undisturbed, LOG)
    store = SqliteStore.open(path)
    stored = store.load()
    store.close()
    actual: list[bytes] = []
    engine = fresh_engine(actual)
    restore(engine.pipeline, stored.blobs["s"])
    finish(engine, LOG)
    told = [line for line in actual if b'"statistic":"ece"' in line]
    assert 0 < sum(b'"value":null' in line for line in told) < len(told)
    expected = list(map(with_ece_of, expected, actual))
    assert list(map(without_rmse_limits, expected)) == list(map(without_rmse_limits, actual))
    ranges = [
        {s.key: s.data.within(0, 1 << 60) for s in e.pipeline.registry.slots} for e in (undisturbed, engine)
    ]
    assert ranges[0] == ranges[1]
    assert len(stored.partitions) == 4
    assert [ControlRow("s", 5, "idle", {"partition": 0})] == stored.controls
    message = Message("triggers", b"m", b"{}", (("ce_id", b"x"),), "x")
    assert [OutboxRow(1, "s", message, 7)] == stored.outbox


def test_the_file_is_kept_as_it_was(path):
    """Fault 13: a copy that the old program can read stands beside it, and is not overwritten."""
    kept = path.with_name("state.db.format-1.backup")
    SqliteStore.open(path).close()
    before = kept.read_bytes()
    assert FIXTURE.read_bytes()[:16] == before[:16]
    shutil.copyfile(kept, path)
    SqliteStore.open(path).close()
    assert before == kept.read_bytes()


def test_a_damaged_file_of_format_1_stays_as_it_is(path):
    """Fault 12, 13: no half migration."""
    raw = bytearray(path.read_bytes())
    at = raw.index(b"DLB1") + 30
    raw[at] ^= 1
    path.write_bytes(raw)
    with pytest.raises(StateError, match="damaged"):
        SqliteStore.open(path)
    with pytest.raises(StateError, match="has format 1, this program reads 2; `driftline run` migrates it"):
        SqliteStore.peek(path)


def test_without_a_copy_nothing_is_migrated(path):
    """Fault 13: where the copy cannot be written, the file is refused and stays format 1."""
    path.with_name(f"state.db.format-1.backup.part-{__import__('os').getpid()}").mkdir()
    with pytest.raises(StateError, match="a copy is needed first"):
        SqliteStore.open(path)
    with pytest.raises(StateError, match="has format 1"):
        SqliteStore.peek(path)
