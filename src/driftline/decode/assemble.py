"""Columns of a batch to ``Decoded``: unusable rows out, one part per model and version."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from driftline.decode.answers import Answers, Faults, no_class, nothing, read_answers, read_truth
from driftline.decode.columns import chained, numbers
from driftline.decode.inputs import Inputs
from driftline.decode.rows import (
    Fields,
    Key,
    answer_faults,
    group,
    hash_ids,
    name_faults,
    names,
    take,
    times_of,
)
from driftline.decode.times import MAX_MS
from driftline.records import (
    INVALID,
    MISSING,
    Coded,
    Decoded,
    Floats,
    Ints,
    Kind,
    LabelPart,
    PredictionPart,
    RawBatch,
    Reject,
    Schema,
    SchemaOf,
)
from driftline.settings import Limits, Task

Part = TypeVar("Part", PredictionPart, LabelPart)
_FEW = 16
"""Values of a column that cost nothing where a part has none of them."""
_CELLS = 4_000_000
"""Most cells of a matrix of open-class scores; a group with more is split into parts."""


@dataclass(slots=True)
class Rows:
    """Parsed events as columns, not yet checked."""

    fields: Fields
    inputs: Inputs
    record: Ints
    rejects: list[Reject]

    def reject(self, faults: Faults) -> Rows:
        """The rows without the faulty ones."""
        keep = np.ones(len(self.record), bool)
        keep[list(faults)] = False
        rows = np.flatnonzero(keep)
        rejects = [Reject(int(self.record[i]), reason) for i, reason in faults.items()]
        fields = {name: take(values, rows) for name, values in self.fields.items()}
        return Rows(fields, self.inputs.keep(rows), self.record[rows], self.rejects + rejects)


def joined(pieces: list[Rows]) -> Rows:
    """The rows of all pieces, in order."""
    if len(pieces) == 1:
        return pieces[0]
    fields: Fields = {name: chained([p.fields[name] for p in pieces]) for name in pieces[0].fields}
    inputs = pieces[0].inputs.joined([piece.inputs for piece in pieces])
    record = np.concatenate([piece.record for piece in pieces])
    return Rows(fields, inputs, record, [reject for piece in pieces for reject in piece.rejects])


@dataclass(slots=True)
class _Group:
    """The rows of all models and versions of one schema: they are read at once, and then told apart."""

    schema: Schema
    rows: Ints
    """Ascending."""
    members: list[tuple[Key, Ints]]
    """Of each (model, version), places among ``rows``."""
    answers: Answers


@dataclass(frozen=True, slots=True)
class Assembly:
    """How rows of one kind become columns."""

    kind: Kind
    schema_of: SchemaOf
    limits: Limits
    from_record: bool

    def __call__(self, rows: Rows, batch: RawBatch) -> Decoded:
        """Names and times first, then the answers, then everything of the rows that are left."""
        times = self._times(rows, batch)
        if faults := self._faults(rows, times):
            rows = rows.reject(faults)
            times = self._times(rows, batch)
        schemas: dict[Key, Schema | None] = {}
        models = names(rows.fields["model"])
        groups, unmonitored, faults = self._groups(rows, models, schemas)
        if faults:
            rows = rows.reject(faults)
            times, models = self._times(rows, batch), names(rows.fields["model"])
            groups, unmonitored, _ = self._groups(rows, models, schemas)
        rejects = sorted(rows.rejects, key=lambda reject: reject.index)
        decoded = Decoded(self.kind, batch.sources, rows.record, times, self._ids(rows.fields, models))
        decoded.rejects, decoded.unmonitored = rejects, unmonitored
        if self.kind is Kind.LABEL:
            decoded.labels = _in_order(part for g in groups for part in _label_parts(g, rows.fields))
        else:
            decoded.predictions = _in_order(
                part for g in groups for part in self._prediction_parts(g, rows, decoded)
            )
        return decoded

    def _times(self, rows: Rows, batch: RawBatch) -> Ints:
        stand_in = self.from_record or self.kind is Kind.LABEL
        return times_of(rows.fields["time"], batch.timestamps_ms[rows.record] if stand_in else None)

    def _faults(self, rows: Rows, times: Ints) -> Faults:
        faults: Faults = dict.fromkeys(np.flatnonzero(times <= 0).tolist(), "bad_time")
        if self.kind is Kind.PREDICTION:
            faults |= answer_faults(rows.fields)
        return faults | name_faults(rows.fields, self.limits.name_bytes)

    def _groups(
        self, rows: Rows, models: Coded, schemas: dict[Key, Schema | None]
    ) -> tuple[list[_Group], dict[tuple[str, str], int], Faults]:
        """Split by schema, model and version, and read the answers."""
        monitored: dict[Schema | Key, list[tuple[Key, Ints]]] = {}
        unmonitored: dict[Key, int] = {}
        versions = rows.fields.get("version")
        for key, members in group(models, names(versions) if versions is not None else None):
            if key not in schemas:
                schemas[key] = self.schema_of(*key)
            if (schema := schemas[key]) is None:
                unmonitored[key] = len(members)
            else:
                # Open classes are a part's own: those of other models are not to be among them.
                shared = schema.task is not Task.MULTICLASS or schema.classes is not None
                monitored.setdefault(schema if shared else key, []).append((key, members))
        groups: list[_Group] = []
        faults: Faults = {}
        for same in monitored.values():
            schema = schemas[same[0][0]]
            assert schema is not None  # noqa: S101
            for of_schema in _bounded(same, rows.fields, schema):
                some, told_apart = _together(of_schema)
                answers = self._answers(some, rows.fields, schema)
                groups.append(_Group(schema, some, told_apart, answers))
                faults |= {int(some[i]): reason for i, reason in answers.faults.items()}
        return groups, unmonitored, faults

    def _answers(self, rows: Ints, fields: Fields, schema: Schema) -> Answers:
        if self.kind is Kind.FEATURES:
            return Answers(no_class(len(rows)), nothing(len(rows)), nothing(len(rows)))
        if self.kind is Kind.LABEL:
            return read_truth(take(fields["label"], rows), schema, self.limits)
        answered = {name: take(fields[name], rows) for name in ("prediction", "score", "scores")}
        return read_answers(answered, schema, self.limits)

    def _ids(self, fields: Fields, models: Coded) -> np.ndarray[tuple[int, int], np.dtype[np.uint64]]:
        if self.kind is Kind.FEATURES:
            return np.zeros((len(models.codes), 2), np.uint64)
        return hash_ids(models, fields["prediction_id"])

    def _prediction_parts(self, g: _Group, rows: Rows, decoded: Decoded) -> Iterator[PredictionPart]:
        inputs, a = rows.inputs.columns(g.rows, g.schema, self.limits.name_bytes), g.answers
        decoded.unknown_features += inputs.unknown_features
        latency = _latency(g.rows, rows.fields.get("latency_ms"))
        whole = PredictionPart(
            *g.members[0][0], g.schema, g.rows, inputs.numeric, inputs.categorical, a.predicted, a.value, a.score,
            a.scores, a.score_classes, latency, inputs.segments,
        )  # fmt: skip
        if len(g.members) == 1:
            yield whole
            return
        for (model, version), at in g.members:
            part = whole.take(at)
            part.model, part.version = model, version
            part.categorical = tuple(_narrow(column) for column in part.categorical)
            part.predicted = _narrow(part.predicted)
            part.segments = tuple(_narrow(column) for column in part.segments)
            yield part


def _label_parts(g: _Group, fields: Fields) -> Iterator[LabelPart]:
    given = take(fields["revision"], g.rows)
    if None in given:
        given = [1 if revision is None else revision for revision in given]
    revisions, label, value = np.array(given, np.int64), g.answers.predicted, g.answers.value
    if len(g.members) == 1:
        yield LabelPart(g.members[0][0][0], g.schema, g.rows, label, value, revisions)
        return
    for (model, _), at in g.members:
        yield LabelPart(model, g.schema, g.rows[at], _narrow(label.take(at)), value[at], revisions[at])


def _in_order(parts: Iterable[Part]) -> list[Part]:
    """As their first rows stand in the batch."""
    return sorted(parts, key=lambda part: int(part.rows[0]))


def _together(same: Sequence[tuple[Key, Ints]]) -> tuple[Ints, list[tuple[Key, Ints]]]:
    """All rows, ascending, and the places among them of each (model, version)."""
    if len(same) == 1:
        key, rows = same[0]
        return rows, [(key, np.arange(len(rows)))]
    every = np.sort(np.concatenate([rows for _, rows in same]))
    if every[-1] - every[0] + 1 == len(every):
        return every, [(key, rows - every[0]) for key, rows in same]
    return every, [(key, np.searchsorted(every, rows)) for key, rows in same]


def _narrow(column: Coded) -> Coded:
    """The column without the many values that only rows of other models have."""
    if len(column.values) <= _FEW:
        return column
    used = np.unique(column.codes[column.codes >= 0])
    # Codes -1 (missing) and -2 (invalid) index from the end.
    places = np.full(len(column.values) + 2, MISSING, np.int32)
    places[used], places[INVALID] = np.arange(len(used)), INVALID
    return Coded(places[column.codes], tuple(column.values[i] for i in used.tolist()))


def _latency(rows: Ints, values: list[object] | Floats | None) -> Floats:
    """Milliseconds; NaN for what is no number from 0, or longer than any time there is: their sum stays finite."""
    if values is None or (not isinstance(values, np.ndarray) and values.count(None) == len(values)):
        return nothing(len(rows))
    latency = numbers(take(values, rows))
    return np.where((latency >= 0) & (latency <= MAX_MS), latency, np.nan)


def _bounded(
    same: list[tuple[Key, Ints]], fields: Fields, schema: Schema
) -> Iterator[list[tuple[Key, Ints]]]:
    """The rows, in pieces whose open-class scores fit into memory."""
    scores = fields.get("scores")
    if schema.task is not Task.MULTICLASS or schema.classes is not None or not scores:
        yield same
        return
    for key, rows in same:
        classes: set[str] = set().union(*(s for s in take(scores, rows) if isinstance(s, dict)))
        size = max(1, _CELLS // max(1, len(classes)))
        yield from ([(key, rows[at : at + size])] for at in range(0, len(rows), size))
