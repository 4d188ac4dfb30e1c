"""Instants as text: exact where a date can say them, the last that one can where it cannot."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.instants import FIRST_MS, LAST_MS, parse_instant, rfc3339
from driftline.web.page.words import day, instant


@given(st.integers(FIRST_MS, LAST_MS))
def test_an_instant_reads_back(at_ms: int) -> None:
    """Of every year that a date has."""
    assert at_ms == parse_instant(rfc3339(at_ms))


@given(st.integers())
def test_no_instant_raises(at_ms: int) -> None:
    """Neither as text nor on the page: a window's end lies behind its last event, which may be of the year 9999."""
    assert min(max(at_ms, FIRST_MS), LAST_MS) == parse_instant(rfc3339(at_ms))
    assert rfc3339(at_ms) in instant(at_ms)
    assert rfc3339(at_ms) in day(at_ms)


@pytest.mark.parametrize(
    ("at_ms", "text"),
    [
        (LAST_MS + 1, "9999-12-31T23:59:59.999Z"),
        (FIRST_MS - 1, "0001-01-01T00:00:00Z"),
        (0, "1970-01-01T00:00:00Z"),
    ],
)
def test_what_no_date_can_say_is_the_last_that_one_can(at_ms: int, text: str) -> None:
    """RFC 3339 has years of four digits."""
    assert text == rfc3339(at_ms)
