"""Event times: what is read, to which millisecond, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.decode.times import UNUSABLE, parse_time, parse_times

FORMS = [
    ("1997-05-05T00:00:00Z", 862790400000),
    ("1997-05-05t00:00:00z", 862790400000),
    ("1997-05-05 00:00:00+00:00", 862790400000),
    ("1997-05-05T02:30:00+02:30", 862790400000),
    ("1997-05-04T23:00:00-01:00", 862790400000),
    ("1997-05-05T00:00:00-00:00", 862790400000),
    ("1997-05-05T00:00:00.5Z", 862790400500),
    ("1997-05-05T00:00:00.1239999Z", 862790400123),
    ("1997-05-05T00:00:00.123456789012+00:00", 862790400123),
    ("2024-02-29T23:59:59.999Z", 1709251199999),
    ("9999-12-31T23:59:59.999Z", 253402300799999),
    (862790400000, 862790400000),
    (1, 1),
    (862790400, 862790400),
]
UNUSABLES = [
    "1997-05-05T00:00:00", "1997-05-05", "1997-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
    "1997-13-01T00:00:00Z",
    "1997-00-01T00:00:00Z", "1997-01-00T00:00:00Z", "1997-04-31T00:00:00Z", "1997-01-01T24:00:00Z",
    "1997-01-01T00:60:00Z", "1997-01-01T00:00:60Z", "1997-01-01T00:00:00.Z", "1997-01-01T00:00:00,5Z",
    "1997-01-01T00:00:00+24:00", "1997-01-01T00:00:00+0100", "1997-01-01T00:00:00+01:60",
    "1997-01-01_00:00:00Z",
    "1970-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "+1997-01-01T00:00:00Z", "",
    "now",
    "١٩٩٧-05-05T00:00:00Z", " 1997-05-05T00:00:00Z", "1997-05-05T00:00:00Z ", "1997-05-05T00:00:00 Z",
    0, -1, 253402300800000, 10**30, True, False, 1.5, 862790400000.0, [], {}, None,
]  # fmt: skip


@pytest.mark.parametrize(("value", "expected"), FORMS)
def test_every_form_is_read_to_the_millisecond(value: object, expected: int) -> None:
    """RFC 3339 with any offset and fraction (floored), or integer milliseconds; alone and by the block."""
    assert expected == parse_time(value)
    assert [expected] * 20 == parse_times([value] * 20).tolist()


@pytest.mark.parametrize("value", UNUSABLES)
def test_what_is_no_instant_is_unusable(value: object) -> None:
    """Fault 58: naive, impossible, non-positive times and other types are refused, never guessed."""
    assert parse_time(value) == UNUSABLE
    assert [UNUSABLE] * 20 == parse_times([value] * 20).tolist()


MOMENTS = st.datetimes(datetime(1970, 1, 3), datetime(9999, 12, 29))  # noqa: DTZ001 - a zone is added below
OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(
    st.lists(
        st.tuples(MOMENTS, OFFSETS, st.sampled_from(["seconds", "milliseconds", "microseconds"])), max_size=40
    )
)
def test_blocks_agree_with_datetime(moments: list[tuple[datetime, timezone, str]]) -> None:
    """Any instant in any zone and precision comes back floored to the millisecond."""
    texts = [m.replace(tzinfo=zone).isoformat(timespec=spec) for m, zone, spec in moments]
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    expected = [(datetime.fromisoformat(text) - epoch) // timedelta(milliseconds=1) for text in texts]
    assert expected == parse_times(texts).tolist()


@given(st.lists(st.text("0123456789-+:TZ. ", min_size=20, max_size=25), min_size=9, max_size=30))
def test_a_block_reads_as_its_values_alone(texts: list[str]) -> None:
    """The array path accepts and refuses exactly what the single one does."""
    assert [parse_time(text) for text in texts] == parse_times(texts).tolist()


@given(st.integers(0, 24), st.sampled_from("0189:-+TZz .x"))
def test_one_changed_character_reads_the_same_in_a_block(at: int, mark: str) -> None:
    """A near miss in a block of good times is judged as it is alone."""
    good = "2021-03-04T05:06:07.089Z"
    texts = [good] * 10 + [good[:at] + mark + good[at + 1 :]]
    assert np.array_equal([parse_time(text) for text in texts], parse_times(texts))
