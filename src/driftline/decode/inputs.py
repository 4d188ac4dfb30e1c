"""A group's inputs as columns: features and segments by the schema's names, however they were written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from driftline.decode.columns import code, count_unknown, numeric_features
from driftline.decode.rows import take
from driftline.records import Coded, Floats, Ints, Schema

Object = dict[str, Any]


@dataclass(slots=True)
class InputColumns:
    """Inputs of the rows of one part."""

    numeric: Floats
    categorical: tuple[Coded, ...]
    segments: tuple[Coded, ...]
    unknown_features: int


class Inputs(Protocol):
    """The inputs of a batch's rows."""

    def keep(self, rows: Ints) -> Inputs:
        """Those of some rows."""
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

    def columns(self, rows: Ints, schema: Schema, longest: int) -> InputColumns:
        """Pick the schema's names out of each object."""
        features = _filled(take(self.features, rows))
        numeric, complete = numeric_features(features, schema.numeric)
        categorical = [[row.get(name) for row in features] for name in schema.categorical]
        known = frozenset((*schema.numeric, *schema.categorical, *schema.segments))
        plain = len(known) == len(schema.numeric) + len(schema.categorical)
        complete = complete and plain and all(None not in column for column in categorical)
        segments = self._segments(rows, features, schema.segments)
        return InputColumns(
            numeric,
            tuple(code(column, longest) for column in categorical),
            tuple(code(column, longest) for column in segments),
            count_unknown(features, known, complete=complete),
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


def _filled(values: Sequence[Object | None]) -> Sequence[Object]:
    return [value or {} for value in values] if None in values else values  # type: ignore[return-value]
