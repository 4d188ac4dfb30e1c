"""Episodes for people, a line each, and for programs, as JSON lines."""

from __future__ import annotations

import json
from collections.abc import Sequence

from driftline.effects import trigger
from driftline.instants import rfc3339
from driftline.pipeline.episodes import Episode

_HEAD = ("rule", "model", "instance", "pending since", "fired", "ended", "state", "worst", "event, reason")
_NOTHING = "–"
_EVENTS = {
    trigger.REQUESTED: "retraining requested",
    trigger.REQUEST_RESOLVED: "request resolved",
    trigger.ALERT_FIRED: "alert",
    trigger.ALERT_RESOLVED: "alert resolved",
}


def table(episodes: Sequence[Episode]) -> str:
    """A line an episode, in the order in which they began, and how many there were."""
    rows = [_HEAD, *map(_row, episodes)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(_HEAD))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([*(lines if episodes else []), _count(episodes)])


def _count(episodes: Sequence[Episode]) -> str:
    fired = sum(e.fired_ms is not None for e in episodes)
    cleared = sum(e.outcome == "cleared" for e in episodes)
    still = [f"{n} still {o}" for o in ("firing", "pending") if (n := sum(e.outcome == o for e in episodes))]
    parts = [f"{fired} fired", f"{cleared} cleared before they fired", *still]
    return f"{len(episodes)} episode{'' if len(episodes) == 1 else 's'}: {', '.join(parts)}"


def _row(e: Episode) -> tuple[str, ...]:
    instance = ", ".join(f"{k}={v}" for k, v in sorted(e.instance.items()))
    limit = f" (limit {e.threshold:.4g})" if e.threshold is not None else ""
    worst = f"{e.worst:.4g}{limit}" if e.worst is not None else _NOTHING
    times = (_time(e.pending_ms), _time(e.fired_ms), _time(e.ended_ms))
    return (e.rule, f"{e.model}/{e.version}", instance or _NOTHING, *times, e.outcome, worst, _what(e))


def _time(at_ms: int | None) -> str:
    return _NOTHING if at_ms is None else rfc3339(at_ms)


def _what(e: Episode) -> str:
    """The event that it led to first, or the request that it joined; then the reason."""
    if e.triggers:
        said = f"{_EVENTS.get(e.triggers[0]['type'], e.triggers[0]['type'])} {e.triggers[0]['id'][:12]}"
    elif e.joined:
        said = f"joined request {e.joined[:12]}"
    elif e.fired_ms is not None:
        said = "no event: a cooldown held"
    else:
        return _NOTHING
    return f"{said}: {e.reason}" if e.reason else said


def line(e: Episode) -> bytes:
    """One episode as JSON; what is not known, or has not happened, is null."""
    return json.dumps(
        {
            "rule": e.rule, "model": e.model, "version": e.version, "instance": e.instance,
            "severity": e.severity, "state": e.outcome, "pending": rfc3339(e.pending_ms),
            "fired": None if e.fired_ms is None else rfc3339(e.fired_ms),
            "ended": None if e.ended_ms is None else rfc3339(e.ended_ms),
            "worst": e.worst, "worst_at": None if e.worst_ms is None else rfc3339(e.worst_ms),
            "threshold": e.threshold, "reason": e.reason, "triggers": e.triggers, "joined": e.joined,
        },
        ensure_ascii=False,
    ).encode()  # fmt: skip
