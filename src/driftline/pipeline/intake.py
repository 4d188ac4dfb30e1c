"""A decoded batch into the state: on-time rows are counted at once, late ones and labels are staged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline.join.events import Predictions
from driftline.join.sampling import sampled
from driftline.pipeline.applying import stage_changes
from driftline.pipeline.counting import count_waiting, index_rows
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
    if not groups:
        return
    new, order = _entries(state, decoded, groups)
    fresh, matches = state.join.put(new)
    stage_changes(state, matches)
    if order is not None:
        fresh[order] = fresh.copy()
    start = 0
    for group in groups:
        rows = every(len(group.rows)) if group.counted.all() else np.flatnonzero(group.counted)
        _drop(group, rows[~fresh[start : start + len(rows)]])
        start += len(rows)


def _drop(group: Group, duplicates: Ints) -> None:
    if len(duplicates):
        group.accepted, group.counted = group.accepted.copy(), group.counted.copy()
        group.accepted[duplicates] = group.counted[duplicates] = False
        group.late = group.late & group.accepted
    if not group.slot.settings.labels.enabled:
        group.counted = np.zeros_like(group.counted)


def _entries(state: StreamState, decoded: Decoded, groups: list[Group]) -> tuple[Predictions, Ints | None]:
    """The rows that are to be remembered, in reading order, and where each of the groups' rows went."""
    kept = [None if g.counted.all() else np.flatnonzero(g.counted) for g in groups]
    rows = _of_each(kept, [g.rows for g in groups])
    sizes = [len(g.rows) if k is None else len(k) for k, g in zip(kept, groups, strict=True)]
    model, slot = (np.array(codes, np.int32).repeat(sizes) for codes in (
        [g.slot.model.code for g in groups], [g.slot.code for g in groups],
    ))  # fmt: skip
    entries = Predictions(
        decoded.ids[rows], decoded.time_ms[rows], _of_each(kept, [g.eff_ms for g in groups]), model, slot,
        _of_each(kept, [state.class_codes(g.slot.model, g.part.predicted) for g in groups]),
        _of_each(kept, [_answer(g) for g in groups]), _of_each(kept, [_segments(state, g) for g in groups]),
        _scores_of(state, groups, kept),
    )  # fmt: skip
    if len(groups) == 1:
        return entries, None
    order = np.argsort(rows, kind="stable")
    return entries.take(order), order


def _of_each(kept: Sequence[Ints | None], columns: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """The kept rows (None: all) of the groups' columns, one group after the other."""
    picked = [c if k is None else c[k] for k, c in zip(kept, columns, strict=True)]
    return picked[0] if len(picked) == 1 else np.concatenate(picked)


def _answer(group: Group) -> Floats:
    return group.part.value if group.slot.settings.task is Task.REGRESSION else group.part.score


def _segments(state: StreamState, group: Group) -> Codes32:
    return group.slot.segment_codes(group.part.segments, len(group.rows), state.registry.segment_width)


def _scores_of(
    state: StreamState, groups: Sequence[Group], kept: Sequence[Ints | None]
) -> list[Floats] | None:
    """Class probabilities of each entry; empty where it has none, None where none has any."""
    if all(group.part.scores is None for group in groups):
        return None
    nothing = np.zeros(0)
    found: list[Floats] = []
    for group, some in zip(groups, kept, strict=True):
        rows = every(len(group.rows)) if some is None else some
        scores = _scores(state, group.slot, group.part, rows)
        found += [nothing] * len(rows) if scores is None else scores
    return found


def _scores(state: StreamState, slot: Slot, part: PredictionPart, rows: Ints) -> list[Floats] | None:
    """Class probabilities of each row by the model's class codes.

    A row that names a class without a code of its own counts as one without scores: what is left of its
    probabilities would make a log loss of another answer.
    """
    model = slot.model
    if part.scores is None or model.settings.task is not Task.MULTICLASS:
        return None
    if model.learn(part.score_classes):
        state.grow(model)
    scores, each = np.full((len(rows), len(model.classes)), np.nan), part.scores[:, rows]
    own = np.array([name in model.classes for name in part.score_classes], np.bool_)
    for place, name in enumerate(part.score_classes):
        if own[place]:
            scores[:, model.classes.index(name)] = each[place]
    scores[~np.isnan(each[~own]).all(axis=0)] = np.nan
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
    _let_wait(group)


def _let_wait(group: Group) -> None:
    """On-time rows are counted with those of batches to come: a call's price is much for few rows."""
    slot, part, times, counted = group.slot, group.part, group.time_ms, group.counted
    on_time = group.accepted & ~group.late
    if not on_time.all():
        rows = np.flatnonzero(on_time)
        if not len(rows):
            return
        part, times, counted = part.take(rows), times[rows], counted[rows]
    if slot.waiting.rows and slot.waiting.parts[0].schema != part.schema:
        count_waiting(slot)
    slot.waiting.add(part, times, counted, slot.due_ms(int(times.min())))
    if slot.waiting.enough():
        count_waiting(slot)


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
