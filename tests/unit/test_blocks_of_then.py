"""Blocks of the state file that earlier settings, or an earlier release, wrote."""

from __future__ import annotations

import numpy as np

from driftline.aggregates.scores import NO_LOSS, multiclass_losses
from driftline.pipeline.blocks import late_blob, late_rows, staged_block
from driftline.pipeline.registry import Registry
from driftline.pipeline.slots import Slot
from driftline.pipeline.state import LateRows
from driftline.records import MISSING, Blob, Coded, PredictionPart, Schema
from driftline.settings import Limits, ModelSettings, Task

WRITTEN = Schema(Task.REGRESSION, numeric=("x", "y"), categorical=("c",), segments=("shop", "region"))
TODAY = Schema(Task.REGRESSION, numeric=("z", "y"), categorical=("d", "c"), segments=("region",))


def slot(schema: Schema) -> Slot:
    """A version whose events are read by a schema."""
    model = ModelSettings(match="m", stream="s", task=Task.REGRESSION)
    made = Registry((model,), Limits(), lambda *_: None).slot("m", "1")
    assert made is not None
    made.schema = schema
    return made


def late() -> LateRows:
    """Two late rows as they were read."""
    numbers, of = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0, 1], np.int32)
    part = PredictionPart(
        "m", "1", WRITTEN, np.arange(2), numbers, (Coded(of, ("a", "b")),), Coded(of, ("p", "q")), numbers[0], numbers[1],
        None, (), numbers[0], (Coded(of, ("s1", "s2")), Coded(of, ("eu", "us"))),
    )  # fmt: skip
    return LateRows(slot(WRITTEN), part, np.arange(2), np.arange(2), np.ones(2, np.bool_))


def texts(column: Coded) -> list[str | None]:
    """The strings of a column."""
    return [None if code == MISSING else column.values[code] for code in column.codes.tolist()]


def test_late_rows_are_read_by_the_names_of_their_columns() -> None:
    """What the reference has no more is left out, what is new is missing."""
    blob = late_blob([late()], 0, np.array([0, -1], np.int32))
    (rows,) = late_rows(blob, {0: slot(TODAY)}, 1)
    part = rows.part
    assert [[True, True], [False, False]] == np.isnan(part.numeric).tolist()
    assert [3.0, 4.0] == part.numeric[1].tolist()
    assert [[None, None], ["a", "b"]] == [texts(c) for c in part.categorical]
    assert [["eu", "us"]] == [texts(c) for c in part.segments]
    assert (TODAY, ["p", "q"]) == (part.schema, texts(part.predicted))


def test_late_rows_of_an_earlier_release_are_read_by_their_places() -> None:
    """They only said how many columns there were."""
    blob = late_blob([late()], 0, np.array([0, -1], np.int32))
    rows = [{**row, "categorical": 1, "segments": 2} for row in blob.data["rows"]]
    for row in rows:
        del row["numeric"]
    (found,) = late_rows(Blob(blob.format, {**blob.data, "rows": rows}, blob.arrays), {0: slot(WRITTEN)}, 1)
    assert late().part.numeric.tolist() == found.part.numeric.tolist()
    assert [["a", "b"]] == [texts(c) for c in found.part.categorical]
    assert [["s1", "s2"], ["eu", "us"]] == [texts(c) for c in found.part.segments]


def test_changes_with_probabilities_become_changes_with_losses() -> None:
    """As an earlier release staged them, up to the limit of classes wide."""
    scores = np.array([[0.2, 0.8, np.nan], [0.5, 0.25, 0.25], [np.nan] * 3, [1.5, 0.0, 0.0]])
    truth = np.array([1, 2, 0, 0], np.int32)
    arrays = {"eff_ms": np.arange(4), "slot": np.zeros(4, np.int32), "truth": truth, "scores": scores}
    block, lost = staged_block(
        1, Blob(2, {"takes": 0, "texts": {}}, arrays), "slot", np.array([0, -1], np.int32)
    )
    assert not lost
    assert "scores" not in block.columns
    assert multiclass_losses(scores, truth).tolist() == block.columns["losses"].tolist()
    assert [[False] * 2] * 2 + [[True] * 2] * 2 == (block.columns["losses"] == NO_LOSS).tolist()
