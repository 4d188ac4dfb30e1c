"""Canonical strings and numbers, and columns of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.decode.columns import code, numbers
from driftline.decode.values import canonical, number
from driftline.records import INVALID, MISSING

CANONICAL = [
    ("UP", "UP"), ("2", "2"), (2, "2"), (2.0, "2"), (-0.0, "0"), (1e18, "1000000000000000000"), (0.5, "0.5"),
    (1e300, "1e+300"), (True, "true"), (False, "false"), ("True", "True"), (None, None), ("", None),
    (math.nan, None), (math.inf, INVALID), ([], INVALID), ({}, INVALID), (1 << 63, INVALID), (-(1 << 63),
    str(-(1 << 63))),
    ("a\0b", "a\\x00b"), ("\ud800", "\\ud800"), ("né", "né"), (" ", " "), (-2, "-2"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), CANONICAL)
def test_canonical_form(value: object, expected: object) -> None:
    """Faults 37, 39: one string per value, whatever type it was written as; alone and in a column."""
    assert expected == canonical(value)
    coded = code([value, value], 256)
    seen = [coded.values[c] if c >= 0 else {MISSING: None, INVALID: INVALID}[int(c)] for c in coded.codes]
    assert [expected, expected] == seen


@given(
    st.lists(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.just([]))
    )
)
def test_a_column_is_its_values(values: list[object]) -> None:
    """Coding a mixed column equals making each value canonical."""
    coded = code(values, 256)
    expected = [canonical(value) for value in values]
    assert expected == [
        coded.values[c] if c >= 0 else {MISSING: None, INVALID: INVALID}[int(c)] for c in coded.codes
    ]
    assert len(set(coded.values)) == len(coded.values)


def test_overlong_texts_are_invalid() -> None:
    """Fault 37: a category over the limit, in bytes, is not kept."""
    assert [0, INVALID, INVALID] == code(["a" * 4, "a" * 5, "é" * 3], 4).codes.tolist()


NUMBERS = [
    (1.5, 1.5), (3, 3.0), (None, math.nan), ("", math.nan), ("1.5", math.inf), (True, math.inf), ([],
    math.inf),
    ({}, math.inf), (math.inf, math.inf), (-math.inf, math.inf), (1 << 63, math.inf),
    (-(1 << 63) - 1, math.inf),
    ((1 << 63) - 1, float((1 << 63) - 1)), (10**400, math.inf), (5e-324, 5e-324), (1e308, 1e308),
    (1e19, 1e19),
]  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), NUMBERS)
def test_number(value: object, expected: float) -> None:
    """Faults 38, 39: numbers as they are, missing NaN, anything else +inf: strings are no numbers."""
    assert np.array_equal([expected], [number(value)], equal_nan=True)
    assert np.array_equal([expected, expected], numbers([value, value]), equal_nan=True)


@given(st.lists(st.one_of(st.none(), st.integers(), st.floats(), st.integers(-(1 << 65), 1 << 65))))
def test_a_column_of_numbers_is_its_values(values: list[object]) -> None:
    """The array path equals the single one."""
    assert np.array_equal([number(value) for value in values], numbers(values), equal_nan=True)
