"""A batch of Arrow streams to columns without a Python object per row and feature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from driftline.decode.arrow import DAMAGED, Array, coded, is_arrow, listed, objects, read_table, single, times
from driftline.decode.assemble import Rows
from driftline.decode.columns import code, numbers, place
from driftline.decode.inputs import InputColumns
from driftline.decode.rows import UNVERSIONED, Fields
from driftline.decode.values import INT64_LIMIT, canonical
from driftline.records import INVALID, MISSING, Bools, Coded, Floats, Ints, Kind, RawBatch, Schema

_FIELDS = {
    Kind.PREDICTION: ("prediction_id", "model", "version", "time", "prediction", "score", "latency_ms"),
    Kind.FEATURES: ("model", "version", "time"),
    Kind.LABEL: ("prediction_id", "model", "label", "time", "revision"),
}
_NUMBERS = {"score", "latency_ms"}
_NAMES = {"prediction_id", "model", "version"}
_NEEDED = {"prediction_id", "model", "label"}


def read_columns(batch: RawBatch, kind: Kind, message_bytes: int) -> Rows | None:
    """The rows of a batch of nothing but usable Arrow streams of one shape; None for any other batch."""
    values = batch.values
    if not len(values) or not all(v is not None and is_arrow(v) and len(v) <= message_bytes for v in values):
        return None
    if batch.headers is not None and any(batch.headers):
        return None
    try:
        tables = [read_table(value) for value in values]  # type: ignore[arg-type]
        return _rows(tables, kind)
    except DAMAGED:  # Unusable is one of them: each record is then read on its own
        return None


def _rows(tables: list[pa.Table], kind: Kind) -> Rows | None:
    if any(not table.schema.equals(tables[0].schema) for table in tables):
        return None
    table = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
    if not table.num_rows or not _is_regular(table, kind):
        return None
    record = np.repeat(np.arange(len(tables)), [t.num_rows for t in tables])
    fields: Fields = {name: _field(table, name) for name in _FIELDS[kind]}
    if kind is Kind.PREDICTION:
        fields["scores"] = objects(table, "scores")
    if not all(fields.get("version", ())):
        fields["version"] = [version or UNVERSIONED for version in fields["version"]]
    return Rows(fields, Table(table), record, [])


def _is_regular(table: pa.Table, kind: Kind) -> bool:
    """Names are strings, the needed ones there; revisions are integers."""
    for name in _FIELDS[kind]:
        if name not in table.column_names:
            if name in _NEEDED:
                return False
            continue
        column = table.column(name)
        value_type = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        if name in _NAMES and not pa.types.is_string(value_type) and not pa.types.is_large_string(value_type):
            return False
        if name in _NAMES and name != "version" and _nulls(column):
            return False
        if name == "revision" and not pa.types.is_signed_integer(value_type):
            return False
    return True


def _nulls(column: Array) -> int:
    if column.null_count or not pa.types.is_dictionary(column.type):
        return int(column.null_count)
    return sum(chunk.dictionary.null_count for chunk in column.chunks)


def _field(table: pa.Table, name: str) -> Any:
    """Python values, or an array where the column is nothing but numbers that stay what they are."""
    if name not in table.column_names:
        return [None] * table.num_rows
    array = single(table.column(name))
    whole, kind = not array.null_count, array.type
    if name == "time":
        return array.to_numpy() if whole and pa.types.is_int64(kind) else times(array)
    if name in _NUMBERS and whole and (pa.types.is_int64(kind) or pa.types.is_floating(kind)):
        return array.to_numpy()
    return listed(array)


@dataclass(frozen=True, slots=True)
class Table:
    """Inputs as Arrow columns ``features.NAME`` and ``segments.NAME``, each read once for all groups."""

    table: pa.Table
    _matrices: dict[tuple[str, ...], Floats] = field(default_factory=dict)
    _codes: dict[str, Coded] = field(default_factory=dict)
    _valid: dict[str, Bools] = field(default_factory=dict)

    def keep(self, rows: Ints) -> Table:
        """Those of some rows."""
        return Table(self.table.take(rows))

    def joined(self, pieces: Sequence[Table]) -> Table:
        """Those of all pieces, in order."""
        return Table(pa.concat_tables([piece.table for piece in pieces]).combine_chunks())

    def columns(self, rows: Ints, schema: Schema, longest: int) -> InputColumns:
        """The schema's columns; a column that is not there is missing."""
        return InputColumns(
            self._numeric(schema.numeric, rows),
            tuple(_some(self._coded(f"features.{name}", longest), rows) for name in schema.categorical),
            tuple(_some(self._segment(name, longest), rows) for name in schema.segments),
            self._unknown(rows, {*schema.numeric, *schema.categorical, *schema.segments}),
        )

    def _unknown(self, rows: Ints, known: set[str]) -> int:
        """Values of features that the schema does not read."""
        found = 0
        for name in self.table.column_names:
            if name.startswith("features.") and name.removeprefix("features.") not in known:
                if name not in self._valid:
                    self._valid[name] = _there(self.table.column(name))
                found += int(self._valid[name][rows].sum())
        return found

    def _array(self, name: str) -> Array | None:
        return single(self.table.column(name)) if name in self.table.column_names else None

    def _numeric(self, names: tuple[str, ...], rows: Ints) -> Floats:
        matrix = self._matrices.get(names)
        if matrix is None:
            matrix = np.full((len(names), self.table.num_rows), np.nan)
            for i, name in enumerate(names):
                if (array := self._array(f"features.{name}")) is not None:
                    matrix[i] = _floats(array)
            self._matrices[names] = matrix
        return matrix if len(rows) == matrix.shape[1] else matrix[:, rows]

    def _coded(self, name: str, longest: int) -> Coded:
        if name not in self._codes:
            self._codes[name] = _code(self._array(name), self.table.num_rows, longest)
        return self._codes[name]

    def _segment(self, name: str, longest: int) -> Coded:
        """A segment is a column ``segments.NAME``, or else a feature."""
        given, feature = self._array(f"segments.{name}"), self._array(f"features.{name}")
        if given is None or feature is None or not given.null_count:
            return self._coded(f"segments.{name}" if given is not None else f"features.{name}", longest)
        both = zip(listed(given), listed(feature), strict=True)
        return code([f if s is None else s for s, f in both], longest)


