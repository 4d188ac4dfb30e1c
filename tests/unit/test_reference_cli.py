"""``driftline reference build`` and ``show``."""

import pytest
from click.testing import CliRunner

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


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--features", "xx"], '--features: there is no column "xx"; did you mean "x"?'),
        (["--rows", "5:5"], "'5:5' holds no row: the span is half-open"),
        (["--rows", "5"], "'5' is no span of rows; write 0:9072"),
        (["--rows", "90:"], "d.csv: there is no row in 90:"),
        (["--lineage", "abc"], "'abc' is not key=value"),
    ],
)
def test_a_mistake_exits_with_2_and_says_what_is_right(data, more, message):
    """Usage and data errors are messages, never tracebacks, and leave no file."""
    result = built(data, *more)
    assert 2 == result.exit_code
    assert message in result.stderr
    assert not data.with_name("r.json").exists()


def test_show_of_a_foreign_file_exits_with_2(data):
    """A CSV is no reference."""
    result = run("show", data)
    assert (2, True) == (result.exit_code, "is no JSON" in result.stderr)
