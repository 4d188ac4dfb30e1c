"""What a stream shows: histories over the ends still held, shares beside the reference, and events, at a bounded cost."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from driftline.aggregates.panes import Panes
from driftline.aggregates.totals import Totals
from driftline.metrics.view import WindowView
from driftline.pipeline import shown as shown_module
from driftline.pipeline.history import ends_held
from driftline.pipeline.recent import KEPT, Recent
from driftline.pipeline.shown import Kept, Shown, Wanted
from driftline.records import Message
from driftline.settings import Window, WindowKind

WINDOW = Window(4, 1)


def panes(starts, drop_before=None):
    """One count a pane, and an unseen value in every third."""
    made = Panes(WINDOW, Totals.empty(3, 2, 1, 1))
    for start in starts:
        totals = Totals.empty(3, 2, 1, 1)
        totals.counts[:] = [start, 1, 2]
        totals.sums[:] = [start * 10, 1]
        totals.unseen = ({"new": start},) if start % 3 == 0 else ({},)
        made.add(start, totals)
    if drop_before is not None:
        made.drop_before(drop_before)
    return made


def test_a_sweep_equals_a_peek_at_each_end():
    """Counts, sums and unseen values, with a gap between the panes and an end beyond them."""
    made = panes([1, 2, 3, 6, 9, 10])
    ends = [2, 3, 4, 5, 8, 11, 13]
    counts, sums, unseen = made.sweep(ends)
    each = [made.peek(end) for end in ends]
    assert [t.counts.tolist() for t in each] == counts.tolist()
    assert [t.sums.tolist() for t in each] == sums.tolist()
    assert [t.unseen for t in each] == unseen


def test_a_sweep_leaves_the_running_sum_where_it_stands():
    """Judging goes on as if nobody had looked."""
    made = panes(range(10))
    before = made.at(6).counts.tolist()
    made.sweep([4, 5, 9])
    assert before == made.at(6).counts.tolist()


def test_only_whole_windows_have_a_history():
    """After panes were dropped, the ends whose windows reach before the horizon are left out."""
    assert [1, 2, 3] == ends_held(panes(range(3)), 3)
    assert [9, 10] == ends_held(panes(range(10), drop_before=5), 10)
    assert [] == ends_held(panes([]), 10)


def test_every_change_of_panes_is_known_by_its_revision():
    """Adding and dropping; adding to a pane that is gone changes nothing."""
    made = panes([1, 2])
    first = made.revision
    made.drop_before(2)
    second = made.revision
    made.add(1, Totals.empty(3, 2, 1, 1))
    assert (first < second, second) == (True, made.revision)


class Counting(Shown):
    """Counts what is computed, without an engine."""

    def __init__(self):
        super().__init__()
        self.renewed: list[str] = []

    def _renew(self, w, watermark_ms):
        self.renewed.append(w.slot.key[0])
        state = (w.panes.revision, w.end_ms)
        view = WindowView(model=w.slot.key[0], version="1", window="4", kind="drift", end_ms=w.end_ms)
        self.kept[w.key] = Kept(w.slot, state, view, self.turn)

    def _renew_histories(self, wanted, watermark_ms):
        pass


class Named:
    """As much of a slot as is needed."""

    def __init__(self, name):
        self.key = (name, "1")


def test_a_view_computes_only_what_changed():
    """Nothing the second time; the one window whose panes or end moved the third time."""
    wanted = [Wanted(Named(name), WindowKind.DRIFT, panes([1]), 2) for name in "abc"]
    shown = Counting()
    shown.windows(wanted, 0)
    shown.windows(wanted, 0)
    assert ["a", "b", "c"] == shown.renewed
    wanted[1].panes.add(1, Totals.empty(3, 2, 1, 1))
    wanted[2] = replace(wanted[2], end_ms=3)
    shown.windows(wanted, 0)
    assert ["b", "c"] == shown.renewed[3:]


def test_a_busy_fleet_is_renewed_in_four_views(monkeypatch):
    """All 400 windows change all the time: each view computes a quarter, the stalest first, none is left behind."""
    monkeypatch.setattr(shown_module, "WINDOWS_A_VIEW", 64)
    wanted = [Wanted(Named(str(k)), WindowKind.DRIFT, panes([1]), 2) for k in range(400)]
    shown = Counting()
    shown.windows(wanted, 0)
    shown.renewed.clear()
    for _ in range(4):
        for w in wanted:
            w.panes.add(1, Totals.empty(3, 2, 1, 1))
        shown.windows(wanted, 0)
    assert (400, 400) == (len(shown.renewed), len(set(shown.renewed)))


def test_a_version_that_is_gone_is_forgotten():
    """Nothing is kept of windows that are no longer asked for."""
    wanted = [Wanted(Named(name), WindowKind.DRIFT, panes([1]), 2) for name in "ab"]
    shown = Counting()
    shown.windows(wanted, 0)
    shown.windows(wanted[:1], 0)
    assert [wanted[0].key] == list(shown.kept)


def event(number):
    data = {
        "model": {"name": "m", "version": "1"}, "episode": {"rule": "r"}, "severity": "critical", "reason": f"no. {number}",
        "data_range": list(range(100)),
    }  # fmt: skip
    value = {"id": str(number), "type": "io.driftline.alert.fired.v1", "time": "2026-01-01T00:00:00Z",
             "source": "/driftline/main", "data": data}  # fmt: skip
    return Message("t", b"m", json.dumps(value).encode(), (), str(number))


def test_recent_events_are_bounded_and_survive_a_restart():
    """The newest come first; long evidence is cut; the state says when it must be written."""
    recent = Recent()
    for number in range(KEPT + 5):
        recent.note(event(number))
    assert recent.dirty
    again = Recent()
    again.restore(recent.blob())
    assert (False, KEPT) == (recent.dirty, len(again.views()))
    newest = again.views()[0]
    assert (f"no. {KEPT + 4}", "alert.fired", "main", 20) == (
        newest.reason, newest.type, newest.stream, len(newest.data["data_range"])
    )  # fmt: skip


def test_a_new_state_has_no_recent_events():
    """No block is no event."""
    recent = Recent()
    recent.restore(None)
    assert () == recent.views()


@pytest.mark.parametrize("count", [1, 5])
def test_sweeping_costs_no_copy_of_the_panes(count):
    """The panes are the same objects afterwards, untouched."""
    made = panes(range(6))
    before = {s: p.counts.copy() for s, p in made.panes.items()}
    made.sweep(list(range(4, 4 + count)))
    assert all(np.array_equal(before[s], p.counts) for s, p in made.panes.items())
