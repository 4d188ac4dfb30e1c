"""The frozen profile of the data that a model version was validated on, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from driftline.records import Floats, Ints
from driftline.settings import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class NumericProfile:
    """A numeric column of the reference.

    Bin k of B = len(edges) + 1 is right-closed, (edges[k-1], edges[k]], the outer two are open.
    A value that holds more than 1/100 of the column has a bin of its own, (prev(v), v].
    """

    name: str
    float32: bool
    """Values of production are rounded to float32 before they are compared."""
    edges: Floats
    counts: Ints
    """[B]"""
    means: Floats
    """[B] mean of the reference's values in each bin; NaN where it has none."""
    decile_edges: Floats
    """Inner edges of ``psi_deciles``; a subset of ``edges``."""
    coarse_edges: Floats
    """Inner edges of the coarse bins; a subset of ``edges``."""
    single: Ints
    """Indices of the bins that hold a single value."""
    n: int
    """Valid values."""
    missing: int
    invalid: int
    center: float
    """Median."""
    scale: float
    """Population standard deviation; 1 if constant or not finite."""
    mean: float
    std: float
    minimum: float
    maximum: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoricalProfile:
    """A categorical column of the reference: canonical strings and their counts, by falling count."""

    name: str
    categories: tuple[str, ...]
    counts: Ints
    n: int
    missing: int
    invalid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A reference. ``performance`` has ``classes`` and ``confusion`` [true, predicted], or sums."""

    model: str
    version: str
    task: Task | None
    positive: str | None
    id: str
    """sha256 of the file's content."""
    sha256: str
    """sha256 of the source data."""
    bins_id: str
    """Hash of all edges and categories."""
    rows: int
    numeric: tuple[NumericProfile, ...]
    categorical: tuple[CategoricalProfile, ...]
    score: NumericProfile | None = None
    value: NumericProfile | None = None
    """Regression's prediction."""
    predicted: CategoricalProfile | None = None
    label: CategoricalProfile | None = None
    label_mean: float | None = None
    threshold: float | None = None
    """Score from which ``predicted`` and ``performance`` took the positive class; None: a column had the class,
    or nobody noted it (files of older programs)."""
    performance: Mapping[str, Any] = field(default_factory=dict)
    """``{"classes": [...], "confusion": [[...]], "metrics": {"f1": …, "accuracy": …, …}, "n": …}``"""
    lineage: Mapping[str, Any] = field(default_factory=dict)
    time_span_ms: tuple[int, int] | None = None
    """First and last event time, when ``--time`` was given."""
