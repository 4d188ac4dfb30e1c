"""The features of known models as typed structs, so that msgspec reads them without a dictionary an event.

A shape is only a cache: events read with it and without it give the same columns.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import msgspec
import numpy as np

from driftline.decode.columns import missing
from driftline.decode.events import Event, LabelEvent
from driftline.decode.values import INT64_LIMIT, number
from driftline.records import Floats, Ints, Kind, Schema

WIDEST = 400
"""Names in a shape. A stream whose models have more names between them is read with dictionaries."""
UNKNOWN_MOST = 64
"""Unknown names in a shape. An event with another one is read twice, once without the shape."""
SPARSEST = 3
"""A shape has at most this many times the names of its narrowest model: reading absent names costs too."""


@dataclass(slots=True)
class Names:
    """The names that a stream's models read: numbers, and everything else."""

    schemas: dict[tuple[str, str], tuple[tuple[str, ...], tuple[str, ...]]] = field(default_factory=dict)
    numeric: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    """Names that events have and no model reads: they are counted."""

    def notice(self, names: Iterable[str]) -> bool:
        """Take unknown names in, up to a bound; whether one is new."""
        known = {*self.numeric, *self.other, *self.unknown}
        fresh = [n for n in sorted(names) if n not in known and n.isprintable() and not set(n) & {'"', "\\"}]
        before = len(self.unknown)
        self.unknown = (*self.unknown, *fresh)[:UNKNOWN_MOST]
        return len(self.unknown) > before

    def learn(self, key: tuple[str, str], schema: Schema) -> bool:
        """Take a (model, version)'s names in; whether something is new."""
        names = schema.numeric, (*schema.categorical, *schema.segments)
        if self.schemas.get(key) == names:
            return False
        self.schemas[key] = names
        before = self.numeric, self.other
        self.other = tuple(dict.fromkeys(chain.from_iterable(o for _, o in self.schemas.values())))
        numbers = dict.fromkeys(chain.from_iterable(n for n, _ in self.schemas.values()))
        self.numeric = tuple(name for name in numbers if name not in self.other)
        self.unknown = tuple(name for name in self.unknown if name not in {*self.numeric, *self.other})
        return before != (self.numeric, self.other)

    def shape(self, kind: Kind) -> Shape | None:
        """The shape of them all; None where dictionaries are better."""
        narrowest = min((len({*n, *o}) for n, o in self.schemas.values()), default=0)
        if not 0 < len(self.numeric) + len(self.other) <= min(WIDEST, SPARSEST * narrowest):
            return None
        try:
            return Shape.of(kind, self.numeric, self.other, self.unknown)
        except ValueError:  # a name that no struct's field can stand for
            return None


