"""Views made by hand: small, with every state, and with names that somebody meant ill."""

from __future__ import annotations

import numpy as np

from driftline.metrics.view import (
    DaemonView,
    HistoryView,
    ModelView,
    PartitionView,
    RuleView,
    SharesView,
    StreamView,
    TriggerView,
    WindowView,
)
from driftline.records import Dimension, Evaluation

DAY = 86_400_000
SCRIPT = "<script>document.title='owned'</script>"
ATTRIBUTE = '"><img src=x onerror="document.title=1">'
TURNED = "user\u202egnp.exe"
LONG = "x" * 256
HOSTILE = (SCRIPT, ATTRIBUTE, TURNED, LONG, "\ud800", "")


def evaluation(statistic, dimensions, values, *, ends=1, n=600, enough=True):
    """Of one end, or the same values rising a hundredth a day."""
    k = len(dimensions)
    value = np.array([[v + 0.01 * e for v in values] for e in range(1 - ends, 1)], float)
    shape = (ends, k)
    return Evaluation(
        statistic,
        tuple(dimensions),
        value,
        np.full(shape, n),
        np.full(shape, enough),
        value - 0.05,
        value + 0.05,
    )


def windows(model, version="1", features=("price", "day"), f1=0.5, *, enough=True):
    """A drift and a performance window of a day with five past ends."""
    ends = tuple((k + 1) * DAY for k in range(5))
    judged = tuple(end + 3_600_000 for end in ends)
    psi = [Dimension(feature=f) for f in features], [0.25 - 0.05 * k for k in range(len(features))]
    binary = [Dimension(average="binary")], [f1]
    whole = [Dimension()], [600.0]
    shares = [
        SharesView(name=f, bins=("≤ 1", "> 1"), reference=(0.5, 0.5), current=(0.1, 0.9), reference_n=100, current_n=600)
        for f in features
    ]  # fmt: skip
    shared = {
        "model": model,
        "version": version,
        "window": "1d",
        "end_ms": 5 * DAY,
        "length_ms": DAY,
        "slide_ms": DAY,
    }
    return [
        WindowView(
            **shared, kind="drift", events=600, shares=tuple(shares),
            evaluations=[evaluation("psi", *psi, enough=enough), evaluation("missing_ratio", *psi, enough=enough),
                         evaluation("events", *whole)],
            history=HistoryView(ends_ms=ends, judged_ms=ends, evaluations=[evaluation("psi", *psi, ends=5), evaluation("events", *whole, ends=5)]),
        ),
        WindowView(
            **shared, kind="performance", events=600, labelled=540, judged_ms=5 * DAY + 3_600_000,
            evaluations=[evaluation("events", *whole), evaluation("f1", *binary, enough=enough)],
            history=HistoryView(ends_ms=ends, judged_ms=judged, evaluations=[evaluation("events", *whole, ends=5), evaluation("f1", *binary, ends=5)]),
        ),
    ]  # fmt: skip


def model(name, version="1", **more):
    """Monitored, with a reference, heard of a moment ago."""
    given = {"reference_id": "r" * 64, "reference_rows": 100, "reference_metrics": {"f1": 0.8}, "task": "binary",
             "tags": {"team": "pricing"}, "predictions_total": 600, "last_event_ms": 5 * DAY - 1, "min_coverage": 0.5}  # fmt: skip
    return ModelView(model=name, version=version, **{**given, **more})


def rule(name, model_name, state="inactive", **more):
    """F1 below 0.7 for two days."""
    given = {
        "severity": "critical", "then": "retrain", "condition": "f1 over 1d below 0.7", "for_text": "48h", "metric": "f1",
        "window": "1d", "value": 0.5, "threshold": 0.7, "last_judged_ms": 5 * DAY,
    }  # fmt: skip
    times = {
        "pending": {"active_since_ms": 4 * DAY, "fires_at_ms": 6 * DAY},
        "firing": {"active_since_ms": 2 * DAY, "fired_at_ms": 4 * DAY},
    }  # fmt: skip
    return RuleView(
        rule=name, model=model_name, state=state, **{"version": "1", **given, **times.get(state, {}), **more}
    )


def trigger(number, model_name="pending-one", **more):
    """A request with its evidence."""
    data = {
        "window": {"name": "1d", "start": "1970-01-04T00:00:00Z", "end": "1970-01-05T00:00:00Z", "events": 600, "coverage": 0.9},
        "drifted_features": [{"feature": "price", "metric": "psi", "value": 0.25}],
        "data_range": [{"topic": "predictions", "partition": 0, "first_offset": 10, "last_offset": 99}],
    }  # fmt: skip
    given = {"type": "retraining.requested", "stream": "main", "version": "1", "rule": "low", "severity": "critical",
             "reason": "f1 is 0.5, below 0.7"}  # fmt: skip
    return TriggerView(
        id=f"id{number}", time_ms=number * DAY, model=model_name, data=data, **{**given, **more}
    )


def every_state():
    """A model in each state."""
    names = ("firing-one", "pending-one", "fine-one")
    stream = StreamView(
        name="main", watermark_ms=5 * DAY, staged=3, join_pending=40,
        partitions=[PartitionView(stream="main", topic="predictions", partition=0, kind="prediction", position=90,
                                  high_watermark=100, watermark_ms=5 * DAY, paused="skew")],
        counters={"events_rejected_total": {("predictions", "not_json"): 7, ("predictions", "bad_time"): 0}},
        models=[*(model(n) for n in names), model("silent-one", last_event_ms=3 * DAY), model("few-one"),
                model("bare-one", reference_id=None, reference_metrics={})],
        windows=[*(w for n in names for w in windows(n)), *windows("silent-one"), *windows("few-one", enough=False),
                 *windows("bare-one")[1:]],
        rules=[rule("low", "firing-one", "firing"), rule("low", "pending-one", "pending"), rule("low", "fine-one")],
        unmonitored=[("stranger", "2", 9)],
    )  # fmt: skip
    return DaemonView(
        streams=(stream,), now_ms=5 * DAY + 60_000, triggers=tuple(trigger(n) for n in (5, 4, 3)),
        triggers_total={("low", "firing-one", "1", "critical"): 3}, trigger_last_ms=5 * DAY, last_commit_ms=5 * DAY,
        kafka_up=True, ready=True, version="1.0", state_file_bytes=1 << 20, state_free_bytes=1 << 30,
    )  # fmt: skip


def hostile():
    """Names of models, versions, features, rules, tags and topics that would run, turn or stretch the page."""
    streams = [
        StreamView(
            name=bad, watermark_ms=5 * DAY, hold=bad,
            models=[model(bad, bad, tags={bad: bad}, lineage={bad: bad})],
            windows=windows(bad, bad, features=HOSTILE),
            rules=[rule(bad, bad, "firing", version=bad, instance={"feature": bad}, condition=bad, severity=bad, for_text=bad)],
            unmonitored=[(bad, bad, 1)],
            partitions=[PartitionView(stream=bad, topic=bad, partition=0, kind=bad, paused=bad, position=1)],
            counters={"events_rejected_total": {(bad, bad): 1}},
        )
        for bad in HOSTILE
    ]  # fmt: skip
    return DaemonView(
        streams=tuple(streams), now_ms=5 * DAY, reasons=HOSTILE, version=SCRIPT,
        triggers=tuple(trigger(k, bad, version=bad, rule=bad, severity=bad, reason=bad) for k, bad in enumerate(HOSTILE)),
    )  # fmt: skip
