"""A group's inputs as columns: features and segments by the schema's names, however they were written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np

from driftline.decode.columns import chained, code, count_unknown, numbers, numeric_features
from driftline.decode.rows import take
from driftline.decode.shapes import Shape
from driftline.records import Coded, Floats, Ints, Schema

Object = dict[str, Any]


@dataclass(slots=True)
class InputColumns:
    """Inputs of the rows of one part."""

    numeric: Floats
    categorical: tuple[Coded, ...]
    segments: tuple[Coded, ...]
    unknown_features: int
    """Values of names that the schema does not read."""


class Inputs(Protocol):
    """The inputs of a batch's rows."""

    def keep(self, rows: Ints) -> Self:
        """Those of some rows."""
        ...

    def joined(self, pieces: Sequence[Self]) -> Self:
        """Those of all pieces, in order."""
        ...

    def columns(self, rows: Ints, schema: Schema, longest: int) -> InputColumns:
        """Features and segments of a group; texts over ``longest`` bytes are invalid."""
        ...


@dataclass(frozen=True, slots=True)
class Objects:
    """Inputs as JSON objects, one per row; None is an empty one."""

    features: Sequence[Object | None]
    segments: Sequence[Object | None]

    def keep(self, rows: Ints) -> Objects:
        """Those of some rows."""
        return Objects(take(self.features, rows), take(self.segments, rows))

    def joined(self, pieces: Sequence[Objects]) -> Objects:
        """Those of all pieces, in order."""
        return Objects(chained([p.features for p in pieces]), chained([p.segments for p in pieces]))

    def columns(self, rows: Ints, schema: Schema, longest: int) -> InputColumns:
        """Pick the schema's names out of each object."""
        features = _filled(take(self.features, rows))
        numeric = numeric_features(features, schema.numeric)
        categorical = [[row.get(name) for row in features] for name in schema.categorical]
        segments = self._segments(rows, features, schema.segments)
        return InputColumns(
            numeric,
            tuple(code(column, longest) for column in categorical),
            tuple(code(column, longest) for column in segments),
            count_unknown(features, {*schema.numeric, *schema.categorical, *schema.segments}),
        )

    def _segments(self, rows: Ints, features: Sequence[Object], names: tuple[str, ...]) -> list[list[object]]:
        """A segment is a key of ``segments``, or else a feature."""
        if not names:
            return []
        given = _filled(take(self.segments, rows))
        pairs = list(zip(given, features, strict=True))
        return [
            [f.get(name) if (value := s.get(name)) is None else value for s, f in pairs] for name in names
        ]


@dataclass(frozen=True, slots=True)
class Structs:
    """Inputs as structs of a shape, read into columns once for all groups."""

    shape: Shape
    numeric: Floats
    """[names, rows] of the shape's numbers."""
    other: Mapping[str, Sequence[object]]
    segments: Sequence[Object | None]
    unknown: Ints
    """Of each row, how many names no model of the stream reads."""

    @classmethod
    def of(
        cls,
        shape: Shape,
        features: Sequence[Any],
        segments: Sequence[Object | None],
        strange: Mapping[int, int],
    ) -> Structs:
        """Of the structs of all rows; None is an empty one. ``strange``: names for which there was no place."""
        full = [f or shape.empty for f in features] if None in features else features
        numeric, other, unknown = shape.columns(full)
        unknown[list(strange)] += np.array(list(strange.values()), np.int64)
        return cls(shape, numeric, dict(zip(shape.other, other, strict=True)), segments, unknown)

    def keep(self, rows: Ints) -> Structs:
        """Those of some rows."""
        other = {name: take(column, rows) for name, column in self.other.items()}
        segments = take(self.segments, rows)
        return Structs(self.shape, self.numeric[:, rows], other, segments, self.unknown[rows])

    def joined(self, pieces: Sequence[Structs]) -> Structs:
        """Those of all pieces, in order."""
        numeric = np.concatenate([p.numeric for p in pieces], axis=1)
        other = {name: chained([p.other[name] for p in pieces]) for name in self.other}
        unknown = np.concatenate([p.unknown for p in pieces])
        return Structs(self.shape, numeric, other, chained([p.segments for p in pieces]), unknown)

    def columns(self, rows: Ints, schema: Schema, longest: int) -> InputColumns:
        """The schema's names of a group; one that the shape has not is missing."""
        columns = {name: self._other(name, rows) for name in {*schema.categorical, *schema.segments}}
        categorical = tuple(code(columns[name], longest) for name in schema.categorical)
        segments = self._segments(rows, columns, schema.segments, longest)
        numeric = self._numbers(rows, schema.numeric)
        return InputColumns(numeric, categorical, segments, self._unknown(rows, schema))

    def _unknown(self, rows: Ints, schema: Schema) -> int:
        """Names that no model reads, and values of those that only other models read."""
        mine = {*schema.numeric, *schema.categorical, *schema.segments}
        others = [at for name, at in self.shape.place.items() if name not in mine]
        strangers = [take(column, rows) for name, column in self.other.items() if name not in mine]
        found = int(self.unknown[rows].sum())
        found += int((~np.isnan(self.numeric[others][:, rows])).sum()) if others else 0
        for column in strangers:
            found += len(column) - column.count(None) - column.count("")
        return found

    def _numbers(self, rows: Ints, names: tuple[str, ...]) -> Floats:
        everything = len(rows) == self.numeric.shape[1]
        if names == self.shape.numeric:
            return self.numeric if everything else self.numeric[:, rows]
        place = self.shape.place
        if all(name in place for name in names):
            chosen = self.numeric[[place[name] for name in names]]
            return chosen if everything else chosen[:, rows]
        columns = [
            self.numeric[place[name], rows] if name in place else numbers(self._other(name, rows))
            for name in names
        ]
        return np.array(columns).reshape(len(names), len(rows))

    def _other(self, name: str, rows: Ints) -> Sequence[object]:
        column = self.other.get(name)
        return [None] * len(rows) if column is None else take(column, rows)

    def _segments(
        self, rows: Ints, columns: Mapping[str, Sequence[object]], names: tuple[str, ...], longest: int
    ) -> tuple[Coded, ...]:
        """A segment is a key of ``segments``, or else a feature."""
        given = _filled(take(self.segments, rows)) if names else ()
        found = [
            columns[name] if not any(given) else
            [f if (value := s.get(name)) is None else value for s, f in zip(given, columns[name], strict=True)]
            for name in names
        ]  # fmt: skip
        return tuple(code(column, longest) for column in found)


def _filled(values: Sequence[Object | None]) -> Sequence[Object]:
    return [value or {} for value in values] if None in values else values  # type: ignore[return-value]
