"""What a column holds, as far as guessing needs to know it: plain facts, no opinions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from driftline.onboarding.times import Unit, is_time_text, unit_of_numbers
from driftline.reference import columns
from driftline.reference.tables import Table

MANY = 50
"""Up to so many different values are listed."""
_SAMPLE = 200
_ODD_RATIO = 0.05
"""A column of texts is one of numbers when no more of its values than this are none, such as "?" or "n/a"."""


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
    integral: bool = False
    sample: str = ""
    """One of its values."""
    odd: int = 0
    """Values of a numeric column that are no numbers."""
    growing: bool = False
    """It never falls from row to row, through many values."""
    unit: Unit | None = None
    """How its values are written if they are times."""


def facts_of(table: Table) -> dict[str, Column]:
    """Of all columns, in the order of the file; one column is in memory at a time."""
    return {name: fact_of(table, name) for name in table.columns}


def fact_of(table: Table, name: str) -> Column:
    """Of one column."""
    arrays = [array.drop_null() for array in table.arrays(name)]
    held: Any = pa.chunked_array(arrays) if arrays else pa.chunked_array([], pa.string())
    kind = held.type
    if pa.types.is_list(kind) or pa.types.is_struct(kind):
        return Column(name=name, numeric=False, rows=table.rows, present=len(held), distinct=0)
    distinct = int(pc.count_distinct(held).as_py())
    sample = str(held[0].as_py()).strip('"') if len(held) else ""
    shape: dict[str, Any] = {
        "sample": sample,
        "name": name,
        "rows": table.rows,
        "present": len(held),
        "distinct": distinct,
    }
    if pa.types.is_temporal(kind):
        return Column(**shape, numeric=False, unit=Unit.TEXT)
    odd = _odd_values(table, name) if table.text is not None and len(held) else None
    numeric = (
        odd is not None and odd <= _ODD_RATIO * len(held) if table.text else columns.is_numeric(table, name)
    )
    if numeric and odd:
        shape["odd"] = odd
    return Column(
        **shape, numeric=numeric, values=_values(table, name) if distinct <= MANY else (),
        **(_of_numbers(table, name) if numeric else {"unit": _text_unit(held)}),
    )  # fmt: skip


def _odd_values(table: Table, name: str) -> int:
    """Values that are there and are no numbers."""
    return int(np.isinf(columns.read_numbers(table, name).astype(np.float64)).sum())


def _values(table: Table, name: str) -> tuple[str, ...]:
    return tuple(sorted(columns.read_codes(table, name).values))


def _of_numbers(table: Table, name: str) -> dict[str, Any]:
    numbers = columns.read_numbers(table, name).astype(np.float64)
    finite = numbers[np.isfinite(numbers)]
    if not finite.size:
        return {}
    lowest, highest = float(finite.min()), float(finite.max())
    integral = bool((finite == np.floor(finite)).all())
    unit = unit_of_numbers(lowest, highest) if integral or lowest > 1e8 else None
    growing = len(np.unique(finite)) > MANY and bool((np.diff(finite) >= 0).all())
    return {"lowest": lowest, "highest": highest, "integral": integral, "growing": growing, "unit": unit}


def _text_unit(held: Any) -> Unit | None:
    sample = [str(value).strip('"') for value in held[:_SAMPLE].to_pylist()]
    return Unit.TEXT if sample and all(map(is_time_text, sample)) else None


def mean_scores(table: Table, score: str, label: str) -> Mapping[str, float]:
    """Mean of a score for each class of the label: the positive class's is the highest."""
    numbers = columns.read_numbers(table, score).astype(np.float64)
    coded = columns.read_codes(table, label)
    found = {}
    for code, value in enumerate(coded.values):
        own = numbers[(coded.codes == code) & np.isfinite(numbers)]
        if own.size:
            found[value] = float(own.mean())
    return found
