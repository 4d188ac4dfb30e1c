"""Which instants a rule has for a (model, version): until when it counts as seen."""

from __future__ import annotations

from collections.abc import Mapping

from driftline.pipeline.lookup import Latest, WindowKey
from driftline.pipeline.slots import Slot
from driftline.rules.resolve import Resolved

NEVER = -(1 << 62)
NEVER_AGAIN = 1 << 62


def active_until_ms(slot: Slot, resolved: Resolved, latest: Mapping[WindowKey, Latest]) -> int:
    """The last instant at which the rule is judged, unless an event comes.

    Versions without an event for ``active_for`` are not judged, unless the rule names versions. An event
    counts as seen at the end of its pane, and only what was judged counts, not what was read ahead.
    """
    spec = resolved.spec
    if spec.versions is not None:
        return NEVER_AGAIN
    seen = [
        found.seen_ms + window.slide_ms
        for kind, window in resolved.windows
        if (found := latest.get((slot.code, kind, window.length_ms))) is not None
    ]
    return max(seen, default=NEVER) + spec.active_for_ms + resolved.delay_ms - 1 if seen else NEVER
