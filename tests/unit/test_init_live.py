"""From nothing but a file to a daemon that monitors it, on the embedded broker; and from a topic's events."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import time
from contextlib import ExitStack
from urllib.request import urlopen

import pytest
import yaml

from driftline.cli.init_answers import ask
from driftline.demo import processes
from driftline.onboarding.study import study
from driftline.onboarding.wishes import Wishes
from driftline.settings import Task
from tests.unit.init_world import answers, bank, elec2, run

TOPICS = {"predictions": 3, "labels": 1, "driftline.triggers": 1, "driftline.dead-letters": 1}
DATA = {
    "bank": (bank, ("--every", "2m", "--validated-rows", "0:4000"), 2000),
    "elec2": (elec2, ("--validated-rows", "0:43000"), 2312),
    "answers": (answers, ("--validated-rows", "0:2000"), 1000),
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
        "labels: none of 1 records is a prediction as driftline reads them (1 missing_field): there is no prediction_id, no model; there are id, score; a draft",
        "predictions is empty; produce some predictions, or start from a file of them",
        'has no topic predictoins; did you mean "predictions"?',
    )
    assert [True] * 3 == [part in err for part, (_c, _o, err) in zip(expected, said, strict=True)]


def test_at_a_terminal_enter_takes_the_guess_and_words_correct_it(tmp_path, monkeypatch, capfd):
    """Each question has what is known so far as its default; what does not fit is told, and asked again."""
    answers = iter([None] * 8 + ["maybe"] + [None] * 8 + ["no"])
    asked = []

    def prompt(text, default=None, value_proc=None, **_more):
        given = next(answers) or default
        asked.append((text.split(":")[0], default))
        return value_proc(given) if value_proc else given

    monkeypatch.setattr("click.prompt", prompt)
    found = study(bank(tmp_path / "bank.csv", 500), (0, None), None, tmp_path)
    wishes = ask(found, Wishes())
    assert ("no", Task.BINARY, "y_score", 60_000) == (
        wishes.positive,
        wishes.task,
        wishes.score,
        wishes.every_ms,
    )
    assert [
        ("Which column is the time", "-"), ("Rows without times", "1m"), ("Which is the prediction's id", "-"),
        ("Which is the model's answer", "y_pred"), ("Which is its score", "y_score"), ("Which is the truth", "y"),
        ("Which is the time at which the truth became known", "-"), ("Which task", "binary"),
        ("Which class is the positive one", "yes"),
    ] * 2 == asked  # fmt: skip
    assert '--positive: "maybe" does not occur in y; its classes are: no, yes' in capfd.readouterr().err


def test_at_a_terminal_a_person_is_asked(tmp_path):
    """A real one: Enter to every question but the rows, and the files are there."""
    data = bank(tmp_path / "bank.csv", 2000)
    command = [sys.executable, "-m", "driftline", "init", str(data), "--output", str(tmp_path / "o")]
    terminal, slave = pty.openpty()
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True)
    os.close(slave)
    said, answered = "", 0
    while True:
        try:
            piece = os.read(terminal, 4096).decode(errors="replace")
        except OSError:
            break
        said += piece
        if said.count("]: ") > answered:
            answered += 1
            os.write(terminal, b"1500\n" if "validated on" in said.splitlines()[-1] else b"\n")
    os.close(terminal)
    assert 0 == process.wait(60)
    assert 10 == answered
    assert 500 == len((tmp_path / "o/events/predictions.jsonl").read_text(encoding="utf-8").splitlines())
