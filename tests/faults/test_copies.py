"""Two daemons on copies of one state: what both send can be told apart by nothing, so a consumer drops one."""

from __future__ import annotations

from driftline.store.backup import backup
from tests.faults.test_reload import World


def test_two_daemons_on_copies_send_the_same_events(tmp_path):
    """Fault 21: the same ids and the same bytes, from the same logs and control records."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one = World(tmp_path / "one")
    one.minutes(0, 1)
    backup(tmp_path / "one" / "state.db", tmp_path / "two" / "state.db")
    two = World(tmp_path / "two")
    two.minutes(0, 1)  # the log that both read; the copy has this record already
    for world in (one, two):
        world.minutes(1, 22)
    sent = [[(m.id, m.value) for m in world.publisher.sent] for world in (one, two)]
    assert 1 == len(sent[0])
    assert sent[0] == sent[1]
