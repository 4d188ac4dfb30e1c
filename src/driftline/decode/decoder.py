"""A decoder of one stream and kind, chosen once by the format's name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from driftline.decode.arrow_columns import read_columns
from driftline.decode.assemble import Assembly, Rows, joined
from driftline.decode.inputs import Inputs, Objects, Structs
from driftline.decode.mapped import MappedReader
from driftline.decode.reader import Reader
from driftline.decode.rows import columns_of
from driftline.decode.shapes import Names, Shape
from driftline.errors import UsageError
from driftline.records import Decoded, Kind, RawBatch, Reject, SchemaOf
from driftline.settings import FieldPlace, Limits

PIECE = 512
"""Records that are read at once: of 50 features each, pieces of 4 000 take 1.7 times as long."""


class Decoder(Protocol):
    """Turns raw records into columns. Pure: the same batch gives the same columns."""

    def decode(self, batch: RawBatch) -> Decoded:
        """Never raises for what records hold: unusable ones are rejects with a reason."""
        ...


@dataclass(slots=True)
class DriftlineDecoder:
    """Canonical JSON, CloudEvents around it, and Arrow IPC streams, told apart message by message."""

    reader: Reader
    assemble: Assembly
    names: Names = field(default_factory=Names)
    shape: Shape | None = None

    def decode(self, batch: RawBatch) -> Decoded:
        """A batch of Arrow alone stays columns all the way; any other goes event by event."""
        kind = self.assemble.kind
        rows = read_columns(batch, kind, self.assemble.limits.message_bytes)
        if rows is not None:
            return self.assemble(rows, batch)
        decoded = self.assemble(_rows(self.reader, kind, batch, self.shape), batch)
        if self._learned(decoded):
            decoded = self.assemble(_rows(self.reader, kind, batch, self.shape), batch)
        if self.shape and self.shape.noticed and self.names.notice(self.shape.noticed):
            self.shape = self.names.shape(kind)
        return decoded

    def _learned(self, decoded: Decoded) -> bool:
        """Whether models were met whose names change the shape."""
        new = [self.names.learn((p.model, p.version), p.schema) for p in decoded.predictions]
        if any(new):
            self.shape = self.names.shape(decoded.kind)
        return any(new)


@dataclass(slots=True)
class MappedDecoder:
    """JSON of a user's own, by the places of its fields."""

    reader: MappedReader
    assemble: Assembly

    def decode(self, batch: RawBatch) -> Decoded:
        """Event by event."""
        return self.assemble(_rows(self.reader, self.assemble.kind, batch, None), batch)


def _rows(reader: Reader | MappedReader, kind: Kind, batch: RawBatch, shape: Shape | None) -> Rows:
    """Piece by piece: an event's objects are let go while they are still in the processor's cache."""
    starts = range(0, max(1, len(batch)), PIECE)
    return joined([_piece(reader, kind, batch, shape, start) for start in starts])


def _piece(
    reader: Reader | MappedReader, kind: Kind, batch: RawBatch, shape: Shape | None, start: int
) -> Rows:
    span = slice(start, start + PIECE)
    headers = None if batch.headers is None else batch.headers[span]
    read = reader.read(batch.values[span], headers, shape)
    fields = columns_of(read.events, kind)
    none = [None] * len(read.events)
    features, segments = fields.pop("features", none), fields.pop("segments", none)
    inputs: Inputs = Objects(features, segments)
    if shape:
        inputs = Structs.of(shape, features, segments, read.strange)
    rejects = [Reject(start + r.index, r.reason) for r in read.rejects]
    return Rows(fields, inputs, start + read.record, rejects)


def make_decoder(
    format: str,  # noqa: A002 - the setting's name
    kind: Kind,
    *,
    schema_of: SchemaOf,
    limits: Limits,
    from_record: bool = False,
    places: Sequence[tuple[str, FieldPlace]] = (),
) -> Decoder:
    """The decoder that a stream's ``format`` names; ``places`` are those of a format of the user's own.

    Raises
    ------
    UsageError
        No format has that name.
    """
    assembly = Assembly(kind, schema_of, limits, from_record)
    if places:
        return MappedDecoder(MappedReader(kind, limits.message_bytes, places), assembly)
    if format != "driftline":
        raise UsageError(f'no format is named {format!r}; write "driftline"')
    return DriftlineDecoder(Reader(kind, limits.message_bytes), assembly)
