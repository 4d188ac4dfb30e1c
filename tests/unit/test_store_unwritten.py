"""What decides when to commit: the bytes that are not written yet."""

from tests.faults.small_stream import feed, fresh_engine, make_log

from driftline.pipeline.snapshot import snapshot, unwritten_bytes
from driftline.store.blobs import encode


def test_the_estimate_follows_what_a_commit_writes():
    """Nothing after a commit; within a factor of four of the blocks that hold events before it."""
    log = make_log(1, minutes=400, a_minute=20)
    engine = fresh_engine([])
    snapshot(engine.pipeline)
    for _ in range(3):
        for which in range(4):
            feed(engine, log, which, 1000)
        estimate = unwritten_bytes(engine.pipeline)
        blobs = snapshot(engine.pipeline)
        actual = sum(len(encode(b)) for key, b in blobs.items() if b is not None and key[0] != "counter")
        assert actual / 4 < estimate < actual * 4
        assert 0 == unwritten_bytes(engine.pipeline)


def test_a_commit_without_events_writes_next_to_nothing():
    """Work is proportional to what changed: only where reading stands is written again."""
    log = make_log(1, minutes=400, a_minute=20)
    engine = fresh_engine([])
    for which in range(4):
        feed(engine, log, which, 4000)
    snapshot(engine.pipeline)
    again = {key: len(encode(b)) for key, b in snapshot(engine.pipeline).items() if b is not None}
    assert {("meta", "stream")} == again.keys()
    assert again["meta", "stream"] < 2000
