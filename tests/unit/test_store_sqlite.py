"""The state file's contract: atomic, checked, owned by one process."""

import sqlite3
import subprocess
import sys
from contextlib import closing

import numpy as np
import pytest

from driftline.errors import StateError, StateLocked
from driftline.records import Blob, Message
from driftline.store import tables
from driftline.store.checking import verify
from driftline.store.rows import Commit, ControlRow, OutboxRow, PartitionRow
from driftline.store.sqlite import SqliteStore, StateFull

ROW = PartitionRow("main", "predictions", 0, 42, -1_000, "id-1")
MESSAGE = Message("triggers", b"m", b"{}", (("ce_id", b"x"),), "x")


def blob(n: int) -> Blob:
    return Blob(1, {"n": n}, {"counts": np.full(1000, n)})


@pytest.fixture
def path(tmp_path):
    return tmp_path / "var" / "state.db"


def written(path):
    store = SqliteStore.open(path)
    store.commit(
        Commit(
            partitions=[ROW],
            blobs={("main", "pane", "a"): blob(1), ("main", "meta", "models"): blob(2)},
            controls=[("main", 5, "idle", {"partition": 0})],
            outbox=[("main", MESSAGE)],
            now_ms=7,
        )
    )
    store.close()


def test_what_is_committed_is_loaded(path):
    """All tables come back after the file was closed."""
    written(path)
    store = SqliteStore.open(path)
    stored = store.load()
    store.close()
    assert [ROW] == stored.partitions
    assert {("pane", "a"), ("meta", "models")} == set(stored.blobs["main"])
    assert [ControlRow("main", 5, "idle", {"partition": 0})] == stored.controls
    assert [OutboxRow(1, "main", MESSAGE, 7)] == stored.outbox


def test_only_what_changed_is_written(path):
    """A block that a commit does not name stays; None deletes; sent rows go, numbers are never reused."""
    written(path)
    store = SqliteStore.open(path)
    done = store.commit(Commit(blobs={("main", "pane", "a"): None}, sent=[1]))
    assert ([], 0) == done
    assert [2] == store.commit(Commit(outbox=[("main", MESSAGE)])).seqs
    assert {("meta", "models")} == set(store.load().blobs["main"])
    store.close()


def test_a_commit_that_fails_leaves_nothing(path):
    """Fault 2: all or nothing; the bad row comes after good ones."""
    written(path)
    store = SqliteStore.open(path)
    bad = [("main", 6, "idle", {}), (None, 6, "idle", {})]
    with pytest.raises(StateError):
        store.commit(Commit(blobs={("main", "pane", "b"): blob(3)}, controls=bad))
    stored = store.load()
    store.close()
    assert ("pane", "b") not in stored.blobs["main"]
    assert 1 == len(stored.controls)


def test_only_the_newest_control_records_are_kept(tmp_path, monkeypatch):
    """Partitions that fall idle and wake for years do not fill the file; what is left is still sound."""
    monkeypatch.setattr(tables, "CONTROLS_KEPT", 3)
    with closing(SqliteStore.open(tmp_path / "state.db")) as store:
        for first in (0, 2, 4):
            store.commit(Commit(controls=[("s", at, "wake", {"offset": at}) for at in (first, first + 1)]))
        assert [3, 4, 5] == [row.at_ms for row in store.load().controls]
    assert {"control": 3} == {t: n for t, n in verify(tmp_path / "state.db").rows.items() if t == "control"}


def test_a_full_volume_is_told_apart_and_the_commit_can_be_repeated(path):
    """Fault 10: nothing is lost, and the same commit succeeds when there is room."""
    written(path)
    store = SqliteStore.open(path)
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count={pages}")
    noise = np.random.default_rng(1).integers(0, 1 << 60, 100_000)
    commit = Commit(blobs={("main", "pane", "b"): Blob(1, {}, {"x": noise})})
    with pytest.raises(StateFull):
        store.commit(commit)
    store._db.execute("PRAGMA max_page_count=1000000")
    store.commit(commit)
    assert noise.tolist() == store.load().blobs["main"]["pane", "b"].arrays["x"].tolist()
    store.close()


HOLD = """
import sys
from driftline.store.sqlite import SqliteStore
store = SqliteStore.open(sys.argv[1])
print("open", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_refused_and_told_who_holds_the_file(path):
    """Fault 15; and the lock dies with its process (fault 20)."""
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert "open\n" == child.stdout.readline()
        with pytest.raises(StateLocked, match=f"process {child.pid} on host"):
            SqliteStore.open(path)
        SqliteStore.peek(path).close()
    finally:
        child.kill()
        child.wait()
    SqliteStore.open(path, wait=True).close()


def test_a_standby_waits_until_the_holder_is_gone(path):
    """``run --wait`` takes over as soon as the lock is free; a true answer of ``pause`` gives up."""
    first = SqliteStore.open(path)
    with pytest.raises(StateLocked):
        SqliteStore.open(path, wait=True, pause=lambda _s: True)
    second = SqliteStore.open(path, wait=True, pause=lambda _s: first.close())
    second.close()


def test_a_flipped_byte_of_a_block_is_found(path):
    """Fault 12: the message names the block."""
    written(path)
    db = sqlite3.connect(path)
    raw = bytearray(db.execute("SELECT block FROM pane").fetchone()[0])
    raw[-1] ^= 1
    db.execute("UPDATE pane SET block = ?", (bytes(raw),))
    db.commit()
    db.close()
    store = SqliteStore.open(path)
    with pytest.raises(StateError, match='pane "a" of stream "main"'):
        store.load()
    store.close()


def test_a_changed_offset_is_found(path):
    """Fault 12: offsets carry a checksum too."""
    written(path)
    db = sqlite3.connect(path)
    db.execute("UPDATE partition SET next_offset = 43")
    db.commit()
    db.close()
    store = SqliteStore.open(path)
    with pytest.raises(StateError, match="partition 0 of topic predictions"):
        store.load()
    store.close()


@pytest.mark.parametrize("keep", [0, 50, 4096, 9000])
def test_a_truncated_file_is_refused(path, keep):
    """Fault 12: never started empty silently."""
    written(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(StateError):
        SqliteStore.open(path).load()


def test_another_programs_file_is_refused(path):
    """A database that driftline did not make is not touched."""
    path.parent.mkdir()
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE theirs (x)")
    db.close()
    with pytest.raises(StateError, match="not a state file"):
        SqliteStore.open(path)


def test_a_newer_format_is_refused_with_what_to_do(path):
    """Fault 13."""
    written(path)
    db = sqlite3.connect(path)
    db.execute("UPDATE meta SET block = '3' WHERE key = 'format_version'")
    db.commit()
    db.close()
    with pytest.raises(StateError, match="format 3, this program reads 2; run the version"):
        SqliteStore.open(path)


def test_a_failed_open_lets_the_next_one_in(path):
    """The lock is given back."""
    path.parent.mkdir()
    path.write_bytes(b"")
    for _ in range(2):
        with pytest.raises(StateError, match="is empty"):
            SqliteStore.open(path)


def test_a_missing_file_cannot_be_looked_into(path):
    """``state show`` creates nothing."""
    with pytest.raises(StateError, match="there is no state file"):
        SqliteStore.peek(path)
    assert not path.exists()
