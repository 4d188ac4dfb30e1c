"""A topic of one's own JSON: the draft of a format that ``driftline init --topic`` shows, and what it reads."""

from __future__ import annotations

import json
from contextlib import ExitStack

import pytest
import yaml

from driftline.config.formats import FormatShape, path_text, places_of, steps
from driftline.decode.mapped import MappedReader
from driftline.demo import processes
from driftline.onboarding.draft import draft_of
from driftline.onboarding.draft_text import draft_text
from driftline.records import Kind
from tests.unit.init_world import run


def nested(i):
    """An id, a model, a time in seconds, inputs, and two probabilities, each somewhere."""
    return {
        "meta": {"host": "h", "trace": f"t{i}"},
        "request": {"id": f"r{i}"},
        "model": {"name": "churn", "version": "7"},
        "at": 1_767_225_600 + 600 * i,
        "inputs": {"age": 20 + i % 50, "job": "ab"[i % 2], "credit_score": 0.5},
        "answer": {"probabilities": [round(1 - i % 10 / 10, 1), i % 10 / 10]},
    }


def outcome(i):
    """The truth of it, an hour later."""
    return {
        "request": {"id": f"r{i}"},
        "model": {"name": "churn"},
        "at": 1_767_229_200 + 600 * i,
        "outcome": "yes" if i % 10 > 5 else "no",
    }


def flat(i):
    """All side by side."""
    return {
        "req_id": i, "ts": 1_767_225_600_000 + i, "age": i % 50, "job": "ab"[i % 2], "pred": "yes", "proba": 0.5,
    }  # fmt: skip


def drafted(predictions, labels=(), headers=None):
    return draft_of([json.loads(json.dumps(p)) for p in predictions], list(labels), "m", headers)


def where(draft):
    return {
        name: place.where.get("path", dict(place.where)) if len(place.where) == 1 else dict(place.where)
        for name, place in draft.fields.items()
    }


def test_fields_are_found_by_names_and_values():
    """With the unit and the place in a list said as assumptions, and what no field takes."""
    draft = drafted(map(nested, range(30)), map(outcome, range(30)))
    assert {
        "prediction_id": "$.request.id",
        "model": "$.model.name",
        "version": "$.model.version",
        "time": {"path": "$.at", "unit": "s"},
        "features": "$.inputs",
        "score": "$.answer.probabilities[1]",
        "label": "$.outcome",
    } == where(draft)
    assert "assumed to be epoch seconds, by the size of its numbers" in draft.fields["time"].why
    assert "assumed: the second of two is the positive class's" in draft.fields["score"].why
    assert ["$.meta.host", "$.meta.trace", "$.answer.probabilities[0]"] == draft.unused
    assert [] == draft.remarks


def test_fields_side_by_side_have_the_whole_document_as_features():
    """The model's name, which no event has, is assumed."""
    draft = drafted(map(flat, range(30)))
    expected = {
        "prediction_id": "$.req_id", "model": {"default": "m"}, "time": {"path": "$.ts", "unit": "ms"},
        "features": "$", "prediction": "$.pred", "score": "$.proba",
    }  # fmt: skip
    assert expected == where(draft)
    assert ("assumed: no field looks like it", []) == (draft.fields["model"].why, draft.unused)


@pytest.mark.parametrize(
    ("document", "remark"),
    [
        ({"id": "a", "when": "2026-01-01 10:00:00", "score": 0.5, "x": [1, 2]}, "features at $.x are a list"),
        ({"id": "a", "when": "2026-01-01 10:00:00", "score": 0.5}, '$.when ("2026-01-01 10:00:00") may be the time and has no offset'),
        ({"time": 1_767_225_600_000, "score": 0.5}, "no field looks like an id that each event has once"),
        ({"id": "a", "time": 1_767_225_600_000}, "no field looks like the model's answer"),
        ({"id": "a", "score": 0.5}, "no field is a time that can be read: the records' own timestamps stand for it"),
    ],
)  # fmt: skip
def test_what_is_not_found_or_cannot_be_read_is_told(document, remark):
    """Never left out in silence."""
    assert any(said.startswith(remark) for said in drafted([document]).remarks)


def test_what_labels_have_elsewhere_is_told():
    """A stream has one format."""
    draft = drafted(map(nested, range(9)), [{"id": f"r{i}", "outcome": "yes"} for i in range(9)])
    assert [
        f"labels have no {name} at {path}, where predictions have it (there are $.id, $.outcome): "
        "a stream has one format, so both must have it at one place"
        for name, path in (("prediction_id", "$.request.id"), ("time", "$.at"), ("model", "$.model.name"))
    ] == draft.remarks


def test_names_that_no_document_has_are_looked_for_in_headers():
    """As many producers have them."""
    draft = drafted([flat(i) for i in range(5)], headers={"model-name": b"m", "model-version": b"3"})
    assert ({"header": "model-name"}, {"header": "model-version"}) == (
        draft.fields["model"].where,
        draft.fields["version"].where,
    )


@pytest.mark.parametrize("make", [nested, flat])
def test_the_text_is_yaml_that_says_what_the_draft_reads(make):
    """Read back as a configuration would, it reads every document; names cannot end its comments."""
    documents = [{**make(i), "odd\nkey: # x": "a\nb", "": 1, "'\"": 2} for i in range(20)]
    draft = drafted(documents)
    text = draft_text(draft, ["head\nof two lines"], {"predictions": "no: topic"})
    content = yaml.safe_load(text)
    assert "no: topic" == content["streams"]["main"]["predictions"][0]
    places = places_of(FormatShape.model_validate(content["formats"]["ours"]))
    assert draft.places == places
    values = [json.dumps(document).encode() for document in documents]
    read = MappedReader(Kind.PREDICTION, 1 << 20, places).read(values, None)
    assert (20, []) == (len(read.events), read.rejects)
    assert {"m", "churn"} >= {event.model for event in read.events}


