"""Instants of rules that read several windows: the finest one may be empty while another still holds events."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from driftline.aggregates.panes import Panes
from driftline.pipeline.engine import Instant
from driftline.pipeline.lookup import panes_of
from driftline.pipeline.slots import Slot
from driftline.records import Ints
from driftline.rules.resolve import Resolved
from driftline.settings import WindowKind
from driftline.windows.grid import ends_between, pane_starts


def mixed_instants(
    slot: Slot, rules: list[Resolved], late: list[Ints], after_ms: int, until_ms: int
) -> Iterator[Instant]:
    """Ends of the rules' finest windows, judged in (after, until], at which some other window of theirs holds events.

    ``late`` are the times of events that wait to take effect.
    """
    for resolved in (r for r in rules if r.finest is not None and len(r.windows) > 1):
        finest = panes_of(slot, resolved.finest_kind, resolved.finest.length_ms)  # type: ignore[union-attr]
        if finest is None:
            continue
        place = _place(slot, resolved.finest_kind, finest)
        for kind, window in resolved.windows:
            panes = panes_of(slot, kind, window.length_ms)
            if panes is None or panes is finest:
                continue
            ends = _ends(slot, resolved, kind, panes, late, after_ms, until_ms)
            for end_ms in ends.tolist():
                yield end_ms + resolved.delay_ms, end_ms, slot.code, resolved.finest_kind, place


def _ends(
    slot: Slot, resolved: Resolved, kind: WindowKind, panes: Panes, late: list[Ints], after_ms: int, until_ms: int
) -> Ints:  # fmt: skip
    """A pane at p is in the ends p + slide … p + length, and the last of them is the latest until the next."""
    window, every = panes.window, resolved.every_ms
    starts = np.unique(np.concatenate([panes.starts(), *(pane_starts(t, window) for t in late)]))
    shift = slot.delay_ms(kind) - resolved.delay_ms
    first = np.maximum(starts + window.slide_ms + shift, after_ms - resolved.delay_ms + 1)
    last = np.minimum(starts + window.length_ms + window.slide_ms + shift - 1, until_ms - resolved.delay_ms)
    return ends_between(-(-first // every) * every, last // every * every, every)


def _place(slot: Slot, kind: WindowKind, panes: Panes) -> int:
    every = slot.drift_panes if kind is WindowKind.DRIFT else slot.performance_panes
    return next(i for i, p in enumerate(every) if p is panes)
