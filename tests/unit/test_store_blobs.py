"""Blocks of state survive as they were, and damage never passes."""

import numpy as np
import pytest

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
