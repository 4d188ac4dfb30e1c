"""Arrow IPC streams: untrusted bytes to a table of known columns, and its rows as events."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from driftline.decode.events import Event, Unusable, shape_event
from driftline.records import Kind

Array = Any
"""A pyarrow array; its stubs do not tell dictionaries, structs and timestamps apart."""
MAGIC: Final = b"\xff\xff\xff\xff"
NESTED = ("features", "segments", "scores")
PLAIN = (
    "prediction_id",
    "model",
    "version",
    "time",
    "prediction",
    "score",
    "latency_ms",
    "label",
    "revision",
)
DAMAGED = (pa.ArrowException, OSError, ValueError, LookupError, struct.error, OverflowError, MemoryError)
_NO_VALUE: Final[list[Any]] = []
"""What stands for a value that no JSON has, such as a timestamp among the features: invalid, not missing."""
_BATCH_HEADERS = (2, 3)
"""Flatbuffer union tags of a dictionary batch and a record batch."""


def is_arrow(value: bytes) -> bool:
    """Whether the value starts as an encapsulated IPC message."""
    return value.startswith(MAGIC)


def read_table(value: bytes) -> pa.Table:
    """The table in an IPC stream, with only known columns, objects flattened to ``features.NAME``.

    Compressed buffers are refused (they can inflate without bound; Kafka compresses already), as are
    types whose values may share memory, and more rows than bytes or cells than bits.

    Raises
    ------
    Unusable
        ``bad_arrow``, or ``empty`` without rows.
    """
    try:
        return _read(value)
    except Unusable:
        raise
    except DAMAGED:
        raise Unusable("bad_arrow") from None


def _read(value: bytes) -> pa.Table:
    _refuse_compression(value)
    with pa.ipc.open_stream(value) as stream:
        table = stream.read_all()
    if not table.num_rows:
        raise Unusable("empty")
    table = _known(table)
    table.validate(full=True)
    table = _flat(table)
    if not 0 < table.num_rows <= len(value) or table.num_rows * table.num_columns > 8 * len(value):
        raise Unusable("bad_arrow")
    return table


def _known(table: pa.Table) -> pa.Table:
    names = table.column_names
    if len(set(names)) < len(names):
        raise Unusable("bad_arrow")
    kept = [name for name in names if name in PLAIN or name.split(".", 1)[0] in NESTED]
    return table.select(kept)


def _flat(table: pa.Table) -> pa.Table:
    columns: dict[str, Any] = {}
    for name in table.column_names:
        column = table.column(name)
        if name in NESTED and pa.types.is_struct(column.type):
            parts = [column.type.field(i).name for i in range(column.type.num_fields)]
            columns |= {f"{name}.{part}": child for part, child in zip(parts, column.flatten(), strict=True)}
        elif name in NESTED:
            if not pa.types.is_null(column.type):
                raise Unusable("bad_arrow")
        else:
            columns[name] = column
    if not all(_is_simple(column.type) for column in columns.values()):
        raise Unusable("bad_arrow")
    return pa.table(columns)


def _is_simple(kind: pa.DataType) -> bool:
    types = pa.types
    if types.is_dictionary(kind):
        return not types.is_dictionary(kind.value_type) and _is_simple(kind.value_type)
    checks = (types.is_integer, types.is_floating, types.is_boolean, types.is_string, types.is_large_string,
              types.is_timestamp, types.is_null)  # fmt: skip
    return any(check(kind) for check in checks)


def single(column: Array) -> Array:
    """A column as one array."""
    if column.num_chunks == 1:
        return column.chunk(0)
    try:
        return pa.concat_arrays(column.unify_dictionaries().chunks)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):  # dictionaries with nulls, or of no plain values
        return pa.concat_arrays([chunk.dictionary_decode() for chunk in column.chunks])


def listed(array: Array) -> Sequence[Any]:
    """An array as Python values, None for null; the values of a dictionary are shared."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        codes, values = coded(array)
        values.append(None)
        return [values[code] for code in codes.tolist()]
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return list(array.to_numpy(zero_copy_only=False).tolist())
    if array.null_count or not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        return _values(array)
    return list(array.to_numpy(zero_copy_only=False).tolist())


def _values(array: Array) -> list[Any]:
    """Python values of any plain array. Timestamps have none: many are beyond what Python can tell."""
    if pa.types.is_timestamp(array.type):
        return [_NO_VALUE if valid else None for valid in array.is_valid().to_pylist()]
    return list(array.to_pylist())


