"""Whether a request would still be made with the labels that are known now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from driftline.pipeline.instances import Instance
from driftline.pipeline.lookup import SlotLookup, held_again, latest_end_ms
from driftline.pipeline.rulebook import Rulebook, average_of
from driftline.pipeline.slots import Slot
from driftline.rules.machine import reading
from driftline.rules.resolve import Resolved
from driftline.rules.spec import comparisons
from driftline.rules.verdict import Verdict, judge
from driftline.settings import Window, WindowKind

Others = dict[str, Slot]


def open_until(resolved: Resolved, instance: Instance, revision: str) -> int | None:
    """Until when an instance's last request can be taken back; None: it cannot."""
    until: int | None = instance.opened.get("retract_until_ms")
    return until if resolved.retractable and instance.opened.get("revision") == revision else None


def keeps_ms(resolved: Resolved, kind: WindowKind, length_ms: int) -> int:
    """How much longer than for judging once the panes of a window that a rule reads are kept."""
    before = any(
        c.versus == "previous window" and (c.kind, c.window_ms) == (kind, length_ms)
        for c in resolved.spec.comparisons()
    )
    again = resolved.effective_delay_ms + resolved.spec.retract_within_ms if resolved.retractable else 0
    return again + (length_ms if before else 0)


def touched(slot: Slot, resolved: Resolved, instance: Instance, stretches: Iterable[int]) -> bool:
    """Whether labels of predictions in stretches (of the data index) are in a window that the request rests on.

    Stretches divide every slide, so that what is found does not depend on how many changes are looked at together.
    """
    read = [
        _reach(slot, resolved, kind, w, instance)
        for kind, w in resolved.windows
        if kind is WindowKind.PERFORMANCE
    ]
    return any(first <= start < end for start in stretches for first, end in read)


def _reach(
    slot: Slot, resolved: Resolved, kind: WindowKind, window: Window, instance: Instance
) -> tuple[int, int]:
    """From the begin of a window at the first true instant to its end at the firing."""
    start_ms, fired_ms = instance.opened["start_ms"], instance.opened["fired_ms"]
    first_ms = latest_end_ms(slot, kind, window.slide_ms, start_ms) - window.length_ms * _before(resolved)
    return first_ms, latest_end_ms(slot, kind, window.slide_ms, fired_ms)


def _before(resolved: Resolved) -> int:
    """How many lengths of a window are read: with ``previous window``, the one before it too."""
    return 2 if any(c.versus == "previous window" for c in comparisons(resolved.spec.when)) else 1


def corrected(
    slot: Slot, resolved: Resolved, instance: Instance, others: Others, book: Rulebook, now_ms: int
) -> Verdict | None:
    """The verdict at the instant of firing as it would be now, if no instant of the episode is true any more.

    None: one still is, or the panes of the first instants need not be there any more (an episode that took
    longer than ``for``, for want of data, may be older than what is kept).
    """
    opened = instance.opened
    if not _kept(slot, resolved, opened["start_ms"], now_ms):
        return None
    verdicts = _backwards(slot, resolved, instance, others, book)
    at_firing = next(verdicts)
    for verdict in (at_firing, *verdicts):
        if reading(resolved.spec, verdict.outcome):
            return None
    return at_firing


def _backwards(
    slot: Slot, resolved: Resolved, instance: Instance, others: Others, book: Rulebook
) -> Iterator[Verdict]:
    """Verdicts of today from the firing instant back to the first true one."""
    needed: Callable[[WindowKind, int], frozenset[str]] = lambda k, n: book.needed(slot, k, n)  # noqa: E731
    at_ms = instance.opened["fired_ms"]
    while at_ms >= instance.opened["start_ms"]:
        lookup = SlotLookup(slot, held_again(slot, needed, at_ms), others)
        yield judge(resolved.spec.when, lookup, instance.binding, average_of(slot))
        at_ms -= resolved.every_ms


def _kept(slot: Slot, resolved: Resolved, start_ms: int, now_ms: int) -> bool:
    """Whether every window of the first instant is made of panes that no run has dropped by now."""
    for kind, window in resolved.windows:
        reach, more = window.length_ms * _before(resolved), keeps_ms(resolved, kind, window.length_ms)
        kept = window.slide_ms + window.length_ms + slot.settings.labels.delay_ms + more
        if start_ms - slot.delay_ms(kind) - reach - window.slide_ms < now_ms - kept:
            return False
    return True
