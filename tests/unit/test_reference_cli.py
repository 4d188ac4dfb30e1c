"""``driftline reference build`` and ``show``."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from driftline.cli import invoke
from driftline.cli.reference import reference
from driftline.reference.file import load

CSV = "x,c,y\n" + "".join(f"{i},[b]{i % 2},{'UP' if i % 3 else 'DOWN'}\n" for i in range(30))


@pytest.fixture
def data(tmp_path):
    (tmp_path / "d.csv").write_text(CSV)
    return tmp_path / "d.csv"


def run(*arguments):
    return CliRunner().invoke(reference, [str(a) for a in arguments])


def built(data, *more):
    return run("build", data, "--model", "m", "--version", "1", "--output", data.with_name("r.json"), *more)


def test_build_writes_a_reference_with_its_lineage(data):
    """All options reach the file; only the file's name stands in it, not its path."""
    result = built(data, "--features", "x, c", "--label", "y", "--positive", "UP", "--rows", "0:20",
                   "--lineage", "code_commit=abc", "--lineage", "run_id=7=8")  # fmt: skip
    profile = load(data.with_name("r.json"))
    assert (0, "") == (result.exit_code, result.stdout)
    assert (20, "d.csv", "abc", "7=8", [0, 20]) == (
        profile.rows, *(profile.lineage[k] for k in ("data", "code_commit", "run_id", "rows")))  # fmt: skip
    assert str(data.parent) not in data.with_name("r.json").read_text()


def test_build_says_what_is_surely_not_meant(data):
    """A score that is no probability, and rows too few to compare with: it is built, and said."""
    said = " ".join(built(data, "--label", "y", "--score", "x", "--positive", "UP").stderr.split())
    assert "warning: scores are probabilities, and those of x are 0 to 29: only those from 0 to 1" in said
    assert "warning: 30 rows: against so few every window looks moved; 500 or more are better" in said


def test_show_prints_columns_and_names_as_they_are(data):
    """Users' text is not read as markup."""
    built(data, "--label", "y", "--prediction", "y", "--positive", "UP")
    result = run("show", data.with_name("r.json"))
    assert 0 == result.exit_code
    assert "reference of m/1" in result.stdout
    assert "[b]0" in result.stdout
    assert "accuracy" in result.stdout


def test_a_threshold_is_told_when_it_is_taken_and_shown_later(data):
    """Where no column has the class: a half is assumed and said so, what is given is not; `show` has both."""
    shown = {}
    for given in ((), ("--threshold", "0.25")):
        said = built(data, "--label", "y", "--score", "x", "--positive", "UP", *given).stderr
        assumed = "assumed: x means UP from 0.5 on, since no column has the predicted class"
        assert (given == ()) == (assumed in said)
        shown[given] = " ".join(run("show", data.with_name("r.json")).stdout.split())
    assert [True, True] == [
        f"threshold {number}: UP where the score is at least that" in text
        for number, text in zip(("0.5", "0.25"), shown.values(), strict=True)
    ]
    built(data, "--label", "y", "--prediction", "y", "--positive", "UP")
    assert "threshold" not in run("show", data.with_name("r.json")).stdout


def test_what_is_taken_of_times_is_told(tmp_path):
    """No zone is UTC; a number is milliseconds, also where it can hardly be meant so."""
    (tmp_path / "d.csv").write_text(
        "x,none,zone,s,ns\n"
        + "".join(f"{i},2026-01-01T00:00:0{i},2026-01-01T00:00:0{i}+01:00,176722560{i},176722560{i}000000000\n" for i in range(9))
    )  # fmt: skip
    said = {
        name: built(tmp_path / "d.csv", "--features", "x", "--time", name).stderr
        for name in ("none", "zone", "s", "ns")
    }
    assumed = 'assumed: none is in UTC, since its values, as "2026-01-01T00:00:00", have no zone'
    assert [True, False] == [assumed in said["none"], "assumed" in said["zone"]]
    odd = ", before 1980 or after 2100; numbers are read as milliseconds since 1970"
    assert f"warning: times go from 1970-01-21T10:53:45.600Z to 1970-01-21T10:53:45.608Z{odd}" in said["s"]
    assert f"warning: times go from 1767225600000000000 to 1767225608000000000{odd}" in said["ns"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--features", "xx"], '--features: there is no column "xx"; did you mean "x"?'),
        (
            ["--rows", "5:5"],
            '--rows: "5:5" holds no row, since row 5 is not in it; write 5:6 for row 5 alone',
        ),
        (
            ["--rows", "8000:4000"],
            '--rows: "8000:4000" ends before it begins; write 4000:8000 for rows 4000 to 7999',
        ),
        (["--rows", "5"], '--rows: "5" is no span of rows; write 0:9072'),
        (
            ["--features", "x,y", "--label", "y"],
            "--features: y is the label; what is known only later is no feature",
        ),
        (["--rows", "90:"], "d.csv: there is no row in 90:"),
        (["--lineage", "abc"], '--lineage: "abc" is not key=value'),
        (["--threshold", "1.5"], '--threshold: "1.5" is no threshold; write a number from 0 to 1, as 0.5'),
        (["--threshold", "nan"], '--threshold: "nan" is no threshold; write a number from 0 to 1, as 0.5'),
        (
            ["--threshold", "0.3"],
            "--threshold: makes classes of scores only with --score, --label (it names the other class), --positive",
        ),
        (
            ["--threshold", "0.3", "--score", "x", "--prediction", "y"],
            "--threshold: y has the predicted class already; leave out --threshold or --prediction",
        ),
        (
            ["--threshold", "0.3", "--task", "regression"],
            "--threshold: a regression task has none; leave it out",
        ),
        (
            ["--threshold", "0.3", "--score", "x", "--label", "x", "--positive", "0"],
            "--threshold tells 0 from one other class, and x has beside it: 1, 2, 3",
        ),
    ],
)
def test_a_mistake_exits_with_2_and_says_what_is_right(data, more, message):
    """Usage and data errors are messages, never tracebacks, and leave no file."""
    result = built(data, *more)
    assert 2 == result.exit_code
    assert message in result.stderr
    assert not data.with_name("r.json").exists()


