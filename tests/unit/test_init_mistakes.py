"""What ``driftline init`` says when the data or the command line cannot be right: all of it, with what would be."""

import subprocess

import pytest

from driftline.reference.file import load
from tests.unit.init_world import animals, bank, run, write_csv


def test_every_mistake_is_told_at_once_with_what_would_be_right(tmp_path, capfd):
    """Names that are not there, a class that does not occur, a file that is there already."""
    data = animals(tmp_path / "animals.csv", 500)
    (tmp_path / "driftline.yaml").write_text("mine", encoding="utf-8")
    code, out, err = run(
        capfd, "init", data, "--time", "timestmp", "--label", "clas", "--score", "weight", "--numeric", "height",
        "--model", "a/b", "--output", tmp_path,
    )  # fmt: skip
    assert (2, "") == (code, out)
    assert [
        f"driftline: {data} has 6 mistakes",
        '  --model: "a/b" cannot name a file; leave out / \\ * ? [ ] and a dot at the beginning',
        f"  {tmp_path / 'driftline.yaml'}: is there already, and nothing is overwritten",
        '  --time: there is no column "timestmp"; did you mean "timestamp"?',
        '  --label: there is no column "clas"; did you mean "class"?',
        '  --numeric: there is no column "height"; did you mean "weight"?',
    ] == err.splitlines()[:6]
    assert err.splitlines()[6].startswith("  --score: weight cannot be the score: its values go from ")
    assert "mine" == (tmp_path / "driftline.yaml").read_text(encoding="utf-8")
    assert ["animals.csv", "driftline.yaml"] == sorted(p.name for p in tmp_path.iterdir())


@pytest.mark.parametrize(
    ("head", "row", "options", "message"),
    [
        ("ts,x,colour", "2026-01-01,1,red", (), "--prediction, --score: no column looks like the model's answer"),
        ("x,prediction", "1,a", (), "--time: no column holds times"),
        ("when,x,prediction", "2026-01-01,1,a", (), "--time: no column of times has a name that says so; when may be it, or say --every 1m"),
        ("ts,x,prediction", "2026-01-01,1,a", ("--task", "regression"), "--task: regression needs numbers; prediction holds others"),
        ("ts,x,prediction", "2026-01-01,1,a", ("--positive", "b"), '--positive: "b" does not occur in prediction; its classes are: a'),
        ("ts,x,prediction", "2026-01-01,1,a", ("--task", "binary"), "--task: binary needs two classes in prediction; found a"),
        ("ts,prediction", "2026-01-01,a", (), "--features: no column is left as a feature (ts, prediction)"),
        ("ts,model,prediction", "2026-01-01,m,a", (), "--features: no column is left as a feature (model: its name says that it is none)"),
        ("ts,x,score", "2026-01-01,1,0.5", (), "--positive: there are only scores"),
        ("ts,x,score", "2026-01-01,1,1.5", ("--score", "score"), "--score: score cannot be the score: its values go from 1.5 to 1.5"),
        ("ts,x,prediction", "2026-01-01,1,a", ("--id", "x"), "--id: x cannot be the prediction id: 1 different values in 2 rows"),
        ("ts,x,prediction", "2026-01-01,1,a", ("--label", "prediction", "--prediction", "prediction"), "--label: prediction is named for two things"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told_by_its_option(head, row, options, message, tmp_path, capfd):
    """Two equal rows, and what is missing or contradicts itself."""
    data = write_csv(tmp_path / "d.csv", head.split(","), [row.split(",")] * 2)
    code, _out, err = run(capfd, "init", data, *options, "--output", tmp_path / "o")
    assert (2, True, False) == (code, f"  {message}" in err, (tmp_path / "o").exists())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "DATA: is missing; give a file of predictions, or --topic and --bootstrap-servers"),
        (("--topic", "t"), "--bootstrap-servers: is missing; where is the Kafka of --topic?"),
        (("--labels-topic", "t"), "--labels-topic: needs --topic, the predictions"),
    ],
)
def test_options_that_do_not_fit_together_are_told(options, message, tmp_path, capfd):
    """Before anything is read."""
    code, _out, err = run(capfd, "init", *options, "--output", tmp_path / "o")
    assert (2, True) == (code, f"  {message}" in err)


