"""Where a configuration comes from: a YAML file, the environment on top, secrets from files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from driftline.config.messages import Place, place_text, shown
from driftline.errors import ConfigError, Problem

PREFIX = "DRIFTLINE_"
_BETWEEN = "__"


class _Loader(yaml.SafeLoader):
    """YAML without its timestamps: an instant stays the text that was written."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if tag != "tag:yaml.org,2002:timestamp"]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_yaml(path: Path) -> tuple[dict[str, Any], dict[Place, int]]:
    """The mapping in a file, and the line of each of its keys.

    Raises
    ------
    ConfigError
        No such file, no YAML, a key given twice, or no mapping at the top.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        node = yaml.compose(text, _Loader)
        content = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise ConfigError([Problem("", f"{path} cannot be read: {error.strerror}")], str(path)) from error
    except UnicodeDecodeError as error:
        raise ConfigError([Problem("", f"{path} is not UTF-8")], str(path)) from error
    except yaml.YAMLError as error:
        raise ConfigError([Problem("", f"{path} is not YAML: {_yaml_reason(error)}")], str(path)) from error
    if not isinstance(content, dict):
        raise ConfigError([Problem("", f"{path} holds {shown(content)}; write a mapping")], str(path))
    lines: dict[Place, int] = {}
    twice = _walk(node, (), lines)
    if twice:
        raise ConfigError(twice, str(path))
    return content, lines


def _yaml_reason(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    reason = getattr(error, "problem", None) or str(error)
    return f"{reason} (line {mark.line + 1}, column {mark.column + 1})" if mark else reason


def _walk(node: Any, place: Place, lines: dict[Place, int]) -> list[Problem]:
    """Note the line of everything below a node; the problems are keys that stand twice."""
    problems = []
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*place, str(key.value))
            line = key.start_mark.line + 1
            if inner in lines:
                problems.append(Problem(place_text(inner), f"stands twice (lines {lines[inner]} and {line})"))
            lines[inner] = line
            problems += _walk(value, inner, lines)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines[*place, index] = value.start_mark.line + 1
            problems += _walk(value, (*place, index), lines)
    return problems


def overlay(raw: dict[str, Any], env: Mapping[str, str]) -> dict[str, Any]:
    """The configuration with each ``DRIFTLINE_A__B`` put in place of the scalar at ``a.b``.

    Keys match without regard to case, entries of a list by their number
    (``DRIFTLINE_MODELS__0__THRESHOLD``); a value is read as YAML. Names without ``__`` are not ours.
    """
    for name, text in sorted(env.items()):
        path = name.removeprefix(PREFIX).split(_BETWEEN)
        if name.startswith(PREFIX) and len(path) > 1:
            raw = _put(raw, path, _scalar(text))
    return raw


def _scalar(text: str) -> Any:
    """A number, a boolean, or the text itself."""
    try:
        value = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError:
        return text
    return value if isinstance(value, bool | int | float) else text


def _put(into: Any, path: list[str], value: Any) -> Any:
    if not path:
        return value
    head, rest = path[0], path[1:]
    if isinstance(into, list) and head.isdecimal() and int(head) < len(into):
        at = int(head)
        return [*into[:at], _put(into[at], rest, value), *into[at + 1 :]]
    held = into if isinstance(into, dict) else {}
    key = next((k for k in held if str(k).lower() == head.lower()), head.lower())
    return {**held, key: _put(held.get(key), rest, value)}


def read_secrets(properties: Mapping[str, Any], folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """librdkafka's properties with each ``name_file`` replaced by ``name`` and the file's content.

    Returns the properties, and for each file that cannot be read a message by key.
    """
    values: dict[str, str] = {}
    problems: dict[str, str] = {}
    for key, value in properties.items():
        if not key.endswith("_file"):
            values[key] = str(value).lower() if isinstance(value, bool) else str(value)
            continue
        try:
            values[key.removesuffix("_file")] = (
                (folder / str(value)).read_text(encoding="utf-8").rstrip("\r\n")
            )
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "not UTF-8"
            problems[key] = f"{shown(value)} cannot be read: {reason}"
    return values, problems
