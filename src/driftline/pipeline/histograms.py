"""How features are spread: shares of the reference and of a window over coarse bins or categories."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from driftline.aggregates.drift import OUTPUT_CLASS
from driftline.aggregates.totals import POOLED, Totals
from driftline.metrics.view import SharesView
from driftline.pipeline.slots import Slot
from driftline.records import Evaluation, Floats, Ints
from driftline.reference.profile import CategoricalProfile, NumericProfile

MOST_FEATURES = 24
MOST_CATEGORIES = 12


def shares(slot: Slot, totals: Totals, evaluations: Sequence[Evaluation]) -> tuple[SharesView, ...]:
    """The outputs, then the features with the largest PSI; nothing without a reference."""
    if slot.profile is None:
        return ()
    worst = _worst_first(evaluations)[:MOST_FEATURES]
    wanted = {name: place for place, name in enumerate(worst)}
    found = [s for s in (*_numeric(slot, totals, wanted), *_categorical(slot, totals, wanted)) if s.bins]
    return tuple(sorted(found, key=lambda s: -1 if s.output else wanted[s.name]))


def _worst_first(evaluations: Sequence[Evaluation]) -> list[str]:
    psi = next((e for e in evaluations if e.statistic == "psi"), None)
    if psi is None:
        return []
    order = np.argsort(-np.nan_to_num(psi.value[0], nan=-1.0), kind="stable").tolist()
    return [psi.dimensions[k].feature or "" for k in order]


def _numeric(slot: Slot, totals: Totals, wanted: dict[str, int]) -> Iterator[SharesView]:
    layout, profile = slot.drift, slot.profile
    comparison = layout.numeric_reference
    if comparison is None or profile is None:
        return
    counts = np.add.reduceat(totals.counts[comparison.flat], comparison.coarse.at)
    bounds = [*comparison.coarse.columns.tolist(), len(counts)]
    outputs = [p for p in (profile.score or profile.value,) if p is not None]
    for f, column in enumerate((*profile.numeric, *outputs)):
        output = f >= len(layout.numeric_features)
        if output or column.name in wanted:
            part = slice(bounds[f], bounds[f + 1])
            name = layout.output or "" if output else column.name
            yield _view(
                name, output, True, _bin_names(column), comparison.coarse.reference[part], counts[part]
            )


def _bin_names(column: NumericProfile) -> tuple[str, ...]:
    edges = column.coarse_edges.tolist()
    if not edges:
        return ("all",)
    alone = len(edges) > 1 and float(np.nextafter(edges[1], -np.inf)) == edges[0]
    names = [f"< {edges[1]:.4g}" if alone else f"≤ {edges[0]:.4g}"]
    for low, high in pairwise(edges):
        single = float(np.nextafter(high, -np.inf)) == low
        names.append(f"= {high:.4g}" if single else f"{low:.4g} to {high:.4g}")
    return (*names, f"> {edges[-1]:.4g}")


def _categorical(slot: Slot, totals: Totals, wanted: dict[str, int]) -> Iterator[SharesView]:
    layout, profile = slot.drift, slot.profile
    if profile is None:
        return
    columns = [*profile.categorical, *([profile.predicted] if profile.predicted and layout.has_class else ())]
    for c, column in enumerate(columns):
        output = c >= len(profile.categorical)
        if output or column.name in wanted:
            start = int(layout.categorical.starts[c])
            known = totals.counts[start : start + len(column.categories)]
            yield _categories(
                OUTPUT_CLASS if output else column.name, output, column, known, totals.unseen[c]
            )


def _categories(
    name: str, output: bool, column: CategoricalProfile, known: Ints, unseen: dict[str, int]
) -> SharesView:
    """The most frequent categories one by one, the others together, unseen values at the end."""
    shown = min(len(column.categories), MOST_CATEGORIES)
    names = list(column.categories[:shown])
    reference, current = column.counts[:shown].tolist(), known[:shown].tolist()
    if shown < len(column.categories):
        names.append(f"{len(column.categories) - shown} others")
        reference.append(int(column.counts[shown:].sum()))
        current.append(int(known[shown:].sum()))
    if unseen:
        kept = len(unseen) - (POOLED in unseen)
        more = " or more" if POOLED in unseen else ""
        names.append(f"not in the reference ({kept}{more})")
        reference.append(0)
        current.append(sum(unseen.values()))
    return _view(name, output, False, tuple(names), np.array(reference), np.array(current))


def _view(
    name: str, output: bool, numeric: bool, bins: tuple[str, ...], reference: Ints, current: Ints
) -> SharesView:
    return SharesView(
        name=name, output=output, numeric=numeric, bins=bins,
        reference=tuple(_ratio(reference).tolist()), current=tuple(_ratio(current).tolist()),
        reference_n=int(reference.sum()), current_n=int(current.sum()),
    )  # fmt: skip


def _ratio(counts: Ints) -> Floats:
    return np.asarray(counts / max(1, int(counts.sum())))
