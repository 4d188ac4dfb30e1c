"""What a model version will need: series, memory and disk, from its layout, its reference and its traffic.

A small engine of one version is filled with made-up traffic, and the real code says what it shows and
stores. What that does not tell, how many panes and predictions are kept, is reckoned by the engine's rules.
"""

from __future__ import annotations

from dataclasses import dataclass

from driftline.pipeline.needs.asked import Asked, join_rows
from driftline.pipeline.needs.disk import Stored, disk_bytes
from driftline.pipeline.needs.filled import fill, slot_of, small_engine
from driftline.pipeline.needs.memory import SPAN_BYTES, index_entries, pane_bytes, row_bytes
from driftline.pipeline.needs.series import series_of_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What one version needs, and what one more row of its join needs."""

    series: int
    pane_bytes: int
    """Memory of all its panes and running sums."""
    index_bytes: int
    """Memory of the index of where the data lies."""
    join_rows: int
    """Predictions that are kept for their labels."""
    row_bytes: int
    """Memory of one of them, its place in the index aside."""
    disk_bytes: int
    """All of it in the state file."""


def needs(asked: Asked, stored: Stored) -> Needs:
    """What a version needs once all its windows are full."""
    shown = small_engine(asked)
    slot = slot_of(shown)
    for kind, panes in slot.panes():
        fill(asked, slot, kind, panes, panes.window.length_ms)
    kept = small_engine(asked)
    pane_disk, other_disk = disk_bytes(asked, kept, stored)
    return Needs(
        series=series_of_version(asked, shown, slot),
        pane_bytes=round(sum(pane_bytes(asked, panes) for _, panes in slot.panes())),
        index_bytes=index_entries(asked, slot) * SPAN_BYTES,
        join_rows=join_rows(asked),
        row_bytes=row_bytes(asked, kept),
        disk_bytes=round(pane_disk + other_disk),
    )
