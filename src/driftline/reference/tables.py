"""Data files as columns on disk: Parquet as it is; CSV, JSON lines and Arrow turned into Parquet first.

Fields of CSV and JSON lines stay text here, so that a column's type is decided on all of it.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, cast

import msgspec
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from driftline.errors import DataError, UsageError
from driftline.reference.encoding import not_utf8

Progress = Callable[[str, int, int], None]
"""(what is being done, how far, of how much)."""
Span = tuple[int, int | None]
"""Rows [first, last) of a file; None: to its end."""

_DELIMITERS = (",", ";", "\t", "|")
_BATCH_ROWS = 1 << 16
_READ_BYTES = 1 << 20
_EXTENSIONS = {
    ".parquet": "parquet", ".pq": "parquet", ".arrow": "arrow", ".feather": "arrow", ".ipc": "arrow",
    ".csv": "csv", ".jsonl": "json", ".ndjson": "json", ".json": "json",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of a data file as columns in one or more Parquet parts."""

    parts: tuple[Path, ...]
    columns: Mapping[str, pa.DataType]
    text: Literal["csv", "json"] | None
    """What the strings of all columns are written in; None: columns are typed."""
    rows: int
    """Rows of the span."""
    span: Span
    """Which rows of ``parts`` count."""
    features: tuple[str, ...] | None = None
    """Names nested under ``features`` in canonical events."""

    def arrays(self, column: str) -> Iterator[pa.Array[Any]]:
        """The column's rows of the span, piece by piece."""
        first, last = self.span
        at = 0
        for array in self._all(column):
            low = max(0, first - at)
            high = len(array) if last is None else min(len(array), last - at)
            at += len(array)
            if high <= 0:
                return
            if low < high:
                yield array.slice(low, high - low)

    def _all(self, column: str) -> Iterator[pa.Array[Any]]:
        for part in self.parts:
            try:
                yield from _part_arrays(part, column)
            except (pa.ArrowException, OSError) as error:
                raise DataError(f"{part.name}: column {column!r} cannot be read: {error}") from error


def _part_arrays(part: Path, column: str) -> Iterator[pa.Array[Any]]:
    with pq.ParquetFile(part, buffer_size=_READ_BYTES) as file:
        if column not in file.schema_arrow.names:
            yield pa.array([None] * file.metadata.num_rows, pa.string())
            return
        for batch in file.iter_batches(_BATCH_ROWS, columns=[column], use_threads=False):
            batch.validate(full=True)  # a damaged file may hold what ends the process when it is read
            yield batch.column(0)


def open_table(path: Path, span: Span, folder: Path, progress: Progress) -> Table:
    """Open a data file; ``folder`` takes the columns of files that are not Parquet.

    Raises
    ------
    UsageError
        For an unknown extension.
    DataError
        For a file that cannot be read, with the place, or a span without rows.
    """
    kind = _kind(path)
    try:
        table = _OPENERS[kind](path, span, folder, progress)
    except (UnicodeDecodeError, DataError, pa.ArrowException, OSError, EOFError) as error:
        raise DataError(_wrong_encoding(path, kind) or _fault(path, kind, error)) from error
    if table.rows <= 0:
        raise DataError(f"{path.name}: there is no row in {span[0]}:{'' if span[1] is None else span[1]}")
    return table


def _fault(path: Path, kind: str, error: Exception) -> str:
    return str(error) if isinstance(error, DataError) else f"{path.name}: cannot be read as {kind}: {error}"


def _wrong_encoding(path: Path, kind: str) -> str | None:
    """Whether that is what kept a file of text from being read, whatever the reader made of it."""
    if kind not in ("csv", "json"):
        return None
    try:
        with _opened(path) as lines:
            return not_utf8(path.name, lines)
    except (OSError, EOFError):
        return None


def _kind(path: Path) -> str:
    suffixes = [s.lower() for s in path.suffixes]
    last = suffixes[-2] if len(suffixes) > 1 and suffixes[-1] == ".gz" else (suffixes or [""])[-1]
    if last not in _EXTENSIONS:
        raise UsageError(f"{path.name}: unknown kind of file; it must end in one of {', '.join(_EXTENSIONS)}")
    return _EXTENSIONS[last]


def _rows(total: int, span: Span) -> int:
    return max(0, (total if span[1] is None else min(total, span[1])) - span[0])


def _open_parquet(path: Path, span: Span, folder: Path, progress: Progress) -> Table:
    del folder, progress
    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        columns = dict(zip(schema.names, schema.types, strict=True))
        return Table((path,), columns, None, _rows(file.metadata.num_rows, span), span)


