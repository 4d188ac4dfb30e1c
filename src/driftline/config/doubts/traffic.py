"""Windows that the traffic of the reference can never fill to their gate, so that they are always insufficient."""

from __future__ import annotations

from collections.abc import Iterator

from driftline.config.doubts.references import Found
from driftline.config.messages import Place
from driftline.reference.profile import Profile
from driftline.rules.spec import Comparison
from driftline.settings import DAY_MS, GATED_AS, ModelSettings, Task, Window, WindowKind, duration_text

Doubt = tuple[Place, str]
_OF_POSITIVES = ("f1", "recall")
_OWN = ("f1", "recall", "precision", "accuracy", "balanced_accuracy", "mcc", "log_loss", "brier", "auc")


def traffic_doubts(model: ModelSettings, found: Found, place: Place) -> Iterator[Doubt]:
    """The model's own windows, by the drift gate and by the smallest that any performance needs."""
    for kind, windows, gate in (
        (WindowKind.DRIFT, model.drift_windows, "drift"),
        (WindowKind.PERFORMANCE, model.performance_windows, _common(model.task)),
    ):
        for index, window in enumerate(windows):
            message = _unfilled(model, found, kind, window, gate, 1.0)
            if message:
                yield (*place, "windows", str(kind), index), message


def unfilled(model: ModelSettings, found: Found, comparison: Comparison, window: Window) -> str | None:
    """What keeps a rule's statistic from ever being judged, if anything does."""
    gate = _gate(model.task, comparison)
    if gate is None:
        return None
    share = _positives(model, found) if gate in _OF_POSITIVES and comparison.class_ is None else 1.0
    return _unfilled(model, found, comparison.kind, window, gate, share)


def _common(task: Task) -> str:
    return "regression" if task is Task.REGRESSION else "accuracy"


def _gate(task: Task, comparison: Comparison) -> str | None:
    if comparison.kind is WindowKind.DRIFT:
        return None if comparison.metric == "throughput" else "drift"
    if comparison.metric in ("events", "labelled", "label_coverage"):
        return None
    if task is Task.REGRESSION:
        return "regression"
    averaged = comparison.average not in (None, "binary") or task is Task.MULTICLASS
    if comparison.metric in ("precision", "recall", "f1") and averaged and comparison.class_ is None:
        return "averages"
    gate = GATED_AS.get(comparison.metric, comparison.metric)
    return gate if gate in _OWN else None


def events_a_day(profile: Profile) -> float | None:
    """The reference's traffic; None where it was built without times, or of one instant."""
    span = profile.time_span_ms
    if span is None or span[1] <= span[0]:
        return None
    return profile.rows * DAY_MS / (span[1] - span[0])


def _unfilled(
    model: ModelSettings, found: Found, kind: WindowKind, window: Window, gate: str, share: float
) -> str | None:
    rates = [rate for profile in found.profiles if (rate := events_a_day(profile)) is not None]
    if not rates:
        return None
    joined = share * (model.labels.sample if kind is WindowKind.PERFORMANCE else 1.0)
    a_day, least = max(rates), model.gates[gate]
    expected = a_day * joined * window.length_ms / DAY_MS
    if expected >= least:
        return None
    days = -(-least // max(a_day * joined, 1e-9))
    of = "labels of the positive class" if share < 1 else "events"
    return (
        f"by the reference's traffic ({a_day:.0f} a day) a window of {window.name} has {expected:.0f} {of}, less than "
        f"the gate {gate}, {least}: always insufficient; write {duration_text(int(days) * DAY_MS)} or gates: {{{gate}: …}}"
    )


def _positives(model: ModelSettings, found: Found) -> float:
    """Largest share of the positive class among the references' labels; 1 where it is not known."""
    shares = [_share(model.positive, p) for p in found.profiles]
    return max((s for s in shares if s is not None), default=1.0)


def _share(positive: str | None, profile: Profile) -> float | None:
    label = profile.label
    if label is None or positive not in label.categories or label.n == 0:
        return None
    return int(label.counts[label.categories.index(positive)]) / label.n
