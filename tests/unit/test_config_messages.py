"""The messages of bad configurations, word for word: changing one is a reviewed diff."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import driftline.config
from driftline.config.doubts import doubts
from driftline.config.messages import place_text, shown, unknown
from driftline.config.parse import load_config
from driftline.durations import duration_ms
from driftline.errors import ConfigError
from driftline.reference.build import build_profile
from driftline.reference.file import dump
from driftline.reference.options import BuildOptions

MESSAGES = Path(__file__).parents[1] / "golden" / "messages"
NAMES = sorted(path.stem for path in MESSAGES.glob("*.yaml"))
SOURCES = Path(driftline.config.__file__).parent


@pytest.fixture(scope="module")
def reference(tmp_path_factory) -> bytes:
    """Of a model with a thousand scores a day, a fifth of them positive; no column has the class that they mean."""
    folder = tmp_path_factory.mktemp("reference")
    rows = [
        f"{1_700_000_000_000 + i * 86_400},{i % 97},d{i % 7},{'UP,0.75' if i % 5 == 0 else 'DOWN,0.25'}"
        for i in range(20_000)
    ]
    (folder / "data.csv").write_text("\n".join(["ts,nswprice,day,class,p", *rows]), encoding="utf-8")
    options = BuildOptions(
        model="elec2",
        version="1",
        features=("nswprice", "day"),
        label="class",
        score="p",
        positive="UP",
        time="ts",
    )
    return dump(build_profile(folder / "data.csv", options))


def _notes(text: str, kind: str) -> list[str]:
    """What stands in the comments of a golden configuration: ``# environment: A=1``, ``# file: a.yaml=…``."""
    return [x.removeprefix(f"# {kind}: ") for x in text.splitlines() if x.startswith(f"# {kind}: ")]


def write(name: str, folder: Path, reference: bytes) -> dict[str, str]:
    """Writes a golden configuration with what it needs, and returns its environment."""
    text = (MESSAGES / f"{name}.yaml").read_text(encoding="utf-8")
    raw = [bytes.fromhex(x) for x in _notes(text, "bytes")]
    files = {"driftline.yaml": raw[0] if raw else text.encode(), "config-secret": b"canary\n"}
    files["r/elec2-1.json"] = reference
    for note in _notes(text, "file"):
        path, content = note.split("=", 1)
        files[path] = content.replace("\\n", "\n").encode()
    for path, content in files.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(content)
        (folder / path).chmod(0o644)
    return dict(x.split("=", 1) for x in _notes(text, "environment"))


def said(name: str, folder: Path, reference: bytes) -> tuple[str, list[str]]:
    """``error`` or ``warning``, and what is said of a golden configuration."""
    variables = write(name, folder, reference)
    try:
        found = doubts(load_config(folder / "driftline.yaml", variables))
    except ConfigError as error:
        return "error", [str(p).replace(f"{folder}/", "") for p in error.problems]
    return "warning", [str(p).replace(f"{folder}/", "") for p in found]


