"""What is said beside a reject's reason: the field, what it holds, what would be right."""

from __future__ import annotations

import json
from typing import Any

import pytest

from driftline.decode.explain import explain
from driftline.records import REJECT_REASONS, Kind
from driftline.settings import FieldPlace

P, L, F = Kind.PREDICTION, Kind.LABEL, Kind.FEATURES
GOOD = {"prediction_id": "a", "model": "m", "time": 1, "prediction": "UP"}
TIME = "write RFC 3339 with an offset or Z, or whole milliseconds since 1970"


@pytest.mark.parametrize(
    ("reason", "kind", "event", "said"),
    [
        ("missing_field", P, {"id": "a", "prediction": 1}, "there is no prediction_id, no model; there are id, prediction"),
        ("missing_field", P, {**GOOD, "prediction": None}, "there is no prediction or score or scores; there are prediction_id, model, time, prediction"),
        ("missing_field", P, {}, "there is no prediction_id, no model, no prediction or score or scores; there are no fields"),
        ("missing_field", L, {"prediction_id": "a", "model": "m"}, "there is no label (null takes one back); there are prediction_id, model"),
        ("missing_field", F, {"model": "m"}, "there is no features; there are model"),
        ("missing_field", P, {"specversion": "1.0", "data": {"model": "m", "score": 1}}, "there is no prediction_id; there are model, score"),
        ("wrong_type", P, {**GOOD, "features": [1]}, "Expected `object | null`, got `array` in `features`"),
        ("wrong_type", P, {**GOOD, "prediction": ["UP"], "score": 2}, 'prediction is ["UP"], score is 2: no class or number that the model\'s task can use'),
        ("bad_time", P, {**GOOD, "time": "5/6/97"}, f'time is "5/6/97"; {TIME}'),
        ("bad_time", P, {"prediction_id": "a"}, "there is no time, and the record may not stand in for it (time.from_record)"),
        ("bad_time", L, {"prediction_id": "a"}, "there is no time, and the record has no timestamp"),
        ("unknown_class", P, GOOD, 'prediction is "UP", which is not among the model\'s classes'),
        ("name_too_long", P, {**GOOD, "version": 300 * "v"}, "version has 300 bytes; limits.name_bytes says how many it may have"),
        ("bad_name", P, {**GOOD, "model": "m\0"}, "model holds a zero byte or half a character"),
        ("wrong_type", P, [1, 2], "an event is a JSON object, and this is [1, 2]"),
    ],
)  # fmt: skip
def test_the_field_is_named(reason: str, kind: Kind, event: Any, said: str) -> None:
    """One line, for a reader who knows the producer and not driftline."""
    assert explain(json.dumps(event).encode(), reason, kind) == said


@pytest.mark.parametrize(
    "value", [None, b"", b"\xff", b'{"a": NaN}', b"[" * 100_000, b"null", b"5", b'{"a": 1e999}']
)
@pytest.mark.parametrize("reason", REJECT_REASONS)
def test_nothing_raises(value: bytes | None, reason: str) -> None:
    """Whatever the record holds, there is a line or none."""
    for kind in Kind:
        said = explain(value, reason, kind)
        assert said is None or (said and "\n" not in said)


@pytest.mark.parametrize("name", ["\\ud800", "\\u001b[2J", "\\n", "\\u202e"])
def test_names_that_a_terminal_would_obey_are_quoted(name: str) -> None:
    """Half a character, an escape, a line's end, a turn of the direction: shown as JSON writes them."""
    value = f'{{"model": "m", "{name}": 1}}'.encode()
    assert f'there are model, "{name}"' in str(explain(value, "missing_field", P))


def test_what_is_too_much_is_cut() -> None:
    """A record of a million names is no line of a million names."""
    value = json.dumps({f"f{i}": 1 for i in range(1000)} | {"x" * 500: 1}).encode()
    said = str(explain(value, "missing_field", P))
    assert said.endswith("f39, …")


def test_where_json_ends_is_told() -> None:
    """As the parser says it, and NaN by name."""
    assert explain(b'{"a": 1,, }', "not_json", P) == (
        "the value is no JSON: Expecting property name enclosed in double quotes: line 1 column 9 (char 8)"
    )
    assert (
        explain(b'{"a": NaN}', "not_json", P) == "the value is no JSON: NaN is no number of JSON; write null"
    )


PLACES = (("prediction_id", FieldPlace(("req", "id"))), ("model", FieldPlace(header="m")))


@pytest.mark.parametrize(
    ("reason", "headers", "said"),
    [
        ("missing_field", None, "there is no model, no prediction or score or scores; there are prediction_id, time"),
        ("bad_time", [("m", b"m")], f'time is "x"; {TIME}'),
        ("bad_time", [("m", b"\xff")], None),
    ],
)  # fmt: skip
def test_a_format_of_ones_own_is_explained_by_the_fields(reason: str, headers: Any, said: str | None) -> None:
    """As the places give them."""
    value = json.dumps({"req": {"id": "a"}, "time": "x"}).encode()
    assert explain(value, reason, P, headers, PLACES) == said
