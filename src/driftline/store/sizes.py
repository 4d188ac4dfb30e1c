"""How much room a block takes in the state file: its compressed bytes, and what SQLite's pages add."""

from __future__ import annotations

from driftline.records import Blob, BlobKey
from driftline.store.blobs import encode

_PAGE = 4096
_USABLE = _PAGE - 12
"""Of a leaf page, its header aside."""
_CELL = 12
"""What a row takes beside its columns."""
_LOCAL = _PAGE - 35
"""A longer row spills into pages of its own."""
_LEAST = 489
_SPILL = _PAGE - 4
_KEY = 24
"""What the index of the keys takes beside the key, which stands in it a second time."""
_FULL = 0.75
"""How full the pages of rows that come and go are."""


def stored_bytes(stream: str, key: BlobKey, blob: Blob) -> int:
    """Bytes of the state file for one block (https://sqlite.org/fileformat2.html, 1.6 and 2)."""
    name = len(stream) + len(key[1].encode())
    row = name + len(encode(blob)) + _CELL
    return round(_row(row) + (name + _KEY) / _FULL)


def _row(payload: int) -> float:
    if payload <= _LOCAL:
        return _PAGE / max(1.0, _FULL * _USABLE / payload) if payload * 2 < _USABLE else float(_PAGE)
    local = _LEAST + (payload - _LEAST) % _SPILL
    local = local if local <= _LOCAL else _LEAST
    return -(-(payload - local) // _SPILL) * _PAGE + min(_PAGE, local / _FULL)
