"""What a (model, version) keeps of its predictions for drift: one flat count vector over all features.

Sections of ``counts``: numeric columns [bins, missing, invalid, below, above, clipped]; categorical columns
[known, missing, invalid, unseen]; events; the latency histogram. The score or value is the last numeric
column, the predicted class the last categorical one. ``sums``: 16 per numeric column, then latency in µs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from driftline.aggregates import latency
from driftline.aggregates.categories import CategoricalLayout, CategoricalPart
from driftline.aggregates.comparison import CategoricalComparison, NumericComparison
from driftline.aggregates.numeric import SUMS, NumericLayout, NumericPart, Rows
from driftline.aggregates.totals import Totals
from driftline.records import MISSING, Coded, Floats, PredictionPart
from driftline.reference.profile import NumericProfile, Profile
from driftline.settings import Task

OUTPUT_CLASS = "class"
OUTPUT_SCORE = "score"
OUTPUT_VALUE = "value"


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A part whose values are binned, to be summed by any groups of its rows."""

    numeric: NumericPart
    categorical: CategoricalPart
    latency_ms: Floats


@dataclass(frozen=True, slots=True, eq=False)
class DriftLayout:
    """Positions of everything in the flat vectors, and the references they are compared with."""

    output: str | None
    """``score`` or ``value``: the last numeric column is that; None: all are features."""
    has_class: bool
    """The last categorical column is the predicted class."""
    numeric: NumericLayout
    categorical: CategoricalLayout
    classes: tuple[str, ...]
    """Known predicted classes."""
    numeric_reference: NumericComparison | None
    categorical_reference: CategoricalComparison | None

    @classmethod
    def of(
        cls, profile: Profile | None, task: Task | None, classes: Sequence[str] | None = None
    ) -> DriftLayout:
        """Of a reference, or without one: predicted class, events and latency only."""
        output, pseudo = _output(profile)
        numeric = (*profile.numeric, *pseudo) if profile else ()
        categorical = list(profile.categorical) if profile else []
        columns = [(c.name, c.categories) for c in categorical]
        has_class = task is not Task.REGRESSION
        known: tuple[str, ...] = ()
        if has_class:
            predicted = profile.predicted if profile else None
            known = predicted.categories if predicted else tuple(classes or ())
            columns.append((OUTPUT_CLASS, known))
            categorical += [predicted] if predicted else []
        flat = NumericLayout.of(numeric)
        coded = CategoricalLayout.of(columns, flat.size)
        size = flat.size + coded.size + 1 + latency.BINS
        return cls(
            output,
            has_class,
            flat,
            coded,
            known,
            NumericComparison.of(numeric, flat, size),
            CategoricalComparison.of(categorical, coded, size),
        )

    @property
    def numeric_features(self) -> tuple[str, ...]:
        """Names of the numeric features."""
        return self.numeric.names[:-1] if self.output else self.numeric.names

    @property
    def categorical_features(self) -> tuple[str, ...]:
        """Names of the categorical features."""
        return self.categorical.names[:-1] if self.has_class else self.categorical.names

    @property
    def events_at(self) -> int:
        """Position of the count of events."""
        return self.numeric.size + self.categorical.size

    @property
    def latency_at(self) -> slice:
        """Positions of the latency histogram."""
        return slice(self.events_at + 1, self.events_at + 1 + latency.BINS)

    @property
    def latency_sum_at(self) -> int:
        """Index in ``sums`` of the latency in whole microseconds."""
        return len(self.numeric.names) * SUMS

    @property
    def counts(self) -> int:
        """Length of the count vector."""
        return self.events_at + 1 + latency.BINS

    @property
    def sums(self) -> int:
        """Length of the sum vector."""
        return self.latency_sum_at + 1

    @property
    def extremes(self) -> int:
        """Columns with a minimum and maximum."""
        return len(self.numeric.names)

    @property
    def categories(self) -> int:
        """Columns with a dictionary of unseen values."""
        return len(self.categorical.names)

    def empty(self) -> Totals:
        """The identity."""
        return Totals.empty(self.counts, self.sums, self.extremes, self.categories)

    def prepare(self, part: PredictionPart) -> Prepared:
        """Bin all values of a part once."""
        rows = len(part.rows)
        numeric = self.numeric.prepare(self._numeric_values(part, rows))
        categorical = self.categorical.prepare(self._categorical_values(part, rows), rows)
        return Prepared(numeric, categorical, part.latency_ms)

    def totals(self, part: PredictionPart | Prepared, rows: Rows = slice(None)) -> Totals:
        """Totals of some rows of a part."""
        prepared = self.prepare(part) if isinstance(part, PredictionPart) else part
        totals = self.empty()
        self.numeric.add(prepared.numeric, rows, totals)
        self.categorical.add(prepared.categorical, rows, totals)
        latencies = prepared.latency_ms[rows]
        totals.counts[self.events_at] = len(latencies)
        measured = latency.usable(latencies)
        if len(measured):
            totals.counts[self.latency_at] = latency.histogram(measured)
            totals.sums[self.latency_sum_at] = latency.microseconds(measured)
        return totals

    def _numeric_values(self, part: PredictionPart, rows: int) -> Floats:
        names, given = self.numeric_features, part.schema.numeric
        if names == given and not self.output:
            return part.numeric
        values = np.full((len(self.numeric.names), rows), np.nan)
        if names == given:
            values[: len(names)] = part.numeric
        else:
            at = {name: k for k, name in enumerate(given)}
            for f, name in enumerate(names):
                if name in at:
                    values[f] = part.numeric[at[name]]
        if self.output:
            values[-1] = part.score if self.output == OUTPUT_SCORE else part.value
        return values

    def _categorical_values(self, part: PredictionPart, rows: int) -> list[Coded]:
        at = dict(zip(part.schema.categorical, part.categorical, strict=True))
        absent = Coded(np.full(rows, MISSING, np.int32), ())
        columns = [at.get(name, absent) for name in self.categorical_features]
        return [*columns, part.predicted] if self.has_class else columns


def _output(profile: Profile | None) -> tuple[str | None, tuple[NumericProfile, ...]]:
    if profile and profile.score:
        return OUTPUT_SCORE, (profile.score,)
    if profile and profile.value:
        return OUTPUT_VALUE, (profile.value,)
    return None, ()
