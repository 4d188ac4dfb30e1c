"""How often Python looks for cycles: seldom, since batches are flat values that die by reference count."""

from __future__ import annotations

import gc

_THRESHOLDS = (100_000, 20, 50)
"""With Python's own 700, a third of the time went into walking over batches that hold no cycle."""


def collect_seldom() -> None:
    """Set the process's collector for columnar work; what is loaded by now is never walked over again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
