"""The oracle: what driftline must conclude from its logs, as a plain fold over all records.

This is the design (§4 to §7) in the most obvious code: dictionaries and lists, one event at a time, every window
counted from nothing. It imports nothing of driftline and knows neither batches nor restarts, so a difference
to the program is a mistake of one of the two, and the design says whose.

It knows what the tests use: binary models, numeric features, the statistics of ``judge_*``. Ids are not used
again after their horizon. Nothing here reads a clock.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import isfinite, log
from typing import Any

from tests.oracle.logs import Event, Logs, Record, read_logs
from tests.oracle.setup import Model, Setup

Story = list[tuple[int, str | None]]
"""What a prediction's label was from which effective time on; None: retracted."""
Slot = tuple[str, str]
"""(model, version)"""
About = tuple[str, str | None]
"""(statistic, feature)"""


@dataclass(frozen=True)
class Sample:
    """A value at a judged end; ``value`` is None where too little data stands behind it."""

    value: float | None
    n: int


@dataclass(frozen=True)
class Judged:
    """A window's final word."""

    slot: Slot
    kind: str
    length: int
    end: int
    instant: int
    newest: int
    """Time of its newest event."""
    samples: dict[About, Sample]


@dataclass(frozen=True)
class World:
    """Everything that follows from the logs up to W."""

    logs: Logs
    watermark: int
    judged: list[Judged]
    """In the order of their instants."""
    panes: dict[tuple[Slot, str, int, int], Counter[Any]]
    """(slot, kind, length, start) -> what is counted there now."""
    received: dict[Slot, Received]


@dataclass
class Received:
    """What one (model, version) was sent, in the order of time."""

    drift: list[Event]
    predictions: list[Event]
    stories: dict[str, Story]

    def window(self, kind: str, start: int, end: int, before: int) -> list[Event]:
        """The events of [start, end) that took effect before an instant."""
        events = self.drift if kind == "drift" else self.predictions
        first, last = (bisect_left(events, at, key=lambda e: e.time) for at in (start, end))
        return [e for e in events[first:last] if e.eff < before]


def fold(setup: Setup, records: Iterable[Record], closed_at: int | None = None) -> World:
    """Everything that follows from the records.

    W is the least of the partitions' watermarks; with ``closed_at`` the input is over, so that all partitions are
    idle, and W is at least that.
    """
    logs = read_logs(setup, records)
    marks = logs.watermarks.values()
    watermark = min(marks) if closed_at is None else max(*marks, closed_at)
    slots = _by_slot(setup, logs)
    judged = [j for slot, of in slots.items() for j in _judge(setup.models[slot[0]], slot, of, watermark)]
    judged.sort(key=lambda j: j.instant)
    panes = {}
    for slot, of in slots.items():
        panes.update(_panes(setup.models[slot[0]], slot, of, watermark))
    return World(logs, watermark, judged, panes, slots)


def _by_slot(setup: Setup, logs: Logs) -> dict[Slot, Received]:
    slots: dict[Slot, Received] = defaultdict(lambda: Received([], [], {}))
    labels: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for label in logs.labels:
        labels[label.model, label.id].append(label)
    for event in logs.features:
        slots[event.model, event.version].drift.append(event)
    for event in logs.predictions:
        of = slots[event.model, event.version]
        of.drift.append(event)
        of.predictions.append(event)
        mine = labels.pop((event.model, event.id), [])
        of.stories[event.id] = _story(setup.models[event.model], event, mine, logs.counts)
    logs.counts["orphan",] += sum(map(len, labels.values()))
    for of in slots.values():
        of.drift.sort(key=lambda e: e.time)
        of.predictions.sort(key=lambda e: e.time)
    return dict(slots)


def _story(model: Model, prediction: Event, labels: list[Event], counts: Counter[tuple[str, ...]]) -> Story:
    """§7: the label in force after each label of one prediction, in the order of their effect.

    The first must come within the horizon, and, before its prediction, within the orphans' wait. The highest
    revision wins; on a tie ``null``, then the first. A label that no prediction is there for in time is an orphan.
    """
    story: Story = []
    held: tuple[str | None, int] | None = None
    since = 0
    for label in labels:
        truth, revision = _name(label.data["label"]), label.data.get("revision", 1)
        over = max(prediction.time + model.horizon, since + model.corrections if held else 0)
        too_early = held is None and prediction.eff - label.eff > model.orphan_wait
        if label.eff > over or too_early:
            counts["orphan",] += 1
            continue
        if held is None:
            since = label.eff
        else:
            newer = revision > held[1] or (revision == held[1] and truth is None and held[0] is not None)
            late = label.eff - since > model.corrections
            counts["late_correction",] += newer and late
            if not newer or late:
                continue
        held = truth, revision
        story.append((max(label.eff, prediction.eff), truth))
    counts["expired",] += held is None
    return story


def _name(value: Any) -> str | None:
    """§3: classes are compared as canonical strings."""
    if value is None or isinstance(value, str):
        return value or None
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if value == int(value) else str(value)


def _truth(story: Story, before: int | None) -> str | None:
    """The label in force, of what took effect before an instant; None: the last word."""
    told = [truth for eff, truth in story if before is None or eff < before]
    return told[-1] if told else None


# -- windows -------------------------------------------------------------------------------------------


