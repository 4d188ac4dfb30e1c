"""Features read as typed structs: a cache that no column depends on."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from driftline.decode import make_decoder
from driftline.decode.decoder import PIECE, DriftlineDecoder
from driftline.decode.shapes import Names, Shape
from driftline.records import Decoded, Kind, RawBatch, Schema
from driftline.settings import Limits, Task

SCHEMAS = {
    "a": Schema(Task.BINARY, ("x", "y z"), ("day",), None, "UP", segments=("region", "x")),
    "b": Schema(Task.BINARY, ("day", "x"), (), None, "UP"),
    "quoted": Schema(Task.BINARY, ('q"', "x"), (), None, "UP"),
}
VALUE = st.one_of(
    st.none(), st.booleans(), st.integers(-(10**25), 10**25), st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "1.5", "mon"]), st.lists(st.integers(), max_size=1),
)  # fmt: skip
FEATURES = st.dictionaries(st.sampled_from(["x", "y z", "day", "region", 'q"', "new"]), VALUE)


class Unlearned(Names):
    """Names of which no shape is made."""

    def shape(self, kind: Kind) -> Shape | None:
        return None


def decoder(kind: Kind) -> DriftlineDecoder:
    made = make_decoder("driftline", kind, schema_of=lambda model, _: SCHEMAS.get(model), limits=Limits())
    assert isinstance(made, DriftlineDecoder)
    return made


def batch(events: list[dict[str, Any]], kind: Kind) -> RawBatch:
    n = len(events)
    values = [json.dumps(event).encode() for event in events]
    return RawBatch(kind, (("t", 0),), np.zeros(n, np.int32), np.arange(n), np.full(n, -1, np.int64), values)


def columns(decoded: Decoded) -> list[str]:
    """All that is said of each part, as text (NaN equals NaN)."""
    parts = [
        (p.model, p.rows.tolist(), p.numeric.tolist(), [(c.codes.tolist(), c.values) for c in p.categorical],
         [(c.codes.tolist(), c.values) for c in p.segments], p.score.tolist())
        for p in decoded.predictions
    ]  # fmt: skip
    unknown = decoded.unknown_features
    return [repr(parts), repr(decoded.rejects), repr(decoded.record.tolist()), repr(unknown)]


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(sorted(SCHEMAS)), FEATURES), max_size=6))
def test_a_shape_changes_no_column(events: list[tuple[str, dict[str, Any]]]) -> None:
    """Wrong types, absent names and big integers are the same values with a shape as without it."""
    for kind in (Kind.PREDICTION, Kind.FEATURES):
        raw = batch(
            [
                {"prediction_id": str(i), "model": model, "time": 5, "prediction": "UP", "features": features}
                for i, (model, features) in enumerate(events)
            ],
            kind,
        )  # fmt: skip
        plain, typed = decoder(kind), decoder(kind)
        plain.names = Unlearned()
        expected = columns(plain.decode(raw))
        assert [expected, expected] == [columns(typed.decode(raw)), columns(typed.decode(raw))]


def test_known_models_are_read_with_a_shape() -> None:
    """The names of all models met so far, numbers first; a name that some model takes as a category is no number."""
    d = decoder(Kind.PREDICTION)
    event = {"prediction_id": "1", "time": 5, "prediction": "UP", "features": {"x": 1}}
    d.decode(batch([{**event, "model": "a"}, {**event, "model": "b"}], Kind.PREDICTION))
    assert d.shape is not None
    assert (("y z",), ("day", "region", "x")) == (d.shape.numeric, d.shape.other)


def test_unknown_features_are_counted_with_a_shape_and_without() -> None:
    """Names that no model reads, also when the shape has learned them; of other models' names the values."""
    event = {"prediction_id": "1", "time": 5, "prediction": "UP"}
    more = {"x": 1, "day": 2, "new": True, "nothing": None, 'q"': 3, "y z": 4}
    raw = batch([{**event, "model": "b", "features": more}, {**event, "model": "a"}], Kind.PREDICTION)
    d = decoder(Kind.PREDICTION)
    assert [3, 3, 3] == [d.decode(raw).unknown_features for _ in range(3)]
    assert d.shape is not None
    assert ("new", "nothing") == d.shape.unknown


def test_names_that_no_struct_can_have_are_read_without() -> None:
    """A quote in a feature's name costs speed, not the event."""
    d = decoder(Kind.PREDICTION)
    features = {'q"': 2.5, "x": 1}
    event = {"prediction_id": "1", "model": "quoted", "time": 5, "prediction": "UP", "features": features}
    (part,) = d.decode(batch([event], Kind.PREDICTION)).predictions
    assert (None, [[2.5], [1.0]]) == (d.shape, part.numeric.tolist())


def test_pieces_are_one_batch() -> None:
    """Records of all pieces stand in their order, the unusable ones at their own place."""
    events: list[dict[str, Any]] = [
        {"prediction_id": str(i), "model": "b", "time": 5, "prediction": "UP", "features": {"x": i, "day": 1}}
        for i in range(2 * PIECE + 3)
    ]
    del events[PIECE + 1]["model"]
    decoded = decoder(Kind.PREDICTION).decode(batch(events, Kind.PREDICTION))
    places = [i for i in range(len(events)) if i != PIECE + 1]
    assert [PIECE + 1] == [r.index for r in decoded.rejects]
    assert (places, [float(i) for i in places]) == (
        decoded.record.tolist(), decoded.predictions[0].numeric[1].tolist(),
    )  # fmt: skip
