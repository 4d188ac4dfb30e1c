"""JSON of a user's own gives the columns that the same events give in canonical JSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftline.decode import make_decoder
from driftline.decode.decoder import MappedDecoder
from driftline.decode.mapped import MappedReader
from driftline.records import Decoded, Headers, Kind
from driftline.settings import FieldPlace, Limits
from tests.unit.test_decode_json import GOOD, LABEL, SCHEMAS, TIME_MS, batch, decode

PLACES = (
    ("prediction_id", FieldPlace(("req", "id"))),
    ("model", FieldPlace(header="m", default="b")),
    ("version", FieldPlace(header="v", default="unversioned")),
    ("time", FieldPlace(("ts",), unit="s")),
    ("features", FieldPlace(("in", 0))),
    ("prediction", FieldPlace(("out", "class"))),
    ("score", FieldPlace(("out", "p of it"))),
    ("label", FieldPlace(("truth",))),
    ("latency_ms", FieldPlace(("took",))),
)


def own(
    *documents: Any, kind: Kind = Kind.PREDICTION, headers: list[Headers | None] | None = None,
    places: tuple[tuple[str, FieldPlace], ...] = PLACES,
) -> Decoded:  # fmt: skip
    raw = [d if isinstance(d, bytes | None) else json.dumps(d).encode() for d in documents]
    decoder = make_decoder(
        "ours", kind, schema_of=lambda model, _: SCHEMAS.get(model), limits=Limits(), places=places
    )
    return decoder.decode(batch(raw, kind, -1, headers))


def written(event: dict[str, Any]) -> dict[str, Any]:
    """A canonical prediction as "ours" has it."""
    return {
        "req": {"id": event["prediction_id"]}, "ts": TIME_MS / 1000, "in": [event.get("features")],
        "out": {"class": event.get("prediction"), "p of it": event.get("score")},
        "took": event.get("latency_ms"), "segments": event.get("segments"),
    }  # fmt: skip


def columns(d: Decoded) -> list[Any]:
    """Everything that was decoded, comparable."""
    parts = [
        (p.model, p.version, p.rows.tolist(), p.numeric.tolist(), [c.codes.tolist() for c in p.categorical],
         p.predicted, p.score.tolist(), p.latency_ms.tolist(), [(s.codes.tolist(), s.values) for s in p.segments])
        for p in d.predictions
    ]  # fmt: skip
    return [repr(parts), d.time_ms.tolist(), d.ids.tolist(), [(r.index, r.reason) for r in d.rejects]]


values = st.none() | st.floats(allow_nan=False) | st.text(max_size=3) | st.booleans() | st.integers()
predictions = st.fixed_dictionaries(
    {
        "prediction_id": st.text(max_size=4),
        "features": st.dictionaries(st.sampled_from(["x", "y", "day", "z"]), values),
        "prediction": st.sampled_from(["UP", "DOWN", "no", None, 5]),
        "score": values,
        "segments": st.dictionaries(st.just("region"), values),
        "latency_ms": values,
    }
)


@given(st.lists(predictions, max_size=20))
def test_the_columns_are_those_of_canonical_events(events: list[dict[str, Any]]) -> None:
    """Rejects and their reasons, too."""
    canonical = [{**e, "model": "b", "version": "unversioned", "time": TIME_MS} for e in events]
    assert columns(own(*map(written, events))) == columns(decode(*canonical))


def test_headers_come_before_defaults() -> None:
    """A header that is not there, is null, or a record without any: the default."""
    document = written(GOOD)
    given: list[Headers | None] = [[("v", b"7"), ("m", b"b")], [("v", None)], None]
    d = own(document, document, document, headers=given)
    assert {p.version: p.rows.tolist() for p in d.predictions} == {"7": [0], "unversioned": [1, 2]}


@pytest.mark.parametrize(
    ("unit", "value", "ms"),
    [("s", 862790400, TIME_MS), ("s", 862790400.0625, TIME_MS + 62), ("s", "862790400", TIME_MS), ("s", "862790400.5", TIME_MS + 500),
     ("ms", TIME_MS, TIME_MS), ("us", TIME_MS * 1000 + 999, TIME_MS), ("ns", TIME_MS * 1_000_000 + 999_999, TIME_MS),
     ("ns", float(TIME_MS * 1_000_000), TIME_MS), ("s", "1997-05-05T00:00:00Z", TIME_MS), (None, "1997-05-05T00:00:00Z", TIME_MS)],
)  # fmt: skip
def test_times_are_read_in_their_unit(unit: str | None, value: Any, ms: int) -> None:
    """Whole milliseconds, fractions floored; text in RFC 3339 needs no unit."""
    places = (("time", FieldPlace(("at",), unit=unit)),)
    document = {k: v for k, v in GOOD.items() if k != "time"} | {"at": value}
    assert own(document, places=places).time_ms.tolist() == [ms]


@pytest.mark.parametrize("value", [True, None, "soon", "", [5], {"s": 1}, 1e300, "1e999", 10**30])
def test_what_is_no_time_is_a_reject(value: Any) -> None:
    """And never an error."""
    places = (("time", FieldPlace(("at",), unit="s")),)
    document = {k: v for k, v in GOOD.items() if k != "time"} | {"at": value}
    assert [r.reason for r in own(document, places=places).rejects] == ["bad_time"]


def test_fields_that_are_not_named_stand_under_their_own_names() -> None:
    """One path is enough where the rest is canonical."""
    document = {**GOOD, "prediction_id": None, "id": "a1"}
    d = own(document, places=(("prediction_id", FieldPlace(("id",))),))
    assert columns(d) == columns(decode(GOOD))


def test_a_label_of_null_takes_one_back_and_no_label_is_a_reject() -> None:
    """As in canonical JSON."""
    base = {"req": {"id": "a1"}, "ts": TIME_MS / 1000}
    d = own({**base, "truth": None}, base, {**base, "truth": "DOWN", "revision": 2}, kind=Kind.LABEL)
    assert [(r.index, r.reason) for r in d.rejects] == [(1, "missing_field")]
    canonical = decode({**LABEL, "label": None}, {**LABEL, "revision": 2}, kind=Kind.LABEL)
    assert [p.label.codes.tolist() for p in d.labels] == [p.label.codes.tolist() for p in canonical.labels]
    assert [p.revision.tolist() for p in d.labels] == [p.revision.tolist() for p in canonical.labels]


@pytest.mark.parametrize(
    ("value", "reason"),
    [(None, "empty"), (b" ", "empty"), (b"{", "not_json"), (b"\xff", "not_utf8"), (b"[1]", "wrong_type"), (b"NaN", "not_json"),
     (b'{"ts": NaN}', "not_json"), (b"{}", "missing_field"), (b'{"req": 5}', "missing_field"), (b'{"req": {"id": [1]}}', "wrong_type")],
)  # fmt: skip
def test_what_cannot_be_read_is_rejected_with_the_reason(value: bytes | None, reason: str) -> None:
    """Nothing raises."""
    assert [r.reason for r in own(value).rejects] == [reason]


@given(st.recursive(values, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["req", "in", "out", "ts", "id"]), inner, max_size=3), max_leaves=8))  # fmt: skip
def test_no_document_raises(document: Any) -> None:
    """Whatever stands where something else was expected: every record is a row, a stranger's, or a reject."""
    for kind in Kind:
        d = own(document, kind=kind)
        assert len(d.rejects) + len(d.time_ms) == 1


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize(
    "time", [1.7e308, -1.7e308, "1.7e308", "-1.7e400", pytest.param(10**400, id="401 digits")]
)
def test_a_time_that_no_clock_shows_is_rejected(unit: str, time: float | str) -> None:
    """Seconds near the end of float64 are no number of milliseconds."""
    places = tuple((n, FieldPlace(("ts",), unit=unit) if n == "time" else p) for n, p in PLACES)
    d = own({**written(GOOD), "ts": time}, places=places)
    assert [r.reason for r in d.rejects] == ["bad_time"]


def test_many_records_keep_their_places() -> None:
    """Rejects among them, over more than one piece."""
    documents = [written({**GOOD, "prediction_id": str(i)}) if i % 7 else b"{" for i in range(1500)]
    d = own(*documents)
    assert [r.index for r in d.rejects] == list(range(0, 1500, 7))
    assert np.array_equal(d.record, [i for i in range(1500) if i % 7])


def test_the_decoder_is_chosen_by_the_places() -> None:
    """``format`` is the name that the user gave."""
    made = make_decoder("ours", Kind.LABEL, schema_of=lambda *_: None, limits=Limits(), places=PLACES)
    assert isinstance(made, MappedDecoder)
    assert isinstance(made.reader, MappedReader)
