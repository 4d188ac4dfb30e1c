"""What a column holds, as far as guessing needs to know it: plain facts, no opinions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from driftline.records import Floats
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
    arrays = list(map(_present, table.arrays(name)))
    present = sum(map(len, arrays))
    shape: dict[str, Any] = {"name": name, "rows": table.rows, "present": present}
    if not present:
        return Column(**shape, numeric=columns.is_numeric(table, name), distinct=0)
    held = _plain(pa.chunked_array(arrays))
    if _is_nested(table, held):
        return Column(**shape, numeric=False, distinct=0, nested=True)
    shape["sample"] = _text(held[0])
    if pa.types.is_temporal(held.type):
        return Column(**shape, numeric=False, distinct=_distinct(held), unit=Unit.TEXT)
    odd = _Odd()
    numbers = _numbers(table, name, arrays, odd)
    shape["distinct"] = _distinct(held if numbers is None else pa.array(numbers))
    if shape["distinct"] <= MANY:
        shape["values"] = tuple(sorted(columns.read_codes(table, name).values))
    if numbers is None:
        return Column(**shape, numeric=False, commas=_has_commas(table, held), unit=_text_unit(held))
    return Column(**shape, numeric=True, odd=odd.count, odd_sample=odd.sample, **_of_numbers(numbers))


def _distinct(values: Any) -> int:
    return int(pc.count_distinct(values).as_py())


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


@dataclass(slots=True)
class _Odd:
    """Values of a column of text that are no numbers."""

    count: int = 0
    sample: str = ""

    def add(self, array: Any, numbers: Any) -> None:
        """Texts that are no numbers are read as infinite, and so is the word itself."""
        places = np.flatnonzero(np.isinf(numbers))
        odd = array.take(pa.array(places))
        if len(places) and not columns.all_numbers(odd):
            self.count += len(places)
            self.sample = self.sample or _text(odd[0])

    def too_many(self, values: int) -> bool:
        """Whether so many values are no column of numbers."""
        return self.count > _ODD_RATIO * values


def kind_of(table: Table, name: str) -> Column:
    """Only whether it is a column of numbers, and which of its values are none; a piece is in memory at a time."""
    found = _Odd()
    present = 0
    typed = table.text is None
    for array in () if typed else map(_present, table.arrays(name)):
        present += len(array)
        found.add(array, columns.numbers_of(array))
        if found.too_many(table.rows):
            break
    numeric = columns.is_numeric(table, name) if typed else not found.too_many(present)
    shape: dict[str, Any] = {"odd": found.count, "odd_sample": found.sample} if numeric else {}
    return Column(name=name, numeric=numeric, rows=table.rows, present=present, distinct=0, **shape)


def _present(array: Any) -> Any:
    return array.drop_null()


def _numbers(table: Table, name: str, arrays: list[Any], odd: _Odd) -> Floats | None:
    """The numbers of a column that is numeric by its type, or text with hardly anything else; None for others."""
    if table.text is None and not columns.is_numeric(table, name):
        return None
    values = np.empty(sum(map(len, arrays)))
    at = 0
    for array in arrays:
        numbers = columns.numbers_of(array)
        values[at : at + len(array)] = numbers
        at += len(array)
        if table.text is not None:
            odd.add(array, numbers)
        if odd.too_many(len(values)):
            return None
    return values


@np.errstate(over="ignore", invalid="ignore")
def _of_numbers(numbers: Floats) -> dict[str, Any]:
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
