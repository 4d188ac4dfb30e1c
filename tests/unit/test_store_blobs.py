"""Blocks of state survive as they were, and damage never passes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftline.errors import StateError
from driftline.records import Blob
from driftline.store.blobs import decode, encode

BLOB = Blob(
    3,
    {"name": "é", "list": [1, 2.5, None, True], "deep": {"n": np.int64(7)}},
    {
        "ints": np.arange(6, dtype=np.int64).reshape(2, 3),
        "none": np.zeros((0, 4)),
        "big": np.arange(3, dtype=">i4"),
    },
)


def test_a_block_comes_back_as_it_was():
    """Format, data and arrays with shape and values; big-endian arrays become little-endian."""
    back = decode(encode(BLOB))
    assert (3, {"name": "é", "list": [1, 2.5, None, True], "deep": {"n": 7}}) == (back.format, back.data)
    assert [[0, 1, 2], [3, 4, 5]] == back.arrays["ints"].tolist()
    assert (0, 4) == back.arrays["none"].shape
    assert np.dtype("<i4") == back.arrays["big"].dtype


INT64 = st.one_of(
    st.integers(-(1 << 63), (1 << 63) - 1), st.sampled_from([-(1 << 63), (1 << 63) - 1, 0, -1, 255, 256])
)
COLUMNS = st.one_of(
    st.lists(INT64, max_size=20).map(lambda v: np.array(v, np.int64)),
    st.lists(st.integers(-300, 300), max_size=20).map(lambda v: np.array(v, np.int64)),
    st.lists(st.integers(-128, 127), max_size=20).map(lambda v: np.array(v, np.int8)),
    st.lists(st.integers(0, (1 << 64) - 1), max_size=20).map(lambda v: np.array(v, np.uint64)),
    st.lists(st.floats(), max_size=20).map(lambda v: np.array(v, np.float64)),
    st.lists(st.sampled_from([0.0, -0.0, np.nan]), max_size=3).map(lambda v: np.array(v, np.float64)),
    st.lists(st.booleans(), max_size=20).map(lambda v: np.array(v, np.bool_)),
    INT64.map(np.array),
)


@settings(deadline=None)
@given(COLUMNS, st.none() | st.integers(-(1 << 62), 1 << 62))
def test_every_array_comes_back_bit_for_bit(array, since_ms):
    """However narrow it is stored: extremes, one value only, NaN, the sign of zero; and since when it is kept."""
    back = decode(encode(Blob(1, {}, {"x": array}, since_ms)))
    assert (array.dtype, array.shape, array.tobytes()) == (
        back.arrays["x"].dtype,
        back.arrays["x"].shape,
        back.arrays["x"].tobytes(),
    )
    assert since_ms == back.since_ms


def test_a_block_holds_at_its_place_only():
    """Fault 12: one that stands in another's place is no valid one."""
    raw = encode(BLOB, "main/pane/a")
    assert 3 == decode(raw, place="main/pane/a").format
    with pytest.raises(StateError, match="its checksum does not match"):
        decode(raw, place="main/pane/b")


def test_large_blocks_are_narrow_without_compression():
    """Times of a minute and a constant code take 2 bytes and none."""
    times = 1_790_000_000_000 + np.arange(60_000)
    raw = encode(
        Blob(1, {}, {"time_ms": times, "model": np.full(60_000, 7, np.int32), "n": times * 7919 % 65_537})
    )
    assert len(raw) < 60_000 * (2 + 0 + 4) + 300


def test_arrays_can_be_written_to():
    """A restored block is working memory, not a view of the file."""
    back = decode(encode(BLOB))
    back.arrays["ints"][0, 0] = 9
    assert 9 == back.arrays["ints"][0, 0]


def test_any_flipped_bit_is_found_and_the_block_named():
    """Fault 12."""
    raw = encode(BLOB)
    for at in range(len(raw)):
        damaged = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        with pytest.raises(StateError, match="pane a"):
            decode(damaged, "pane a")


def test_any_truncation_is_found():
    """Fault 12."""
    raw = encode(BLOB)
    for size in range(len(raw)):
        with pytest.raises(StateError):
            decode(raw[:size])


def test_objects_are_refused():
    """There is no pickle to fall back to."""
    with pytest.raises(TypeError):
        encode(Blob(1, {}, {"o": np.array([object()])}))
