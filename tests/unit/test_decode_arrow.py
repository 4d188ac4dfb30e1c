"""Arrow IPC streams: one message, many events, the same columns as their JSON."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftline.decode import make_decoder
from driftline.decode.arrow_columns import read_columns
from driftline.records import INVALID, MISSING, Coded, Decoded, Kind, RawBatch, Schema
from driftline.settings import Limits, Task

BINARY = Schema(Task.BINARY, ("x", "y"), ("day",), ("UP", "DOWN"), "UP", "DOWN", segments=("region",))
MULTI = Schema(Task.MULTICLASS, ("x",))
SCHEMAS = {"b": BINARY, "m": MULTI}


def stream(columns: dict[str, Any], options: pa.ipc.IpcWriteOptions | None = None) -> bytes:
    table, sink = pa.table(columns), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=7)
    return sink.getvalue().to_pybytes()


def raw(values: list[bytes | None], kind: Kind = Kind.PREDICTION) -> RawBatch:
    n = len(values)
    return RawBatch(kind, (("t", 0),), np.zeros(n, np.int32), np.arange(n), np.full(n, 7), values)


def decode(*values: bytes | None, kind: Kind = Kind.PREDICTION) -> Decoded:
    decoder = make_decoder("driftline", kind, schema_of=lambda model, _: SCHEMAS.get(model), limits=Limits())
    return decoder.decode(raw(list(values), kind))


def texts(coded: Coded) -> list[object]:
    return [coded.values[c] if c >= 0 else {MISSING: None, INVALID: INVALID}[int(c)] for c in coded.codes]


def flat(decoded: Decoded) -> list[Any]:
    """All that is said about each row, and the rejects."""
    out: list[Any] = [
        decoded.time_ms.tolist(),
        decoded.ids.tolist(),
        sorted(r.reason for r in decoded.rejects),
        decoded.unmonitored,
        decoded.unknown_features,
    ]
    for p in decoded.predictions:
        out += [
            p.model,
            p.version,
            p.rows.tolist(),
            p.numeric.tolist(),
            p.score.tolist(),
            p.latency_ms.tolist(),
        ]
        out += [texts(p.predicted), *map(texts, p.categorical), *map(texts, p.segments)]
        out += [p.score_classes, None if p.scores is None else p.scores.tolist()]
    for q in decoded.labels:
        out += [q.model, q.rows.tolist(), texts(q.label), q.revision.tolist()]
    return [repr(part) for part in out]


def columns(events: list[dict[str, Any]], *, struct: bool) -> dict[str, Any]:
    names = ("prediction_id", "model", "version", "prediction", "score", "latency_ms")
    out: dict[str, Any] = {name: [e.get(name) for e in events] for name in names}
    out["model"] = pa.array(out["model"], pa.string()).dictionary_encode()
    for name in ("version", "prediction"):
        out[name] = pa.array(out[name], pa.string())
    for name in ("score", "latency_ms"):
        out[name] = pa.array(out[name], pa.float64())
    out["time"] = pa.array([e.get("time") for e in events], pa.int64())
    kinds = {"x": pa.float64(), "y": pa.int64(), "day": pa.string(), "extra": pa.bool_()}
    features = {
        name: pa.array([e["features"].get(name) for e in events], kind) for name, kind in kinds.items()
    }
    regions = pa.array([e["segments"].get("region") for e in events], pa.string())
    if struct:
        out["features"] = pa.StructArray.from_arrays(list(features.values()), names=list(features))
        out["segments"] = pa.StructArray.from_arrays([regions], names=["region"])
    else:
        out |= {f"features.{name}": array for name, array in features.items()} | {"segments.region": regions}
    return out


def some(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with any of the keys, never null."""
    return st.fixed_dictionaries({}, optional=values)


EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "prediction_id": st.text("abcé", min_size=1, max_size=5),
            "model": st.sampled_from(["b", "b", "m", "other", "bad\0"]),
            "features": some(
                x=st.floats(allow_nan=False, allow_infinity=False),
                y=st.integers(-(1 << 60), 1 << 60),
                day=st.sampled_from(["1", "2", "", "d" * 300]),
                extra=st.booleans(),
            ),
            "segments": some(region=st.sampled_from(["nsw", "vic"])),
        },
        optional={
            "time": st.sampled_from([1, 862790400000, 0, -1]),
            "version": st.sampled_from(["1", "2", ""]),
            "prediction": st.sampled_from(["UP", "DOWN", "SIDEWAYS"]),
            "score": st.floats(-0.1, 1.1),
            "latency_ms": st.floats(-1, 9),
        },
    ),
    min_size=1,
    max_size=20,
)


@given(events=EVENTS, struct=st.booleans())
def test_arrow_equals_the_json_of_the_same_events(events: list[dict[str, Any]], *, struct: bool) -> None:
    """Same rows, ids, columns and reasons, on the array path and, beside other records, row by row."""
    message = stream(columns(events, struct=struct))
    expected = flat(decode(*(json.dumps(event).encode() for event in events)))
    assert expected == flat(decode(message))
    decoded = decode(message, None)
    assert "empty" == decoded.rejects.pop().reason
    assert expected == flat(decoded)


def test_a_good_stream_takes_the_array_path() -> None:
    """A batch of streams of one shape is read as columns; rows know their record."""
    columns_ = {
        "prediction_id": ["1", "2"],
        "model": ["b", "b"],
        "time": [5, 6],
        "prediction": ["UP", "DOWN"],
    }
    batch = raw([stream(columns_), stream(columns_)])
    assert read_columns(batch, Kind.PREDICTION, 1 << 20) is not None
    assert [0, 0, 1, 1] == decode(*batch.values).record.tolist()


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([1500], pa.timestamp("us", "UTC")), [1]), (pa.array([2],
        pa.timestamp("s", "Europe/Paris")), [2000]),
        (pa.array([2_999_999], pa.timestamp("ns", "UTC")), [2]), (pa.array(["1970-01-01T00:00:01Z"]), [1000]),
        (pa.array([9], pa.timestamp("ms")), []), (pa.array([1.0]), []), (pa.array([None],
        pa.timestamp("ms", "UTC")),
        []),
        (pa.array([1 << 60], pa.timestamp("s", "UTC")), []),
    ],
)  # fmt: skip
def test_times_of_a_column(column: Any, expected: list[int]) -> None:
    """Timestamps with a zone, integers and texts; a timestamp without a zone is naive, so unusable."""
    d = decode(stream({"prediction_id": ["1"], "model": ["b"], "time": column, "prediction": ["UP"]}))
    assert expected == d.time_ms.tolist()
    assert len(expected) + len(d.rejects) == 1


def test_number_columns_of_any_type() -> None:
    """Floats and integers are numbers; NaN is missing; infinite, big, text and booleans are invalid."""
    arrays = [
        pa.array([1.5], pa.float32()), pa.array([3], pa.int8()), pa.array([None], pa.float64()),
        pa.array([math.nan]),
        pa.array([-math.inf]), pa.array([1 << 63], pa.uint64()), pa.array(["1"]), pa.array([True]),
        pa.nulls(1),
    ]  # fmt: skip
    base = {"prediction_id": ["1"], "model": ["b"], "time": [5], "prediction": ["UP"]}
    found = [decode(stream({**base, "features.x": array})).predictions[0].numeric[0, 0] for array in arrays]
    expected = [1.5, 3.0, math.nan, math.nan, math.inf, math.inf, math.inf, math.inf, math.nan]
    assert np.array_equal(expected, found, equal_nan=True)


def test_labels_and_scores() -> None:
    """Labels with nulls as retractions; class scores as a struct."""
    d = decode(
        stream(
            {"prediction_id": ["1", "2"], "model": ["b", "b"], "label": ["UP", None], "revision": [1, None]}
        ),
        kind=Kind.LABEL,
    )
    assert ([7, 7], ["UP", None], [1, 1]) == (
        d.time_ms.tolist(),
        texts(d.labels[0].label),
        d.labels[0].revision.tolist(),
    )
    scores = pa.array([{"a": 0.2, "b": 0.8}])
    (part,) = decode(
        stream({"prediction_id": ["1"], "model": ["m"], "time": [5], "scores": scores})
    ).predictions
    assert (["b"], ("a", "b")) == (texts(part.predicted), part.score_classes)


