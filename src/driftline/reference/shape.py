"""The shape of a reference file, version 1; the published JSON Schema is generated from it."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

FORMAT = "driftline.reference"
FORMAT_VERSION = 1

Number = float | Literal["inf", "-inf", "nan"]
"""A float; JSON has no non-finite ones, so they are words."""


class NumericShape(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A numeric column: right-closed bins between the edges, the outer two open."""

    name: str
    float32: bool
    edges: list[float]
    counts: list[int]
    means: list[Number]
    decile_edges: list[float]
    coarse_edges: list[float]
    single: list[int]
    n: int
    missing: int
    invalid: int
    center: float
    scale: float
    mean: Number
    std: Number
    minimum: Number
    maximum: Number


class CategoricalShape(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A categorical column: canonical strings by falling count."""

    name: str
    categories: list[str]
    counts: list[int]
    n: int
    missing: int
    invalid: int


class PerformanceShape(msgspec.Struct, kw_only=True):
    """What is read of ``performance``; it may hold more."""

    n: int
    metrics: dict[str, float | dict[str, float]] = {}
    errors: dict[str, float] = {}
    sums: dict[str, Number] = {}
    classes: list[str] = []
    confusion: list[list[int]] | None = None


class ReferenceShape(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What production is compared with."""

    format: Literal["driftline.reference"]
    format_version: Literal[1]
    id: str
    model: str
    version: str
    task: Literal["binary", "multiclass", "regression"] | None
    positive: str | None
    sha256: str
    bins_id: str
    rows: int
    time_span_ms: tuple[int, int] | None
    lineage: dict[str, Any]
    performance: dict[str, Any]
    label_mean: Number | None
    predicted: CategoricalShape | None
    label: CategoricalShape | None
    score: NumericShape | None
    value: NumericShape | None
    numeric: list[NumericShape]
    categorical: list[CategoricalShape]
    threshold: float | None = None
    """Score from which the positive class was taken; not there where a column had the predicted class."""


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a reference file."""
    schema = msgspec.json.schema(ReferenceShape)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "driftline reference, format version 1",
        **schema,
    }
