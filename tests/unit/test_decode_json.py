"""Canonical JSON and CloudEvents: columns of usable events, reasons for the others."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import numpy as np
import pytest
import xxhash
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from driftline.decode import make_decoder
from driftline.errors import UsageError
from driftline.records import INVALID, MISSING, Coded, Decoded, Headers, Kind, RawBatch, Schema
from driftline.settings import Limits, Task

BINARY = Schema(Task.BINARY, ("x", "y"), ("day",), ("UP", "DOWN"), "UP", "DOWN", segments=("region",))
MULTI = Schema(Task.MULTICLASS)
REGRESSION = Schema(Task.REGRESSION, ("x",))
SCHEMAS = {"b": BINARY, "open": Schema(Task.BINARY, positive="UP"), "m": MULTI, "r": REGRESSION}
TIME_MS = 862790400000
GOOD: dict[str, Any] = {
    "prediction_id": "a1", "model": "b", "version": "1", "time": "1997-05-05T00:00:00Z",
    "features": {"x": 0.5, "y": 2, "day": "2"}, "prediction": "UP", "score": 0.83,
    "segments": {"region": "nsw"}, "latency_ms": 12.5,
}  # fmt: skip
LABEL: dict[str, Any] = {"prediction_id": "a1", "model": "b", "label": "DOWN", "time": TIME_MS}


def batch(values: list[bytes | None], kind: Kind, timestamp_ms: int = -1, headers: Any = None) -> RawBatch:
    n = len(values)
    stamps = np.full(n, timestamp_ms, np.int64)
    return RawBatch(kind, (("t", 0),), np.zeros(n, np.int32), np.arange(n), stamps, values, headers)


def decode(
    *events: Any, kind: Kind = Kind.PREDICTION, from_record: bool = False, timestamp_ms: int = -1,
    headers: list[Headers | None] | None = None, limits: Limits | None = None,
) -> Decoded:  # fmt: skip
    raw = [e if isinstance(e, bytes | None) else json.dumps(e).encode() for e in events]
    decoder = make_decoder(
        "driftline",
        kind,
        schema_of=lambda model, _: SCHEMAS.get(model),
        limits=limits or Limits(),
        from_record=from_record,
    )
    return decoder.decode(batch(raw, kind, timestamp_ms, headers))


def texts(coded: Coded) -> list[object]:
    return [coded.values[c] if c >= 0 else {MISSING: None, INVALID: INVALID}[int(c)] for c in coded.codes]


def without(event: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name not in names}


def test_a_prediction_becomes_columns() -> None:
    """Each field stands where the contract says."""
    d = decode(GOOD)
    (part,) = d.predictions
    assert ([], [TIME_MS], ("b", "1")) == (d.rejects, d.time_ms.tolist(), (part.model, part.version))
    assert ([[0.5], [2.0]], ["2"], ["nsw"]) == (
        part.numeric.tolist(),
        texts(part.categorical[0]),
        texts(part.segments[0]),
    )
    assert (["UP"], [0.83], [12.5]) == (texts(part.predicted), part.score.tolist(), part.latency_ms.tolist())
    hashed = xxhash.xxh3_128_intdigest(b"b\0a1")
    assert [hashed >> 64, hashed & (1 << 64) - 1] == d.ids[0].tolist()


REJECTS: list[tuple[Any, str]] = [
    (None, "empty"), (b"", "empty"), (b" \n\t", "empty"), (b"{", "not_json"), (b"{} x", "not_json"),
    (b"nope", "not_json"),
    (b"\xef\xbb\xbf{}", "not_json"), ("{}".encode("utf-16"), "not_utf8"), (b'{"model":"\xff"}', "not_utf8"),
    (json.dumps(GOOD).encode()[:-5], "not_json"), (b"[" * 100_000, "not_json"),
    (b'{"a":' * 100_000, "not_json"),
    (json.dumps({**GOOD, "score": math.nan}).encode(), "not_json"),
    (json.dumps({**GOOD, "features": {"x": -math.inf}}).encode(), "not_json"),
    ([], "wrong_type"), ("text", "wrong_type"), (b"1", "wrong_type"), (b"null", "wrong_type"),
    ({**GOOD, "model": 5}, "wrong_type"), ({**GOOD, "prediction_id": 1.5}, "wrong_type"),
    ({**GOOD, "prediction_id": True}, "wrong_type"), ({**GOOD, "version": []}, "wrong_type"),
    ({**GOOD, "features": []}, "wrong_type"), ({**GOOD, "segments": "x"}, "wrong_type"),
    ({**GOOD, "prediction": ["UP"]}, "wrong_type"), ({**GOOD, "model": "r"}, "wrong_type"),
    ({**GOOD, "model": "r", "prediction": "1.5"}, "wrong_type"),
    ({**GOOD, "model": "r", "prediction": True}, "wrong_type"),
    ({**without(GOOD, "prediction"), "score": 1.5}, "wrong_type"),
    (without(GOOD, "prediction_id"), "missing_field"), (without(GOOD, "model"), "missing_field"),
    ({**GOOD, "model": None}, "missing_field"), ({**GOOD, "prediction_id": ""}, "missing_field"),
    ({}, "missing_field"), (without(GOOD, "prediction", "score"), "missing_field"),
    ({**without(GOOD, "prediction"), "model": "r"}, "missing_field"),
    (without(GOOD, "time"), "bad_time"), ({**GOOD, "time": "1997-05-05T00:00:00"}, "bad_time"),
    ({**GOOD, "time": 0}, "bad_time"),
    ({**GOOD, "time": True}, "bad_time"), ({**GOOD, "time": 1.5}, "bad_time"),
    ({**GOOD, "time": []}, "bad_time"),
    ({**GOOD, "time": 10**16}, "bad_time"), ({**GOOD, "prediction": "SIDEWAYS"}, "unknown_class"),
    ({**GOOD, "model": "m" * 257}, "name_too_long"), ({**GOOD, "version": "é" * 129}, "name_too_long"),
    ({**GOOD, "prediction_id": "i" * 257}, "name_too_long"),
    ({**GOOD, "model": "open", "prediction": "c" * 257}, "name_too_long"),
    ({**GOOD, "model": "a\0b"}, "bad_name"), ({**GOOD, "prediction_id": "\ud800"}, "bad_name"),
    ({"specversion": "1.0", "data": 5}, "bad_cloudevent"),
    ({"specversion": "0.3", "data": GOOD}, "bad_cloudevent"),
    ({"specversion": "1.0", "data_base64": "!"}, "bad_cloudevent"),
    (b"\xff\xff\xff\xff\x00\x00", "bad_arrow"), (b"x" * ((1 << 20) + 1), "too_large"),
]  # fmt: skip


@pytest.mark.parametrize(("event", "reason"), REJECTS)
def test_unusable_predictions_name_their_reason(event: object, reason: str) -> None:
    """Faults 35-43, 58: only the bad one of three is rejected, with its index and reason."""
    d = decode(GOOD, event, {**GOOD, "prediction_id": "a2"})
    assert [(1, reason)] == [(r.index, r.reason) for r in d.rejects]
    assert [0, 2] == d.record.tolist()
    assert [reason] == [r.reason for r in decode(event).rejects]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (without(LABEL, "label"), "missing_field"), (without(LABEL, "model"), "missing_field"),
        (without(LABEL, "time"), "bad_time"), ({**LABEL, "label": "SIDEWAYS"}, "unknown_class"),
        ({**LABEL, "label": {}}, "wrong_type"), ({**LABEL, "revision": "2"}, "wrong_type"),
        ({**LABEL, "revision": 1 << 63}, "wrong_type"), ({**LABEL, "revision": True}, "wrong_type"),
        ({**LABEL, "model": "r", "label": "1"}, "wrong_type"), (None, "empty"),
    ],
)  # fmt: skip
def test_unusable_labels_name_their_reason(event: object, reason: str) -> None:
    """Faults 43, 50: labels need their key, a time, a known class."""
    assert [(1, reason)] == [
        (r.index, r.reason) for r in decode(LABEL, event, LABEL, kind=Kind.LABEL).rejects
    ]


def test_labels() -> None:
    """Null retracts, a missing revision is 1, and the record's timestamp stands in for the time."""
    events = [LABEL, {**LABEL, "label": None, "revision": 3}, {**without(LABEL, "time"), "revision": None}]
    d = decode(*events, kind=Kind.LABEL, timestamp_ms=77)
    (part,) = d.labels
    assert (["DOWN", None, "DOWN"], [1, 3, 1]) == (texts(part.label), part.revision.tolist())
    assert [TIME_MS, TIME_MS, 77] == d.time_ms.tolist()
    (part,) = decode(
        {**LABEL, "model": "r", "label": 2}, {**LABEL, "model": "r", "label": None}, kind=Kind.LABEL
    ).labels
    assert np.array_equal([2.0, math.nan], part.value, equal_nan=True)


