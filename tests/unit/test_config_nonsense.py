"""Whatever stands at any place of a configuration is taken or named as a mistake, and never ends in a traceback."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from driftline.config.doubts import doubts
from driftline.config.parse import load_config
from driftline.config.sources import read_yaml
from driftline.errors import ConfigError
from driftline.wiring import load_profile
from driftline.words import shown

EXAMPLE = Path(__file__).parents[2] / "config" / "example.yaml"
NONSENSE: tuple[Any, ...] = (
    None, True, -1, 1e400, 10**30, "", "24h", "9" * 5000 + "d", [None], ["a", "a"], {"x": {}}, {1: 2},
)  # fmt: skip


def places(value: Any, here: tuple = ()) -> list[tuple]:
    """Every place of a tree, the top excluded."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [p for key, v in inner for p in ((*here, key), *places(v, (*here, key)))]


def with_nonsense(raw: dict, place: tuple, value: Any) -> dict:
    """A copy with another value at a place."""
    changed = copy.deepcopy(raw)
    into: Any = changed
    for key in place[:-1]:
        into = into[key]
    into[place[-1]] = value
    return changed


@pytest.fixture(scope="module")
def example() -> dict:
    """The example, with the sections that it has only in comments."""
    raw, _ = read_yaml(EXAMPLE)
    raw["formats"] = {"ours": {"score": "$.p", "version": {"header": "v", "default": "1"}}}
    raw["kafka"]["properties"] = {"sasl.username": "u", "ssl.key.password_file": "/dev/null"}
    raw["models"][0] |= {
        "segments": ["region"],
        "segment_values": {"region": ["nsw"]},
        "classes": ["UP", "DOWN"],
    }
    return raw


def attempt(path: Path, env: dict[str, str]) -> list[str]:
    """The mistakes, each of which says something; none where the configuration is taken, and can be doubted."""
    try:
        config = load_config(path, env)
    except ConfigError as error:
        assert error.problems  # noqa: PT017 - a mistake without words would be no answer
        return [str(p) for p in error.problems]
    doubts(config)
    return []


@pytest.mark.parametrize("value", NONSENSE, ids=lambda value: shown(value)[:20])
def test_nonsense_anywhere_is_taken_or_named(example, value, tmp_path):
    """Fault 65: a ConfigError with at least one problem, or a configuration that can be doubted."""
    path = tmp_path / "c.yaml"
    taken = named = 0
    for place in places(example):
        path.write_text(yaml.safe_dump(with_nonsense(example, place, value)), encoding="utf-8")
        said = attempt(path, {})
        taken, named = taken + (not said), named + bool(said)
    assert named > 0
    assert taken + named == len(places(example))


@pytest.mark.parametrize("value", ["", "-1", "[", "\u2603"])
def test_nonsense_in_any_variable_is_taken_or_named(example, value, tmp_path):
    """The same through the environment."""
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(example), encoding="utf-8")
    mistakes = 0
    for place in places(example):
        name = "DRIFTLINE_" + "__".join(str(p).upper().replace(".", "_") for p in place)
        mistakes += len(attempt(path, {name: value}))
    assert mistakes > 0


@pytest.mark.parametrize(
    "text",
    [
        "a: !!bool x",
        "a: !!int x",
        "a: !!timestamp x",
        "a: 0x",
        "a: " + "9" * 5000,
        "a: " + "[" * 5000,
        "<<: 5",
        "? [a]\n: b",
    ],
)
def test_what_yaml_cannot_read_is_no_traceback(text, tmp_path):
    """Tags that do not fit their value, numbers without end, depth."""
    (tmp_path / "c.yaml").write_text(text)
    with pytest.raises(ConfigError):
        load_config(tmp_path / "c.yaml", {})


def test_a_number_that_python_cannot_write_is_named(tmp_path):
    """Hexadecimal digits are read without a limit."""
    (tmp_path / "c.yaml").write_text("streams: {main: {predictions: 0x" + "F" * 5000 + "}}")
    with pytest.raises(ConfigError, match="a whole number of over 40 digits"):
        load_config(tmp_path / "c.yaml", {})


@pytest.mark.parametrize("value", ["[" * 3000, "!!int x", "{a: ", "0x", "9" * 5000])
def test_a_variable_of_a_rule_that_is_no_yaml_is_a_text(example, value, tmp_path):
    """And the rule says what would be right."""
    (tmp_path / "c.yaml").write_text(
        yaml.safe_dump(example | {"rules": [{"name": "a", "when": {"no_events_for": "2h"}}]})
    )
    with pytest.raises(ConfigError):
        load_config(tmp_path / "c.yaml", {"DRIFTLINE_RULES__0__FOR": value})


def test_a_name_too_long_for_a_file_is_no_file(example, tmp_path):
    """Of the state, and of a reference of a version that an event names: 256 bytes are allowed."""
    raw = example | {"state": {"path": "x" * 5000}, "kafka": {}, "formats": {}, "rules": []}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(raw))
    config = load_config(tmp_path / "c.yaml", {})
    assert load_profile(config.models[0], "m" * 256, "v" * 256) is None


def test_a_file_without_end_is_no_configuration() -> None:
    """A device is read up to a bound."""
    with pytest.raises(ConfigError) as error:
        load_config(Path("/dev/zero"), {})
    assert "over 16 MiB" in str(error.value.problems[0])


def test_slides_for_a_window_of_ages_are_found_at_once(tmp_path: Path) -> None:
    """A prime number of milliseconds, some hundred years, has no divisors between one and itself."""
    (tmp_path / "c.yaml").write_text(
        "streams: {s: {predictions: [p], time: {step: 1ms}}}\n"
        "models: [{match: m, stream: s, task: regression, labels: none,"
        " windows: {drift: [{length: 9999999999971ms, slide: 3ms}]}}]\n"
    )
    with pytest.raises(ConfigError) as error:
        load_config(tmp_path / "c.yaml", {})
    assert "write 1ms or 9999999999971ms" in str(error.value.problems[0])