def test_options_that_cannot_be_read_are_told_with_the_rest(tmp_path, capfd):
    """A duration, rows, a task, and a name that no column has, in one go; a pace that cannot be read is not missing."""
    data = bank(tmp_path / "bank.csv", 100)
    code, _out, err = run(
        capfd, "init", data, "--every", "5minutes", "--validated-rows", "80:40", "--task", "binry", "--label", "yy",
        "--output", tmp_path / "o",
    )  # fmt: skip
    assert (2, [
        f"driftline: {data} has 4 mistakes",
        '  --every: "5minutes" is not a duration; write "5m"',
        '  --validated-rows: "80:40" ends before it begins; write 40:80 for rows 40 to 79',
        "  --task: 'binry' is not one of 'binary', 'multiclass', 'regression'.",
        '  --label: there is no column "yy"; did you mean "y"?',
    ]) == (code, err.splitlines())  # fmt: skip
    code, _out, err = run(capfd, "init", tmp_path / "none.csv", "--every", "5minutes")
    assert (2, 2) == (code, len(err.splitlines()[1:]))


def test_a_date_that_is_none_is_shown(tmp_path, capfd):
    """What stands there, and how it should be written."""
    data = write_csv(
        tmp_path / "d.csv", ["date", "x", "prediction"], [["31.01.2026", 1, "a"], ["01.02.2026", 2, "b"]]
    )
    _code, _out, err = run(capfd, "init", data, "--output", tmp_path / "o")
    assert (
        '  --time: no column holds times (date: its values, as "31.01.2026", are no times: write RFC 3339, '
        in err
    )


@pytest.mark.parametrize(
    ("name", "text", "encoding", "cause"),
    [
        ("head.csv", "ts,straße,prediction\n2026-01-01,1,a\n", "latin-1",
         'line 1 is not UTF-8, but probably WINDOWS-1252 ("ts,straße,prediction'),
        ("rows.csv", "ts,x,prediction\n2026-01-01,Köln,a\n", "latin-1",
         'line 2 is not UTF-8, but probably WINDOWS-1252 ("2026-01-01,Köln,a")'),
        ("my rows.jsonl", '{"ts": 1}\n{"ts": "Köln"}\n', "latin-1", "line 2 is not UTF-8, but probably WINDOWS-1252"),
        ("sheet.csv", "ts,x,prediction\n2026-01-01,1,a\n", "utf-16", "line 1 is not UTF-8, but probably UTF-16"),
    ],
)  # fmt: skip
def test_a_file_in_another_encoding_is_told(name, text, encoding, cause, tmp_path, capfd):
    """What it probably is, where, and the command that mends it; the command does."""
    data = tmp_path / name
    data.write_bytes(text.encode(encoding))
    code, _out, err = run(capfd, "init", data, "--output", tmp_path / "o")
    assert (2, True) == (code, f"{name}: {cause}" in err)
    subprocess.run(["bash", "-ec", err.split("write it anew: ")[1]], cwd=tmp_path, check=True)
    assert text == (tmp_path / f"utf8-{name}").read_text(encoding="utf-8").removeprefix("\ufeff")


def test_numbers_with_commas_are_told_as_the_cause(tmp_path, capfd):
    """As European spreadsheets write them: all at once; categories that look so can be named as such."""
    rows = [[f"2026-01-{1 + i // 1440:02d}T{i // 60 % 24:02d}:{i % 60:02d}:00Z", f"{i},50", f"0,{i % 10}", f"{i % 3},{i % 2}", "ab"[i % 2]]
            for i in range(1400)]  # fmt: skip
    data = write_csv(tmp_path / "d.csv", ["ts", "amount", "score", "pair", "prediction"], rows)
    code, _out, err = run(capfd, "init", data, "--categorical", "pair", "--output", tmp_path / "o")
    said = '  amount, score: values as "0,50" are numbers with a comma; write them with a decimal point'
    assert (2, [f"{said} (or say --categorical, if they are categories, or --exclude)"]) == (
        code,
        err.splitlines()[1:],
    )
    code, _out, err = run(
        capfd, "reference", "build", data, "--model", "d", "--version", "1", "--output", tmp_path / "r.json",
        "--score", "score", "--positive", "a", "--prediction", "prediction", "--categorical", "pair",
    )  # fmt: skip
    assert (0, ["pair"]) == (code, [p.name for p in load(tmp_path / "r.json").categorical])
    assert (
        'left out: amount: values as "0,50" are numbers with a comma; write them with a decimal point' in err
    )
    assert "warning: no value of score is a number" in err