def test_a_prediction_takes_the_records_time_only_if_configured() -> None:
    """Fault 58: the record's timestamp is no event time unless it is said to be."""
    assert [99] == decode(without(GOOD, "time"), from_record=True, timestamp_ms=99).time_ms.tolist()
    assert ["bad_time"] == [r.reason for r in decode(without(GOOD, "time"), from_record=True).rejects]
    assert ["bad_time"] == [
        r.reason for r in decode({**GOOD, "time": "x"}, from_record=True, timestamp_ms=9).rejects
    ]


def test_feature_values_are_taken_strictly() -> None:
    """Faults 38, 39, 43: no coercion; invalid values leave the event usable, unknown features are counted."""
    odd = [True, "1.5", [1], {"a": 1}, 1 << 64, -(1 << 64), "", None]
    events = [{**GOOD, "features": {"x": value, "y": 1, "z": 0}} for value in odd]
    big = json.dumps(GOOD).encode().replace(b"0.5", b"1e999")
    huge = json.dumps(GOOD).encode().replace(b"0.5", b"9" * 5000)
    decoded = decode(*events, big, huge, {**GOOD, "features": None})
    (part,) = decoded.predictions
    expected = [math.inf] * 6 + [math.nan] * 2 + [math.inf] * 2 + [math.nan]
    assert np.array_equal(expected, part.numeric[0], equal_nan=True)
    assert [None] * 8 + ["2", "2", None] == texts(part.categorical[0])
    assert 8 == decoded.unknown_features  # z, which is 0