def _open_arrow(path: Path, span: Span, folder: Path, progress: Progress) -> Table:
    """An Arrow IPC file or stream."""
    with path.open("rb") as head:
        magic = head.read(6)
    with pa.memory_map(str(path)) as source:
        if magic == b"ARROW1":
            file = pa.ipc.open_file(source)
            schema: pa.Schema = file.schema
            batches: Iterator[pa.RecordBatch] = (file.get_batch(i) for i in range(file.num_record_batches))
        else:
            stream = pa.ipc.open_stream(source)
            schema, batches = stream.schema, iter(stream)
        columns = dict(zip(schema.names, schema.types, strict=True))
        return _written(batches, columns, None, span, folder, progress)


def _open_csv(path: Path, span: Span, folder: Path, progress: Progress) -> Table:
    delimiter = _delimiter(path)
    with _opened(path) as head:
        names = _csv_names(head, path, delimiter)
    read = pacsv.ReadOptions(block_size=_READ_BYTES, use_threads=False)
    convert = pacsv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
    )
    parse = pacsv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    with (
        _opened(path) as source,
        pacsv.open_csv(source, read, parse, convert) as reader,
    ):
        return _written(iter(reader), dict.fromkeys(names, pa.string()), "csv", span, folder, progress)


def _opened(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path)) if path.suffix.lower() == ".gz" else path.open("rb")


def _delimiter(path: Path) -> str:
    """A comma, or what stands in its place in a head without one: a semicolon, a tab, a bar."""
    with _opened(path) as file:
        head = re.sub(r'"[^"]*"', "", file.readline(_READ_BYTES).decode("utf-8", "replace"))
    return max(_DELIMITERS, key=head.count) if "," not in head else ","


def _csv_names(head: IO[bytes], path: Path, delimiter: str) -> list[str]:
    parse = pacsv.ParseOptions(delimiter=delimiter)
    with pacsv.open_csv(head, pacsv.ReadOptions(block_size=_READ_BYTES), parse) as reader:
        names = list(reader.schema.names)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{path.name}: line 1: column {twice[0]!r} stands there twice")
    return names


def _open_json(path: Path, span: Span, folder: Path, progress: Progress) -> Table:
    columns: dict[str, pa.DataType] = {}
    nested: dict[str, None] = {}
    with _opened(path) as lines:
        batches = _json_batches(lines, path.name, columns, nested)
        table = _written(batches, columns, "json", span, folder, progress)
    features = tuple(nested) or None
    return Table(table.parts, columns, "json", table.rows, span, features)


_Row = dict[str, msgspec.Raw]


def _json_batches(
    lines: IO[bytes], name: str, columns: dict[str, pa.DataType], nested: dict[str, None]
) -> Iterator[pa.RecordBatch]:
    decoder = msgspec.json.Decoder(_Row)
    rows: list[_Row] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            rows.append(_flat(decoder, line, nested))
        except (ValueError, RecursionError) as error:
            raise DataError(f"{name}: line {number}: {error}") from error
        if len(rows) == _BATCH_ROWS:
            yield _text_batch(rows, columns)
            rows = []
    if rows:
        yield _text_batch(rows, columns)


def _flat(decoder: msgspec.json.Decoder[_Row], line: bytes, nested: dict[str, None]) -> _Row:
    """A row with what is nested under ``features`` lifted to its top."""
    row = decoder.decode(line)
    raw = row.get("features")
    if raw is None or not bytes(raw).startswith(b"{"):
        return row
    features = decoder.decode(raw)
    del row["features"]
    both = features.keys() & row.keys()
    if both:
        raise ValueError(f"feature {min(both)!r} has the name of another field of the event")
    nested.update(dict.fromkeys(features))
    return row | features


def _text_batch(rows: list[_Row], columns: dict[str, pa.DataType]) -> pa.RecordBatch:
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns.update(dict.fromkeys(names, pa.string()))
    arrays = [pa.array([_json_text(row.get(name)) for row in rows], pa.string()) for name in names]
    return pa.RecordBatch.from_arrays(arrays, names=names)


def _json_text(raw: msgspec.Raw | None) -> str | None:
    text = None if raw is None else bytes(raw).decode()
    return None if text in ("null", '""') else text


def _written(
    batches: Iterator[pa.RecordBatch],
    columns: Mapping[str, pa.DataType],
    text: Literal["csv", "json"] | None,
    span: Span,
    folder: Path,
    progress: Progress,
) -> Table:
    """The batches as Parquet parts in the folder; stops at the span's last row."""
    parts: list[Path] = []
    rows = 0
    for batch in batches:
        batch.validate(full=True)
        parts.append(folder / f"part-{len(parts):06}.parquet")
        pq.write_table(pa.Table.from_batches([batch]), parts[-1], compression="zstd", compression_level=1)
        rows += batch.num_rows
        progress("turning rows into columns", rows, 0)
        if span[1] is not None and rows >= span[1]:
            break
    return Table(tuple(parts), columns, text, _rows(rows, span), span)


_OPENERS: Mapping[str, Callable[[Path, Span, Path, Progress], Table]] = {
    "parquet": _open_parquet,
    "arrow": _open_arrow,
    "csv": _open_csv,
    "json": _open_json,
}
