"""What a column holds, as far as guessing needs to know it: plain facts, no opinions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from driftline.reference import columns
from driftline.reference.tables import Table
from driftline.reference.units import Unit, is_time_text, unit_of_numbers

MANY = 50
"""Up to so many different values are listed."""
_SAMPLE = 200
_ODD_RATIO = 0.05
"""A column of texts is one of numbers when no more of its values than this are none, such as "?" or "n/a"."""

_COMMA = r'^\s*"?[-+]?\d+(\.\d{3})*,\d+"?\s*$'
_COMMA_OR_NONE = r'^\s*"?[-+]?\d+(\.\d{3})*(,\d+)?"?\s*$'


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a data file."""

    name: str
    numeric: bool
    rows: int
    present: int
    """Rows that have a value."""
    distinct: int
    values: tuple[str, ...] = ()
    """All its different values as canonical strings, sorted; empty where there are over ``MANY``."""
    lowest: float = 0.0
    highest: float = 0.0
    outside: int = 0
    """Numbers below 0 or above 1: of a probability, bad values."""
    integral: bool = False
    sample: str = ""
    """One of its values."""
    odd: int = 0
    """Values of a numeric column that are no numbers."""
    odd_sample: str = ""
    """One of those."""
    growing: bool = False
    """It never falls from row to row, through many values."""
    commas: bool = False
    """Its values are texts of numbers with commas, as ``0,83``."""
    nested: bool = False
    """It holds lists or objects."""
    unit: Unit | None = None
    """How its values are written if they are times."""


def facts_of(table: Table) -> dict[str, Column]:
    """Of all columns, in the order of the file; one column is in memory at a time."""
    return {name: fact_of(table, name) for name in table.columns}


def fact_of(table: Table, name: str) -> Column:
    """Of one column."""
    arrays = [array.drop_null() for array in table.arrays(name)]
    present = sum(map(len, arrays))
    shape: dict[str, Any] = {"name": name, "rows": table.rows, "present": present}
    if not present:
        return Column(**shape, numeric=False, distinct=0)
    held = _plain(pa.chunked_array(arrays))
    if _is_nested(table, held):
        return Column(**shape, numeric=False, distinct=0, nested=True)
    shape |= {"distinct": int(pc.count_distinct(held).as_py()), "sample": _text(held[0])}
    if pa.types.is_temporal(held.type):
        return Column(**shape, numeric=False, unit=Unit.TEXT)
    if shape["distinct"] <= MANY:
        shape["values"] = tuple(sorted(columns.read_codes(table, name).values))
    if columns.is_numeric(table, name):
        return Column(**shape, numeric=True, **_of_numbers(table, name))
    odd = _odd(arrays) if table.text is not None else {}
    if odd and odd["odd"] <= _ODD_RATIO * present:
        return Column(**shape, numeric=True, **odd, **_of_numbers(table, name))
    return Column(**shape, numeric=False, commas=_has_commas(table, held), unit=_text_unit(held))


def _plain(held: Any) -> Any:
    """The values themselves; pandas' categories are stored as codes."""
    return held.cast(held.type.value_type) if pa.types.is_dictionary(held.type) else held


def _is_nested(table: Table, held: Any) -> bool:
    """Whether values are neither numbers nor texts, flags or times."""
    if table.text == "json":
        return str(held[0].as_py()).startswith(("[", "{"))
    simple = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, pa.types.is_boolean)
    number = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_temporal)
    return not any(test(held.type) for test in (*simple, *number))


def _text(scalar: Any) -> str:
    return str(scalar.as_py()).strip('"')


def _odd(arrays: list[Any]) -> dict[str, Any]:
    """Of a column of text: how many of its values are no numbers, and the first of them."""
    odd = [(array, np.flatnonzero(np.isinf(columns.numbers_of(array)))) for array in arrays]
    samples = (_text(array[int(places[0])]) for array, places in odd if len(places))
    count = sum(len(places) for _, places in odd)
    return {"odd": count, "odd_sample": next(samples)} if count else {}


def _of_numbers(table: Table, name: str) -> dict[str, Any]:
    numbers = columns.read_numbers(table, name).astype(np.float64, copy=False)
    finite = numbers[np.isfinite(numbers)]
    if not finite.size:
        return {}
    lowest, highest = float(finite.min()), float(finite.max())
    integral = bool((finite == np.floor(finite)).all())
    unit = unit_of_numbers(lowest, highest) if integral or lowest > 1e8 else None
    steps = np.diff(finite)
    growing = bool((steps >= 0).all()) and int(np.count_nonzero(steps)) >= MANY
    return {
        "lowest": lowest, "highest": highest, "outside": int(np.count_nonzero((finite < 0) | (finite > 1))),
        "integral": integral, "growing": growing, "unit": unit,
    }  # fmt: skip


def _has_commas(table: Table, held: Any) -> bool:
    """Whether most of its texts are numbers with a comma, and hardly any is something else."""
    if table.text is None:
        return False
    numbers, commas = (pc.sum(pc.match_substring_regex(held, e)).as_py() for e in (_COMMA_OR_NONE, _COMMA))
    return bool(numbers >= (1 - _ODD_RATIO) * len(held) and commas * 2 >= len(held))


def _text_unit(held: Any) -> Unit | None:
    return Unit.TEXT if all(is_time_text(_text(value)) for value in held[:_SAMPLE]) else None
