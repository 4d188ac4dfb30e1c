"""A restart as the daemon does it: through the bytes of the state file's blocks."""

from __future__ import annotations

from driftline.pipeline.snapshot import restore, snapshot
from driftline.pipeline.stream import StreamEngine
from driftline.records import BlobKey
from driftline.store.blobs import decode, encode


def restarted(old: StreamEngine, again: StreamEngine, kept: dict[BlobKey, bytes]) -> StreamEngine:
    """``again``, a fresh engine, where ``old`` stands; ``kept`` is what the file holds, and is brought up to date."""
    blobs = snapshot(old.pipeline)
    if old.rules is not None:
        blobs["rule_state", "rules"] = old.rules.snapshot()
    for key, blob in blobs.items():
        if blob is None:
            kept.pop(key, None)
        else:
            kept[key] = encode(blob)
    restored = {key: decode(raw) for key, raw in kept.items()}
    restore(again.pipeline, restored)
    if again.rules is not None:
        again.rules.restore(restored)
    return again
