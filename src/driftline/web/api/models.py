"""``/api/v1/models``: what is monitored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from operator import itemgetter

from driftline.metrics.view import DaemonView
from driftline.web.api.paging import Keyed
from driftline.web.api.query import Query
from driftline.web.api.status import instant


def models(view: DaemonView, query: Query) -> list[Keyed]:
    """The monitored versions, by name."""
    return sorted(_models(view, query), key=itemgetter(0))


def _models(view: DaemonView, query: Query) -> Iterator[Keyed]:
    for stream in view.streams:
        windows: dict[tuple[str, str], set[str]] = defaultdict(set)
        for w in stream.windows:
            windows[w.model, w.version].add(w.window)
        for m in stream.models:
            if query.wants(model=m.model, version=m.version):
                yield (m.model, m.version, stream.name), {
                    "stream": stream.name, "model": m.model, "version": m.version, "task": m.task or None,
                    "tags": dict(m.tags), "predictions": m.predictions_total, "last_event": instant(m.last_event_ms),
                    "reference": m.reference_id, "validated": dict(m.reference_metrics),
                    "windows": sorted(windows[m.model, m.version]),
                }  # fmt: skip
