"""``state backup``: of one moment, beside the daemon, over nothing."""

import numpy as np
import pytest

from driftline.cli import invoke
from driftline.records import Blob
from driftline.store.backup import backup
from driftline.store.checking import verify
from driftline.store.rows import Commit
from driftline.store.sqlite import SqliteStore


@pytest.fixture
def running(tmp_path):
    """A store that is open, as the daemon has it, with one commit that no checkpoint has moved yet."""
    store = SqliteStore.open(tmp_path / "state.db")
    store.commit(Commit(blobs={("s", "pane", "a"): Blob(1, {"n": 1}, {"x": np.arange(1000)})}))
    yield store
    store.close()


def test_a_copy_holds_the_last_commit(running, tmp_path):
    """The daemon goes on meanwhile, and what it commits after is not in the copy."""
    out = tmp_path / "copy.db"
    backup(tmp_path / "state.db", out)
    running.commit(Commit(blobs={("s", "pane", "b"): Blob(1, {"n": 2})}))
    assert {"meta": 0, "pane": 1} == {"meta": 0} | verify(out).rows
    assert {"pane": 2} == verify(tmp_path / "state.db").rows
    copy = SqliteStore.open(out)
    assert {"n": 1} == copy.load().blobs["s"]["pane", "a"].data
    copy.close()


def test_nothing_is_overwritten_and_nothing_is_left_behind(running, tmp_path, capsys):
    """An existing file keeps its bytes; the command ends with exit 2 and says why."""
    out = tmp_path / "copy.db"
    out.write_bytes(b"mine")
    assert 2 == invoke(["state", "backup", str(tmp_path / "state.db"), str(out)])
    assert "a backup overwrites nothing" in capsys.readouterr().err
    assert b"mine" == out.read_bytes()
    assert [] == [p.name for p in tmp_path.iterdir() if ".part" in p.name]


def test_a_folder_that_is_not_there_is_said(running, tmp_path, capsys):
    """No traceback."""
    assert 2 == invoke(["state", "backup", str(tmp_path / "state.db"), str(tmp_path / "no" / "copy.db")])
    assert "cannot be written" in capsys.readouterr().err


def test_the_command_copies_and_checks(running, tmp_path, capsys):
    """What was written is read back before it is called a backup."""
    assert 0 == invoke(["state", "backup", str(tmp_path / "state.db"), str(tmp_path / "copy.db")])
    assert "1 rows, all checksums match" in capsys.readouterr().out
