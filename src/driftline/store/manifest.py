"""How many rows each table has, and the exclusive or of their checksums: a row that vanished is found.

Each row carries a checksum of its own, so a damaged one is found by itself; one that a damaged page no longer
shows is found by its absence. Kept in the file, brought up to date by every commit.
"""

from __future__ import annotations

from driftline.errors import StateError
from driftline.records import Blob
from driftline.store.blobs import decode, encode

MANIFEST_KEY = "manifest"
_PLACE = "manifest"


class Manifest:
    """Rows and checksums by table."""

    def __init__(self, tables: dict[str, tuple[int, int]] | None = None) -> None:
        self._tables = dict(tables or {})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Manifest) and self.rows() == other.rows()

    def __hash__(self) -> int:
        return hash(tuple(sorted(self.rows().items())))

    def add(self, table: str, checksum: int) -> None:
        """A row was written."""
        rows, mixed = self._tables.get(table, (0, 0))
        self._tables[table] = rows + 1, mixed ^ checksum

    def remove(self, table: str, checksum: int) -> None:
        """A row was deleted."""
        rows, mixed = self._tables.get(table, (0, 0))
        self._tables[table] = rows - 1, mixed ^ checksum

    def copy(self) -> Manifest:
        """One that changes by itself."""
        return Manifest(self._tables)

    def rows(self) -> dict[str, tuple[int, int]]:
        """(rows, mixed checksums) of the tables that have rows."""
        return {table: held for table, held in self._tables.items() if held != (0, 0)}

    def to_bytes(self) -> bytes:
        """As it stands in the file."""
        data = {table: [rows, f"{mixed:016x}"] for table, (rows, mixed) in self.rows().items()}
        return encode(Blob(1, data), _PLACE)

    @classmethod
    def of_bytes(cls, raw: bytes) -> Manifest:
        """The manifest of a file; StateError where it is damaged."""
        data = decode(raw, "the manifest", _PLACE).data
        return cls({table: (rows, int(mixed, 16)) for table, (rows, mixed) in data.items()})

    def check(self, found: Manifest) -> None:
        """Compare with what was read; StateError names the tables that differ."""
        if self == found:
            return
        tables = sorted({t for t, held in {*self.rows().items()} ^ {*found.rows().items()}})
        raise StateError(f"rows of {', '.join(tables)} in the state file are missing or not its own")