def test_categories_are_canonical() -> None:
    """2, 2.0 and "2" are one category; booleans are lower case; lists are invalid."""
    values = ["2", 2, 2.0, True, 0.5, None, "", []]
    (part,) = decode(*({**GOOD, "features": {"day": value}} for value in values)).predictions
    assert ["2", "2", "2", "true", "0.5", None, None, INVALID] == texts(part.categorical[0])


def test_a_class_comes_from_the_score_when_it_is_not_given() -> None:
    """At or above the threshold it is the positive class; ``scores`` stand in for ``score``."""
    bare = without(GOOD, "prediction", "score")
    (part,) = decode(
        {**bare, "score": 0.5}, {**bare, "score": 0.49}, {**bare, "scores": {"UP": 0.7}}, GOOD
    ).predictions
    assert (["UP", "DOWN", "UP", "UP"], [0.5, 0.49, 0.7, 0.83]) == (
        texts(part.predicted),
        part.score.tolist(),
    )
    (part,) = decode({**bare, "model": "open", "score": 0.1}).predictions
    assert ["not UP"] == texts(part.predicted)


@pytest.mark.parametrize("score", [1.01, -0.1, "0.5", True, [], 1 << 70])
def test_an_invalid_score_leaves_a_given_class_usable(score: object) -> None:
    """Fault 38: the score is invalid, the event counts."""
    (part,) = decode({**GOOD, "score": score}).predictions
    assert (["UP"], [math.inf]) == (texts(part.predicted), part.score.tolist())


def test_multiclass_scores() -> None:
    """A matrix over sorted classes, NaN where absent; the class is the best score's if not given."""
    base = {**without(GOOD, "prediction", "score"), "model": "m"}
    d = decode(
        {**base, "scores": {"c": 0.2, "a": 0.8}},
        {**base, "prediction": 7, "scores": {"b": 2}},
        {**base, "scores": {}},
    )
    (part,) = d.predictions
    assert ("a", "b", "c") == part.score_classes
    expected = [[0.8, math.nan], [math.nan, math.inf], [0.2, math.nan]]
    assert part.scores is not None
    assert np.array_equal(expected, part.scores, equal_nan=True)
    assert (["a", "7"], [(2, "missing_field")]) == (
        texts(part.predicted),
        [(r.index, r.reason) for r in d.rejects],
    )


