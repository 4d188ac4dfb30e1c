"""``driftline init``: from files as people have them to a configuration without a warning, and to a replay."""

from __future__ import annotations

import csv
import json
import shutil

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import pytest
import yaml

from driftline.cli import invoke
from driftline.instants import rfc3339
from driftline.reference.file import load
from tests.unit.init_world import animals, bank, elec2, houses, run, write_csv

KINDS = {
    "bank": (bank, ("--every", "2m", "--validated-rows", "0:4000")),
    "elec2": (elec2, ("--validated-rows", "0:9072")),
    "houses": (houses, ("--validated-rows", "0:2000")),
    "animals": (animals, ("--validated-rows", "0:2000")),
}


@pytest.fixture(params=KINDS, scope="module")
def made(request, tmp_path_factory):
    """(name, folder) of what init wrote from each kind of data."""
    make, options = KINDS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    data = make(folder / f"{request.param}.csv")
    assert 0 == invoke(["init", str(data), *options, "--output", str(folder / "out")])
    return request.param, folder / "out"


def _lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_configuration_has_no_mistake_and_no_warning(made, capfd):
    """check-config says nothing but that."""
    _name, folder = made
    code, out, err = run(capfd, "check-config", folder / "driftline.yaml")
    assert (0, "", False, True) == (code, err, "warning" in out, "no mistakes" in out)


def test_the_rules_pass_their_own_tests(made, capfd):
    """All of them, and there are at least two."""
    name, folder = made
    code, out, _err = run(capfd, "test-rules", folder / "tests" / f"{name}.yaml")
    assert (0, False, True) == (code, "failed" in out, "3 passed" in out)


def test_the_events_replay_at_once_and_every_line_is_usable(made, capfd):
    """Nothing is rejected, and the windows are judged: samples of performance and of drift come out."""
    name, folder = made
    events = folder / "events"
    code, _out, err = run(
        capfd, "replay", "--config", folder / "driftline.yaml", "--predictions", events / "predictions.jsonl",
        "--labels", events / "labels.jsonl", "--samples", folder / "samples.jsonl",
    )  # fmt: skip
    judged = {s["statistic"] for s in _lines(folder / "samples.jsonl") if s["state"] == "ok"}
    error = "rmse" if name == "houses" else "f1"
    assert (0, False, set()) == (code, "unusable" in err or "cannot be used" in err, {"psi", error} - judged)


def test_the_guess_is_the_right_one(made):
    """Task, positive class, windows and delay, by the data."""
    name, folder = made
    model = yaml.safe_load((folder / "driftline.yaml").read_text(encoding="utf-8"))["models"][0]
    month = [{"length": "28d", "slide": "1d"}]
    expected = {
        "bank": ("binary", "yes", {"drift": ["72h"], "performance": ["72h"]}, "1d"),
        "elec2": ("binary", "UP", {"drift": month, "performance": month}, "1d"),
        "houses": (
            "regression",
            None,
            {"drift": [{"length": "7d", "slide": "1d"}], "performance": ["72h"]},
            "20d",
        ),
        "animals": ("multiclass", None, {"drift": ["72h"], "performance": ["72h"]}, "1d"),
    }[name]
    assert expected == (model["task"], model.get("positive"), model["windows"], model["labels"]["delay"])


def test_features_are_told_apart_by_what_they_hold(made):
    """Numbers, texts, and what can be no feature."""
    name, folder = made
    profile = load(folder / "references" / f"{name}-1.json")
    expected = {
        "bank": (
            ["age", "balance", "campaign", "day", "duration"],
            ["contact", "default", "housing", "job", "marital", "month", "poutcome"],
        ),
        "elec2": (
            ["date", "day", "nswdemand", "nswprice", "period", "transfer", "vicdemand", "vicprice"],
            [],
        ),
        "houses": (["area", "rooms"], []),
        "animals": (["weight"], ["colour"]),
    }[name]
    assert expected == (sorted(p.name for p in profile.numeric), sorted(p.name for p in profile.categorical))


def test_elec2_keeps_what_the_validation_measured(tmp_path, capfd):
    """The class comes from the score, since the answers are in other words than the labels: F1 0.789 as in the demo."""
    code, out, err = run(
        capfd, "init", elec2(tmp_path / "e.csv"), "--validated-rows", "0:9072", "--output", tmp_path / "o"
    )
    profile = load(tmp_path / "o" / "references" / "e-1.json")
    assert (0, 0.789, 9072) == (code, round(profile.performance["metrics"]["f1"], 3), profile.rows)
    assert "y_prob with the threshold 0.5" in " ".join(err.split())
    assert 36_240 == len((tmp_path / "o" / "events" / "predictions.jsonl").read_text().splitlines())
    assert "next:" in out


