"""The reference as a versioned JSON file: floats round-trip exactly, non-finite ones are "inf", "-inf", "nan"."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from driftline.errors import DataError
from driftline.records import Floats, Ints
from driftline.reference.profile import CategoricalProfile, NumericProfile, Profile
from driftline.reference.shape import (
    FORMAT,
    FORMAT_VERSION,
    CategoricalShape,
    NumericShape,
    PerformanceShape,
    ReferenceShape,
)
from driftline.settings import Task

_ARRAYS = ("edges", "counts", "means", "decile_edges", "coarse_edges", "single")
_WHOLE = frozenset({"counts", "single"})


def with_id(profile: Profile) -> Profile:
    """The profile with its ``id``: the sha256 of its canonical JSON (sorted, compact) without the id."""
    return replace(profile, id=_id(_content(profile)))


def dump(profile: Profile) -> bytes:
    """The profile as the file's bytes, its id taken from its content; one column a line."""
    content = _content(profile)
    content["id"] = _id(content)
    lines = (f"{json.dumps(key)}: {_pretty(value)}" for key, value in content.items())
    return ("{\n" + ",\n".join(lines) + "\n}\n").encode()


def load(path: Path) -> Profile:
    """Read a reference file.

    Raises
    ------
    DataError
        For a file that cannot be read, is no reference, is of another format version, or was changed,
        with the place of the mistake.
    """
    try:
        if path.is_char_device() or path.is_block_device():  # such as /dev/zero, which has no end
            raise DataError(f"{path}: is a device, and no file")
        return parse(path.read_bytes(), path.name)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error


