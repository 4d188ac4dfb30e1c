"""A decoder of one stream and kind, chosen once by the format's name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from driftline.decode.arrow_columns import read_columns
from driftline.decode.assemble import Assembly, Rows
from driftline.decode.inputs import Objects
from driftline.decode.reader import Reader
from driftline.decode.rows import columns_of
from driftline.errors import UsageError
from driftline.records import Decoded, Kind, RawBatch, SchemaOf
from driftline.settings import Limits


class Decoder(Protocol):
    """Turns raw records into columns. Pure: the same batch gives the same columns."""

    def decode(self, batch: RawBatch) -> Decoded:
        """Never raises for what records hold: unusable ones are rejects with a reason."""
        ...


@dataclass(frozen=True, slots=True)
class DriftlineDecoder:
    """Canonical JSON, CloudEvents around it, and Arrow IPC streams, told apart message by message."""

    reader: Reader
    assemble: Assembly

    def decode(self, batch: RawBatch) -> Decoded:
        """A batch of Arrow alone stays columns all the way; any other goes event by event."""
        kind = self.assemble.kind
        rows = read_columns(batch, kind, self.assemble.limits.message_bytes)
        if rows is None:
            read = self.reader.read(batch)
            fields = columns_of(read.events, kind)
            none = [None] * len(read.events)
            inputs = Objects(fields.get("features", none), fields.get("segments", none))
            rows = Rows(fields, inputs, read.record, read.rejects)
        return self.assemble(rows, batch)


def make_decoder(
    format: str,  # noqa: A002 - the setting's name
    kind: Kind,
    *,
    schema_of: SchemaOf,
    limits: Limits,
    from_record: bool = False,
) -> Decoder:
    """The decoder that a stream's ``format`` names.

    Raises
    ------
    UsageError
        No format has that name.
    """
    if format != "driftline":
        raise UsageError(f'no format is named {format!r}; write "driftline"')
    return DriftlineDecoder(
        Reader(kind, limits.message_bytes), Assembly(kind, schema_of, limits, from_record)
    )
