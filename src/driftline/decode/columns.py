"""Lists of Python values to columns: numbers, coded strings, features by name."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np

from driftline.decode.values import INT64_LIMIT, canonical, number
from driftline.records import INVALID, MISSING, Coded, Floats, Ints

_PLAIN = {float, int, type(None)}
_HASHABLE = {str, int, float, bool}
Row = Mapping[str, Any]


def chained(columns: Iterable[Sequence[Any]]) -> list[Any]:
    """One column after the other."""
    whole: list[Any] = []
    for column in columns:
        whole += column
    return whole


def numbers(values: Sequence[object] | Ints | Floats) -> Floats:
    """``number`` of each value."""
    if isinstance(values, np.ndarray):
        array = values.astype(np.float64)
        return np.where(np.isinf(array), np.inf, array)
    plain = plain_numbers(values)
    return plain if plain is not None else np.fromiter(map(number, values), float, len(values))


def plain_numbers(values: Sequence[object]) -> Floats | None:
    """The values at array speed, or None where each must be looked at."""
    types = set(map(type, values))
    if not types <= _PLAIN:
        return None
    try:
        array = np.array(values, float) if type(None) in types else np.fromiter(values, float, len(values))
    except OverflowError:
        return None
    if int in types and array.size and np.nanmax(np.abs(array), initial=0) >= INT64_LIMIT:
        return None
    return np.where(np.isinf(array), np.inf, array) if np.isinf(array).any() else array


def numeric_features(rows: Sequence[Row], names: tuple[str, ...]) -> Floats:
    """The names' values of rows, as [len(names), len(rows)]."""
    flat = _flat(rows, names)
    matrix = plain_numbers(flat)
    if matrix is not None:
        return np.ascontiguousarray(matrix.reshape(len(rows), len(names)).T)
    columns = [numbers(flat[i :: len(names)]) for i in range(len(names))]
    return np.array(columns).reshape(len(names), len(rows))


def _flat(rows: Sequence[Row], names: tuple[str, ...]) -> list[object]:
    """Row by row the values of the names, None where one is absent."""
    if not names:
        return []
    pick = itemgetter(*names)
    try:
        picked = map(pick, rows)
        return list(chain.from_iterable(picked)) if len(names) > 1 else list(picked)
    except KeyError:
        return [row.get(name) for row in rows for name in names]


def code(values: Sequence[object], longest: int) -> Coded:
    """Canonical strings as codes into their distinct values; longer ones (in bytes) are INVALID.

    Values of one type are made canonical once per distinct value.
    """
    types = set(map(type, values)) - {type(None)}
    if len(types) > 1 or not types <= _HASHABLE:
        texts: Sequence[Any] = [canonical(value) for value in values]
        distinct: dict[Any, object] = {text: text for text in texts}
    else:
        texts = values
        distinct = {value: canonical(value) for value in dict.fromkeys(values)}
    names: dict[str, int] = {}
    index = {value: place(text, names, longest) for value, text in distinct.items()}
    return Coded(np.fromiter(map(index.__getitem__, texts), np.int32, len(texts)), tuple(names))


def place(text: object, names: dict[str, int], longest: int) -> int:
    """The code of a canonical form, a new one at the end of ``names``."""
    if text is None:
        return MISSING
    if not isinstance(text, str) or len(text) > longest or len(text.encode()) > longest:
        return INVALID
    return names.setdefault(text, len(names))


def count_unknown(rows: Sequence[Row], known: Collection[str]) -> int:
    """How many values of the rows have no known name; a missing one (null, the empty string) is none."""
    return sum(name not in known and not missing(value) for row in rows for name, value in row.items())


def missing(value: object) -> bool:
    """Whether a value of a feature is none."""
    return value is None or (isinstance(value, str) and not value)
