"""A Kafka producer of batches that no client library sends: damaged ones, and bombs.

Speaks just enough of Kafka's protocol: one produce request with one record batch of format 2.
"""

from __future__ import annotations

import socket
import struct

GZIP, ZSTD = 1, 4
PRODUCE_KEY, PRODUCE_VERSION = 0, 7


def record(value: bytes, delta: int = 0, length: int | None = None) -> bytes:
    """One record of a batch, without key and headers; ``length``: what it says of its value, if not the truth."""
    length = len(value) if length is None else length
    head = b"\0" + _varint(0) + _varint(delta) + _varint(-1) + _varint(length)
    return _varint(len(head) + length + 1) + head + value + _varint(0)


def batch(records: bytes, count: int, codec: int = 0, *, checksum_off_by: int = 0) -> bytes:
    """A batch of ``count`` records, compressed by the caller with ``codec``."""
    body = struct.pack(">hiqqqhii", codec, count - 1, 1000, 1000, -1, -1, -1, count) + records
    rest = struct.pack(">ibI", 0, 2, _crc32c(body) ^ checksum_off_by) + body
    return struct.pack(">qi", 0, len(rest)) + rest


def send(bootstrap_servers: str, topic: str, partition: int, made: bytes) -> int:
    """Produce a batch; returns its base offset."""
    host, port = bootstrap_servers.split(":")
    name = topic.encode()
    place = struct.pack(">ih", 1, len(name)) + name + struct.pack(">iii", 1, partition, len(made))
    request = struct.pack(">hhihs", PRODUCE_KEY, PRODUCE_VERSION, 1, 1, b"x") + struct.pack(
        ">hhi", -1, 1, 9000
    )
    message = request + place + made
    with socket.create_connection((host, int(port)), 10) as wire:
        wire.sendall(struct.pack(">i", len(message)) + message)
        answer = _take(wire, struct.unpack(">i", _take(wire, 4))[0])
    code, offset = struct.unpack_from(">hq", answer, 4 + 4 + 2 + len(name) + 4 + 4)
    assert 0 == code, f"the broker refused the batch: {code}"
    return int(offset)


def _take(wire: socket.socket, count: int) -> bytes:
    taken = b""
    while len(taken) < count:
        taken += wire.recv(count - len(taken))
    return taken


def _varint(number: int) -> bytes:
    number, out = (number << 1) ^ (number >> 63), b""
    while number & ~0x7F:
        out, number = out + bytes([number & 0x7F | 0x80]), number >> 7
    return out + bytes([number])


def _crc32c(data: bytes) -> int:
    table = [_row(i) for i in range(256)]
    crc = 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 255] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


def _row(index: int) -> int:
    for _ in range(8):
        index = (index >> 1) ^ 0x82F63B78 if index & 1 else index >> 1
    return index