def test_times_become_rfc3339_and_labels_come_when_they_were_known(tmp_path, capfd):
    """Epoch seconds are told from milliseconds, and said; predictions and labels are in the order of their times."""
    data = houses(tmp_path / "houses.csv")
    run(capfd, "init", data, "--validated-rows", "0:2000", "--output", tmp_path / "o")
    predictions = _lines(tmp_path / "o" / "events" / "predictions.jsonl")
    labels = _lines(tmp_path / "o" / "events" / "labels.jsonl")
    first = predictions[0]
    assert ("2026-01-14T21:20:00Z", "s2000") == (first["time"], first["prediction_id"])
    assert {
        "prediction_id": "s2000",
        "model": "houses",
        "label": labels[0]["label"],
        "time": "2026-02-03T21:20:00Z",
    } == labels[0]
    assert predictions == sorted(predictions, key=lambda e: e["time"])


@pytest.mark.parametrize("unit", ["epoch", "text"])
def test_the_newest_rows_may_still_wait_for_their_labels(unit, tmp_path, capfd):
    """Neither a label nor its time: a prediction only, and the delay is that of the others."""
    head, *rows = csv.reader(houses(tmp_path / "all.csv").read_text(encoding="utf-8").splitlines())
    for row in rows:
        row[0], row[-1] = (rfc3339(int(t) * 1000) if unit == "text" else t for t in (row[0], row[-1]))
    for row in rows[1500:]:
        row[-2:] = ["", ""]
    data = write_csv(tmp_path / "houses.csv", head, rows)
    code, _out, _err = run(capfd, "init", data, "--validated-rows", "0:2900", "--output", tmp_path / "o")
    model = yaml.safe_load((tmp_path / "o/driftline.yaml").read_text(encoding="utf-8"))["models"][0]
    assert (0, "20d") == (code, model["labels"]["delay"])
    assert 100 == len(_lines(tmp_path / "o/events/predictions.jsonl"))


def test_production_may_be_a_file_of_its_own_and_of_another_kind(tmp_path, capfd):
    """Parquet beside CSV; rows without a label have a prediction only."""
    validated = animals(tmp_path / "animals.csv", 1000)
    table = pacsv.read_csv(animals(tmp_path / "later.csv", 1500)).drop_columns(["class"])
    pq.write_table(
        table.append_column("class", pa.array(["cat"] * 100 + [None] * 1400)), tmp_path / "later.parquet"
    )
    code, _out, _err = run(
        capfd, "init", validated, "--production", tmp_path / "later.parquet", "--output", tmp_path / "o"
    )
    events = tmp_path / "o" / "events"
    assert (0, 1500, 100) == (
        code,
        len(_lines(events / "predictions.jsonl")),
        len(_lines(events / "labels.jsonl")),
    )


def test_production_without_labels_is_taken_as_it_is(tmp_path, capfd):
    """The labels may come later; there is no file of none."""
    table = pacsv.read_csv(animals(tmp_path / "later.csv", 1500)).drop_columns(["class"])
    pq.write_table(table, tmp_path / "later.parquet")
    code, out, _err = run(
        capfd, "init", animals(tmp_path / "animals.csv", 1000), "--production", tmp_path / "later.parquet",
        "--output", tmp_path / "o",
    )  # fmt: skip
    assert (0, False, False) == (code, (tmp_path / "o/events/labels.jsonl").exists(), "--labels" in out)


def test_without_labels_there_is_drift_only(tmp_path, capfd):
    """A model whose truth never comes: labels: none, no performance window, no rule on F1, and no warning."""
    data = write_csv(
        tmp_path / "m.csv", ["ts", "x", "c", "decision"],
        [[f"2026-01-{1 + i // 144:02d}T{i // 6 % 24:02d}:{i % 6}0:00Z", i % 97 / 7, "ab"[i % 2], "xyz"[i % 3]] for i in range(2000)],
    )  # fmt: skip
    code, _out, _err = run(capfd, "init", data, "--output", tmp_path / "o")
    model = yaml.safe_load((tmp_path / "o/driftline.yaml").read_text())["models"][0]
    rules = yaml.safe_load((tmp_path / "o/rules/m.yaml").read_text())["rules"]
    assert (0, "none", ["drift"]) == (code, model["labels"], list(model["windows"]))
    assert ["m-features-drift", "m-answers-drift", "m-values-missing", "m-silence"] == [
        r["name"] for r in rules
    ]
    code, out, _err = run(capfd, "check-config", tmp_path / "o/driftline.yaml")
    assert (0, False) == (code, "warning" in out)


def test_a_second_model_joins_the_first_by_its_files(tmp_path, capfd):
    """As the page for beginners says: copy reference and rules, add the entry; no two rules share a name."""
    for make, name in ((bank, "bank"), (animals, "animals")):
        options = ("--every", "2m") if name == "bank" else ()
        run(capfd, "init", make(tmp_path / f"{name}.csv", 2000), *options, "--output", tmp_path / name)
    for folder in ("references", "rules"):
        shutil.copytree(tmp_path / "animals" / folder, tmp_path / "bank" / folder, dirs_exist_ok=True)
    one, other = (tmp_path / name / "driftline.yaml" for name in ("bank", "animals"))
    both = yaml.safe_load(one.read_text(encoding="utf-8"))
    both["models"] += yaml.safe_load(other.read_text(encoding="utf-8"))["models"]
    one.write_text(yaml.safe_dump(both), encoding="utf-8")
    code, out, err = run(capfd, "check-config", one)
    assert (0, "", True, True) == (code, err, "bank-f1-fell" in out, "animals-f1-fell" in out)


