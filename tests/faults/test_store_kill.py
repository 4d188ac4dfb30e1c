"""kill -9 while commits are written: the file is at one commit, the last that was told or a later one."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing

import pytest

from driftline.store.checking import verify
from driftline.store.sqlite import SqliteStore

WRITE = """
import sys
import numpy as np
from driftline.records import Blob, Message
from driftline.store.rows import Commit, PartitionRow
from driftline.store.sqlite import SqliteStore
store = SqliteStore.open(sys.argv[1])
noise = np.random.default_rng(1).integers(0, 1 << 60, 50_000)
n = store.load().partitions[0].next_offset if store.load().partitions else 0
while True:
    n += 1
    blobs = {("s", "pane", "same"): Blob(1, {"n": n}, {"x": noise + n})}
    blobs["s", "join_block", f"rows:{n:010d}"] = Blob(1, {"n": n}, {"x": noise[:5000] + n})
    blobs["s", "join_block", f"rows:{n - 5:010d}"] = None
    partitions = [PartitionRow("s", "p", 0, n, n, "")]
    outbox = [("s", Message("t", None, str(n).encode(), (), str(n)))]
    store.commit(Commit(partitions=partitions, blobs=blobs, outbox=outbox, sent=[n - 3]))
    print(n, flush=True)
"""


@pytest.mark.parametrize("commits", [0, 1, 7, 20])
def test_a_kill_inside_a_commit_leaves_one_commit(tmp_path, commits):
    """Fault 2: panes, blocks, offsets and outbox are of the same commit, three lives one after another."""
    path = tmp_path / "state.db"
    for _ in range(3):
        child = subprocess.Popen(
            [sys.executable, "-c", WRITE, str(path)], stdout=subprocess.PIPE, text=True, bufsize=1
        )
        told = 0
        for _ in range(2 + commits):
            told = int(child.stdout.readline())
        child.kill()
        child.wait()
        verify(path)
        with closing(SqliteStore.peek(path)) as store:
            stored = store.load()
        n = stored.partitions[0].next_offset
        assert told <= n
        assert n == stored.blobs["s"]["pane", "same"].data["n"]
        first = max(1, n - 4)
        assert [f"rows:{i:010d}" for i in range(first, n + 1)] == sorted(
            key for table, key in stored.blobs["s"] if table == "join_block"
        )
        assert [str(i) for i in range(max(1, n - 2), n + 1)] == [row.message.id for row in stored.outbox]