@pytest.mark.parametrize(
    "way", [(), ("a", "b", 0), ("x y", "it's", 'say "so"', "a.b"), (3, "0"), ("é", "a[0]")]
)
def test_a_path_is_written_as_it_is_read(way):
    """``path_text`` and ``steps`` are each other's inverse."""
    assert way == steps(path_text(way))


@pytest.fixture
def servers():
    """An embedded broker, a process of its own."""
    with ExitStack() as stack:
        process, address = processes.start_broker(1)
        stack.callback(processes.stop, process)
        yield address


def test_from_own_json_to_a_configuration_that_reads_it(servers, tmp_path, capfd):
    """init shows the draft and ends with 2; with the draft it goes through, and the daemon's engine reads the topic."""
    for topic, make in (("predictions", nested), ("labels", outcome)):
        path = tmp_path / f"{topic}.jsonl"
        path.write_text("".join(json.dumps(make(i)) + "\n" for i in range(1000)), encoding="utf-8")
        run(capfd, "produce", "--bootstrap-servers", servers, "--topic", topic, path)
    command = ("init", "--topic", "predictions", "--labels-topic", "labels", "--bootstrap-servers", servers)
    code, out, err = run(capfd, *command, "--output", tmp_path / "o")
    assert (2, False) == (code, (tmp_path / "o").exists())
    assert (
        "(1000 missing_field): there is no prediction_id, no prediction or score or scores; there are meta, "
        in err
    )
    assert "a draft of a format that reads them stands on stdout" in err
    assert "With it, 1000 of 1000 records are predictions, and 1000 of 1000 labels." in out
    (tmp_path / "ours.yaml").write_text(out, encoding="utf-8")
    code, _out, err = run(capfd, *command, "--format", tmp_path / "ours.yaml", "--output", tmp_path / "o")
    assert (0, True) == (code, "predictions: 1000 events of churn/7, 1000 with a label" in err)
    code, out, err = run(capfd, "check-config", tmp_path / "o/driftline.yaml")
    assert (0, "", False) == (code, err, "warning" in out)
    samples = tmp_path / "samples"
    replayed = run(
        capfd, "replay", "--config", tmp_path / "o/driftline.yaml", "--from-kafka", "--samples", samples
    )
    kinds = {json.loads(line)["statistic"] for line in samples.read_text(encoding="utf-8").splitlines()}
    assert (0, True) == (replayed[0], {"f1", "psi"} <= kinds)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: 1", "  formats: one format is needed, and here are: none"),
        (
            "formats: {a: {score: $.p}, b: {score: $.p}}",
            "  formats: one format is needed, and here are: a, b",
        ),
        ("formats: {a: {scor: $.p}}", '  formats.a.scor: unknown key "scor"; did you mean "score"? (line 1)'),
        ("[", "is not YAML"),
    ],
)
def test_a_file_without_one_sound_format_is_refused(content, message, tmp_path, capfd):
    """Before a broker is asked."""
    (tmp_path / "f.yaml").write_text(content, encoding="utf-8")
    command = ("init", "--topic", "t", "--bootstrap-servers", "127.0.0.1:1", "--format", tmp_path / "f.yaml")
    code, _out, err = run(capfd, *command)
    assert (2, True) == (code, message in err)


def test_events_without_a_time_take_their_records(servers, tmp_path, capfd):
    """Said, and written into the configuration; what answers nothing is no prediction."""
    lines = [
        {"prediction_id": i, "model": "m", "features": {"x": i % 7}, "prediction": "ab"[i % 2]}
        for i in range(300)
    ]
    silent = [{"prediction_id": f"s{i}", "model": "m", "features": {"x": 1}} for i in range(3)]
    (tmp_path / "p.jsonl").write_text(
        "".join(json.dumps(e) + "\n" for e in [*lines, *silent]), encoding="utf-8"
    )
    run(capfd, "produce", "--bootstrap-servers", servers, "--topic", "predictions", tmp_path / "p.jsonl")
    command = ("init", "--topic", "predictions", "--bootstrap-servers", servers, "--output", tmp_path / "o")
    code, _out, err = run(capfd, *command)
    assert (0, True, True) == (
        code,
        "assumed: events without a time happened when their record was written (time.from_record)" in err,
        "not usable: 3 missing_field" in err,
    )
    config = yaml.safe_load((tmp_path / "o/driftline.yaml").read_text(encoding="utf-8"))
    assert {"from_record": True} == config["streams"]["main"]["time"]


def test_labels_that_cannot_be_read_are_told(servers, tmp_path, capfd):
    """Beside predictions that can: it looked as if there were none."""
    lines = [{**flat(i), "prediction_id": i, "model": "m", "prediction": "ab"[i % 2], "features": {"x": i % 7},
              "time": 1_767_225_600_000 + i} for i in range(100)]  # fmt: skip
    for topic, events in (("predictions", lines), ("labels", [outcome(i) for i in range(5)])):
        path = tmp_path / f"{topic}.jsonl"
        path.write_text("".join(json.dumps(e) + "\n" for e in events), encoding="utf-8")
        run(capfd, "produce", "--bootstrap-servers", servers, "--topic", topic, path)
    command = ("init", "--topic", "predictions", "--labels-topic", "labels", "--bootstrap-servers", servers)
    _code, _out, err = run(capfd, *command, "--output", tmp_path / "o")
    assert "labels: not usable as labels: 5 missing_field" in err
