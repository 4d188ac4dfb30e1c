"""A reference from a data file: one column at a time, so that memory is bounded by a column, not by the file."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from driftline.errors import UsageError
from driftline.reference import columns
from driftline.reference.bins import bins_id, categorical_profile, numeric_profile
from driftline.reference.choice import choose_features
from driftline.reference.file import with_id
from driftline.reference.judgement import Judgement
from driftline.reference.options import BuildOptions
from driftline.reference.outputs import OutputColumns, Outputs, read_outputs
from driftline.reference.profile import CategoricalProfile, NumericProfile, Profile
from driftline.reference.tables import Progress, Table, open_table
from driftline.reference.units import without_zone


@dataclass(frozen=True, slots=True)
class Built:
    """A reference, and the judgement on the columns of its data."""

    profile: Profile
    judged: Judgement
    assumed: tuple[str, ...] = ()
    """What was taken for granted, a sentence each."""


def _quiet(stage: str, done: int, total: int) -> None:
    del stage, done, total


def build_profile(path: Path, options: BuildOptions, progress: Progress = _quiet) -> Profile:
    """The profile alone of what ``build_reference`` builds."""
    return build_reference(path, options, progress).profile


def build_reference(path: Path, options: BuildOptions, progress: Progress = _quiet) -> Built:
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
        judged = choose_features(table, options, str(path), progress)
        profile = _profile(table, path, options, judged, progress)
        return Built(profile, judged, tuple(_assumed(profile, options, table)))


def _assumed(profile: Profile, options: BuildOptions, table: Table) -> Iterator[str]:
    zone = without_zone(options.time, columns.sample_of(table, options.time)) if options.time else None
    if zone is not None:
        yield zone
    if profile.threshold is not None and options.threshold is None:
        means = f"{options.score} means {profile.positive} from {profile.threshold} on"
        yield f"{means}, since no column has the predicted class (--threshold, --prediction)"


def _profile(
    table: Table, path: Path, options: BuildOptions, judged: Judgement, progress: Progress
) -> Profile:
    columns_read = len(judged.numeric) + len(judged.categorical) + len(options.outputs)
    meter = _Meter(progress, table.rows * columns_read)
    numeric = tuple(_numeric(table, name, meter) for name in judged.numeric)
    categorical = tuple(_categorical(table, name, meter) for name in judged.categorical)
    span = columns.time_span_ms(table, options.time, meter.of(options.time)) if options.time else None
    wanted = OutputColumns(
        options.prediction, options.score, options.label, options.positive, options.task, options.threshold
    )
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
        positive=outputs.positive,
        threshold=outputs.threshold,
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
