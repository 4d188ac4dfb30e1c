"""The environment on top of the file: ``DRIFTLINE_A__B`` in place of the scalar at ``a.b``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from driftline.config.messages import Origins, Place, place_text
from driftline.config.sources import Loader
from driftline.errors import Problem

PREFIX = "DRIFTLINE_"
_BETWEEN = "__"
_DOTTED = ("kafka", "properties")
"""Keys below this have dots, which names of variables cannot have: ``SASL_PASSWORD`` is ``sasl.password``."""


def overlay(
    raw: dict[str, Any], env: Mapping[str, str], origins: Origins
) -> tuple[dict[str, Any], list[Problem]]:
    """The configuration with each variable put in its place; ``origins`` learns where it came from.

    Keys match without regard to case, entries of a list by their number (``DRIFTLINE_MODELS__0__THRESHOLD``;
    the number after the last adds one). A value stays the text that was given, as a password or a class name
    must; whoever reads it makes a number of it where one belongs. Names without ``__`` are not ours.
    """
    problems = []
    for name, text in sorted(env.items(), key=_by_path):
        path = name.removeprefix(PREFIX).split(_BETWEEN)
        if not name.startswith(PREFIX) or len(path) < 2:
            continue
        try:
            raw, place = _put(raw, tuple(path), text, ())
        except ValueError as error:
            problems.append(Problem(name, str(error)))
        else:
            origins.variables[place] = name
    return raw, problems


def _by_path(variable: tuple[str, str]) -> list[tuple[bool, int, str]]:
    """Entries of a list by number, so that those which add to it come in order."""
    return [(p.isdecimal(), int(p) if p.isdecimal() else 0, p) for p in variable[0].split(_BETWEEN)]


def _put(into: Any, path: tuple[str, ...], text: str, place: Place) -> tuple[Any, Place]:
    if not path:
        return (_number(text) if place[0] == "rules" else text), place
    head, rest = path[0], path[1:]
    if head.isdecimal() and (isinstance(into, list) or into is None):
        return _put_entry(into or [], int(head), rest, text, place)
    held = into if isinstance(into, dict) else {}
    key = _key(held, head, place)
    value, found = _put(held.get(key), rest, text, (*place, str(key)))
    return {**held, key: value}, found


def _put_entry(
    into: list[Any], at: int, rest: tuple[str, ...], text: str, place: Place
) -> tuple[list[Any], Place]:
    if at > len(into):
        raise ValueError(
            f"there is no entry before it; the next one of {place_text(place)} is number {len(into)}"
        )
    old = into[at] if at < len(into) else None
    value, found = _put(old, rest, text, (*place, at))
    return [*into[:at], value, *into[at + 1 :]], found


def _key(held: Mapping[Any, Any], head: str, place: Place) -> Any:
    """The key that is meant: one that is there, without regard to case, else in small letters."""
    wanted = head.lower()
    if place == _DOTTED:
        stem = wanted.removesuffix("_file")
        wanted = stem.replace("_", ".") + wanted[len(stem) :]
    return next((k for k in held if str(k).lower() == wanted), wanted)


def _number(text: str) -> Any:
    """Rules tell numbers and texts apart."""
    try:
        value = yaml.load(text, Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError):
        return text
    return value if isinstance(value, bool | int | float) else text