GOOD = {"prediction_id": ["1"] * 99, "model": ["b"] * 99, "time": [5] * 99, "prediction": ["UP"] * 99}
BAD = [
    stream({**GOOD, "features.x": [[1.0]] * 99}),
    stream(GOOD, pa.ipc.IpcWriteOptions(compression="zstd")),
    stream(
        {**GOOD, "model": pa.array(GOOD["model"]).dictionary_encode()},
        pa.ipc.IpcWriteOptions(compression="lz4"),
    ),
    stream(GOOD)[:-60],
    stream(GOOD)[:40],
]


@pytest.mark.parametrize("message", BAD)
def test_unusable_streams_cost_only_themselves(message: bytes) -> None:
    """Faults 36, 42: nested values, compressed buffers (bombs) and truncated streams are bad_arrow."""
    d = decode(stream(GOOD), message)
    assert ([(1, "bad_arrow")], 99) == ([(r.index, r.reason) for r in d.rejects], len(d.time_ms))


@given(st.integers(0, len(BAD[0]) - 1), st.binary(min_size=1, max_size=8))
def test_damaged_streams_never_raise(at: int, noise: bytes) -> None:
    """Fault 36: any overwritten bytes give rows or rejects."""
    good = stream(GOOD)
    d = decode(good[:at] + noise + good[at + len(noise) :])
    assert len(d.time_ms) or d.rejects


def test_names_must_be_texts() -> None:
    """Rows whose ids are missing are rejected one by one; integer ids are canonical texts."""
    d = decode(stream({**GOOD, "prediction_id": [None, *range(98)]}))
    assert ([(0, "missing_field")], 98) == ([(r.index, r.reason) for r in d.rejects], len(d.time_ms))
    assert decode(stream({**GOOD, "prediction_id": ["5"] * 99})).ids[0].tolist() == d.ids[5].tolist()


def test_columns_without_bytes_are_bounded() -> None:
    """Fault 42: null columns have no bytes; many of them over many rows are refused."""
    rows = 50_000
    columns_ = {name: pa.array(values[:1] * rows).dictionary_encode() for name, values in GOOD.items()}
    wide = {f"scores.{i}": pa.nulls(rows) for i in range(300)}
    table, sink = pa.table({**columns_, **wide}), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    assert ["bad_arrow"] == [r.reason for r in decode(sink.getvalue().to_pybytes()).rejects]


TICKS = [0, 1, -1, 253_402_300_799_999, 253_402_300_800_000, (1 << 63) - 1, -(1 << 63)]
ZONES = [None, "UTC", "Mars/Phobos", ""]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_a_timestamp_among_the_features_is_an_invalid_value(unit: str, zone: str | None) -> None:
    """Fault 43: nanoseconds, a year that Python's dates have not, a zone that nobody knows; alone and in company."""
    column = pa.array([*TICKS, None], pa.int64()).cast(pa.timestamp(unit, zone))
    rows = {name: values[: len(column)] for name, values in GOOD.items()}
    for told in (column, column.dictionary_encode()):
        message = stream({**rows, "features.x": told, "features.day": told, "segments.region": told})
        for d in (decode(message), decode(message, b"{")):
            (part,) = d.predictions
            assert [math.inf] * len(TICKS) == part.numeric[0, :-1].tolist()
            assert [INVALID] * len(TICKS) + [None] == texts(part.categorical[0]) == texts(part.segments[0])


def test_a_dictionary_with_nulls_is_read_over_several_batches() -> None:
    """Arrow cannot unify such dictionaries: their values are taken instead."""
    codes = pa.array([i % 2 for i in range(99)], pa.int8())
    one, other = (pa.DictionaryArray.from_arrays(codes, pa.array([name, None])) for name in ("1", "2"))
    first, second = (stream({**GOOD, "features.day": column}) for column in (one, other))
    for d in (decode(first, second), decode(first, second, b"{")):
        days = [day for part in d.predictions for day in texts(part.categorical[0])]
        assert [*["1", None] * 49, "1", *["2", None] * 49, "2"] == days


