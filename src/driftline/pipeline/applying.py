"""What waited takes effect: late rows, and labels joined to their predictions, in effective-time order."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from driftline.aggregates.scores import NO_LOSS, multiclass_losses
from driftline.join.events import Labels, Matches
from driftline.pipeline.counting import count_changes, count_drift, count_events, index_rows, measure_delays
from driftline.pipeline.places import NOWHERE
from driftline.pipeline.state import LateRows, StreamState
from driftline.records import Codes32, Ints, Kind, PredictionPart
from driftline.stamp.staging import Columns


def apply_labels(state: StreamState, before_ms: int) -> None:
    """Join all labels with an effective time before ``before_ms``; their changes are staged."""
    due = state.labels.take(before_ms, {"place": state.partitions.ranks()})
    if due is None:
        return
    labels = Labels(
        due["ids"], due["eff_ms"], due["model"], due["label"], due["value"], due["revision"],
        (due["label"] < 0) & np.isnan(due["value"]),
        np.stack([due["place"], due["offset"], due["time_ms"]], axis=1).astype(np.int64),
    )  # fmt: skip
    stage_changes(state, state.join.label(labels))


def stage_changes(state: StreamState, matches: Matches) -> None:
    """What the join changed waits for its effective time, with where the label of each change stands."""
    if not len(matches):
        return
    state.changes.add(
        {
            "eff_ms": matches.eff_ms, "time_ms": matches.time_ms, "slot": matches.slot, "sign": matches.sign,
            "truth": matches.truth, "truth_value": matches.truth_value, "predicted": matches.predicted,
            "value": matches.value, "segments": matches.segments, "losses": _losses(matches),
            "place": matches.where[:, 0].astype(np.int32), "offset": matches.where[:, 1],
            "label_ms": matches.where[:, 2],
        }
    )  # fmt: skip


def _losses(matches: Matches) -> Ints:
    """[n, 2] what class probabilities lose against the label of each change."""
    losses = np.full((len(matches), 2), NO_LOSS)
    rows = [row for row, vector in enumerate(matches.scores) if vector is not None]
    if rows:
        vectors = [v for v in matches.scores if v is not None]
        # Vectors are as long as there were classes when they came.
        scores = np.full((len(rows), max(map(len, vectors))), np.nan)
        for place, vector in enumerate(vectors):
            scores[place, : len(vector)] = vector
        losses[rows] = multiclass_losses(scores, matches.truth[rows])
    return losses


def apply_staged(state: StreamState, before_ms: int) -> None:
    """Let late events and changes with an effective time before ``before_ms`` take effect."""
    _apply_late(state, before_ms)
    if (places := state.places.take(before_ms)) is not None:
        for kind, mine in ((Kind.PREDICTION, ~places["features"]), (Kind.FEATURES, places["features"])):
            rows = {name: column[mine] for name, column in places.items()}
            index_rows(state, str(kind), rows["time_ms"], rows)
    if (due := state.changes.take(before_ms)) is not None:
        for code, of_slot in by_slot(due["slot"]):
            slot, rows = state.registry.slots[code], {n: column[of_slot] for n, column in due.items()}
            count_changes(state, slot, rows)
            known = (rows["place"] != NOWHERE) & (rows["sign"] > 0)
            measure_delays(slot, np.maximum(rows["label_ms"][known] - rows["time_ms"][known], 0))
        _index_labels(state, due)


def by_slot(slot: Codes32) -> Iterator[tuple[int, Ints | slice]]:
    """(code, its rows in order); a slice where one code holds all."""
    if slot[0] == slot[-1] and (slot == slot[0]).all():
        yield int(slot[0]), slice(None)
        return
    order = np.argsort(slot, kind="stable")
    codes, starts = np.unique(slot[order], return_index=True)
    yield from zip(codes.tolist(), np.split(order, starts[1:]), strict=True)


def _index_labels(state: StreamState, due: Columns) -> None:
    """Labels in force stand where their predictions' data is looked for; what is taken back does not."""
    place = np.where(due["sign"] > 0, due["place"], NOWHERE).astype(np.int32)
    columns = {"slot": due["slot"], "place": place, "offset": due["offset"], "time_ms": due["label_ms"]}
    index_rows(state, str(Kind.LABEL), due["time_ms"], columns)


def _apply_late(state: StreamState, before_ms: int) -> None:
    kept = []
    for waiting in state.late:
        due = waiting.eff_ms < before_ms
        if due.any():
            _count_late(waiting, np.flatnonzero(due))
        if not due.all():
            kept.append(_remnant(waiting, np.flatnonzero(~due)))
    state.late = kept


def _count_late(waiting: LateRows, rows: Ints) -> None:
    slot, part = waiting.slot, waiting.part
    count_drift(slot, slot.drift.prepare(part), rows, waiting.time_ms)
    counted = rows[waiting.counted[rows]]
    if len(counted):
        count_events(slot, part, counted, waiting.time_ms)


def _remnant(waiting: LateRows, rows: Ints) -> LateRows:
    if len(rows) == len(waiting.eff_ms):
        return waiting
    part: PredictionPart = waiting.part.take(rows)
    times, effective, counted = waiting.time_ms[rows], waiting.eff_ms[rows], waiting.counted[rows]
    return LateRows(waiting.slot, part, times, effective, counted, waiting.block)