def test_all_mistakes_of_the_command_line_are_told_at_once(data):
    """What cannot be read and what is missing."""
    result = run("build", data, "--model", "m", "--rows", "9:3", "--lineage", "abc", "--task", "binry")
    assert (2, [
        "driftline: the command line has 5 mistakes",
        '  --rows: "9:3" ends before it begins; write 3:9 for rows 3 to 8',
        '  --lineage: "abc" is not key=value',
        "  --task: 'binry' is not one of 'binary', 'multiclass', 'regression'.",
        "  --version: is missing",
        "  --output: is missing",
    ]) == (result.exit_code, result.stderr.splitlines())  # fmt: skip


def test_all_names_that_no_column_has_are_told_at_once(data):
    """Each with its option and what may be meant."""
    result = built(data, "--features", "x,cc", "--categorical", "cc", "--label", "yy", "--time", "when")
    assert (2, [
        f"driftline: {data} has 4 mistakes",
        '  --features: there is no column "cc"; did you mean "c"?',
        '  --categorical: there is no column "cc"; did you mean "c"?',
        '  --label: there is no column "yy"; did you mean "y"?',
        '  --time: there is no column "when"; the columns are: x, c, y',
    ]) == (result.exit_code, result.stderr.splitlines())  # fmt: skip


def test_a_reference_that_is_replaced_is_told_of(data):
    """By the ids of both; the first one makes its folder, and a file that is no reference is named as such."""
    output = data.parent / "new" / "r.json"
    again = ("build", data, "--model", "m", "--version", "1", "--output", output)
    first = run(*again)
    one = load(output).id
    second = run(*again, "--label", "y")
    two = load(output).id
    same = run(*again, "--label", "y")
    assert f"replaced {output} (the same as before)" == same.stderr.splitlines()[0]
    assert (0, 0, False) == (first.exit_code, second.exit_code, "replaced" in first.stderr)
    assert f"replaced {output} (was id {one[:12]}, is {two[:12]})" == second.stderr.splitlines()[0]
    output.write_text("mine")
    assert f"replaced {output} (it was no reference)" == run(*again).stderr.splitlines()[0]


def test_an_output_that_cannot_be_written_leaves_nothing(data):
    """A folder in its place: a message, and no half of a file beside it."""
    place = data.parent / "r.json"
    place.mkdir()
    result = built(data)
    assert (2, True) == (result.exit_code, f"{place}: cannot be written: " in result.stderr)
    assert ["d.csv", "r.json"] == sorted(p.name for p in data.parent.iterdir())


def test_an_answer_that_is_a_feature_is_told_of(data):
    """Named as both, or not named by its option though its name says so."""
    said = built(data, "--features", "x,c", "--score", "x", "--label", "y", "--positive", "UP").stderr
    assert "warning: x: it is --score and a feature; events must carry it as both" in said
    assert "warning: y: by its name it may be no feature; if it is none, say --label y" in built(data).stderr
    assert "by its name" not in built(data, "--label", "y").stderr
    said = built(data, "--label", "y", "--categorical", "y,c").stderr.splitlines()
    assert ["categorical: c", "left out: y: it is --label"] == said[-3:-1]


def test_rows_beyond_the_end_are_told_of(data):
    """The file has fewer than were asked for."""
    assert (
        "warning: rows 10:90 were asked for, and the file ends after row 29"
        in built(data, "--rows", "10:90").stderr
    )


def test_show_of_a_foreign_file_exits_with_2(data):
    """A CSV is no reference."""
    result = run("show", data)
    assert (2, True) == (result.exit_code, "is no JSON" in result.stderr)


@pytest.mark.parametrize(
    ("values", "positive", "stored"),
    [(("True", "False"), "True", "true"), (("1.0", "0.0"), "1.0", "1"), (("1", "0"), "1", "1"), (("Yes", "no"), "Yes", "Yes")],
)  # fmt: skip
def test_the_positive_class_is_named_as_the_file_writes_it(
    values: tuple[str, str], positive: str, stored: str, tmp_path: Path
) -> None:
    """Classes are compared as canonical strings, and so is the one that is named."""
    rows = "".join(f"{i},{values[i % 2]},{values[i % 3 == 0]}\n" for i in range(60))
    (tmp_path / "d.csv").write_text("x,p,y\n" + rows, encoding="utf-8")
    options = [
        "--prediction",
        "p",
        "--label",
        "y",
        "--positive",
        positive,
        "--output",
        str(tmp_path / "r.json"),
    ]
    assert 0 == invoke(
        ["reference", "build", str(tmp_path / "d.csv"), "--model", "m", "--version", "1", *options]
    )
    assert json.loads((tmp_path / "r.json").read_text())["positive"] == stored
