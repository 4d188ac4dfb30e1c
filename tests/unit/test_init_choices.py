"""What ``driftline init`` is told beside the roles of columns: the threshold of a score, and what to leave out."""

from __future__ import annotations

import random

import pytest
import yaml

from driftline.cli.init_answers import ask
from driftline.onboarding.study import study
from driftline.onboarding.wishes import Wishes
from driftline.reference.file import load
from tests.unit.init_world import animals, answers, bank, run, write_csv

HEAD = ["ts", "age", "zip", "noise_a", "noise_b", "score", "label"]


def scored(path, rows=1500, head=HEAD):
    """Scores and labels, no predicted class."""
    rng = random.Random(2)
    made = []
    for i in range(rows):
        score = round(rng.random(), 2)
        truth = "bad" if rng.random() < score else "good"
        when = f"2026-01-{1 + i // 144:02d}T{i // 6 % 24:02d}:{i % 6}0:00Z"
        made.append([when, rng.randint(18, 90), rng.randint(1, 9), rng.random(), rng.random(), score, truth])
    return write_csv(path, head, made)


def _model(folder):
    return yaml.safe_load((folder / "driftline.yaml").read_text(encoding="utf-8"))["models"][0]


@pytest.mark.parametrize(("given", "expected"), [((), 0.5), (("--threshold", "0.3"), 0.3)])
def test_model_and_reference_have_the_same_threshold(given, expected, tmp_path, capfd):
    """Where the score alone tells the class; a half is assumed, and said so. check-config has nothing to warn of."""
    data = scored(tmp_path / "m.csv")
    code, _out, err = run(
        capfd, "init", data, "--validated-rows", "0:1000", *given, "--output", tmp_path / "o"
    )
    profile = load(tmp_path / "o/references/m-1.json")
    assert (0, expected, expected) == (code, _model(tmp_path / "o")["threshold"], profile.threshold)
    assert (given == ()) == ("assumed: score means bad from 0.5 on (--threshold)" in err)
    code, out, _err = run(capfd, "check-config", tmp_path / "o/driftline.yaml")
    assert (0, False) == (code, "warning" in out)


def test_without_labels_the_threshold_is_the_models_alone(tmp_path, capfd):
    """Nothing is measured at it."""
    data = scored(tmp_path / "m.csv")
    options = ("--label", "-", "--positive", "bad", "--threshold", "0.7")
    code, _out, _err = run(capfd, "init", data, *options, "--output", tmp_path / "o")
    profile = load(tmp_path / "o/references/m-1.json")
    assert (0, 0.7, None) == (code, _model(tmp_path / "o")["threshold"], profile.threshold)


@pytest.mark.parametrize(
    ("make", "options", "message"),
    [
        (bank, ("--every", "1m"), "--threshold: y_pred has the predicted class already; with --prediction - the score tells it"),
        (animals, (), "--threshold: a multiclass task has none; leave it out"),
        (bank, ("--every", "1m", "--score", "-"), "--threshold: there is no score that it could be held against; name one with --score"),
    ],
)  # fmt: skip
def test_a_threshold_without_effect_is_a_mistake(make, options, message, tmp_path, capfd):
    """With what would give it one."""
    data = make(tmp_path / "d.csv", 500)
    code, _out, err = run(capfd, "init", data, *options, "--threshold", "0.3", "--output", tmp_path / "o")
    assert (2, True, False) == (code, f"  {message}" in err, (tmp_path / "o").exists())


def _names(profile):
    return [p.name for p in (*profile.numeric, *profile.categorical)]


def test_single_columns_and_globs_are_left_out_and_told(tmp_path, capfd):
    """Neither a feature nor, by guess, anything else; the others are judged as before. A glob spares what is named."""
    data = scored(tmp_path / "m.csv")
    options = ("--exclude", "z*,noise_?,s*", "--score", "score", "--validated-rows", "0:1000")
    code, _out, err = run(capfd, "init", data, *options, "--output", tmp_path / "o")
    told = " ".join(err.split())
    assert (0, ["age"]) == (code, _names(load(tmp_path / "o/references/m-1.json")))
    assert [True] * 3 == [f"left out {n} --exclude names it" in told for n in ("zip", "noise_a", "noise_b")]
    assert "noise" not in (tmp_path / "o/events/predictions.jsonl").read_text(encoding="utf-8")


def test_reference_build_leaves_out_the_same(tmp_path, capfd):
    """A column that has a glob for its name is that column."""
    data = scored(tmp_path / "m.csv", head=["ts", "age", "zip", "noise*", "noise_b", "score", "label"])
    command = ("reference", "build", data, "--model", "m", "--version", "1", "--output", tmp_path / "r.json")
    code, _out, err = run(capfd, *command, "--label", "label", "--time", "ts", "--exclude", "noise*,score")
    assert (0, ["age", "noise_b", "zip"]) == (code, _names(load(tmp_path / "r.json")))
    assert "left out: noise*: --exclude names it" in err.splitlines()