def parse(data: bytes, name: str) -> Profile:
    """As ``load``, of bytes; ``name`` stands in messages."""
    try:
        raw = json.loads(data, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{name}: is no JSON: {error}") from error
    _check_version(raw, name)
    try:
        return _checked(raw, name)
    except msgspec.ValidationError as error:
        raise DataError(f"{name}: {error}") from error
    except UnicodeEncodeError as error:
        raise DataError(f"{name}: a text in it holds half a character; build it again") from error
    except OverflowError as error:
        raise DataError(f"{name}: a number in it is over 64 bits; build it again") from error


def _checked(raw: Mapping[str, Any], name: str) -> Profile:
    shape = msgspec.convert(raw, ReferenceShape)
    _check_columns(shape, name)
    measured = msgspec.convert(shape.performance, PerformanceShape) if shape.performance else None
    if measured and (problem := _performance_problem(measured)):
        raise DataError(f"{name}: $.performance: {problem}")
    if _id({key: value for key, value in raw.items() if key != "id"}) != shape.id:
        raise DataError(f"{name}: $.id does not match the content: it was changed or damaged; build it again")
    return _profile(shape)


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no number of JSON")


def _check_version(raw: Any, name: str) -> None:
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise DataError(f'{name}: $.format: this is no reference (expected "{FORMAT}")')
    found = raw.get("format_version")
    if found != FORMAT_VERSION:
        raise DataError(
            f"{name}: $.format_version: this program reads version {FORMAT_VERSION}, not {found!r}; build it again"
        )


def _check_columns(shape: ReferenceShape, name: str) -> None:
    """What the types alone do not say: lengths, order and sums."""
    outputs = [(key, getattr(shape, key)) for key in ("score", "value") if getattr(shape, key)]
    numeric = [(f"numeric[{i}]", column) for i, column in enumerate(shape.numeric)]
    for place, column in [*numeric, *outputs]:
        problem = _numeric_problem(column)
        if problem:
            raise DataError(f"{name}: $.{place} ({column.name}): {problem}")
    classes = [(key, getattr(shape, key)) for key in ("predicted", "label") if getattr(shape, key)]
    categorical = [(f"categorical[{i}]", column) for i, column in enumerate(shape.categorical)]
    for place, column in [*categorical, *classes]:
        problem = _categorical_problem(column)
        if problem:
            raise DataError(f"{name}: $.{place} ({column.name}): {problem}")


def _numeric_problem(column: NumericShape) -> str | None:
    edges = _floats(column.edges)
    bins = len(edges) + 1
    if not np.isfinite(edges).all() or (edges[1:] <= edges[:-1]).any():
        return "edges must be finite and rise"
    if not (len(column.counts) == len(column.means) == bins):
        return f"counts and means must have one value for each of the {bins} bins"
    if sum(column.counts) != column.n or min(column.counts) < 0:
        return "counts must sum to n"
    if not {*column.decile_edges, *column.coarse_edges} <= {*column.edges}:
        return "decile_edges and coarse_edges must be among the edges"
    if any(not 0 < k < bins for k in column.single):
        return "single must hold indices of inner bins"
    if column.missing < 0 or column.invalid < 0:
        return "missing and invalid must be counts"
    if not (np.isfinite(float(column.center)) and 0 < float(column.scale) < np.inf):
        return "center must be finite and scale positive"
    return None


def _performance_problem(performance: PerformanceShape) -> str | None:
    size = len(performance.classes)
    if performance.confusion is None:
        return None
    if len(performance.confusion) != size or any(len(row) != size for row in performance.confusion):
        return f"confusion must be {size} by {size}, as there are classes"
    return "confusion must hold counts" if any(min(row) < 0 for row in performance.confusion) else None


def _categorical_problem(column: CategoricalShape) -> str | None:
    if len(set(column.categories)) != len(column.categories):
        return "categories must differ"
    if len(column.counts) != len(column.categories):
        return "counts and categories must be equally many"
    if min([*column.counts, column.missing, column.invalid]) < 0:
        return "counts, missing and invalid must be counts"
    return None if sum(column.counts) == column.n else "counts must sum to n"


def _id(content: Mapping[str, Any]) -> str:
    canonical = json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def _pretty(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[\n  " + ",\n  ".join(map(_pretty, value)) + "\n]"
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _content(profile: Profile) -> dict[str, Any]:
    # Left out where there is none: the ids of all other references stay what they were before it was noted.
    threshold = {} if profile.threshold is None else {"threshold": profile.threshold}
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "model": profile.model,
        "version": profile.version,
        "task": profile.task.value if profile.task else None,
        "positive": profile.positive,
        **threshold,
        "sha256": profile.sha256,
        "bins_id": profile.bins_id,
        "rows": profile.rows,
        "time_span_ms": list(profile.time_span_ms) if profile.time_span_ms else None,
        "lineage": _plain(profile.lineage),
        "performance": _plain(profile.performance),
        "label_mean": _plain(profile.label_mean),
        "predicted": _column(profile.predicted),
        "label": _column(profile.label),
        "score": _column(profile.score),
        "value": _column(profile.value),
        "numeric": [_column(column) for column in profile.numeric],
        "categorical": [_column(column) for column in profile.categorical],
    }


def _column(column: NumericProfile | CategoricalProfile | None) -> dict[str, Any] | None:
    if column is None:
        return None
    return {name: _plain(getattr(column, name)) for name in type(column).__dataclass_fields__}


def _plain(value: Any) -> Any:
    """A value as JSON has it; non-finite floats as their names."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    return value


def _profile(shape: ReferenceShape) -> Profile:
    plain = {
        name: getattr(shape, name)
        for name in ("model", "version", "positive", "id", "sha256", "bins_id", "rows", "threshold")
    }
    return Profile(
        **plain,
        task=Task(shape.task) if shape.task else None,
        numeric=tuple(map(_numeric, shape.numeric)),
        categorical=tuple(map(_categorical, shape.categorical)),
        score=_numeric(shape.score) if shape.score else None,
        value=_numeric(shape.value) if shape.value else None,
        predicted=_categorical(shape.predicted) if shape.predicted else None,
        label=_categorical(shape.label) if shape.label else None,
        label_mean=None if shape.label_mean is None else float(shape.label_mean),
        performance=_numbers_in(shape.performance),
        lineage=shape.lineage,
        time_span_ms=shape.time_span_ms,
    )


def _numbers_in(performance: Mapping[str, Any]) -> Mapping[str, Any]:
    """Performance with the sums that overflowed as floats again."""
    if "sums" not in performance:
        return performance
    sums = {k: float(v) if isinstance(v, str) else v for k, v in performance["sums"].items()}
    return {**performance, "sums": sums}


def _floats(values: list[Any]) -> Floats:
    return np.array([float(value) for value in values], np.float64)


def _ints(values: list[int]) -> Ints:
    return np.array(values, np.int64)


def _numeric(shape: NumericShape) -> NumericProfile:
    fields = msgspec.structs.asdict(shape)
    for key in _ARRAYS:
        fields[key] = _ints(fields[key]) if key in _WHOLE else _floats(fields[key])
    for key in ("center", "scale", "mean", "std", "minimum", "maximum"):
        fields[key] = float(fields[key])
    return NumericProfile(**fields)


def _categorical(shape: CategoricalShape) -> CategoricalProfile:
    fields = msgspec.structs.asdict(shape)
    return CategoricalProfile(
        **fields | {"categories": tuple(shape.categories), "counts": _ints(shape.counts)}
    )