def _judge(model: Model, slot: Slot, of: Received, watermark: int) -> Iterator[Judged]:
    """§4: each end is judged at its instant, on the events with eff before it; an empty window says nothing."""
    for kind, delay in (("drift", 0), ("performance", model.delay)):
        times = [e.time for e in (of.drift if kind == "drift" else of.predictions)]
        for length, slide in model.windows[kind]:
            for end in _ends(times, length, slide):
                instant = end + delay
                inside = of.window(kind, end - length, end, instant)
                if instant > watermark or not inside:
                    continue
                if kind == "drift":
                    samples = _drift(model, model.references.get(slot[1]), inside)
                else:
                    samples = performance(model, of, inside, instant)
                yield Judged(slot, kind, length, end, instant, inside[-1].time, samples)


def _ends(times: list[int], length: int, slide: int) -> list[int]:
    """Multiples of the slide with end - length <= time < end for some time."""
    starts = {time // slide * slide for time in times}
    return sorted({start + k * slide for start in starts for k in range(1, length // slide + 1)})


# -- statistics ----------------------------------------------------------------------------------------


def performance(model: Model, of: Received, predictions: list[Event], before: int) -> dict[About, Sample]:
    """§6: accuracy, and precision, recall and F1 of the positive class, with the labels in force at an instant."""
    truths = [_truth(of.stories[e.id], before) for e in predictions]
    pairs = [
        (truth, _name(e.data["prediction"]))
        for e, truth in zip(predictions, truths, strict=True)
        if truth is not None
    ]
    events, labelled = len(predictions), len(pairs)
    right = sum(truth == said for truth, said in pairs)
    tp = sum(truth == said == model.positive for truth, said in pairs)
    fp = sum(said == model.positive != truth for truth, said in pairs)
    fn = sum(truth == model.positive != said for truth, said in pairs)
    covered = labelled >= model.min_coverage * events

    def gated(name: str, part: int, whole: int, n: int) -> Sample:
        enough = covered and n >= model.gates[name] and whole > 0
        return Sample(part / whole if enough else None, n)

    return {
        ("events", None): Sample(events, events),
        ("labelled", None): Sample(labelled, labelled),
        ("label_coverage", None): Sample(labelled / events, events),
        ("accuracy", None): gated("accuracy", right, labelled, labelled),
        ("precision", None): gated("precision", tp, tp + fp, tp + fp),
        ("recall", None): gated("recall", tp, tp + fn, tp + fn),
        ("f1", None): gated("f1", 2 * tp, 2 * tp + fp + fn, tp + fn),
    }


def _drift(model: Model, reference: dict[str, Any] | None, events: list[Event]) -> dict[About, Sample]:
    """§6: ``psi_deciles`` and ``missing_ratio`` of each numeric feature of the reference."""
    samples: dict[About, Sample] = {}
    for column in reference["numeric"] if reference else ():
        name, gate = column["name"], model.gates["drift"]
        values = [_value(e.data.get("features", {}).get(name)) for e in events]
        valid = [v for v in values if isinstance(v, float)]
        psi = _psi(column, valid) if len(valid) >= gate and valid else None
        missing = values.count("missing") / len(events) if len(events) >= gate else None
        samples["psi_deciles", name] = Sample(psi, len(valid))
        samples["missing_ratio", name] = Sample(missing, len(events))
    return samples


def _value(value: Any) -> float | str:
    if value is None:
        return "missing"
    if not isinstance(value, int | float) or isinstance(value, bool) or not isfinite(value):
        return "invalid"
    too_wide = isinstance(value, int) and value.bit_length() > 64
    return "invalid" if too_wide else float(value)


def _psi(column: dict[str, Any], valid: list[float]) -> float:
    """Σ (q − p) ln(q / p) over the reference's deciles, right-closed; an empty share is 1e-4."""
    deciles = column["decile_edges"]
    p, q = [0] * (len(deciles) + 1), [0] * (len(deciles) + 1)
    for edge, count in zip([*column["edges"], float("inf")], column["counts"], strict=True):
        p[bisect_left(deciles, edge)] += count
    for value in valid:
        q[bisect_left(deciles, value)] += 1
    pairs = [(a / sum(p) or 1e-4, b / sum(q) or 1e-4) for a, b in zip(p, q, strict=True)]
    return sum((b - a) * log(b / a) for a, b in pairs)


# -- panes ---------------------------------------------------------------------------------------------


def _panes(
    model: Model, slot: Slot, of: Received, watermark: int
) -> dict[tuple[Slot, str, int, int], Counter[Any]]:
    """§5: what stands in each pane once W has come: what was on time at once, all else by its effective time."""
    panes: dict[tuple[Slot, str, int, int], Counter[Any]] = defaultdict(Counter)
    for length, slide in model.windows["drift"]:
        for event in (e for e in of.drift if e.on_time or e.eff < watermark):
            pane = panes[slot, "drift", length, event.time // slide * slide]
            pane["events"] += 1
            reference = model.references.get(slot[1])
            for column in reference["numeric"] if reference else ():
                value = _value(event.data.get("features", {}).get(column["name"]))
                where = bisect_left(column["edges"], value) if isinstance(value, float) else value
                pane[column["name"], where] += 1
    for length, slide in model.windows["performance"]:
        for event in (e for e in of.predictions if e.on_time or e.eff < watermark):
            pane = panes[slot, "performance", length, event.time // slide * slide]
            pane["events"] += 1
            truth = _truth(of.stories[event.id], watermark)
            if truth is not None:
                pane["labelled"] += 1
                pane[truth, _name(event.data["prediction"])] += 1
    return dict(panes)
