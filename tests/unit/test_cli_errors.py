"""The command line: exit codes and messages."""

from __future__ import annotations

import json
from io import StringIO

import pytest

from driftline.cli import failure_text, invoke
from driftline.errors import ConfigError, Problem, StateError
from driftline.logs import configure


@pytest.mark.parametrize("arguments", [["nonsense"], ["check-config"], ["check-config", "no-such-file.yaml"]])
def test_a_wrong_command_line_or_configuration_exits_2(arguments):
    """The user must act."""
    assert invoke(arguments) == 2


def test_help_names_each_command_without_loading_it(capsys):
    """``driftline --help`` works even where a command's libraries do not."""
    assert invoke(["--help"]) == 0
    assert "check-config" in capsys.readouterr().out


def test_mistakes_stand_one_a_line_below_their_file():
    """The count first, then each with its path."""
    error = ConfigError([Problem("a", "x"), Problem("b[0]", "y")], "f.yaml")
    assert failure_text(error) == "driftline: f.yaml has 2 mistakes\n  a: x\n  b[0]: y"


def test_other_errors_are_one_line():
    """No traceback for an error that the user is meant to read."""
    assert failure_text(StateError("damaged")) == "driftline: damaged"


def test_the_log_is_json_lines_where_no_terminal_is():
    """One object a line, with level, time, event and fields."""
    out = StringIO()
    configure(out).info("committed", rows=3)
    line = json.loads(out.getvalue())
    assert ("committed", "info", 3) == (line["event"], line["level"], line["rows"])
    assert line["time"].endswith("Z")