@pytest.mark.parametrize("latency", [-1, "5", True, None, [], 1e15, 1e308])
def test_a_latency_that_is_none_is_missing(latency: object) -> None:
    """Only numbers from 0 are latencies; two of 1e308 would make the sum of all infinite."""
    (part,) = decode({**GOOD, "latency_ms": latency}).predictions
    assert math.isnan(part.latency_ms[0])


def test_names_are_made_canonical() -> None:
    """Versions and ids may be integers; no version is ``unversioned``; the last of duplicate keys wins."""
    doubled = json.dumps(GOOD).encode().replace(b'"version": "1"', b'"version": "0", "version": "1"')
    d = decode(
        {**GOOD, "version": 1, "prediction_id": 5},
        {**GOOD, "prediction_id": "5"},
        without(GOOD, "version"),
        doubled,
    )
    assert [("1", [0, 1, 3]), ("unversioned", [2])] == [(p.version, p.rows.tolist()) for p in d.predictions]
    assert d.ids[0].tolist() == d.ids[1].tolist()


def test_unmonitored_events_keep_their_rows() -> None:
    """Fault 45: they move watermarks and are counted, and are in no part."""
    d = decode(
        GOOD, {**GOOD, "model": "other"}, {**GOOD, "model": "other"}, {**GOOD, "model": "r", "prediction": 1}
    )
    assert (4, {("other", "1"): 2}, []) == (len(d.time_ms), d.unmonitored, d.rejects)
    assert [("b", [0]), ("r", [3])] == [(p.model, p.rows.tolist()) for p in d.predictions]


def test_one_poison_message_costs_only_itself() -> None:
    """Fault 52: 9 999 of 10 000 are decoded, into the same columns."""
    events: list[Any] = [json.dumps({**GOOD, "prediction_id": i}).encode() for i in range(10_000)]
    whole = decode(*events[:5000], *events[5001:])
    events[5000] = b"\x00poison"
    d = decode(*events)
    assert ([(5000, "not_json")], 9_999) == ([(r.index, r.reason) for r in d.rejects], len(d.time_ms))
    assert np.array_equal(whole.ids, d.ids)


def test_features_events() -> None:
    """Inputs without a prediction: no class, no score, zeros for ids."""
    d = decode(without(GOOD, "prediction", "prediction_id", "score", "latency_ms"), kind=Kind.FEATURES)
    (part,) = d.predictions
    assert ([None], [[0.5], [2.0]], [[0, 0]]) == (
        texts(part.predicted),
        part.numeric.tolist(),
        d.ids.tolist(),
    )
    assert ["missing_field"] == [
        r.reason for r in decode({"model": "b", "time": 1}, kind=Kind.FEATURES).rejects
    ]


STRUCTURED = {"specversion": "1.0", "id": "1", "source": "s", "type": "t", "data": GOOD}


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        (STRUCTURED, None),
        (STRUCTURED, [[("content-type", b"application/cloudevents+json; charset=utf-8")]]),
        (GOOD, [[("ce_specversion", b"1.0"), ("ce_id", b"1"), ("content-type", b"application/json")]]),
        (
            {
                **without(STRUCTURED, "data"),
                "data_base64": base64.b64encode(json.dumps(GOOD).encode()).decode(),
            },
            None,
        ),
    ],
)
def test_cloudevents_hold_the_same_event(value: object, headers: list[Headers | None] | None) -> None:
    """Structured and binary envelopes give the columns of the bare event."""
    bare, d = decode(GOOD), decode(value, headers=headers)
    assert ([], bare.ids.tolist(), bare.time_ms.tolist()) == (d.rejects, d.ids.tolist(), d.time_ms.tolist())
    assert bare.predictions[0].numeric.tolist() == d.predictions[0].numeric.tolist()


