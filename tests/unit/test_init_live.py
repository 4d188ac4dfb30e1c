"""From nothing but a file to a daemon that monitors it, on the embedded broker; and from a topic's events."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack
from urllib.request import urlopen

import pytest
import yaml
from tests.unit.init_world import bank, elec2, run

from driftline.cli.init_answers import ask
from driftline.demo import processes
from driftline.onboarding.study import study
from driftline.onboarding.wishes import Wishes
from driftline.settings import Task

TOPICS = {"predictions": 3, "labels": 1, "driftline.triggers": 1, "driftline.dead-letters": 1}
DATA = {
    "bank": (bank, ("--every", "2m", "--validated-rows", "0:4000"), 2000),
    "elec2": (elec2, ("--validated-rows", "0:43000"), 2312),
}


@pytest.fixture
def servers():
    """An embedded broker, a process of its own."""
    with ExitStack() as stack:
        process, address = processes.start_broker(3)
        stack.callback(processes.stop, process)
        yield address


def _metrics(port):
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return answer.read().decode()
    except OSError:
        return ""


def _counted(port, model):
    found = re.search(
        rf'^driftline_model_predictions_total{{[^}}]*model="{model}"[^}}]*}} (\S+)',
        _metrics(port),
        re.MULTILINE,
    )
    return float(found[1]) if found else 0.0


@pytest.mark.parametrize("name", DATA)
def test_an_own_file_becomes_a_running_daemon(name, servers, tmp_path, capfd, monkeypatch):
    """init, produce, run: all of production's predictions are counted, and none is rejected."""
    make, options, production = DATA[name]
    port = processes.free_port()
    monkeypatch.setenv("DRIFTLINE_HTTP__LISTEN", f"127.0.0.1:{port}")
    folder = tmp_path / "o"
    assert (
        0
        == run(
            capfd,
            "init",
            make(tmp_path / f"{name}.csv"),
            *options,
            "--bootstrap-servers",
            servers,
            "--output",
            folder,
        )[0]
    )
    for topic in ("predictions", "labels"):
        events = folder / "events" / f"{topic}.jsonl"
        assert 0 == run(capfd, "produce", "--bootstrap-servers", servers, "--topic", topic, events)[0]
    daemon = processes.start_daemon(folder / "driftline.yaml", tmp_path / "daemon.log")
    try:
        deadline = time.monotonic() + 60
        while _counted(port, name) < production and time.monotonic() < deadline and daemon.poll() is None:
            time.sleep(0.1)
        text = _metrics(port)
    finally:
        code = processes.stop(daemon)
    rejected = [
        line
        for line in text.splitlines()
        if line.startswith("driftline_events_rejected_total") and not line.endswith(" 0")
    ]
    assert (0, production, []) == (code, _found(text, name), rejected)


def _found(text, model):
    found = re.search(
        rf'^driftline_model_predictions_total{{[^}}]*model="{model}"[^}}]*}} (\S+)', text, re.MULTILINE
    )
    return float(found[1]) if found else 0.0


def test_a_topic_is_sampled_with_its_labels(servers, tmp_path, capfd):
    """The newest events as rows, the label beside the answer; what else is there is said."""
    data = bank(tmp_path / "bank.csv")
    run(capfd, "init", data, "--every", "2m", "--validated-rows", "0:2000", "--output", tmp_path / "o")
    odd = tmp_path / "odd.jsonl"
    odd.write_text(
        '{"prediction_id": "a", "model": "other", "prediction": 1, "time": "2026-01-01T00:00:00Z"}\n[]\n',
        encoding="utf-8",
    )
    for topic, path in (
        ("predictions", odd),
        ("predictions", tmp_path / "o/events/predictions.jsonl"),
        ("labels", tmp_path / "o/events/labels.jsonl"),
    ):
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line != "[]"]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        run(capfd, "produce", "--bootstrap-servers", servers, "--topic", topic, path)
    code, _out, err = run(
        capfd, "init", "--topic", "predictions", "--labels-topic", "labels", "--bootstrap-servers", servers,
        "--output", tmp_path / "t",
    )  # fmt: skip
    config = yaml.safe_load((tmp_path / "t/driftline.yaml").read_text(encoding="utf-8"))
    assert (0, "bank", "binary", "yes") == (
        code,
        *(config["models"][0][k] for k in ("match", "task", "positive")),
    )
    assert servers == config["kafka"]["bootstrap_servers"]
    assert "predictions: 4000 events of bank/1, 4000 with a label" in err
    assert "other/unversioned (1)" in err
    code, out, _err = run(capfd, "check-config", tmp_path / "t/driftline.yaml")
    assert (0, False) == (code, "warning" in out)


def test_a_topic_of_something_else_is_told_with_what_to_do(servers, tmp_path, capfd):
    """None of its records is a prediction; an empty topic; one that is not there."""
    other = tmp_path / "other.jsonl"
    other.write_text('{"id": 1, "score": 0.5}\n', encoding="utf-8")
    run(capfd, "produce", "--bootstrap-servers", servers, "--topic", "labels", other)
    said = [
        run(capfd, "init", "--topic", topic, "--bootstrap-servers", servers, "--output", tmp_path / "t")
        for topic in ("labels", "predictions", "predictoins")
    ]
    assert [2, 2, 2] == [code for code, _out, _err in said]
    expected = (
        "labels: none of 1 records is a prediction as driftline reads them (1 missing_field); driftline tap labels ",
        "predictions is empty; produce some predictions, or start from a file of them",
        'has no topic predictoins; did you mean "predictions"?',
    )
    assert [True] * 3 == [part in err for part, (_c, _o, err) in zip(expected, said, strict=True)]


def test_at_a_terminal_enter_takes_the_guess_and_words_correct_it(tmp_path, monkeypatch):
    """Nine questions; a wrong answer is told, and they are asked again."""
    answers = iter(
        [
            "-",
            "-",
            "y_pred",
            "y_score",
            "y",
            "-",
            "binary",
            "maybe",
            "-",
            "-",
            "y_pred",
            "y_score",
            "y",
            "-",
            "binary",
            "no",
        ]
    )
    asked = []
    monkeypatch.setattr(
        "click.prompt", lambda text, default=None, **_more: (asked.append((text, default)), next(answers))[1]
    )
    found = study(bank(tmp_path / "bank.csv", 500), (0, None), None, tmp_path)
    wishes = ask(found.columns, Wishes(every_ms=60_000), found.guess)
    assert ("no", Task.BINARY, "y_score") == (wishes.positive, wishes.task, wishes.score)
    assert ("Which class is the positive one", "yes") == asked[7]
    assert 16 == len(asked)
