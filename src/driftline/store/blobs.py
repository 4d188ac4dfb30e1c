"""Blocks of state as bytes: a header, then arrays, each as narrow as its values, with a checksum. No pickle.

Layout: ``DLB2``, xxh3-64 of the block's place in the file and of all that follows (8 bytes, little-endian),
codec (1 byte: 0 plain, 1 zlib), then header length (u32), header, arrays one after another. The header is
msgpack ``[format, since_ms, data, [[name, dtype, shape, width, base], ...]]``: integers are stored as the
difference to ``base`` in ``width`` bytes, 0 bytes where all are equal; -1 is as they are.
Large blocks are not compressed: what the narrowing leaves is mostly hashes and scores, and zlib would cost
ten times the rest of a commit for a tenth of the bytes.
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

MAGIC = b"DLB2"
_PREFIX = struct.Struct("<4sQB")
_LENGTH = struct.Struct("<I")
_LEVEL = 1
_COMPRESSED_BYTES = 1 << 16
"""Larger blocks stay as they are."""
_PLAIN, _ZLIB = 0, 1
_AS_IT_IS = -1
_BITS = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}

_Column = tuple[str, Any, list[int], int, int]
_Header = tuple[int, int | None, dict[str, Any], list[_Column]]


def encode(blob: Blob, place: str = "") -> bytes:
    """The block as bytes that are valid at ``place`` only.

    Raises
    ------
    TypeError
        Data that is not JSON-able, or an array of objects.
    """
    columns: list[_Column] = []
    arrays: list[bytes] = []
    for name, array in blob.arrays.items():
        little = _little(array)
        packed, width, base = _narrow(little)
        columns.append((name, _description(little.dtype), list(little.shape), width, base))
        arrays.append(packed.tobytes())
    header = msgspec.msgpack.encode((blob.format, blob.since_ms, blob.data, columns), enc_hook=_plain)
    body = b"".join((_LENGTH.pack(len(header)), header, *arrays))
    codec = _ZLIB if len(body) <= _COMPRESSED_BYTES else _PLAIN
    if codec == _ZLIB:
        body = zlib.compress(body, _LEVEL)
    return _PREFIX.pack(MAGIC, _checksum(place, codec, body), codec) + body


def decode(raw: bytes, name: str = "block", place: str = "") -> Blob:
    """The block of these bytes, with arrays of its own that can be written to.

    Raises
    ------
    StateError
        The bytes are damaged, or belong to another place; the message says ``name``.
    """
    codec = _verify(raw, name, place)
    try:
        body = memoryview(raw)[_PREFIX.size :]
        if codec == _ZLIB:
            body = memoryview(zlib.decompress(body))
        start = _LENGTH.size + _LENGTH.unpack_from(body)[0]
        header = msgspec.msgpack.decode(body[_LENGTH.size : start], type=_Header, strict=False)
        return Blob(header[0], header[2], _arrays(body, start, header), header[1])
    except (ValueError, TypeError, struct.error, zlib.error, msgspec.MsgspecError) as error:
        raise StateError(f"{name} of the state file cannot be read: {error}") from error


def checksum_of(raw: bytes) -> int:
    """The checksum that a block carries."""
    return int(_PREFIX.unpack_from(raw)[1])


def _checksum(place: str, codec: int, body: bytes | memoryview) -> int:
    hashed = xxhash.xxh3_64(place.encode())
    hashed.update(bytes([0, codec]))
    hashed.update(body)
    return int(hashed.intdigest())


def _verify(raw: Any, name: str, place: str) -> int:
    """The codec of intact bytes."""
    if not isinstance(raw, bytes) or len(raw) < _PREFIX.size:
        raise StateError(f"{name} of the state file is damaged: it is cut short")
    magic, checksum, codec = _PREFIX.unpack_from(raw)
    if magic != MAGIC or checksum != _checksum(place, codec, memoryview(raw)[_PREFIX.size :]):
        raise StateError(f"{name} of the state file is damaged: its checksum does not match")
    return int(codec)


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is neither JSON-able nor an array")


def _description(dtype: np.dtype[Any]) -> Any:
    if dtype.hasobject:
        raise TypeError("an array of objects cannot be stored")
    return dtype.str if dtype.names is None else [list(column) for column in dtype.descr]


def _dtype(description: Any) -> np.dtype[Any]:
    if isinstance(description, str):
        return np.dtype(description)
    return np.dtype([(c[0], c[1]) if len(c) == 2 else (c[0], c[1], tuple(c[2])) for c in description])


def _little(array: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).reshape(array.shape)


def _narrow(array: NDArray[Any]) -> tuple[NDArray[Any], int, int]:
    """The array in as few bytes an element as hold it, with that width and what is to be added."""
    if array.dtype.kind not in "iufb" or array.itemsize not in _BITS or not array.size:
        return array, _AS_IT_IS, 0
    bits = array.view(_BITS[array.itemsize]).ravel()
    if bits[0] == bits[-1] and (bits == bits[0]).all():
        return bits[:0], 0, int(bits[0])
    if array.dtype.kind not in "iu":
        return array, _AS_IT_IS, 0
    low, high = int(array.min()), int(array.max())
    width = next(w for w in _BITS if (high - low) >> (8 * w) == 0)
    if width >= array.itemsize:
        return array, _AS_IT_IS, 0
    offset = np.array(low, array.dtype).view(bits.dtype)
    return (bits - offset).astype(_BITS[width]), width, int(offset)


def _arrays(body: memoryview, start: int, header: _Header) -> dict[str, NDArray[Any]]:
    arrays: dict[str, NDArray[Any]] = {}
    for name, description, shape, width, base in header[3]:
        dtype = _dtype(description)
        count = int(np.prod(shape, dtype=np.int64))
        size = count * (dtype.itemsize if width == _AS_IT_IS else width)
        arrays[name] = _wide(body[start : start + size], dtype, count, width, base).reshape(shape)
        start += size
    return arrays


def _wide(raw: memoryview, dtype: np.dtype[Any], count: int, width: int, base: int) -> NDArray[Any]:
    """The array that ``_narrow`` was given."""
    if width == _AS_IT_IS:
        return np.frombuffer(raw, dtype, count).copy() if count else np.empty(0, dtype)
    bits = np.full(count, base, _BITS[dtype.itemsize])
    if width:
        bits += np.frombuffer(raw, _BITS[width], count)
    return bits.view(dtype)