def times(array: Array) -> Sequence[Any]:
    """A time column as the values that JSON would have; timestamps without a zone are unusable (False)."""
    if not pa.types.is_timestamp(array.type):
        return listed(array)
    if array.type.tz is None:
        return [None if not valid else False for valid in array.is_valid().to_pylist()]
    per_ms = {"s": (1000, 1), "ms": (1, 1), "us": (1, 1000), "ns": (1, 1_000_000)}[array.type.unit]
    whole = array.cast(pa.int64())
    ticks = whole.fill_null(0).to_numpy(zero_copy_only=False)
    if per_ms[0] > 1 and np.abs(ticks).max(initial=0) > 1 << 50:
        raise Unusable("bad_arrow")
    milliseconds: list[int] = (ticks * per_ms[0] // per_ms[1]).tolist()
    if not array.null_count:
        return milliseconds
    return [
        ms if valid else None for ms, valid in zip(milliseconds, whole.is_valid().to_pylist(), strict=True)
    ]


def read_events(value: bytes, kind: Kind) -> tuple[list[Event], list[str]]:
    """The rows of a stream as events, and the reasons of those that are none."""
    events: list[Event] = []
    reasons: list[str] = []
    table = read_table(value)
    try:
        documents = _documents(table, kind)
    except DAMAGED:
        raise Unusable("bad_arrow") from None
    for document in documents:
        try:
            events.append(shape_event(document, kind))
        except Unusable as unusable:
            reasons.append(unusable.reason)
    return events, reasons


def _documents(table: pa.Table, kind: Kind) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [{} for _ in range(table.num_rows)]
    if kind is Kind.FEATURES:
        rows = [{"features": {}} for _ in rows]
    for name in table.column_names:
        array = single(table.column(name)) if table.num_rows else None
        if array is None:
            continue
        head, _, tail = name.partition(".")
        values = times(array) if name == "time" else listed(array)
        for row, value in zip(rows, values, strict=True):
            if not tail:
                row[name] = value
            elif value is not None:
                row.setdefault(head, {})[tail] = value
    return rows


def objects(table: pa.Table, head: str) -> Sequence[dict[str, Any] | None]:
    """The columns ``head.NAME`` as one object per row."""
    names = [name for name in table.column_names if name.startswith(f"{head}.")]
    if not names:
        return [None] * table.num_rows
    keys = [name.partition(".")[2] for name in names]
    columns = [listed(single(table.column(name))) for name in names]
    return [
        {key: value for key, value in zip(keys, row, strict=True) if value is not None}
        for row in zip(*columns, strict=True)
    ]


def coded(array: Array) -> tuple[Any, list[Any]]:
    """Codes (-1 for null) and the values they stand for, in one pass."""
    encoded = array if pa.types.is_dictionary(array.type) else pc.dictionary_encode(array)
    return encoded.indices.cast(pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False), _values(
        encoded.dictionary
    )


def _refuse_compression(value: bytes) -> None:
    """Walk the stream's messages; raise at one whose record batch names a codec."""
    at = 0
    while at + 8 <= len(value):
        marker, size = struct.unpack_from("<Ii", value, at)
        if marker != 0xFFFFFFFF:
            raise Unusable("bad_arrow")
        if size == 0:
            if value[at + 8 :].strip(b"\0"):
                raise Unusable("bad_arrow")
            return
        at += 8
        message = memoryview(value)[at : at + size]
        root = struct.unpack_from("<I", message, 0)[0]
        tag_at, header_at, body_at = (_slot(message, root, slot) for slot in (1, 2, 3))
        tag = message[tag_at] if tag_at else 0
        if tag in _BATCH_HEADERS and header_at:
            header = header_at + struct.unpack_from("<I", message, header_at)[0]
            if tag == _BATCH_HEADERS[0] and (data := _slot(message, header, 1)):
                header = data + struct.unpack_from("<I", message, data)[0]
            if _slot(message, header, 3):
                raise Unusable("bad_arrow")
        body = struct.unpack_from("<q", message, body_at)[0] if body_at else 0
        if size < 0 or body < 0:
            raise Unusable("bad_arrow")
        at += size + body


def _slot(message: memoryview, table: int, slot: int) -> int:
    """Where a flatbuffer table's field stands; 0 if it is absent."""
    vtable = table - struct.unpack_from("<i", message, table)[0]
    place = 4 + 2 * slot
    if place + 2 > struct.unpack_from("<H", message, vtable)[0]:
        return 0
    offset = int(struct.unpack_from("<H", message, vtable + place)[0])
    return table + offset if offset else 0