def _there(column: Array) -> Bools:
    """Where a column has a value: neither null nor an empty string."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    there = np.asarray(column.is_valid())
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        there = there & np.asarray(column.fill_null("")).astype(bool)
    return np.asarray(there, np.bool_)


def _some(coded: Coded, rows: Ints) -> Coded:
    """A column at some rows, with the values that occur there."""
    if len(rows) == len(coded.codes):
        return coded
    codes = coded.codes[rows]
    used = np.flatnonzero(np.bincount(codes[codes >= 0], minlength=len(coded.values)))
    lookup = np.full(len(coded.values) + 2, MISSING, np.int32)
    lookup[used], lookup[INVALID] = np.arange(len(used)), INVALID
    return Coded(lookup[codes], tuple(coded.values[i] for i in used))


def _floats(array: Array) -> Floats:
    kind = array.type
    if not pa.types.is_floating(kind) and not pa.types.is_integer(kind):
        return numbers(listed(array))
    values = array.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    bad = np.isinf(values)
    if pa.types.is_unsigned_integer(kind):
        bad |= values >= INT64_LIMIT
    return np.where(bad, np.inf, values) if bad.any() else values


def _code(array: Array | None, rows: int, longest: int) -> Coded:
    if array is None:
        return Coded(np.full(rows, MISSING, np.int32), ())
    codes, values = coded(array)
    used = np.bincount(codes[codes >= 0], minlength=len(values)) > 0
    names: dict[str, int] = {}
    index = [place(canonical(v), names, longest) if used[i] else MISSING for i, v in enumerate(values)]
    return Coded(np.array([*index, MISSING], np.int32)[codes], tuple(names))
