"""``/api/v1/rules``: every instance of every rule, with when it fires."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import isfinite
from operator import itemgetter

from driftline.metrics.view import DaemonView
from driftline.web.api.paging import Keyed
from driftline.web.api.query import Query
from driftline.web.api.status import instant

STATES = ("inactive", "pending", "firing")


def number(value: float | None) -> float | None:
    """Null where it is no number."""
    return value if value is not None and isfinite(value) else None


def rules(view: DaemonView, query: Query) -> list[Keyed]:
    """The rules' instances, by model."""
    return sorted(_rules(view, query), key=itemgetter(0))


def _rules(view: DaemonView, query: Query) -> Iterator[Keyed]:
    for stream in view.streams:
        for r in stream.rules:
            if query.wants(model=r.model, version=r.version, state=r.state, rule=r.rule):
                key = (r.model, r.version, r.rule, json.dumps(dict(r.instance), sort_keys=True))
                yield key, {
                    "rule": r.rule, "model": r.model, "version": r.version, "instance": dict(r.instance),
                    "severity": r.severity, "then": r.then, "condition": r.condition, "for": r.for_text,
                    "state": r.state, "active_since": instant(r.active_since_ms), "fires_at": instant(r.fires_at_ms),
                    "fired": instant(r.fired_at_ms), "metric": r.metric, "window": r.window, "of": r.of, "value": number(r.value),
                    "low": number(r.low), "high": number(r.high), "threshold": number(r.threshold),
                    "insufficient": r.insufficient, "unjudged": stream.hold is not None,
                    "last_judged": instant(r.last_judged_ms),
                }  # fmt: skip