def test_what_a_header_promises_must_be_there() -> None:
    """A structured content type without an envelope, or a foreign version, is no CloudEvent."""
    structured: Headers = [("content-type", b"application/cloudevents+json")]
    d = decode(GOOD, GOOD, headers=[structured, [("ce_specversion", b"2.0")]])
    assert ["bad_cloudevent", "bad_cloudevent"] == [r.reason for r in d.rejects]


@pytest.mark.parametrize(
    "stamp_ms", [0, -(1 << 63), 253_402_300_800_000, 1_700_000_000_000_000, (1 << 63) - 1]
)
def test_a_record_timestamp_that_no_clock_shows_stands_in_for_no_time(stamp_ms: int) -> None:
    """A producer that writes microseconds is of the year 55 840: a label without a time is rejected."""
    d = decode(without(LABEL, "time"), without(LABEL, "time"), kind=Kind.LABEL, timestamp_ms=stamp_ms)
    assert ["bad_time", "bad_time"] == [r.reason for r in d.rejects]
    d = decode(without(GOOD, "time"), GOOD, from_record=True, timestamp_ms=stamp_ms)
    assert ([(0, "bad_time")], [TIME_MS]) == ([(r.index, r.reason) for r in d.rejects], d.time_ms.tolist())


def test_an_unknown_format_is_the_users_error() -> None:
    """The message says what would be right."""
    with pytest.raises(UsageError, match='write "driftline"'):
        make_decoder("ours", Kind.LABEL, schema_of=lambda *_: None, limits=Limits())


def test_an_empty_batch_has_no_rows() -> None:
    """Nothing in, nothing out."""
    for kind in Kind:
        d = decode(kind=kind)
        assert (0, (0, 2), [], []) == (len(d.time_ms), d.ids.shape, d.predictions, d.labels)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)
MUTANTS = st.dictionaries(
    st.sampled_from([*GOOD, "scores", "label", "revision", "specversion", "data"]), JSON, max_size=3
)


@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure
@given(
    st.lists(st.one_of(st.none(), st.binary(max_size=40), MUTANTS.map(lambda m: {**GOOD, **m})), max_size=4),
    st.sampled_from(Kind),
)
def test_no_value_raises(events: list[Any], kind: Kind) -> None:
    """Faults 36-43: whatever comes in is a row or a reject, once."""
    d = decode(*events, kind=kind)
    assert list(range(len(events))) == sorted([*d.record.tolist(), *(r.index for r in d.rejects)])


@given(st.lists(MUTANTS.map(lambda m: {**GOOD, "model": "m", **m}), min_size=2, max_size=4))
def test_events_decode_alone_as_in_company(events: list[Any]) -> None:
    """The same event gives the same answer whatever else is in the batch (§4)."""
    together = decode(*events)
    reasons = {r.index: r.reason for r in together.rejects}
    for i, event in enumerate(events):
        assert [reasons[i]] if i in reasons else [] == [r.reason for r in decode(event).rejects]


def test_open_class_scores_are_bounded() -> None:
    """Fault 46: a flood of class names is split into small parts; too wide events have no scores."""
    base = {**without(GOOD, "score"), "model": "m"}
    events = [{**base, "scores": {f"{i}-{j}": 0.5 for j in range(100)}} for i in range(1000)]
    d = decode(*events, {**base, "scores": {str(j): 0.5 for j in range(101)}})
    assert 1001 == sum(len(p.rows) for p in d.predictions)
    assert max(p.scores.size for p in d.predictions if p.scores is not None) <= 4_000_000
    assert d.predictions[-1].scores is not None
    assert np.isnan(d.predictions[-1].scores[:, -1]).all()


@pytest.mark.parametrize("number", [b"1e999", b"-1e999", b"1" * 40])
def test_a_regression_beyond_float64_is_an_invalid_value_of_a_usable_event(number: bytes) -> None:
    """As of a feature; text is none."""
    event = json.dumps({**without(GOOD, "score"), "model": "r", "prediction": 5}).encode()
    d = decode(event, event.replace(b'"prediction": 5', b'"prediction": ' + number))
    assert (d.rejects, len(d.time_ms)) == ([], 2)
    assert d.predictions[0].value.tolist() == [5.0, math.inf]
