"""The messages of bad configurations, word for word: changing one is a reviewed diff."""

from __future__ import annotations

from pathlib import Path

import pytest

from driftline.config.messages import place_text, shown, unknown
from driftline.config.parse import load_config
from driftline.errors import ConfigError

MESSAGES = Path(__file__).parents[1] / "golden" / "messages"


def test_a_file_with_many_mistakes_names_them_all_at_once():
    """Fault 65: every mistake with its path, what was found, what would be right, and its line."""
    with pytest.raises(ConfigError) as caught:
        load_config(MESSAGES / "ten-mistakes.yaml", {})
    expected = (MESSAGES / "ten-mistakes.txt").read_text(encoding="utf-8").splitlines()
    assert expected == [str(problem) for problem in caught.value.problems]


def test_a_place_reads_like_a_path():
    """Lists by number in brackets, mappings by dots."""
    assert place_text(("models", 0, "labels", "delay")) == "models[0].labels.delay"


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a", '"a"'), (None, "nothing"), (True, "true"), ({}, "a mapping"), ([1], "a list"), (5, "5")],
)
def test_found_values_are_shown_in_words(value, expected):
    """A text keeps its quotes, so that a number and its text can be told apart."""
    assert expected == shown(value)


def test_an_unknown_word_is_answered_with_the_nearest_known_one():
    """A near miss is suggested; for anything else, all are listed."""
    assert unknown("on_dataloss", ["start", "on_data_loss"]) == 'did you mean "on_data_loss"?'
    assert unknown("zebra", ["start", "topics"]) == "known are: start, topics"
