"""The status page: one HTML document, made on the server, without scripts; everything shown is escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape

from driftline.instants import rfc3339
from driftline.metrics.view import DaemonView, ModelView, StreamView
from driftline.statistics.lines import SampleLine
from driftline.web.api import window_samples

_STYLE = """
:root{color-scheme:light dark;--line:color-mix(in srgb,currentColor 20%,transparent)}
body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}
th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid var(--line);vertical-align:top}
th{font-weight:600}td.number{font-variant-numeric:tabular-nums;white-space:nowrap}
.good{color:light-dark(#17692f,#7fd89a)}.bad{color:light-dark(#a3161f,#ff9a9a);font-weight:600}
.wait{color:light-dark(#7a4b00,#f2c069)}.quiet{opacity:.7}
"""
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""The page's Content-Security-Policy: its own style and nothing else."""

_HEADLINES = ("f1", "accuracy", "rmse", "mae")
_DRIFTED = 5
_MARKS = {"firing": "bad", "pending": "wait"}


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def _html(text: object) -> str:
    if isinstance(text, Markup):
        return text
    return escape(str(text).encode("utf-8", "replace").decode())


def _mark(kind: str, text: object) -> Markup:
    return Markup(f'<span class="{kind}">{_html(text)}</span>')


def _instant(at_ms: int | None) -> object:
    return _mark("quiet", "never") if at_ms is None else rfc3339(at_ms)


def _table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[object]], none: str) -> str:
    body = "".join("<tr>" + "".join(f"<td>{_html(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    head = "".join(f'<th scope="col">{_html(h)}</th>' for h in heads)
    table = f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    return f"<section><h2>{_html(caption)}</h2>{table if body else f'<p>{_html(none)}</p>'}</section>"


def render(view: DaemonView) -> str:
    """The page."""
    sections = (_models(view), _rules(view), _triggers(view), _streams(view), _unmonitored(view))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>driftline</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="refresh" content="15"><style>{_STYLE}</style></head><body>'
        f"<header><h1>driftline</h1>{_health(view)}</header><main>{''.join(sections)}</main>"
        f'<footer><p class="quiet">driftline {_html(view.version)}, as of {rfc3339(view.now_ms)}</p></footer>'
        "</body></html>"
    )


def _health(view: DaemonView) -> str:
    word = _mark("good", "ready") if view.ready else _mark("bad", "not ready")
    reasons = "".join(f"<li>{_html(reason)}</li>" for reason in view.reasons)
    kafka = _mark("good", "up") if view.kafka_up else _mark("bad", "down")
    config = "" if view.config_ok else f" · {_mark('bad', 'the last reload of the configuration failed')}"
    commit = f"last commit {_html(_instant(view.last_commit_ms))} · {view.outbox_pending} to publish"
    facts = f"{word} · Kafka {kafka} · {commit}{config}"
    return f"<p>{facts}</p>" + (f"<ul>{reasons}</ul>" if reasons else "")


def _models(view: DaemonView) -> str:
    rows = [_model(stream, model) for stream in view.streams for model in stream.models]
    heads = (
        "Model",
        "Version",
        "State",
        "Performance (95 %)",
        "Most drifted features (PSI)",
        "Predictions",
        "Last event",
    )
    return _table("Models", heads, rows, "No events of a monitored model yet.")


def _model(stream: StreamView, model: ModelView) -> tuple[object, ...]:
    rows = [
        row
        for window in stream.windows
        if (window.model, window.version) == (model.model, model.version)
        for row in window_samples(window)
    ]
    drifted = "no reference, so no drift" if model.reference_id is None else _drifted(rows)
    predictions, last = model.predictions_total, _instant(model.last_event_ms)
    return model.model, model.version, _state(stream, model), _headline(rows), drifted, predictions, last


def _state(stream: StreamView, model: ModelView) -> Markup:
    states = {r.state for r in stream.rules if (r.model, r.version) == (model.model, model.version)}
    if stream.hold is not None:
        return _mark("wait", "unjudged")
    worst = next((s for s in _MARKS if s in states), None)
    return _mark(_MARKS[worst], worst) if worst else _mark("good", "fine")


def _whole(row: SampleLine) -> bool:
    return row.feature is None and not row.class_ and not row.segment


def _headline(rows: Sequence[SampleLine]) -> object:
    for statistic in _HEADLINES:
        found = [row for row in rows if row.statistic == statistic and _whole(row)]
        if found:
            return _value(found[0])
    return _mark("quiet", "no labels yet")


def _value(row: SampleLine) -> object:
    name = f"{row.statistic} over {row.window}"
    if row.value is None:
        return _mark("quiet", f"{name}: too little data ({row.n})")
    interval = "" if row.low is None or row.high is None else f" ({row.low:.3f} to {row.high:.3f})"
    return f"{name}: {row.value:.3f}{interval}"


def _drifted(rows: Sequence[SampleLine]) -> object:
    found = [row for row in rows if row.statistic == "psi" and row.feature is not None]
    worst = sorted((row for row in found if row.value is not None), key=lambda row: -(row.value or 0))
    if not worst:
        return _mark("quiet", "too little data" if found else "nothing yet")
    return ", ".join(f"{row.feature} {row.value:.3f}" for row in worst[:_DRIFTED])


def _rules(view: DaemonView) -> str:
    active = [
        (
            _mark(_MARKS[rule.state], rule.state),
            rule.rule,
            f"{rule.model}/{rule.version}",
            ", ".join(f"{k} {v}" for k, v in rule.instance.items()),
            _number(rule.value),
            _number(rule.threshold),
            _instant(rule.active_since_ms),
            "unjudged: " + stream.hold if stream.hold else _instant(rule.last_judged_ms),
        )
        for stream in view.streams
        for rule in sorted(stream.rules, key=lambda rule: rule.state)
        if rule.state in _MARKS
    ]
    quiet = sum(rule.state not in _MARKS for stream in view.streams for rule in stream.rules)
    heads = ("State", "Rule", "Model", "Of", "Value", "Threshold", "Since", "Last judged")
    return _table("Rules pending or firing", heads, active, f"None. {quiet} are inactive.")


def _number(value: float | None) -> object:
    return "–" if value is None or value != value else f"{value:.4g}"  # noqa: PLR0124 (NaN)


def _triggers(view: DaemonView) -> str:
    rows = [
        (rule, f"{model}/{version}", severity, count)
        for (rule, model, version, severity), count in view.triggers_total.items()
    ]
    heads = ("Rule", "Model", "Severity", "Published")
    last = f"<p>Newest: {_html(_instant(view.trigger_last_ms))}</p>"
    return _table("Triggers", heads, rows, "No rule asks for a retraining.") + last


def _streams(view: DaemonView) -> str:
    rows = [
        (
            stream.name,
            _mark("bad", f"holds: {stream.hold}") if stream.hold else _mark("good", "reading"),
            _instant(stream.watermark_ms),
            sum(
                max(0, p.high_watermark - p.position)
                for p in stream.partitions
                if p.high_watermark is not None
            ),
            ", ".join(f"{p.topic}/{p.partition}: {p.paused}" for p in stream.partitions if p.paused)
            or "none",
            stream.staged,
            stream.join_pending,
        )
        for stream in view.streams
    ]
    heads = ("Stream", "State", "Complete up to", "Lag", "Paused", "Staged", "Waiting for labels")
    return _table("Streams", heads, rows, "No streams.")


def _unmonitored(view: DaemonView) -> str:
    rows = [row for stream in view.streams for row in stream.unmonitored]
    return _table("Not monitored", ("Model", "Version", "Events"), rows, "Every model seen is monitored.")
