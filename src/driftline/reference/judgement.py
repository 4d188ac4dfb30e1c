"""Which columns of a data file are features, and which of them are numbers: one guess, whoever asks.

A pure function of the columns' facts. What is named as a feature is one, and a kind that is named is not guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from driftline.reference import names
from driftline.reference.facts import MANY, Column

_FREE_TEXT = 1000
_ROWS_A_CODE = 5
"""Rows that each of many codes must have on average, or they are too many for categories."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a user says of features; the rest is judged."""

    features: tuple[str, ...] | None = None
    """All of them, in the order given. Whole numbers are numbers then, unless they are named as categories."""
    categorical: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    nested: tuple[str, ...] | None = None
    """What stands under ``features`` in canonical events; nothing else is a feature then."""

    @property
    def kinds(self) -> frozenset[str]:
        """Features whose kind is said."""
        return frozenset((*self.categorical, *self.numeric))


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The features by their kind, and what people should know about the choice."""

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    codes: tuple[str, ...] = ()
    """Categories that are written as whole numbers and that nobody has named as such."""
    left: tuple[tuple[str, str], ...] = ()
    """(column, why it is no feature)."""
    doubts: tuple[tuple[str, str], ...] = ()
    """(feature, what wants a look)."""


def judge(columns: Mapping[str, Column], named: Named) -> Judgement:
    """Judge the columns that have no other meaning.

    Parameters
    ----------
    columns
        By name; facts of a feature whose kind is named are not asked for. The order is kept.
    named
        What is said; a column that is neither named nor there is nothing.
    """
    left = dict(_left_out(columns, named))
    features = [name for name in (columns if named.features is None else named.features) if name not in left]
    guessed = [name for name in features if name not in named.kinds]
    codes = tuple(name for name in guessed if _is_code(columns[name], named))
    numbers = {*named.numeric, *(name for name in guessed if columns[name].numeric)} - set(codes)
    return Judgement(
        numeric=tuple(name for name in features if name in numbers),
        categorical=tuple(name for name in features if name not in numbers),
        codes=codes,
        left=tuple(left.items()),
        doubts=tuple(_doubts((columns[n] for n in features if n in columns), numbers, named)),
    )


def _left_out(columns: Mapping[str, Column], named: Named) -> Iterator[tuple[str, str]]:
    if named.features is not None:
        return
    for name, column in columns.items():
        reason = None if name in named.kinds else _no_feature(column, named.nested)
        if reason is not None:
            yield name, reason


def _no_feature(column: Column, nested: tuple[str, ...] | None) -> str | None:
    """Why a column that nobody has named is no feature; None: it is one."""
    if nested is not None and column.name not in nested:
        return "it is not under features"
    if nested is None and names.plain(column.name) in names.NO_FEATURE:
        return "its name says that it is none"
    return _no_values(column) or _no_kind(column)


def _no_values(column: Column) -> str | None:
    """Why its values are neither amounts nor kinds of things."""
    if column.present == 0:
        return "it is empty"
    if column.nested:
        return "it holds lists or objects"
    if column.commas:
        return commas(column)
    clock = names.is_clock(column.name)
    if column.unit is not None and (clock or not column.numeric):
        return "it holds times"
    if clock and column.growing and column.integral:
        return "by its name it is a clock or a counter, and it only grows from row to row"
    return None


def commas(column: Column) -> str:
    """What is said of numbers that nobody can read as such."""
    return f'values as "{column.sample}" are numbers with a comma; write them with a decimal point'


def _no_kind(column: Column) -> str | None:
    """Why its values are too many to be categories."""
    if column.numeric and not column.integral:
        return None
    if column.distinct > MANY and names.is_id(column.name):
        return f"by its name it is an id, and it has {column.distinct} different values"
    if column.numeric:
        return None
    if column.distinct == column.present > MANY:
        return "no text occurs twice, so it is a name and no category"
    if column.distinct > max(_FREE_TEXT, column.present // 2):
        return f"{column.distinct} different texts are no category"
    return None


def _is_code(column: Column, named: Named) -> bool:
    """Whether a column's numbers name things, and are few enough to be compared one by one."""
    return named.features is None and _names_things(column)


def _names_things(column: Column) -> bool:
    if not column.numeric or not column.integral or not names.is_code(column.name):
        return False
    often = column.distinct * _ROWS_A_CODE <= column.present
    return column.distinct <= MANY or (column.distinct <= _FREE_TEXT and often)


def _doubts(features: Iterable[Column], numbers: set[str], named: Named) -> Iterator[tuple[str, str]]:
    """What is valid and may not be meant."""
    for column in features:
        if column.commas and column.name not in named.categorical:
            yield column.name, commas(column)
        if column.name not in numbers:
            continue
        if column.odd:
            odd = f'{column.odd} of its {column.present} values are texts, as "{column.odd_sample}"'
            yield column.name, f"{odd}: they count as invalid"
        if column.growing:
            yield column.name, "it only grows from row to row; a clock or a counter would always drift"
        if column.name not in named.kinds and _names_things(column):
            hint = f"--categorical {column.name} compares them one by one"
            yield column.name, f"its whole numbers may only name things; {hint}"