def test_a_placeholder_among_numbers_is_no_category(tmp_path, capfd):
    """A few "?" stay invalid values of a number, in the reference and in the events."""
    rows = [
        [
            f"2026-01-01T{i // 60 % 24:02d}:{i % 60:02d}:00Z",
            "?" if i % 100 == 7 else i * 37 % 101,
            i % 3,
            "ab"[i % 2],
        ]
        for i in range(1400)
    ]
    data = write_csv(tmp_path / "m.csv", ["ts", "amount", "weight", "decision"], rows)
    code, _out, err = run(capfd, "init", data, "--validated-rows", "0:1000", "--output", tmp_path / "o")
    amount = next(p for p in load(tmp_path / "o/references/m-1.json").numeric if p.name == "amount")
    events = _lines(tmp_path / "o/events/predictions.jsonl")
    assert (0, 10, True) == (
        code,
        amount.invalid,
        '10 of its 1000 values are texts, as "?"' in " ".join(err.split()),
    )
    assert ["invalid"] * 4 == [
        e["features"]["amount"] for e in events if isinstance(e["features"]["amount"], str)
    ]


def test_words_of_users_come_back_from_yaml_as_they_are(tmp_path, capfd):
    """A model named like a number, a class like a boolean, a feature with quotes and braces."""
    rows = [
        [f"2026-01-01T{i // 60 % 24:02d}:{i % 60:02d}:00Z", i % 7, i % 5, ("yes", "no")[i % 2]]
        for i in range(1400)
    ]
    data = write_csv(tmp_path / "d.csv", ["ts", 'a "b": {c}', "#d", "prediction"], rows)
    code, _out, _err = run(
        capfd, "init", data, "--model", "007 é: #", "--version", "1e3", "--output", tmp_path / "o"
    )
    model = yaml.safe_load((tmp_path / "o/driftline.yaml").read_text())["models"][0]
    assert (0, "007 é: #", "yes") == (code, model["match"], model["positive"])
    assert 0 == run(capfd, "test-rules", tmp_path / "o/tests/007 é: #.yaml")[0]
    assert [0, False] == [
        (done := run(capfd, "check-config", tmp_path / "o/driftline.yaml"))[0],
        "warning" in done[1],
    ]


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters_than_commas_are_read(delimiter, tmp_path, capfd):
    """As spreadsheets of half the world write them; a comma inside of quotes is none."""
    animals(tmp_path / "a.csv", 1000)
    text = (
        (tmp_path / "a.csv")
        .read_text(encoding="utf-8")
        .replace(",", delimiter)
        .replace("colour", '"colour, fur"')
    )
    (tmp_path / "animals.csv").write_text("\ufeff" + text, encoding="utf-8")
    code, _out, _err = run(capfd, "init", tmp_path / "animals.csv", "--output", tmp_path / "o")
    profile = load(tmp_path / "o/references/animals-1.json")
    assert (0, ["weight"], ["colour, fur"]) == (
        code,
        [p.name for p in profile.numeric],
        [p.name for p in profile.categorical],
    )


def test_a_kafka_with_a_login_is_written_down_without_the_secret(tmp_path, capfd):
    """Properties go into the configuration, a secret stays in its file; on the command line it is refused."""
    (tmp_path / "secret").write_text("hunter2", encoding="utf-8")
    (tmp_path / "secret").chmod(0o600)
    data = animals(tmp_path / "animals.csv", 1000)
    given = (
        "--property",
        "security.protocol=SASL_SSL",
        "--property",
        "sasl.mechanism=PLAIN",
        "--property",
        "sasl.username=driftline",
        "--property",
        f"sasl.password_file={tmp_path / 'secret'}",
    )
    code, out, err = run(capfd, "init", data, *given, "--output", tmp_path / "o")
    text = (tmp_path / "o/driftline.yaml").read_text(encoding="utf-8")
    expected = dict(p.split("=", 1) for p in given[1::2])
    assert (0, expected, False) == (
        code,
        yaml.safe_load(text)["kafka"]["properties"],
        "hunter2" in out + err + text,
    )
    code, out, _err = run(capfd, "check-config", tmp_path / "o/driftline.yaml")
    assert (0, False) == (code, "warning" in out)
    code, _out, err = run(
        capfd, "init", data, "--property", "sasl.password=hunter2", "--output", tmp_path / "p"
    )
    assert (2, True, False) == (code, "write sasl.password_file=PATH" in err, "hunter2" in err)
