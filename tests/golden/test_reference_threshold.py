"""References made from scores alone, against scikit-learn 1.9.1 on the same rows: ``p = (score >= threshold)``."""

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from driftline.decode import make_decoder
from driftline.records import Kind, RawBatch, Schema
from driftline.reference.build import build_profile
from driftline.reference.file import dump, load
from driftline.reference.options import BuildOptions
from driftline.settings import Limits, Task

DATA = Path(__file__).parent / "data" / "elec2_predictions.csv.gz"
ROWS = 9072
SKLEARN = {
    ("exact", 0.3): ([[3940, 1277], [476, 3379]], 0.794031253671719, 0.8067680776014109, 0.6248057074644975),
    ("exact", 0.5): ([[4417, 800], [823, 3032]], 0.788864316378301, 0.8210978835978836, 0.6336682282278749),
    ("exact", 0.7): ([[4906, 311], [1641, 2214]], 0.6940438871473354, 0.7848324514991182, 0.5677147784848787),
    # Scores of one decimal: 444 of them are the threshold itself.
    ("rounded", 0.3): ([[3743, 1474], [397, 3458]], 0.7870718106293388, 0.7937610229276896, None),
}
"""(scores, threshold): confusion_matrix, f1_score, accuracy_score, matthews_corrcoef."""


@pytest.fixture(scope="module")
def scores(tmp_path_factory):
    """The validated rows: scores, the same with one decimal, and the truth; no column has the predicted class."""
    with gzip.open(DATA, "rt") as text:
        rows = [row for row, _ in zip(csv.DictReader(text), range(ROWS), strict=False)]
    path = tmp_path_factory.mktemp("scores") / "scores.csv"
    lines = (
        f"{r['y_prob']},{round(float(r['y_prob']), 1)},{'UP' if r['y'] == '1' else 'DOWN'}" for r in rows
    )
    path.write_text("\n".join(["exact,rounded,class", *lines]))
    return path


def built(path, score, threshold=None):
    options = BuildOptions(
        model="m", version="1", features=(), score=score, label="class", positive="UP", threshold=threshold,
    )  # fmt: skip
    return build_profile(path, options)


@pytest.mark.parametrize("case", SKLEARN, ids=str)
def test_performance_at_a_threshold_is_sklearns(scores, case):
    """Confusion, F1, accuracy and MCC; the threshold is written down."""
    found = built(scores, *case)
    confusion, f1, accuracy, mcc = SKLEARN[case]
    metrics = found.performance["metrics"]
    assert (confusion, case[1]) == (found.performance["confusion"], found.threshold)
    assert (f1, accuracy) == pytest.approx((metrics["f1"], metrics["accuracy"]), abs=1e-12)
    assert mcc is None or mcc == pytest.approx(metrics["mcc"], abs=1e-12)


def test_without_one_it_is_a_half_and_is_written_down(scores, tmp_path):
    """As events are read by a model without a threshold; the file says so."""
    found = built(scores, "exact")
    (tmp_path / "r.json").write_bytes(dump(found))
    again = load(tmp_path / "r.json")
    assert (SKLEARN["exact", 0.5][0], 0.5, 0.5) == (
        found.performance["confusion"],
        json.loads(dump(found))["threshold"],
        again.threshold,
    )
    assert (found.id, dump(found)) == (again.id, dump(again))


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.7, 1.0])
def test_classes_are_those_of_events_with_a_score_alone(tmp_path, threshold):
    """The same scores as events, decoded: the same count of each class, and what is no probability has none."""
    values = [0.0, 0.1, 0.3, 0.30000000000000004, 0.7, 0.7, 0.9, 1.0, 1.2, -0.1, None]
    lines = [f"{'' if v is None else v},{'UP' if i % 2 else 'DOWN'}" for i, v in enumerate(values)]
    (tmp_path / "s.csv").write_text("\n".join(["exact,class", *lines]))
    profile = built(tmp_path / "s.csv", "exact", threshold).predicted
    events = [
        json.dumps({"prediction_id": i, "model": "m", "time": 1_700_000_000_000, "score": v}).encode()
        for i, v in enumerate(values)
    ]
    schema = Schema(Task.BINARY, positive="UP", negative="DOWN", threshold=threshold)
    many = np.arange(len(events), dtype=np.int64)
    batch = RawBatch(Kind.PREDICTION, (("p", 0),), np.zeros(len(events), np.int32), many, many, events, None)
    decoder = make_decoder("driftline", Kind.PREDICTION, schema_of=lambda _m, _v: schema, limits=Limits())
    decoded = decoder.decode(batch)
    classes = [
        part.predicted.values[code] for part in decoded.predictions for code in part.predicted.codes.tolist()
    ]
    expected = {name: classes.count(name) for name in set(classes)}
    assert expected == dict(zip(profile.categories, profile.counts.tolist(), strict=True))
    assert (len(decoded.rejects), 8) == (profile.missing, profile.n)
