"""What the engine puts into the view of Elec2, against the raw data and against what happens later."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from driftline.demo import elec2 as data
from driftline.instants import parse_instant, rfc3339
from driftline.metrics.view import DaemonView, WindowView
from driftline.web.page.measures import measures
from driftline.web.page.standing import standings

DAY = 86_400_000


def window(view: DaemonView, kind: str, name: str = "28d") -> WindowView:
    """A window of the view."""
    return next(w for w in view.streams[0].windows if (w.kind, w.window) == (kind, name))


def inside(view: DaemonView, shown: WindowView) -> list[data.Row]:
    """The raw rows of a window, as far as they have been read."""
    read_ms = max(m.last_event_ms for m in view.streams[0].models)
    times = (shown.end_ms - shown.length_ms, min(shown.end_ms - 1, read_ms))
    return [
        row
        for row in data.rows()
        if row.number >= data.REFERENCE_ROWS and times[0] <= int(row.time.timestamp() * 1000) <= times[1]
    ]


def test_histograms_are_the_raw_data_s(elec2):
    """Shares of nswprice over the reference's deciles, and of each day, counted from the files."""
    shown = window(elec2, "drift")
    shares = {s.name: s for s in shown.shares}
    rows = inside(elec2, shown)
    reference = [row.features["nswprice"] for row in data.rows() if row.number < data.REFERENCE_ROWS]
    now = [row.features["nswprice"] for row in rows]
    edges = np.quantile(reference, np.linspace(0, 1, 11))[1:-1]
    for values, found in ((reference, shares["nswprice"].reference), (now, shares["nswprice"].current)):
        counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=10)
        assert (counts / len(values)).tolist() == pytest.approx(list(found))
    days = [row.features["day"] for row in rows]
    assert [days.count(day) / len(days) for day in shares["day"].bins] == pytest.approx(
        list(shares["day"].current)
    )


def test_the_histogram_explains_the_psi(elec2):
    """PSI from the shown shares is the PSI that is shown, feature by feature."""
    shown = window(elec2, "drift")
    psi = next(e for e in shown.evaluations if e.statistic == "psi")
    value = {d.feature: v for d, v in zip(psi.dimensions, psi.value[0].tolist(), strict=True)}
    features = [s for s in shown.shares if not s.output]
    for shares in features:
        p, q = (np.maximum(s, 1e-4) for s in (shares.reference, shares.current))
        assert value[shares.name] == pytest.approx(float(np.sum((q - p) * np.log(q / p))), abs=1e-9)
    assert sorted(value, key=lambda f: -value[f])[:2] == [s.name for s in features][:2]


def test_the_last_point_of_a_history_is_the_value_shown(elec2):
    """Of both kinds, for every statistic that has a history."""
    for kind in ("drift", "performance"):
        shown = window(elec2, kind)
        assert shown.history is not None
        assert shown.end_ms == shown.history.ends_ms[-1]
        now = {e.statistic: e for e in shown.evaluations}
        for past in shown.history.evaluations:
            assert past.dimensions == now[past.statistic].dimensions
            assert now[past.statistic].value[0].tolist() == pytest.approx(
                past.value[-1].tolist(), nan_ok=True
            )


def test_a_history_is_what_was_shown_then(elec2, elec2_view, tmp_path):
    """F1 of a week ago in today's history is the F1 that the view showed a week ago; all labels were there."""
    then = window(elec2_view.view(tmp_path, "1997-03-18T12:00:00Z"), "performance")
    past = window(elec2, "performance").history
    assert past is not None
    place = past.ends_ms.index(then.end_ms)
    for evaluation in (e for e in past.evaluations if e.statistic in ("f1", "accuracy")):
        before = next(e for e in then.evaluations if e.statistic == evaluation.statistic)
        assert before.value[0].tolist() == pytest.approx(evaluation.value[place].tolist())


def test_a_rule_fires_when_the_page_said_it_would(elec2, elec2_view, tmp_path):
    """Pending on the 19th with a time; the trigger that came then has that very time."""
    early = elec2_view.view(tmp_path, "1997-03-19T12:00:00Z")
    (pending,) = (r for r in early.streams[0].rules if r.state == "pending")
    (request,) = (t for t in elec2.triggers if t.type == "retraining.requested")
    assert (pending.rule, rfc3339(pending.fires_at_ms)) == (request.rule, rfc3339(request.time_ms))
    (firing,) = (r for r in elec2.streams[0].rules if r.state == "firing")
    assert (request.time_ms, None) == (firing.fired_at_ms, firing.fires_at_ms)


def test_a_mature_window_has_its_instant_and_an_open_one_none(elec2):
    """Performance is judged 25 h after its end; the drift window's last pane is open."""
    performance, drift = window(elec2, "performance"), window(elec2, "drift")
    assert (performance.end_ms + 25 * 3_600_000, None) == (performance.judged_ms, drift.judged_ms)
    assert drift.history is not None
    assert [True, False] == [at is not None for at in drift.history.judged_ms[-2:]]


def test_a_rule_says_what_it_reads_before_it_is_true(elec2):
    """The inactive one on features has its condition, metric and window."""
    rule = next(r for r in elec2.streams[0].rules if r.rule == "feature-drift")
    assert ("inactive", "psi", "28d", "notify", "7d") == (
        rule.state,
        rule.metric,
        rule.window,
        rule.then,
        rule.for_text,
    )
    assert "psi of * over 28d above 1 in at least 2" == rule.condition


def test_a_rule_over_many_features_names_the_one_that_is_shown(elec2_view, tmp_path):
    """In January two features were beyond: the value is the first one's, by name."""
    early = elec2_view.view(tmp_path, "1997-01-12T12:00:00Z")
    (rule,) = (r for r in early.streams[0].rules if r.rule == "feature-drift")
    assert ("firing", "nswprice") == (rule.state, rule.of)


def test_the_recent_events_are_those_published(elec2):
    """Newest first, each with the evidence of the event."""
    assert ["retraining.requested", "alert.resolved", "alert.fired"] == [t.type for t in elec2.triggers]
    assert "f1-fell" == elec2.triggers[0].data["episode"]["rule"]
    assert json.dumps(dict(elec2.triggers[0].data))
    assert parse_instant("1997-03-20T01:00:00Z") == elec2.triggers[0].time_ms


def test_calibration_is_the_raw_data_s_and_stands_among_the_measures(elec2):
    """ECE of the newest judged window by its rows, and on the page."""
    shown = window(elec2, "performance")
    rows = inside(elec2, shown)
    score, up = np.array([row.score for row in rows]), np.array([row.label == "UP" for row in rows])
    gaps = np.bincount(np.digitize(score, np.arange(1, 10) / 10, right=True), score - up)
    expected = np.abs(gaps).sum() / len(rows)
    found = next(e for e in shown.evaluations if e.statistic == "ece")
    assert found.value[0, 0] == pytest.approx(expected, abs=2e-10)
    lines = re.findall(r"<tr[^>]*>(?:(?!</tr>).)*>ECE<.*?</tr>", str(measures(standings(elec2)[0])))
    [cells] = [c for c in (re.findall(r"<div>([^<]*)</div>", line) for line in lines) if "28d" in c]
    assert f"{expected:.3f}" in cells
