"""Blocks as format 1 had them: a header, raw little-endian arrays, compressed, with a checksum. Read only.

Layout: ``DLB1``, xxh3-64 of the rest (8 bytes, little-endian), zlib of (header length u32, header,
arrays one after another). The header is msgpack ``[format, data, [[name, dtype, shape], ...]]``.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

import msgspec
import numpy as np
import xxhash
from numpy.typing import NDArray

from driftline.errors import StateError
from driftline.records import Blob

MAGIC = b"DLB1"
_PREFIX = struct.Struct("<4sQ")
_LENGTH = struct.Struct("<I")

_Header = tuple[int, dict[str, Any], list[tuple[str, Any, list[int]]]]


def _dtype(description: Any) -> np.dtype[Any]:
    if isinstance(description, str):
        return np.dtype(description)
    return np.dtype([(c[0], c[1]) if len(c) == 2 else (c[0], c[1], tuple(c[2])) for c in description])


def decode(raw: bytes, name: str = "block") -> Blob:
    """The block of these bytes, with arrays of its own that can be written to.

    Raises
    ------
    StateError
        The bytes are damaged; the message says ``name``.
    """
    _verify(raw, name)
    body = zlib.decompress(memoryview(raw)[_PREFIX.size :])
    start = _LENGTH.size + _LENGTH.unpack_from(body)[0]
    header = msgspec.msgpack.decode(body[_LENGTH.size : start], type=_Header, strict=False)
    return Blob(header[0], header[1], _arrays(body, start, header))


def _verify(raw: bytes, name: str) -> None:
    if len(raw) < _PREFIX.size:
        raise StateError(f"{name} of the state file is damaged: it is cut short")
    magic, checksum = _PREFIX.unpack_from(raw)
    if magic != MAGIC or checksum != xxhash.xxh3_64_intdigest(memoryview(raw)[_PREFIX.size :]):
        raise StateError(f"{name} of the state file is damaged: its checksum does not match")


def _arrays(body: bytes, start: int, header: _Header) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    for name, description, shape in header[2]:
        dtype = _dtype(description)
        count = int(np.prod(shape, dtype=np.int64))
        flat = np.frombuffer(body, dtype, count, start) if count else np.empty(0, dtype)
        arrays[name] = flat.reshape(shape).copy()
        start += flat.nbytes
    return arrays
