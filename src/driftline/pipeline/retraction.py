"""Whether a request would still be made with the labels that are known now."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from driftline.pipeline.instances import Instance
from driftline.pipeline.lookup import SlotLookup, held_again
from driftline.pipeline.rulebook import Rulebook, average_of
from driftline.pipeline.slots import Slot
from driftline.rules.machine import reading
from driftline.rules.resolve import Resolved
from driftline.rules.spec import comparisons
from driftline.rules.verdict import Verdict, judge
from driftline.settings import WindowKind

Others = dict[str, Slot]


def open_until(resolved: Resolved, instance: Instance, revision: str) -> int | None:
    """Until when an instance's last request can be taken back; None: it cannot."""
    until: int | None = instance.opened.get("retract_until_ms")
    return until if resolved.retractable and instance.opened.get("revision") == revision else None


def keeps_ms(resolved: Resolved) -> int:
    """How much longer than for judging once the panes that a rule reads are kept."""
    if not resolved.retractable:
        return 0
    return resolved.effective_delay_ms + resolved.spec.retract_within_ms


def touched(resolved: Resolved, instance: Instance, low_ms: int, high_ms: int) -> bool:
    """Whether labels of predictions in [low, high] change what the instance's request rests on."""
    longest = max(w.length_ms for kind, w in resolved.windows if kind is WindowKind.PERFORMANCE)
    before = 2 if any(c.versus == "previous window" for c in resolved.spec.comparisons()) else 1
    start_ms: int = instance.opened["start_ms"] - resolved.delay_ms - before * longest
    end_ms: int = instance.opened["fired_ms"]
    return low_ms < end_ms and high_ms >= start_ms


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
    previous = any(c.versus == "previous window" for c in comparisons(resolved.spec.when))
    more = keeps_ms(resolved)
    for kind, window in resolved.windows:
        reach = window.length_ms * (2 if previous else 1)
        kept = 2 * window.length_ms + window.slide_ms + slot.settings.labels.delay_ms + more
        if start_ms - slot.delay_ms(kind) - reach - window.slide_ms < now_ms - kept:
            return False
    return True
