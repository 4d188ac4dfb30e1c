"""A decoded batch into the state: on-time rows are counted at once, late ones and labels are staged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from driftline.join.join import Predictions
from driftline.join.sampling import sampled
from driftline.pipeline.applying import stage_changes
from driftline.pipeline.counting import count_drift, count_events, index_rows
from driftline.pipeline.slots import Slot
from driftline.pipeline.state import LateRows, StreamState, every
from driftline.records import Bools, Codes32, Decoded, Floats, Ints, Kind, PredictionPart, RawBatch
from driftline.settings import Task
from driftline.stamp.staging import Columns
from driftline.stamp.watermark import Stamps


@dataclass(slots=True)
class Group:
    """The rows of one (model, version), k each."""

    slot: Slot
    part: PredictionPart
    rows: Ints
    """Where they stand among the decoded rows."""
    time_ms: Ints
    eff_ms: Ints
    late: Bools
    accepted: Bools
    """Neither too late nor a duplicate."""
    counted: Bools
    """Takes part in the join."""


@dataclass(slots=True)
class Taken:
    """A decoded batch with its stamps."""

    decoded: Decoded
    stamps: Stamps
    keep: Bools
    """Rows that are not quarantined."""
    place: Codes32
    """Partition code of each row."""
    offset: Ints


def take_in(state: StreamState, batch: RawBatch, decoded: Decoded, stamps: Stamps, keep: Bools) -> None:
    """Predictions, features and labels of a batch."""
    state.learn_policies()
    codes = state.partitions.codes(batch.sources)
    whole = len(decoded.record) == len(batch)  # then row i is record i
    place = codes[batch.source if whole else batch.source[decoded.record]]
    offset = batch.offsets if whole else batch.offsets[decoded.record]
    taken = Taken(decoded, stamps, keep, place, offset)
    if decoded.predictions:
        _predictions(state, taken)
    if decoded.labels:
        _labels(state, taken)


# -- predictions and features ----------------------------------------------------------------------------


def _predictions(state: StreamState, taken: Taken) -> None:
    kind = taken.decoded.kind
    groups = [g for part in taken.decoded.predictions if (g := _group(state, taken, part)) is not None]
    state.learn_policies()
    if kind is Kind.PREDICTION:
        _remember(state, taken.decoded, groups)
    on_time = np.full(len(taken.place), -1, np.int32)
    for group in groups:
        on_time[group.rows[group.accepted & ~group.late]] = group.slot.code
        _count(group, kind)
        if group.late.any():
            _stage_late(state, taken, group)
    times = taken.decoded.time_ms
    columns: Columns = {"slot": on_time, "place": taken.place, "offset": taken.offset, "time_ms": times}
    index_rows(state, str(kind), times, columns)


def _group(state: StreamState, taken: Taken, part: PredictionPart) -> Group | None:
    slot = state.registry.slot(part.model, part.version)
    if slot is None:
        return None
    times, before = taken.decoded.time_ms[part.rows], taken.stamps.before_ms[part.rows]
    usable = taken.keep[part.rows]
    late = times < before
    if late.any():
        dropped = usable & (times < before - state.stream.time.allowed_lateness_ms)
        state.counts["events_late", "dropped"] += int(dropped.sum())
        usable = usable & ~dropped
        late &= usable
    counted = np.zeros(len(times), np.bool_)
    return Group(slot, part, part.rows, times, taken.stamps.effective_ms[part.rows], late, usable, counted)


def _remember(state: StreamState, decoded: Decoded, groups: list[Group]) -> None:
    """Enter predictions into the join in reading order: duplicates are not accepted."""
    for group in groups:
        labels = group.slot.settings.labels
        group.counted = group.accepted
        if labels.enabled and labels.sample < 1:
            group.counted = group.accepted & sampled(decoded.ids[group.rows], labels.sample)
    entries = [_entries(state, decoded, group) for group in groups]
    if not entries:
        return
    new, order = _in_reading_order(entries, [g.rows[g.counted] for g in groups])
    fresh, matches = state.join.put(new)
    stage_changes(state, matches, state.origins.of(new.ids[matches.row]))
    if order is not None:
        fresh[order] = fresh.copy()
    start = 0
    for group in groups:
        rows = np.flatnonzero(group.counted)
        _drop(group, rows[~fresh[start : start + len(rows)]])
        start += len(rows)


def _drop(group: Group, duplicates: Ints) -> None:
    if len(duplicates):
        group.accepted, group.counted = group.accepted.copy(), group.counted.copy()
        group.accepted[duplicates] = group.counted[duplicates] = False
        group.late = group.late & group.accepted
    if not group.slot.settings.labels.enabled:
        group.counted = np.zeros_like(group.counted)


def _entries(state: StreamState, decoded: Decoded, group: Group) -> Predictions:
    """The rows of a group that are to be remembered."""
    slot, part = group.slot, group.part
    rows = every(len(group.rows)) if group.counted.all() else np.flatnonzero(group.counted)
    value = part.value if slot.settings.task is Task.REGRESSION else part.score
    segments = slot.segment_codes(part.segments, len(group.rows), state.registry.segment_width)
    return Predictions(
        decoded.ids[group.rows[rows]], group.time_ms[rows], group.eff_ms[rows],
        np.full(len(rows), slot.model.code, np.int32), np.full(len(rows), slot.code, np.int32),
        state.class_codes(slot.model, part.predicted)[rows], value[rows], segments[rows],
        _scores(state, slot, part, rows),
    )  # fmt: skip


def _in_reading_order(entries: list[Predictions], rows: list[Ints]) -> tuple[Predictions, Ints | None]:
    """All entries as one, and where each of them went."""
    if len(entries) == 1:
        return entries[0], None
    order = np.argsort(np.concatenate(rows), kind="stable")
    return Predictions.joined(entries).take(order), order


def _scores(state: StreamState, slot: Slot, part: PredictionPart, rows: Ints) -> list[Floats] | None:
    """Class probabilities of each row by the model's class codes."""
    model = slot.model
    if part.scores is None or model.settings.task is not Task.MULTICLASS:
        return None
    fresh = [name for name in part.score_classes if name not in model.classes]
    if fresh[: model.class_limit - len(model.classes)]:
        model.classes.extend(fresh[: model.class_limit - len(model.classes)])
        state.grow(model)
    scores = np.full((len(rows), len(model.classes)), np.nan)
    for place, name in enumerate(part.score_classes):
        if name in model.classes:
            scores[:, model.classes.index(name)] = part.scores[place][rows]
    return list(scores)