@pytest.mark.parametrize("name", NAMES)
def test_a_message_is_what_its_golden_file_says(name, tmp_path, reference):
    """Fault 65: each mistake with its path, what was found, what would be right, and its line; no secret."""
    expected = (MESSAGES / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    kind, found = said(name, tmp_path, reference)
    assert (expected, "warning" if name.startswith("warning") else "error") == (found, kind)
    assert found
    assert "canary" not in "\n".join(found)


def _messages(path: Path) -> Iterator[range]:
    """The lines of every statement of a module that makes a message for a user."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = (n for f in ast.walk(tree) if isinstance(f, ast.FunctionDef) for n in ast.walk(f))
    for node in inside:
        if isinstance(
            node, ast.Raise | ast.Yield | ast.Return | ast.Assign | ast.AugAssign | ast.Expr
        ) and any(_is_prose(part) for part in ast.walk(node)):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant | ast.Yield):
                continue  # a docstring; a yield is found by itself
            yield range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _is_prose(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.count(" ") > 1


NO_MESSAGES = ("shape.py", "model_shape.py", "rule_shape.py", "schema.py", "section.py", "default_rules.py", "model.py",
               "librdkafka.py")  # fmt: skip
"""Their texts are declarations, or are put into the messages of others."""


def test_every_message_has_its_golden_file(tmp_path_factory, reference):
    """Every statement of the package that makes a message is run by some golden configuration."""
    run: set[tuple[str, int]] = set()

    def trace(frame, event, _argument):
        if not frame.f_code.co_filename.startswith(str(SOURCES)):
            return None
        run.add((frame.f_code.co_filename, frame.f_lineno))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        for name in NAMES:
            said(name, tmp_path_factory.mktemp("golden"), reference)
        read_missing(tmp_path_factory.mktemp("none"))
        read_endless()
    finally:
        sys.settrace(before)
    read_by = {file for file, _ in run}  # other modules of the package read other files
    missing = [
        f"{path.relative_to(SOURCES)}:{lines.start}"
        for path in sorted(SOURCES.rglob("*.py"))
        if path.name not in NO_MESSAGES and str(path) in read_by
        for lines in _messages(path)
        if not any((str(path), line) in run for line in lines)
    ]
    assert missing == []


def read_missing(folder: Path) -> str:
    """What is said of a file that is not there."""
    with pytest.raises(ConfigError) as caught:
        load_config(folder / "gone.yaml", {})
    return str(caught.value).replace(f"{folder}/", "")


def read_endless() -> str:
    """What is said of a file that has no end."""
    with pytest.raises(ConfigError) as caught:
        load_config(Path("/dev/zero"), {})
    return str(caught.value)


def test_a_file_without_end():
    """A device is read up to a bound."""
    assert read_endless() == "/dev/zero holds over 16 MiB; that is no configuration"


def test_a_file_that_is_not_there(tmp_path):
    """A message that no file can show."""
    assert read_missing(tmp_path) == "gone.yaml cannot be read: No such file or directory"


def test_a_file_with_ten_mistakes_names_them_all_at_once():
    """Fault 65: nothing is hidden by what was found before it."""
    with pytest.raises(ConfigError) as caught:
        load_config(MESSAGES / "ten-mistakes.yaml", {})
    assert len(caught.value.problems) >= 10


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10 min", '"10m"'), ("10 mintues", '"10m"'), ("2 weeks", '"2w"'), ("24hrs", '"1d"'), ("1.5h", '"90m"'),
        ("1h30m", '"90m"'), ("3 dyas", '"3d"'), ("90 Sec.", '"90s"'), ("10x", "a number and a unit"),
        ("1 month", 'days, as "30d"'), ("1M", 'days, as "30d"'),
    ],
)  # fmt: skip
def test_a_duration_that_is_almost_one_is_suggested(text, expected):
    """Only where it is sure what is meant: a month is no minute."""
    with pytest.raises(ValueError) as caught:
        duration_ms(text)
    assert str(caught.value).startswith(f'"{text}" is not a duration; write {expected}')


def test_a_place_reads_like_a_path():
    """Lists by number in brackets, mappings by dots."""
    assert place_text(("models", 0, "labels", "delay")) == "models[0].labels.delay"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a", '"a"'),
        (None, "nothing"),
        (True, "true"),
        ({1: 2}, "a mapping"),
        ({}, "an empty mapping"),
        ([1], "a list"),
        ([], "an empty list"),
        (5, "5"),
    ],
)
def test_found_values_are_shown_in_words(value, expected):
    """A text keeps its quotes, so that a number and its text can be told apart."""
    assert expected == shown(value)


def test_an_unknown_word_is_answered_with_the_nearest_known_one():
    """A near miss is suggested; in another case too; for anything else, fifty are listed."""
    assert unknown("on_dataloss", ["start", "on_data_loss"]) == 'did you mean "on_data_loss"?'
    assert unknown("F1", ["accuracy", "f1"]) == 'did you mean "f1"?'
    assert unknown("zebra", map(str, range(52))).endswith(", 48, 49 and 2 more")
    assert unknown("zebra", ["start", "topics"]) == "known are: start, topics"