@pytest.mark.parametrize("column", [["a"] * 99, [1.0] * 99, [True] * 99])
def test_features_that_are_no_object_make_the_stream_unusable(column: list[Any]) -> None:
    """Alone, and beside columns that name features; nulls are as no column."""
    more = {"features.x": [1.0] * 99}
    for columns_ in ({"features": column}, {"features": column, **more}, {**more, "features": column}):
        assert ["bad_arrow"] == [r.reason for r in decode(stream({**GOOD, **columns_})).rejects]
    d = decode(stream({**GOOD, **more, "features": pa.nulls(99)}))
    assert ([], [1.0] * 99) == (d.rejects, d.predictions[0].numeric[0].tolist())


def _arrays(rows: int) -> st.SearchStrategy[Any]:
    """Columns of any type that a stream may hold, plain ones and others, also as dictionaries."""
    whole = st.lists(st.none() | st.sampled_from([*TICKS, 5]), min_size=rows, max_size=rows)
    units = st.tuples(st.sampled_from(["s", "ms", "us", "ns"]), st.sampled_from(ZONES))
    texts_ = st.lists(
        st.none() | st.sampled_from(["", "UP", "b", "\0", "é" * 200]), min_size=rows, max_size=rows
    )
    plain = st.one_of(
        whole.map(lambda v: pa.array(v, pa.int64())),
        st.tuples(whole, units).map(lambda p: pa.array(p[0], pa.int64()).cast(pa.timestamp(*p[1]))),
        texts_.map(lambda v: pa.array(v, pa.string())),
        st.lists(st.none() | st.floats(), min_size=rows, max_size=rows).map(
            lambda v: pa.array(v, pa.float64())
        ),
        st.just(pa.nulls(rows)),
        st.just(pa.array([True] * rows)),
    )
    nested = st.sampled_from(
        [pa.array([{"x": 1.0}] * rows), pa.array([[1]] * rows), pa.array([b"\xff"] * rows)]
    )
    return plain | plain.map(lambda array: array.dictionary_encode()) | nested


NAMES = ["features", "features.x", "features.day", "segments.region", "scores.UP", "label", "revision", *GOOD]


@settings(deadline=None)  # a busy machine is no failure
@given(st.dictionaries(st.sampled_from(NAMES), _arrays(3), max_size=3), st.sampled_from(Kind))
def test_columns_of_any_type_never_raise(odd: dict[str, Any], kind: Kind) -> None:
    """Each of two equal records, read as columns and beside one that is none, gives rows or a reject."""
    message = stream({**{name: values[:3] for name, values in GOOD.items()}, **odd})
    for values in ([message, message], [message, b"{"]):
        d = decode(*values, kind=kind)
        assert {0, 1} == {*d.record.tolist(), *(r.index for r in d.rejects)}


def test_many_models_in_one_stream() -> None:
    """Rows are split by model and version; each part has only the values that occur in it."""
    message = stream(
        {
            "prediction_id": ["1", "2", "3"], "model": ["b", "m", "b"], "time": [5, 6, 7],
            "prediction": ["UP", "a", "DOWN"],
            "features.x": [1.0, 2.0, 3.0], "features.day": ["1", "2", "3"], "features.z": [1, 1, None],
        }
    )  # fmt: skip
    first, second = decode(message).predictions
    assert ([[1.0, 3.0]], [[2.0]]) == (first.numeric[:1].tolist(), second.numeric.tolist())
    assert ["1", "3"] == texts(first.categorical[0])
    assert ("1", "3") == first.categorical[0].values


def test_a_stream_without_events_is_a_reject() -> None:
    """Nothing is dropped without a reason: no rows, no known column, or data behind the end."""
    longer = stream(GOOD) + b"more"
    none = stream({name: pa.array([], pa.string()) for name in GOOD})
    strange = stream({"other": [1, 2]})
    d = decode(none, strange, longer)
    assert [(0, "empty"), (1, "bad_arrow"), (2, "bad_arrow")] == [(r.index, r.reason) for r in d.rejects]
