"""Records of many partitions gathered into one batch per kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from driftline.records import Headers, Kind, RawBatch, TopicPartition

Piece = tuple[TopicPartition, np.ndarray, np.ndarray, Sequence[bytes | None], Sequence[Headers | None] | None]
"""(topic and partition, offsets, timestamps, values, headers)"""


def gather(pieces: Sequence[Piece], kinds: Mapping[str, Kind]) -> list[RawBatch]:
    """One batch per kind, pieces in the order given."""
    batches = []
    for kind in Kind:
        mine = [p for p in pieces if kinds[p[0][0]] is kind]
        if mine:
            batches.append(_batch(kind, mine))
    return batches


def _batch(kind: Kind, pieces: list[Piece]) -> RawBatch:
    sources = tuple(dict.fromkeys(p[0] for p in pieces))
    place = {key: i for i, key in enumerate(sources)}
    counts = [len(p[3]) for p in pieces]
    source = np.repeat(np.array([place[p[0]] for p in pieces], np.int32), counts)
    values = [v for p in pieces for v in p[3]] if len(pieces) > 1 else pieces[0][3]
    headers = None
    if any(p[4] is not None for p in pieces):
        headers = [h for p in pieces for h in (p[4] if p[4] is not None else [None] * len(p[3]))]
    offsets = np.concatenate([p[1] for p in pieces])
    timestamps = np.concatenate([p[2] for p in pieces])
    return RawBatch(kind, sources, source, offsets, timestamps, values, headers)