@dataclass(frozen=True, slots=True)
class Shape:
    """A reader of events whose features are one struct: first the numbers, then what may be anything."""

    numeric: tuple[str, ...]
    other: tuple[str, ...]
    unknown: tuple[str, ...]
    decode: Callable[[bytes], Event]
    make: Callable[..., Any]
    empty: Any
    place: Mapping[str, int]
    """Row of each number."""
    noticed: set[str] = field(default_factory=set)
    """Names met that the shape has not."""

    @classmethod
    def of(
        cls, kind: Kind, numeric: tuple[str, ...], other: tuple[str, ...], unknown: tuple[str, ...] = ()
    ) -> Shape:
        """Of distinct names.

        Raises
        ------
        ValueError
            A name with a quote, a backslash or a control character.
        """
        names = (*numeric, *other, *unknown)
        fields: list[Any] = [(f"f{i}", int | float | None, math.nan) for i in range(len(numeric))]
        fields += [(f"f{i}", Any, None) for i in range(len(numeric), len(names))]
        rename = {f"f{i}": name for i, name in enumerate(names)}
        features = msgspec.defstruct("Features", fields, rename=rename, gc=False, forbid_unknown_fields=True)
        event = msgspec.defstruct("Event", _event_fields(kind, features), gc=False)
        place = {name: i for i, name in enumerate(numeric)}
        decode: Any = msgspec.json.Decoder(event).decode
        return cls(numeric, other, unknown, decode, features, features(), place)

    def fit(self, features: dict[str, Any] | None) -> tuple[Any, int]:
        """What was read as a dictionary, as the shape's struct, and how many names it has no place for."""
        if not features:
            return self.empty, 0
        strange = features.keys() - {*self.numeric, *self.other, *self.unknown}
        if len(self.noticed) < UNKNOWN_MOST:
            self.noticed.update(sorted(strange)[:UNKNOWN_MOST])
        made = self.make(
            *(number(features.get(n)) for n in self.numeric), *(features.get(n) for n in self.other),
            *(features.get(n) for n in self.unknown),
        )  # fmt: skip
        return made, sum(not missing(features[name]) for name in strange)

    def columns(self, features: Sequence[Any]) -> tuple[Floats, list[Sequence[Any]], Ints]:
        """[numbers, rows], the other names' values, one sequence a name, and of each row its unknown names."""
        width, count = len(self.numeric), len(features)
        if not self.other and not self.unknown:
            matrix = _matrix(lambda: chain.from_iterable(_rows(features)), count, width)
            return matrix, [], np.zeros(count, np.int64)
        empty: list[Sequence[Any]] = [()] * (width + len(self.other) + len(self.unknown))
        columns: list[Sequence[Any]] = list(zip(*_rows(features), strict=True)) or empty
        matrix = np.empty((width, count))
        for at in range(width):
            matrix[at] = _column(columns[at])
        split = width + len(self.other)
        return matrix, columns[width:split], _present(columns[split:], count)


def _event_fields(kind: Kind, features: type) -> list[Any]:
    """As in ``events``, but for the features."""
    text = str | int
    if kind is Kind.FEATURES:
        return [
            ("model", str), ("features", features), ("version", text | None, None), ("time", Any, None),
            ("segments", dict[str, Any] | None, None),
        ]  # fmt: skip
    return [
        ("prediction_id", text), ("model", str), ("version", text | None, None), ("time", Any, None),
        ("features", features | None, None), ("prediction", Any, None), ("score", Any, None), ("scores", Any, None),
        ("segments", dict[str, Any] | None, None), ("latency_ms", Any, None),
    ]  # fmt: skip


def _rows(features: Iterable[Any]) -> Iterable[tuple[Any, ...]]:
    return map(msgspec.structs.astuple, features)


def _matrix(values: Callable[[], Iterable[Any]], rows: int, width: int) -> Floats:
    """[width, rows] of integers, floats and None, row by row; ``values`` gives them from the start."""
    try:
        array = np.fromiter(values(), np.float64, rows * width)
    except TypeError:  # None is among them
        array = np.array(list(values()), np.float64)
    except OverflowError:  # an integer beyond any float
        array = np.full(rows * width, np.inf)
    if (np.abs(array) >= INT64_LIMIT).any():  # invalid as an integer, valid as a float
        array = np.fromiter(map(number, values()), np.float64, rows * width)
    return np.ascontiguousarray(array.reshape(rows, width).T)


def _present(columns: Iterable[Sequence[Any]], rows: int) -> Ints:
    """In how many of the columns each row has a value."""
    total = np.zeros(rows, np.int64)
    for column in columns:
        absent = column.count(None) + column.count("")
        if not absent:
            total += 1
        elif absent < rows:
            total += np.fromiter((not missing(value) for value in column), np.int64, rows)
    return total


def _column(values: Sequence[Any]) -> Floats:
    column: Floats = _matrix(lambda: values, len(values), 1)[0]
    return column


def retyped(event: Event, shape: Shape) -> int:
    """Give an event that the careful reader made the shape's struct; returns its names without a place."""
    if isinstance(event, LabelEvent) or type(event.features) is shape.make:
        return 0
    event.features, strange = shape.fit(event.features)
    return strange
