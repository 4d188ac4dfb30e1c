"""A reference from a data file: one column at a time, so that memory is bounded by a column, not by the file."""

from __future__ import annotations

import difflib
import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from driftline.errors import UsageError
from driftline.reference import columns
from driftline.reference.bins import bins_id, categorical_profile, numeric_profile
from driftline.reference.file import with_id
from driftline.reference.outputs import OutputColumns, Outputs, read_outputs
from driftline.reference.profile import CategoricalProfile, NumericProfile, Profile
from driftline.reference.tables import Progress, Span, Table, open_table
from driftline.settings import Task

_NO_FEATURES = frozenset({
    "prediction_id", "id", "model", "version", "time", "prediction", "score", "scores", "label",
    "segments", "latency_ms", "revision", "_kafka",
})  # fmt: skip
"""Columns that are no feature unless they are named as one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """What to make of the columns of a data file."""

    model: str
    version: str
    features: tuple[str, ...] | None = None
    """All features, categorical ones included; None: every column that has no other meaning."""
    categorical: tuple[str, ...] = ()
    """Features that are categories whatever their type."""
    numeric: tuple[str, ...] = ()
    """Features that are numbers whatever their type; what is no number is invalid."""
    prediction: str | None = None
    score: str | None = None
    label: str | None = None
    positive: str | None = None
    task: Task | None = None
    """None: inferred."""
    time: str | None = None
    rows: Span = (0, None)
    """Half-open."""
    lineage: Mapping[str, str] = field(default_factory=dict)
    """Code commit, run id, parameters: kept as they are."""


def _quiet(stage: str, done: int, total: int) -> None:
    del stage, done, total


def build_profile(path: Path, options: BuildOptions, progress: Progress = _quiet) -> Profile:
    """Profile the rows of a CSV(.gz), Parquet, Arrow or JSON-lines file.

    Raises
    ------
    UsageError
        For options that do not fit the file: an unknown column, kind of file or class.
    DataError
        For a file or column that cannot be read, with its place.
    """
    if not path.is_file():
        raise UsageError(f"{path}: there is no such file")
    with tempfile.TemporaryDirectory(prefix="driftline-") as folder:
        table = open_table(path, options.rows, Path(folder), progress)
        return _profile(table, path, options, progress)


def _profile(table: Table, path: Path, options: BuildOptions, progress: Progress) -> Profile:
    features = _features(table, options)
    kinds = {name: _is_number(table, name, options) for name in features}
    meter = _Meter(progress, table.rows * (len(features) + len(_outputs(options))))
    numeric = tuple(_numeric(table, name, meter) for name in features if kinds[name])
    categorical = tuple(_categorical(table, name, meter) for name in features if not kinds[name])
    span = columns.time_span_ms(table, options.time, meter.of(options.time)) if options.time else None
    wanted = OutputColumns(options.prediction, options.score, options.label, options.positive, options.task)
    outputs = read_outputs(table, wanted, meter.of)
    digest = _sha256(path)
    profile = _assembled(options, table.rows, numeric, categorical, outputs)
    return with_id(
        replace(profile, sha256=digest, lineage=_lineage(path, digest, table, options), time_span_ms=span)
    )


def _assembled(
    options: BuildOptions,
    rows: int,
    numeric: tuple[NumericProfile, ...],
    categorical: tuple[CategoricalProfile, ...],
    outputs: Outputs,
) -> Profile:
    sums = [*numeric, *(p for p in (outputs.score, outputs.value) if p)]
    counts = [*categorical, *([outputs.predicted] if outputs.predicted else [])]
    return Profile(
        model=options.model,
        version=options.version,
        task=outputs.task,
        positive=options.positive,
        id="",
        sha256="",
        bins_id=bins_id(sums, counts, outputs.label_mean),
        rows=rows,
        numeric=numeric,
        categorical=categorical,
        score=outputs.score,
        value=outputs.value,
        predicted=outputs.predicted,
        label=outputs.label,
        label_mean=outputs.label_mean,
        performance=outputs.performance,
    )


class _Meter:
    """Rows read so far, over all columns, for the progress bar."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    def of(self, column: str) -> columns.Advance:
        """An advance that names the column."""

        def advance(rows: int) -> None:
            self._done += rows
            self._progress(f"column {column}", self._done, self._total)

        return advance


def _numeric(table: Table, name: str, meter: _Meter) -> NumericProfile:
    values = columns.read_numbers(table, name, meter.of(name))
    return numeric_profile(name, values, float32=columns.is_float32(table, name))


def _categorical(table: Table, name: str, meter: _Meter) -> CategoricalProfile:
    counts, missing, invalid = columns.counts_of(columns.read_codes(table, name, meter.of(name)))
    return categorical_profile(name, counts, missing=missing, invalid=invalid)


def _outputs(options: BuildOptions) -> list[str]:
    given = (options.prediction, options.score, options.label, options.time)
    return [name for name in given if name is not None]


def _features(table: Table, options: BuildOptions) -> list[str]:
    """The names of the features, in the order given or of the file; every name of the options exists."""
    named = [*(options.features or ()), *options.categorical, *options.numeric, *_outputs(options)]
    for name in named:
        if name not in table.columns:
            raise UsageError(_unknown(name, list(table.columns)))
    both = set(options.categorical) & set(options.numeric)
    if both:
        raise UsageError(f"column {min(both)!r} cannot be both categorical and numeric")
    if options.features is None:
        return [name for name in _default_features(table, options) if _usable(table, name)]
    extra = [n for n in (*options.categorical, *options.numeric) if n not in options.features]
    if extra:
        raise UsageError(
            f"--features names all features, categorical ones included; {extra[0]!r} is not among them"
        )
    return list(dict.fromkeys(options.features))


def _default_features(table: Table, options: BuildOptions) -> list[str]:
    forced = {*options.categorical, *options.numeric}
    if table.features is not None:
        return [n for n in table.columns if n in table.features or n in forced]
    taken = (_NO_FEATURES | set(_outputs(options))) - forced
    return [name for name in table.columns if name not in taken]


def _usable(table: Table, name: str) -> bool:
    """Whether a column of no given kind has a type that can be a feature (no time, no list)."""
    return table.text is not None or columns.is_categorical(table, name) or columns.is_numeric(table, name)


def _is_number(table: Table, name: str, options: BuildOptions) -> bool:
    if name in options.categorical or name in options.numeric:
        return name in options.numeric
    if columns.is_numeric(table, name):
        return True
    if table.text is None and not columns.is_categorical(table, name):
        raise UsageError(f"column {name!r} of type {table.columns[name]} is neither numbers nor categories")
    return False


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    return f"there is no column {name!r}{hint} The columns are: {', '.join(known)}"


def _lineage(path: Path, digest: str, table: Table, options: BuildOptions) -> dict[str, Any]:
    first = options.rows[0]
    return {
        "data": path.name,
        "sha256": digest,
        "rows": [first, first + table.rows],
        **options.lineage,
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
