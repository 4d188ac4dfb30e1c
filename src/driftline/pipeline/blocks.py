"""Blocks of the join, of staged and of late rows as blobs, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from driftline.aggregates.scores import multiclass_losses
from driftline.join.log import CHANGES, Block
from driftline.pipeline.slots import Slot
from driftline.pipeline.state import LateRows
from driftline.records import MISSING, Blob, Coded, Codes32, PredictionPart
from driftline.stamp.staging import StagedBlock

FORMAT = 2

Columns = dict[str, NDArray[Any]]


def key_of(kind: str, number: int) -> str:
    """Key of a block; keys of one kind sort as they were written."""
    return f"{kind}:{number:010d}"


def number_of(key: str) -> tuple[str, int]:
    """Kind and number of a key."""
    kind, number = key.split(":")
    return kind, int(number)


def kind_of(block: Block) -> str:
    """What a block of the join is called."""
    return "changes" if block.group == CHANGES else "rows"


def join_blob(block: Block, models: Codes32, slots: Codes32) -> Blob:
    """A block of the join, with places for codes."""
    arrays = {**block.arrays, "model": models[block.arrays["model"]]}
    if "slot" in arrays:
        arrays["slot"] = slots[arrays["slot"]]
    return Blob(FORMAT, {"group": block.group, "expires": block.expires}, arrays)


def join_block(number: int, blob: Blob, models: Codes32, slots: Codes32) -> Block:
    """The block of a blob, with today's codes."""
    arrays = {**blob.arrays, "model": models[blob.arrays["model"]]}
    if "slot" in arrays:
        arrays["slot"] = slots[arrays["slot"]]
    return Block(number, blob.data["group"], blob.data["expires"], arrays)


def staged_blob(block: StagedBlock, name: str, codes: Codes32) -> Blob:
    """Staged rows: codes in the column ``name`` become places, columns of strings lists of values and codes."""
    texts: dict[str, list[str]] = {}
    arrays: Columns = {}
    for column, values in block.columns.items():
        if values.dtype.kind == "U":
            found, inverse = np.unique(values, return_inverse=True)
            texts[column], arrays[column] = found.tolist(), inverse.astype(np.int32)
        else:
            arrays[column] = codes[values] if column == name else values
    return Blob(FORMAT, {"takes": block.takes, "texts": texts}, arrays)


def staged_block(number: int, blob: Blob, name: str, codes: Codes32) -> tuple[StagedBlock, bool]:
    """The rows of a blob, without those of what left the configuration, and whether there were such."""
    columns = dict(blob.arrays)
    for column, values in blob.data["texts"].items():
        columns[column] = np.array(values, np.str_)[columns[column]]
    if "scores" in columns:  # as they were written once: the probabilities themselves
        columns["losses"] = multiclass_losses(columns.pop("scores"), columns["truth"])
    fresh = codes[columns[name]]
    kept = fresh >= 0
    columns[name] = fresh
    if kept.all():
        return StagedBlock(number, blob.data["takes"], columns), False
    return StagedBlock(number, blob.data["takes"], {n: c[kept] for n, c in columns.items()}), True


def late_blob(rows: Iterable[LateRows], takes: int, slots: Codes32) -> Blob:
    """Late events of several batches; each keeps the values of its own columns of strings."""
    data: list[dict[str, Any]] = []
    arrays: Columns = {}
    for place, late in enumerate(rows):
        part = late.part
        coded = {"predicted": part.predicted}
        coded |= {f"categorical{i}": c for i, c in enumerate(part.categorical)}
        coded |= {f"segment{i}": c for i, c in enumerate(part.segments)}
        data.append(
            {
                "slot": int(slots[late.slot.code]), "score_classes": part.score_classes,
                "coded": {n: c.values for n, c in coded.items()},
                "numeric": part.schema.numeric, "categorical": part.schema.categorical,
                "segments": part.schema.segments,
            }
        )  # fmt: skip
        held = {
            "time_ms": late.time_ms, "eff_ms": late.eff_ms, "counted": late.counted, "numeric": part.numeric,
            "value": part.value, "score": part.score, "latency_ms": part.latency_ms,
        }  # fmt: skip
        if part.scores is not None:
            held["scores"] = part.scores
        held |= {f"codes:{n}": c.codes for n, c in coded.items()}
        arrays |= {f"{place}:{n}": a for n, a in held.items()}
    return Blob(FORMAT, {"takes": takes, "rows": data}, arrays)


def late_rows(blob: Blob, slots: dict[int, Slot], number: int) -> list[LateRows]:
    """The late events of a blob whose version is still there."""
    late = []
    columns: dict[str, Columns] = {}
    for name, array in blob.arrays.items():
        place, column = name.split(":", 1)
        columns.setdefault(place, {})[column] = array
    for index, row in enumerate(blob.data["rows"]):
        slot = slots.get(row["slot"])
        if slot is not None:
            late.append(_late_rows(row, columns[str(index)], slot, number))
    return late


def _late_rows(row: dict[str, Any], held: Columns, slot: Slot, number: int) -> LateRows:
    coded = {n: Coded(held[f"codes:{n}"], tuple(v)) for n, v in row["coded"].items()}
    schema, rows = slot.schema, len(held["time_ms"])
    nothing = Coded(np.full(rows, MISSING, np.int32), ())
    numeric = dict(zip(_names(row, "numeric", schema.numeric), held["numeric"], strict=False))
    categorical = _names(row, "categorical", schema.categorical)
    segments = _names(row, "segments", schema.segments)
    part = PredictionPart(
        model=slot.model.name, version=slot.version, schema=schema, rows=np.arange(rows),
        numeric=np.array([numeric.get(n, np.full(rows, np.nan)) for n in schema.numeric]).reshape(-1, rows),
        categorical=tuple(coded.get(_place("categorical", categorical, n), nothing) for n in schema.categorical),
        predicted=coded["predicted"], value=held["value"], score=held["score"],
        scores=held.get("scores"), score_classes=tuple(row["score_classes"]), latency_ms=held["latency_ms"],
        segments=tuple(coded.get(_place("segment", segments, n), nothing) for n in schema.segments),
    )  # fmt: skip
    return LateRows(slot, part, held["time_ms"], held["eff_ms"], held["counted"], number)


def _names(row: dict[str, Any], kind: str, today: Sequence[str]) -> Sequence[str]:
    """The names that columns were written under; a block of an earlier release only says how many there were."""
    names = row.get(kind)
    return today if names is None or isinstance(names, int) else names


def _place(kind: str, names: Sequence[str], name: str) -> str:
    return f"{kind}{names.index(name)}" if name in names else ""
