"""``/api/v1/triggers``: the newest published events with their evidence."""

from __future__ import annotations

from collections.abc import Iterator
from operator import itemgetter

from driftline.instants import rfc3339
from driftline.metrics.view import DaemonView
from driftline.web.api.paging import Keyed
from driftline.web.api.query import Query

TYPES = (
    "retraining.requested",
    "retraining.resolved",
    "retraining.retracted",
    "alert.fired",
    "alert.resolved",
)


def triggers(view: DaemonView, query: Query) -> list[Keyed]:
    """The newest published events, newest first."""
    return sorted(_triggers(view, query), key=itemgetter(0))


def _triggers(view: DaemonView, query: Query) -> Iterator[Keyed]:
    from_ms, to_ms = query.one("from"), query.one("to")
    for t in view.triggers:
        inside = (from_ms is None or t.time_ms >= from_ms) and (to_ms is None or t.time_ms <= to_ms)
        if inside and query.wants(model=t.model, version=t.version, rule=t.rule, type=t.type):
            yield (-t.time_ms, t.id), {
                "id": t.id, "type": t.type, "time": rfc3339(t.time_ms), "stream": t.stream, "model": t.model,
                "version": t.version, "rule": t.rule, "severity": t.severity, "reason": t.reason, "data": dict(t.data),
            }  # fmt: skip
