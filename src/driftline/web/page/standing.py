"""What there is to say about one (model, version), taken from the view: the decisions of the page, no HTML."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from driftline.metrics.view import (
    DaemonView,
    ModelView,
    RuleView,
    SharesView,
    StreamView,
    TriggerView,
    WindowView,
)
from driftline.records import Dimension
from driftline.web.page.readings import Reading, at_place, find, reading

HEADLINES = ("f1", "accuracy", "auc", "rmse", "mae", "r2")
LESS_IS_BETTER = frozenset({"rmse", "mae", "mape", "log_loss", "brier", "ece"})
_AVERAGES = {"binary": "binary", "multiclass": "macro"}


class State(StrEnum):
    """How a version stands, worst first."""

    FIRING = "firing"
    """A rule fires."""
    PENDING = "pending"
    """A condition holds, and its duration has not passed."""
    SILENT = "silent"
    """No event for as long as its shortest window."""
    HELD = "on hold"
    """Its stream does not read on, so nothing is judged."""
    INSUFFICIENT = "insufficient"
    """Too few events or labels for its statistics."""
    NO_REFERENCE = "no reference"
    """Nothing to compare with: no drift."""
    OK = "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One (model, version)."""

    stream: StreamView
    model: ModelView
    state: State
    windows: tuple[WindowView, ...]
    rules: tuple[RuleView, ...]
    """Worst first."""
    triggers: tuple[TriggerView, ...]
    headline: Reading | None
    drifted: tuple[Reading, ...]
    """PSI of each feature in the first drift window, worst first; unknown ones last."""

    @property
    def key(self) -> tuple[str, str]:
        """(model, version)."""
        return self.model.model, self.model.version

    @property
    def without_features(self) -> bool:
        """Events were counted, and there was no feature to compare: the reference is of answers alone."""
        return not self.drifted and self.drift is not None and self.drift.events > 0

    @property
    def performance(self) -> WindowView | None:
        """The window of the headline, else the first of its kind."""
        mine = [w for w in self.windows if w.kind == "performance"]
        named = [w for w in mine if self.headline and w.window == self.headline.window]
        return next(iter([*named, *mine]), None)

    @property
    def drift(self) -> WindowView | None:
        """The drift window shown."""
        named = self.drifted[0].window if self.drifted else None
        mine = [w for w in self.windows if w.kind == "drift"]
        return next(iter([*(w for w in mine if w.window == named), *mine]), None)

    def shares(self, name: str, *, output: bool = False) -> SharesView | None:
        """How a feature is spread."""
        found = self.drift.shares if self.drift else ()
        return next((s for s in found if (s.name, s.output) == (name, output)), None)


_RANK = {"firing": 0, "pending": 1}


def standings(view: DaemonView, model: str | None = None, version: str | None = None) -> list[Standing]:
    """Every version shown, worst first, then by name."""
    found = [s for stream in view.streams for s in _of_stream(view, stream, model, version)]
    order = list(State)
    return sorted(found, key=lambda s: (order.index(s.state), -_severity(s), s.key))


def _severity(standing: Standing) -> int:
    active = [r for r in standing.rules if r.state in _RANK]
    return sum((r.severity == "critical") * 100 + 1 for r in active)


def _of_stream(
    view: DaemonView, stream: StreamView, model: str | None, version: str | None
) -> Iterable[Standing]:
    windows: dict[tuple[str, str], list[WindowView]] = {}
    rules: dict[tuple[str, str], list[RuleView]] = {}
    for window in stream.windows:
        windows.setdefault((window.model, window.version), []).append(window)
    for rule in stream.rules:
        rules.setdefault((rule.model, rule.version), []).append(rule)
    for m in stream.models:
        if model in (None, m.model) and version in (None, m.version):
            key = (m.model, m.version)
            yield _standing(view, stream, m, windows.get(key, []), rules.get(key, []))


def _standing(
    view: DaemonView, stream: StreamView, model: ModelView, windows: list[WindowView], rules: list[RuleView]
) -> Standing:
    rules = sorted(
        rules, key=lambda r: (_RANK.get(r.state, 2), r.severity != "critical", r.rule, str(r.instance))
    )
    headline = _headline(model, windows, rules)
    drifted = _drifted(windows, rules)
    return Standing(
        stream=stream, model=model, windows=tuple(windows), rules=tuple(rules), headline=headline, drifted=drifted,
        triggers=tuple(t for t in view.triggers if (t.model, t.version) == (model.model, model.version)),
        state=_state(stream, model, windows, rules, [r for r in (headline, *drifted) if r is not None]),
    )  # fmt: skip


def _state(
    stream: StreamView, model: ModelView, windows: list[WindowView], rules: list[RuleView], readings: list[Reading]
) -> State:  # fmt: skip
    states = {r.state for r in rules}
    if "firing" in states:
        silence = all(r.condition.startswith("no events") for r in rules if r.state == "firing")
        return State.SILENT if silence else State.FIRING
    if "pending" in states:
        return State.PENDING
    if stream.hold is not None:
        return State.HELD
    shortest = min((w.length_ms for w in windows if w.length_ms), default=None)
    if _behind_ms(stream, model) > (shortest or 1 << 62):
        return State.SILENT
    if not any(r.known for r in readings):
        return State.INSUFFICIENT if readings or model.reference_id else State.NO_REFERENCE
    return State.OK if model.reference_id else State.NO_REFERENCE


def _behind_ms(stream: StreamView, model: ModelView) -> int:
    if model.last_event_ms is None or stream.watermark_ms is None:
        return 0
    return stream.watermark_ms - model.last_event_ms


def _headline(model: ModelView, windows: list[WindowView], rules: list[RuleView]) -> Reading | None:
    """What a rule reads of the model as a whole, the worst rule first; else F1, accuracy, RMSE and others."""
    mine = [w for w in windows if w.kind == "performance"]
    average = _AVERAGES.get(model.task)
    for rule in (r for r in rules if not r.instance):
        for window in (w for w in mine if w.window == rule.window):
            found = reading(window, rule.metric or "", average, rule)
            if found is not None:
                return found
    for statistic in HEADLINES:
        for window in mine:
            found = reading(window, statistic, average)
            if found is not None:
                return found
    return None


def _drifted(windows: list[WindowView], rules: list[RuleView]) -> tuple[Reading, ...]:
    mine = [w for w in windows if w.kind == "drift"]
    read = {r.window for r in rules if r.metric == "psi"}
    window = next(iter([*(w for w in mine if w.window in read), *_longest(mine)]), None)
    psi = find(window.evaluations, "psi") if window else None
    if window is None or psi is None:
        return ()
    past = find(window.history.evaluations, "psi") if window.history else None
    found = [
        at_place(window, psi, k, past, _reader(rules, window, psi.dimensions[k]))
        for k in range(len(psi.dimensions))
    ]
    return tuple(
        sorted(found, key=lambda r: (not r.known, -r.value if r.known else 0.0, r.dimension.feature or ""))
    )


def _longest(windows: list[WindowView]) -> list[WindowView]:
    """The window that is known best first: sufficient PSI, then as configured."""

    def known(window: WindowView) -> bool:
        psi = find(window.evaluations, "psi")
        return psi is not None and bool(psi.sufficient[-1].any())

    return sorted(windows, key=lambda w: not known(w))


def _reader(rules: list[RuleView], window: WindowView, dimension: Dimension) -> RuleView | None:
    return next(
        (
            r
            for r in rules
            if r.metric == "psi"
            and r.window == window.window
            and r.instance.get("feature") == dimension.feature
        ),
        None,
    )
