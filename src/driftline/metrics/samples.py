"""The samples of a view as long vectors, and their series as text."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress

import numpy as np

from driftline.metrics.layout import Family, Layout, template
from driftline.metrics.view import WindowView
from driftline.records import Bools, Evaluation, Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """All values of all shown evaluations. Where one is unknown or its gate is not met, its bounds are too."""

    layout: Layout
    vectors: dict[str, Floats]
    """``value``, ``low`` and ``high``; NaN: not shown."""

    @classmethod
    def of(cls, layout: Layout, found: list[tuple[WindowView, Evaluation]]) -> Samples:
        """The samples of a view in the order of its layout."""
        evaluations = [e for _w, e in found]
        value = _joined([e.value[-1] for e in evaluations])
        usable = np.isfinite(value) & _joined([e.sufficient[-1] for e in evaluations]).astype(np.bool_)
        unknown = np.full(max((len(e.dimensions) for e in evaluations), default=0), np.nan)
        vectors = {"value": value}
        for name in ("low", "high"):
            bounds = [getattr(e, name) for e in evaluations]
            rows = [
                unknown[: len(e.dimensions)] if b is None else b[-1]
                for e, b in zip(evaluations, bounds, strict=True)
            ]
            vectors[name] = _joined(rows)
        return cls(
            layout, {name: np.where(usable & np.isfinite(v), v, np.nan) for name, v in vectors.items()}
        )

    def known(self, family: Family) -> tuple[Floats, Bools]:
        """A family's values, and which of them are numbers."""
        values = self.vectors[family.source][family.columns]
        return values, ~np.isnan(values)

    def counts(self) -> Ints:
        """How many series each part has."""
        numbers = [family.parts[self.known(family)[1]] for family in self.layout.families]
        return np.bincount(_joined(numbers).astype(np.int64), minlength=len(self.layout.parts))

    def scores(self) -> Floats:
        """A feature's worst PSI, -1 without one; classes and segments come before features."""
        parts = self.layout.parts
        scores = np.array([-1.0 if part is None or part[2] == "feature" else np.inf for part in parts])
        for family in self.layout.families:
            if family.name == "feature_psi":
                values, known = self.known(family)
                np.maximum.at(scores, family.parts[known], values[known])
        return scores

    def lines(self, family: Family, kept: Bools) -> tuple[int, str]:
        """How many series of a family are of parts that are kept, by their number; and their lines."""
        values, known = self.known(family)
        shown = known & kept[family.parts]
        if shown.all():
            return len(values), family.template % tuple(values.tolist())
        values = values[shown]
        return len(values), template(compress(family.starts, shown.tolist())) % tuple(values.tolist())


def _joined(rows: list[Floats] | list[Bools] | list[Ints]) -> Floats:
    return np.concatenate(rows) if rows else np.empty(0)
