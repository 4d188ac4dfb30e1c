"""Events as named columns: names checked, times read, ids hashed, rows grouped by model and version."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from operator import itemgetter
from typing import Any

import msgspec
import numpy as np
from xxhash import xxh3_128_digest

from driftline.decode.answers import Faults
from driftline.decode.events import SHAPES, Event
from driftline.decode.times import UNUSABLE, parse_milliseconds, parse_times
from driftline.records import Coded, Ints, Kind, Words

UNVERSIONED = "unversioned"
Fields = dict[str, Any]
"""A sequence of Python values a field, or an array of int64 or float64 where the reader has whole columns."""
Key = tuple[str, str]


def columns_of(events: Sequence[Event], kind: Kind) -> Fields:
    """One sequence per field of the kind's events."""
    names = SHAPES[kind].__struct_fields__
    columns = zip(*map(msgspec.structs.astuple, events), strict=True) if events else [()] * len(names)
    fields: Fields = dict(zip(names, columns, strict=True))
    if "version" in fields:
        fields["version"] = _versions(fields["version"])
    if "prediction_id" in fields and set(map(type, fields["prediction_id"])) != {str}:
        fields["prediction_id"] = [str(value) for value in fields["prediction_id"]]
    return fields


def _versions(versions: Sequence[str | int | None]) -> Sequence[str]:
    distinct = set(versions)
    if all(version and type(version) is str for version in distinct):
        return versions  # type: ignore[return-value]
    names = {version: UNVERSIONED if version in (None, "") else str(version) for version in distinct}
    return [names[version] for version in versions]


def name_faults(fields: Fields, longest: int) -> Faults:
    """Rows whose model, version or prediction id is empty, too long, or no clean text."""
    faults: Faults = {}
    for name in ("prediction_id", "version", "model"):
        values = fields.get(name, ())
        distinct = values if name == "prediction_id" else set(values)
        if not _all_clean(distinct, longest):
            found = {value: _name_fault(value, longest) for value in set(values)}
            faults |= {i: reason for i, value in enumerate(values) if (reason := found[value])}
    return faults


def _all_clean(values: Collection[str], longest: int) -> bool:
    joined = "".join(values)
    return (
        all(values)
        and joined.isascii()
        and "\0" not in joined
        and max(map(len, values), default=0) <= longest
    )


def _name_fault(value: str, longest: int) -> str:
    if not value:
        return "missing_field"
    try:
        size = len(value.encode())
    except UnicodeEncodeError:
        return "bad_name"
    if "\0" in value:
        return "bad_name"
    return "name_too_long" if size > longest else ""


def answer_faults(fields: Fields) -> Faults:
    """Predictions that say nothing."""
    predictions = fields["prediction"]
    if None not in predictions:
        return {}
    answers = zip(predictions, fields["score"], fields["scores"], strict=True)
    return {i: "missing_field" for i, (p, s, d) in enumerate(answers) if p is None and s is None and not d}


def times_of(values: Sequence[Any] | Ints, substitutes_ms: Ints | None) -> Ints:
    """Event times; a missing one is the record's, if that may stand in for it."""
    if isinstance(values, np.ndarray):
        return parse_milliseconds(values)
    missing = [i for i, value in enumerate(values) if value is None] if None in values else []
    if not missing:
        return parse_times(values)
    times = np.full(len(values), UNUSABLE, np.int64)
    if substitutes_ms is not None:
        times[missing] = parse_milliseconds(substitutes_ms[missing])
    given = [i for i, value in enumerate(values) if value is not None]
    times[given] = parse_times([values[i] for i in given])
    return times


def hash_ids(models: Coded, ids: Sequence[str]) -> Words:
    """[rows, 2]: xxh3-128 of model, a zero byte, prediction id, as two big-endian words."""
    digest = xxh3_128_digest
    prefixes = [name.encode() + b"\0" for name in models.values]
    texts = map(str.encode, ids)
    if len(prefixes) == 1:
        prefix = prefixes[0]
        digests = [digest(prefix + text) for text in texts]
    else:
        of_rows = map(prefixes.__getitem__, models.codes.tolist())
        digests = [digest(prefix + text) for prefix, text in zip(of_rows, texts, strict=True)]
    return np.frombuffer(b"".join(digests), ">u8").astype(np.uint64).reshape(len(ids), 2)


def names(values: Sequence[str]) -> Coded:
    """A column of names as codes, in order of first appearance."""
    index = {name: i for i, name in enumerate(dict.fromkeys(values))}
    if len(index) <= 1:
        return Coded(np.zeros(len(values), np.int32), tuple(index))
    return Coded(np.fromiter(map(index.__getitem__, values), np.int32, len(values)), tuple(index))


def group(models: Coded, versions: Coded | None) -> list[tuple[Key, Ints]]:
    """The rows of each (model, version), in order of first appearance; labels have version ``""``."""
    width = 1 if versions is None else max(1, len(versions.values))
    codes = models.codes if versions is None else models.codes * np.int64(width) + versions.codes
    if len(models.values) * width <= 1:
        found, order, ends = (
            np.zeros(min(1, len(codes)), np.int64),
            np.arange(len(codes)),
            np.zeros(0, np.int64),
        )
    else:
        order = np.argsort(codes, kind="stable")
        found, starts = np.unique(codes[order], return_index=True)
        ends = starts[1:]
    keys = [
        (models.values[c // width], "" if versions is None else versions.values[c % width])
        for c in found.tolist()
    ]
    groups = zip(keys, np.split(order, ends), strict=True) if keys else ()
    return sorted(groups, key=lambda g: int(g[1][0]))


def take(values: Any, rows: Ints) -> Any:
    """The values at the rows."""
    if len(rows) == len(values):
        return values
    if isinstance(values, np.ndarray):
        return values[rows]
    if not len(rows):
        return ()
    picked = itemgetter(*rows.tolist())(values)
    return (picked,) if len(rows) == 1 else picked
