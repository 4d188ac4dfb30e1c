"""A format of a user's own, from the configuration to the samples: what is read is what a canonical event says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from driftline.cli import invoke
from driftline.config.formats import steps
from driftline.config.parse import load_config
from driftline.settings import FieldPlace
from tests.unit.replay_world import CONFIG, events, write

PREDICTIONS, LABELS = events(5)
FORMATS = """
formats:
  ours:
    prediction_id: $.request['id of it']
    model: {default: m}
    version: {header: version, default: "1"}
    time: {path: $.at, unit: s}
    prediction: $.answers[1].class
    label: $.outcome
"""
OWN = CONFIG.replace("labels: [labels], ", "labels: [labels], format: ours, ") + FORMATS


def seconds(time: str) -> int:
    """Epoch seconds of an RFC 3339 text."""
    from datetime import datetime

    return int(datetime.fromisoformat(time).timestamp())


def own(event: dict[str, Any]) -> dict[str, Any]:
    """The event as "ours" has it."""
    base = {"request": {"id of it": event["prediction_id"]}, "at": seconds(event["time"])}
    if "label" in event:
        return {**base, "outcome": event["label"]}
    return {**base, "answers": [None, {"class": event["prediction"]}]}


def replay(folder: Path, config: str, predictions: list[dict], labels: list[dict]) -> tuple[bytes, bytes]:
    """Samples and triggers."""
    (folder / "c.yaml").write_text(config, encoding="utf-8")
    files = write(folder / "p.jsonl", predictions), write(folder / "l.jsonl", labels)
    out = folder / "samples", folder / "triggers"
    command = ["replay", "--config", folder / "c.yaml", "--stream", "main", "--predictions", files[0], "--labels", files[1],
               "--samples", out[0], "--triggers", out[1]]  # fmt: skip
    assert 0 == invoke([str(a) for a in command])
    return out[0].read_bytes(), out[1].read_bytes()


def test_samples_and_triggers_are_those_of_the_same_events_in_canonical_json(tmp_path: Path) -> None:
    """Byte by byte."""
    canonical = replay(tmp_path, CONFIG, PREDICTIONS, LABELS)
    assert b'"accuracy"' in canonical[0]
    assert canonical == replay(tmp_path, OWN, [own(e) for e in PREDICTIONS], [own(e) for e in LABELS])


def test_what_cannot_be_read_is_told_by_field(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside the line."""
    broken = {"request": {"id": "x"}, "at": 1, "answers": []}
    replay(tmp_path, OWN, [own(PREDICTIONS[0]), broken], [own(LABELS[0])])
    said = capsys.readouterr().err
    assert (
        "p.jsonl:2: missing_field (there is no prediction_id, no prediction or score or scores; there are"
        in said
    )


def test_places_come_from_paths_headers_and_defaults(tmp_path: Path) -> None:
    """A field that is not named has no place of its own: it stands under its name."""
    (tmp_path / "c.yaml").write_text(OWN, encoding="utf-8")
    main, other = load_config(tmp_path / "c.yaml", {}).streams
    assert dict(main.places) == {
        "prediction_id": FieldPlace(("request", "id of it")),
        "model": FieldPlace(("model",), default="m"),
        "version": FieldPlace(header="version", default="1"),
        "time": FieldPlace(("at",), unit="s"),
        "prediction": FieldPlace(("answers", 1, "class")),
        "label": FieldPlace(("outcome",)),
    }
    assert other.places == ()


@pytest.mark.parametrize(
    ("path", "expected"),
    [("$", ()), ("$.a", ("a",)), ("$.a.b[0]", ("a", "b", 0)), ("$['x y'][\"z.1\"]", ("x y", "z.1")), ("$[3].0", (3, "0"))],
)  # fmt: skip
def test_a_path_is_keys_and_places_of_lists(path: str, expected: tuple[str | int, ...]) -> None:
    """A number after a dot is a key."""
    assert steps(path) == expected


def test_the_example_of_the_docs_is_read(tmp_path: Path) -> None:
    """The block under "Formats"."""
    page = (Path(__file__).parents[2] / "docs/configuration.md").read_text(encoding="utf-8")
    block = page.partition("## Formats")[2].partition("```yaml\n")[2].partition("```")[0]
    model = (
        "models: [{match: elec2, stream: main, task: binary, positive: UP, windows: {performance: [24h]}}]\n"
    )
    (tmp_path / "c.yaml").write_text(block + model, encoding="utf-8")
    [stream] = load_config(tmp_path / "c.yaml", {}).streams
    assert json.dumps(dict(stream.places)["score"].path) == '["answer", "probabilities", 0]'
