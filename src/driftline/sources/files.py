"""JSON-lines files as partitions: each file one partition of its topic, in file order.

A line with ``"_kafka": {"topic", "partition", "offset", "timestamp"}`` stands where that says. Files whose lines
belong to the same partition are read one after the other; the others by turns.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np

from driftline.errors import DataError
from driftline.ports import Loss, PartitionStatus
from driftline.records import Ints, Kind, RawBatch, TopicPartition
from driftline.sources.batches import Piece, gather

_Partition = Annotated[int, msgspec.Meta(ge=0, le=(1 << 31) - 1)]
_Long = Annotated[int, msgspec.Meta(ge=-1, le=1 << 62)]


class _Place(msgspec.Struct):
    topic: str | None = None
    partition: _Partition | None = None
    offset: _Long | None = None
    timestamp: _Long | None = None


class _Line(msgspec.Struct):
    _kafka: _Place | None = msgspec.field(default=None, name="_kafka")


_MARK = b'"_kafka"'
_CHUNK = 1 << 20


@dataclass(slots=True)
class _File:
    """A file as it is read; ``keys`` are the partitions that its lines belong to."""

    key: TopicPartition
    path: Path
    keys: frozenset[TopicPartition]
    lines: Iterator[bytes]
    number: int = 0
    ended: bool = False


@dataclass(frozen=True, slots=True)
class _Origin:
    """Which lines of a file some records were."""

    path: Path
    offsets: Ints
    numbers: Ints


class FileSource:
    """Files, read a chunk at a time.

    Parameters
    ----------
    files
        (kind, topic, partition, path).
    topics
        Every topic that a line may name, with its kind; another name means the file's own topic.

    Raises
    ------
    DataError
        A file cannot be read: also from ``poll``.
    """

    up = True
    report_failures = 0

    def __init__(
        self, files: Sequence[tuple[Kind, str, int, Path]], topics: Mapping[str, Kind] | None = None
    ) -> None:
        self._kinds = {**(topics or {}), **{topic: kind for kind, topic, _partition, _path in files}}
        self._decode = msgspec.json.Decoder(_Line).decode
        self._files = [
            _File((topic, partition), path, self._keys(path, (topic, partition)), _lines(path))
            for _kind, topic, partition, path in files
        ]
        self._positions: dict[TopicPartition, int] = {k: 0 for f in self._files for k in sorted(f.keys)}
        self._skip: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._origins: dict[TopicPartition, _Origin] = {}
        self._turn = 0
        self.repeated: dict[Path, int] = {}
        """Lines whose offset is not above the one before in their partition: left out, and counted by file."""

    def open(
        self,
        positions: Mapping[TopicPartition, int],
        topic_ids: Mapping[str, str] | None = None,  # noqa: ARG002 - files have none
    ) -> None:
        """Skip what was read already."""
        self._skip = dict(positions)

    def poll(self, timeout_s: float, max_records: int) -> list[RawBatch]:  # noqa: ARG002
        """The next lines of the next file that is not at its end; nothing at the end of all."""
        while ready := [f for f in self._files if self._may_read(f)]:
            file = ready[self._turn % len(ready)]
            self._turn += 1
            pieces = self._read(file, max_records)
            if pieces:
                return gather(pieces, self._kinds)
        return []

    def _may_read(self, file: _File) -> bool:
        """It is not at its end, not paused, and no file before it goes on with one of its partitions."""
        if file.ended or file.keys & self._paused:
            return False
        before = islice(self._files, self._files.index(file))
        return all(f.ended or not f.keys & file.keys for f in before)

    def _read(self, file: _File, max_records: int) -> list[Piece]:
        rows: dict[TopicPartition, list[tuple[int, int, int, bytes]]] = {}
        taken = 0
        for line in islice(file.lines, max_records):
            taken += 1
            file.number += 1
            key, offset, timestamp = self._place(line, file.key)
            if offset < self._positions.get(key, 0):
                self.repeated[file.path] = self.repeated.get(file.path, 0) + 1
                continue
            self._positions[key] = offset + 1
            if offset >= self._skip.get(key, 0):
                rows.setdefault(key, []).append((offset, timestamp, file.number, line))
        file.ended = taken < max_records
        self._origins = {
            k: _Origin(file.path, _column(found, 0), _column(found, 2)) for k, found in rows.items()
        }
        return [
            (key, self._origins[key].offsets, _column(found, 1), [r[3] for r in found], None)
            for key, found in rows.items()
        ]  # fmt: skip

    def where(self, topic: str, partition: int, offset: int) -> str:
        """The file and line of a record of the last ``poll``: ``labels.jsonl:12``."""
        origin = self._origins[topic, partition]
        line = origin.numbers[int(np.searchsorted(origin.offsets, offset))]
        return f"{origin.path}:{line}"

    def _place(self, line: bytes, own: TopicPartition) -> tuple[TopicPartition, int, int]:
        """(partition, offset, timestamp); what a line does not say is its file's, and the next offset."""
        place = self._marked(line)
        if place is None:
            return own, self._positions.get(own, 0), -1
        key = self._key(place, own)
        offset = self._positions.get(key, 0) if place.offset is None else place.offset
        return key, offset, -1 if place.timestamp is None else place.timestamp

    def _marked(self, line: bytes) -> _Place | None:
        if _MARK not in line:
            return None
        try:
            return self._decode(line)._kafka  # noqa: SLF001 - the field of a line, private to producers
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None

    def _key(self, place: _Place, own: TopicPartition) -> TopicPartition:
        topic = place.topic if place.topic in self._kinds else own[0]
        return topic or own[0], own[1] if place.partition is None else place.partition

    def _keys(self, path: Path, own: TopicPartition) -> frozenset[TopicPartition]:
        """The partitions of a file's lines, known before the first is judged: W waits for all of them.

        Files without marks are only searched for one; what is no regular file can be read once, and is not.
        """
        if not path.is_file() or not _has_mark(path):
            return frozenset((own,))
        found = set()
        for line in _lines(path):
            place = self._marked(line)
            found.add(own if place is None else self._key(place, own))
        return frozenset(found)

    def partitions(self) -> list[PartitionStatus]:
        """All partitions of the files."""
        ended = all(f.ended for f in self._files)
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


def _column(rows: Sequence[tuple[int, int, int, bytes]], place: int) -> Ints:
    return np.array([row[place] for row in rows], np.int64)


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
            for line in lines:
                yield line.rstrip(b"\r\n")
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}") from error


def _has_mark(path: Path) -> bool:
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as data:
            tail = b""
            while chunk := data.read(_CHUNK):
                if _MARK in tail + chunk:
                    return True
                tail = chunk[-len(_MARK) :]
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read: {error}") from error
    return False
