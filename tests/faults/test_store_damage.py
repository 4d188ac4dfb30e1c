"""Damage of a real state file is found wherever it is, or it changed nothing that is read."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from driftline.cli import invoke
from driftline.errors import StateError
from driftline.store.blobs import encode
from driftline.store.checking import verify
from driftline.store.sqlite import SqliteStore

FIXTURE = Path(__file__).parent / "data" / "format-1.db"


@pytest.fixture
def path(tmp_path):
    copy = tmp_path / "state.db"
    shutil.copyfile(FIXTURE, copy)
    SqliteStore.open(copy).close()
    return copy


def contents(path: Path) -> tuple:
    """All that a start would read."""
    with closing(SqliteStore.peek(path)) as store:
        stored = store.load()
    blobs = {(s, *k): encode(b) for s, blobs in stored.blobs.items() for k, b in blobs.items()}
    return stored.partitions, blobs, stored.outbox, stored.controls


EVERY = 397
"""A prime, so that all places within pages and blocks are met."""


def test_a_flipped_byte_anywhere_is_refused_or_changes_nothing(path):
    """Fault 12: pages, headers, keys, blocks, offsets; also a byte of a page that nothing uses."""
    raw = path.read_bytes()
    expected = contents(path)
    damaged = path.with_name("damaged.db")
    refused = 0
    for place in range(0, len(raw), EVERY):
        damaged.write_bytes(raw[:place] + bytes([raw[place] ^ (1 << place % 8)]) + raw[place + 1 :])
        for suffix in ("-wal", "-shm"):
            damaged.with_name(damaged.name + suffix).unlink(missing_ok=True)
        try:
            verify(damaged)
            actual = contents(damaged)
        except StateError:
            refused += 1
        else:
            assert expected == actual, f"byte {place}"
    assert refused > len(raw) // EVERY // 3


def test_a_file_cut_anywhere_is_refused(path):
    """Fault 12: to the byte, to the page, and by one page only."""
    raw = path.read_bytes()
    for size in (0, 1, 99, 100, 4095, 4096, 8192, len(raw) // 2, len(raw) - 4096, len(raw) - 1):
        path.write_bytes(raw[:size])
        with pytest.raises(StateError):
            verify(path)


def test_a_row_that_vanished_is_missed(path):
    """Fault 12: what no checksum of its own can tell, the manifest does."""
    with closing(SqliteStore.open(path)) as store:
        store._db.execute("DELETE FROM pane WHERE rowid = (SELECT min(rowid) FROM pane)")
    with pytest.raises(StateError, match="rows of pane in the state file are missing"):
        verify(path)


def test_a_block_in_the_place_of_another_is_found(path):
    """Fault 12: a block is valid where it was written only."""
    with closing(SqliteStore.open(path)) as store:
        (first, second) = store._db.execute("SELECT key, block FROM pane LIMIT 2").fetchall()
        swap = "UPDATE pane SET block = ? WHERE key = ?"
        store._db.execute(swap, (second[1], first[0]))
        store._db.execute(swap, (first[1], second[0]))
    with pytest.raises(StateError, match="its checksum does not match"):
        verify(path)


def test_the_command_says_what_to_do_and_exits_with_3(path, capsys):
    """Fault 12: ``state verify`` of a damaged file."""
    assert 0 == invoke(["state", "verify", str(path)])
    assert "every checksum matches" in capsys.readouterr().out
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"DLB2") + 30] ^= 4
    path.write_bytes(raw)
    assert 3 == invoke(["state", "verify", str(path)])
    assert "restore it from a backup, or move it away" in capsys.readouterr().err