@pytest.mark.parametrize(
    ("options", "messages"),
    [
        (("--exclude", "aeg"), ['--exclude: there is no column "aeg"; did you mean "age"?']),
        (("--exclude", "nosie_*"), ['--exclude: no column fits "nosie_*"; did you mean "noise_b"?']),
        (("--exclude", "age", "--numeric", "age"), ["--exclude: age is named with --numeric too; leave it out of one of the two"]),
        (("--exclude", "zip", "--features", "age"), ["--exclude: --features names all features already; leave one of the two options out"]),
        (("--exclude", "label,*x", "--label", "label"), [
            "--exclude: label is named with --label too; leave it out of one of the two",
            '--exclude: no column fits "*x"; the columns are: ts, age, zip, noise_a, noise_b, score, label',
        ]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["init", "reference build"])
def test_what_cannot_be_left_out_is_told(command, options, messages, tmp_path, capfd):
    """A near miss, a contradiction, and a list beside the other: by both commands alike."""
    data = scored(tmp_path / "m.csv", 100)
    own = ("--model", "m", "--version", "1", "--output", tmp_path / "o")
    code, _out, err = run(capfd, *command.split(), data, *own, *options)
    assert (2, messages) == (code, [x[2:] for x in err.splitlines() if x.startswith("  ")] or [err.strip()])
    assert not (tmp_path / "o").exists()


@pytest.mark.parametrize("options", [(), ("--features", "-")])
def test_a_model_without_features_is_measured_by_its_answers(options, tmp_path, capfd):
    """A reference with performance and answers, rules about them that pass their tests, and a replay in which they fire."""
    data, out = answers(tmp_path / "m.csv"), tmp_path / "o"
    code, _out, err = run(capfd, "init", data, "--validated-rows", "0:1500", *options, "--output", out)
    assert (0, options == ()) == (code, "assumed: no column is a feature, so the answers and how good" in err)
    profile = load(out / "references/m-1.json")
    assert ([], True) == (_names(profile), profile.performance["metrics"]["f1"] > 0.85)
    rules = yaml.safe_load((out / "rules/m.yaml").read_text(encoding="utf-8"))["rules"]
    assert ["m-f1-fell", "m-answers-drift", "m-silence"] == [rule["name"] for rule in rules]
    said = [run(capfd, *c) for c in (
        ("check-config", out / "driftline.yaml"), ("test-rules", out / "tests/m.yaml"),
        ("replay", "--config", out / "driftline.yaml", "--predictions", out / "events/predictions.jsonl",
         "--labels", out / "events/labels.jsonl", "--episodes", "-"),
    )]  # fmt: skip
    assert [0, 0, 0] == [code for code, _out, _err in said]
    assert (False, True) == ("warning" in said[0][1], "3 passed" in said[1][1])
    assert "m-f1-fell" in said[2][1]
    assert "1 episode: 1 fired" in said[2][1]


def test_answers_alone_are_enough_when_that_is_said(tmp_path, capfd):
    """Without features and labels there is nothing but drift of the answers: no silent choice."""
    data, out = answers(tmp_path / "m.csv"), tmp_path / "o"
    code, _out, err = run(capfd, "init", data, "--label", "-", "--exclude", "label", "--output", out)
    assert (2, True) == (code, "or say --features - for a model of which the answers alone are known" in err)
    options = ("--label", "-", "--features", "-")
    code, _out, _err = run(capfd, "init", data, *options, "--output", out)
    assert (0, "none") == (code, _model(out)["labels"])
    code, found, _err = run(capfd, "check-config", out / "driftline.yaml")
    assert (0, False) == (code, "warning" in found)
    assert "1 passed" in run(capfd, "test-rules", out / "tests/m.yaml")[1]


def test_a_reference_may_be_without_features(tmp_path, capfd):
    """--features - of reference build."""
    command = (
        "reference",
        "build",
        answers(tmp_path / "m.csv"),
        "--model",
        "m",
        "--version",
        "1",
        "--output",
        tmp_path / "r",
    )
    options = ("--prediction", "prediction", "--label", "label", "--positive", "yes", "--features", "-")
    assert (0, []) == (run(capfd, *command, *options)[0], _names(load(tmp_path / "r")))


def test_at_a_terminal_the_threshold_is_asked_where_the_score_tells_the_class(tmp_path, monkeypatch):
    """After the positive class; with the default that would be taken."""
    asked = []

    def prompt(question, default=None, value_proc=str, **_more):
        asked.append((question, default))
        return value_proc("0.2" if question.startswith("From which") else default)

    monkeypatch.setattr("click.prompt", prompt)
    found = study(scored(tmp_path / "m.csv", 300), (0, None), None, tmp_path)
    assert 0.2 == ask(found, Wishes()).threshold
    assert ("From which score on is bad meant", "0.5") == asked[-1]
