"""JSON-lines files as partitions: each file one partition of its topic, in file order."""

from __future__ import annotations

import gzip
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from driftline.ports import Loss, PartitionStatus
from driftline.records import Kind, RawBatch, TopicPartition
from driftline.sources.batches import Piece, gather


class _Place(msgspec.Struct):
    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    timestamp: int | None = None


class _Line(msgspec.Struct):
    _kafka: _Place | None = msgspec.field(default=None, name="_kafka")


_MARK = b'"_kafka"'


class FileSource:
    """Files, read a chunk at a time by turns. ``files``: (kind, topic, partition, path)."""

    up = True
    report_failures = 0

    def __init__(self, files: Sequence[tuple[Kind, str, int, Path]]) -> None:
        self._files = [
            [kind, topic, partition, self._lines(path), 0, False] for kind, topic, partition, path in files
        ]
        self._kinds = {topic: kind for kind, topic, _partition, _path in files}
        self._positions: dict[TopicPartition, int] = {(t, p): 0 for _k, t, p, _path in files}
        self._skip: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._decode = msgspec.json.Decoder(_Line).decode
        self._turn = 0

    @staticmethod
    def _lines(path: Path) -> Iterator[bytes]:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
            for line in lines:
                yield line.rstrip(b"\r\n")

    def open(
        self,
        positions: Mapping[TopicPartition, int],
        topic_ids: Mapping[str, str] | None = None,  # noqa: ARG002 - files have none
    ) -> None:
        """Skip what was read already."""
        self._skip = dict(positions)

    def poll(self, timeout_s: float, max_records: int) -> list[RawBatch]:  # noqa: ARG002
        """The next lines of the next file that is not at its end; nothing at the end of all."""
        for _ in self._files:
            file: list[Any] = self._files[self._turn % len(self._files)]
            self._turn += 1
            if file[5] or (file[1], file[2]) in self._paused:
                continue
            pieces = self._read(file, max_records)
            if pieces:
                return gather(pieces, self._kinds)
        return []

    def _read(self, file: list[Any], max_records: int) -> list[Piece]:
        rows: dict[TopicPartition, list[tuple[int, int, bytes]]] = {}
        for taken, line in enumerate(file[3], start=1):
            key, offset, timestamp = self._place(line, (file[1], file[2]), file[4])
            file[4] += 1
            if offset >= self._skip.get(key, 0):
                rows.setdefault(key, []).append((offset, timestamp, line))
                self._positions[key] = offset + 1
            if taken >= max_records:
                break
        else:
            file[5] = True
        return [
            (key, np.array([r[0] for r in found], np.int64), np.array([r[1] for r in found], np.int64),
             [r[2] for r in found], None)
            for key, found in rows.items()
        ]  # fmt: skip

    def _place(self, line: bytes, key: TopicPartition, offset: int) -> tuple[TopicPartition, int, int]:
        if _MARK not in line:
            return key, offset, -1
        try:
            place = self._decode(line)._kafka  # noqa: SLF001 - the field of a line, private to producers
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return key, offset, -1
        if place is None:
            return key, offset, -1
        topic = place.topic if place.topic in self._kinds else key[0]
        found = (topic or key[0], key[1] if place.partition is None else place.partition)
        return (
            found, offset if place.offset is None else place.offset,
            -1 if place.timestamp is None else place.timestamp,
        )  # fmt: skip

    def partitions(self) -> list[PartitionStatus]:
        """All partitions met so far."""
        ended = all(f[5] for f in self._files)
        return [PartitionStatus(t, p, n, None, 0, ended) for (t, p), n in self._positions.items()]

    def pause(self, partitions: Collection[TopicPartition]) -> None:
        """Leave files aside."""
        self._paused |= set(partitions)

    def resume(self, partitions: Collection[TopicPartition]) -> None:
        """Take files up again."""
        self._paused -= set(partitions)

    def refresh(self) -> list[TopicPartition]:
        """Files do not grow partitions."""
        return []

    def verify(self) -> list[Loss]:
        """Files lose nothing."""
        return []

    def skip(self, losses: Collection[Loss]) -> Mapping[TopicPartition, int]:  # noqa: ARG002
        """Files lose nothing."""
        return {}

    def report(self, positions: Mapping[TopicPartition, int]) -> None:
        """Nobody watches files."""

    def warnings(self) -> list[str]:
        """Nothing happens to files."""
        return []

    def topic_ids(self) -> Mapping[str, str]:
        """Files have none."""
        return {}

    def close(self) -> None:
        """Nothing is held beyond the iterators."""