def _count(group: Group, kind: Kind) -> None:
    accepted = None if group.accepted.all() else np.flatnonzero(group.accepted)
    times = group.time_ms if accepted is None else group.time_ms[accepted]
    if not len(times):
        return
    slot, part = group.slot, group.part
    slot.seen(int(times.min()), int(times.max()))
    slot.predictions += len(times) if kind is Kind.PREDICTION else 0
    slot.measure_latency(part.latency_ms if accepted is None else part.latency_ms[accepted])
    on_time = group.accepted & ~group.late
    rows = None if on_time.all() else np.flatnonzero(on_time)
    if rows is None or len(rows):
        count_drift(slot, slot.drift.prepare(part), rows, group.time_ms)
    counted = on_time & group.counted
    if counted.any():
        count_events(slot, part, None if counted.all() else np.flatnonzero(counted), group.time_ms)


def _stage_late(state: StreamState, taken: Taken, group: Group) -> None:
    rows = np.flatnonzero(group.late)
    state.counts["events_late", "staged"] += len(rows)
    part, eff_ms = group.part.take(rows), group.eff_ms[rows]
    state.late.append(LateRows(group.slot, part, group.time_ms[rows], eff_ms, group.counted[rows]))
    where = group.rows[rows]
    state.places.add(
        {
            "eff_ms": eff_ms, "slot": np.full(len(rows), group.slot.code, np.int32), "place": taken.place[where],
            "offset": taken.offset[where], "time_ms": group.time_ms[rows],
            "features": np.full(len(rows), taken.decoded.kind is Kind.FEATURES),
        }
    )  # fmt: skip


# -- labels ----------------------------------------------------------------------------------------------


def _labels(state: StreamState, taken: Taken) -> None:
    """Labels wait until W has passed their effective time."""
    decoded, stamps = taken.decoded, taken.stamps
    for part in decoded.labels:
        model = state.registry.model(part.model)
        if model is None or not model.settings.labels.enabled:
            continue
        chosen = taken.keep[part.rows] & sampled(decoded.ids[part.rows], model.settings.labels.sample)
        mine = every(len(part.rows)) if chosen.all() else np.flatnonzero(chosen)
        rows = part.rows[mine]
        staged: Columns = {
            "eff_ms": stamps.effective_ms[rows], "place": taken.place[rows], "offset": taken.offset[rows],
            "ids": decoded.ids[rows], "time_ms": decoded.time_ms[rows],
            "model": np.full(len(rows), model.code, np.int32),
            "label": state.class_codes(model, part.label)[mine], "value": part.value[mine],
            "revision": part.revision[mine],
        }  # fmt: skip
        state.labels.add(staged)
