"""What is said about a mistake: where it is, what was found, what would be right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError

from driftline.errors import Problem

Place = tuple[str | int, ...]

_SHAPES = {
    "dict_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "list_type": "a list ([a, b])",
    "tuple_type": "a list ([a, b])",
    "string_type": "a text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
}
_BOUNDS = {"greater_than": ">", "greater_than_equal": "≥", "less_than": "<", "less_than_equal": "≤"}


def place_text(place: Sequence[str | int]) -> str:
    """``("models", 0, "labels") -> "models[0].labels"``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".")


def shown(value: Any) -> str:
    """A found value, short and in YAML's words."""
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 60 else f'"{value[:57]}…"'
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, list | tuple) else str(value)


def unknown(word: str, known: Iterable[str]) -> str:
    """What is known instead of ``word``: the nearest, or all.

    >>> unknown("stat", ["start", "topics"])
    'did you mean "start"?'
    """
    known = list(known)
    near = get_close_matches(word, known, n=1, cutoff=0.6)
    return f'did you mean "{near[0]}"?' if near else f"known are: {', '.join(known)}"


def unknown_key(key: str, known: Iterable[str]) -> str:
    """The message of a key that nothing reads."""
    return f'unknown key "{key}"; {unknown(key, known)}'


def problems_of(error: ValidationError, shape: type[BaseModel], place: Place) -> list[tuple[Place, str]]:
    """All mistakes that pydantic found in one section, in our words."""
    return [
        ((*place, *detail["loc"]), _message(dict(detail), shape))
        for detail in error.errors(include_url=False)
    ]


def _message(detail: Mapping[str, Any], shape: type[BaseModel]) -> str:
    kind, found, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "extra_forbidden":
        return unknown_key(str(detail["loc"][-1]), _fields(shape, detail["loc"][:-1]))
    if kind == "missing":
        return "is missing"
    if kind == "value_error":
        return str(context["error"])
    if kind in _SHAPES:
        return f"found {shown(found)}; write {_SHAPES[kind]}"
    if kind in _BOUNDS:
        return (
            f"{shown(found)} is out of range; write a number {_BOUNDS[kind]} {next(iter(context.values()))}"
        )
    if kind == "literal_error":
        known = [w.strip("'") for w in context["expected"].replace(" or ", ", ").split(", ")]
        return f"found {shown(found)}; {unknown(str(found), known)}"
    return f"found {shown(found)}: {detail['msg']}"


def _fields(shape: type[BaseModel], place: Sequence[str | int]) -> list[str]:
    """Names of the fields of the section that stands at ``place`` inside ``shape``."""
    for part in place:
        field = shape.model_fields.get(str(part))
        inner = field and next((a for a in _arguments(field.annotation) if _is_shape(a)), None)
        if inner is None:
            return []
        shape = inner
    return [f.alias or name for name, f in shape.model_fields.items()]


def _arguments(annotation: Any) -> tuple[Any, ...]:
    return getattr(annotation, "__args__", ()) or (annotation,)


def _is_shape(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def line_of(place: Place, lines: Mapping[Place, int]) -> int | None:
    """The line of the nearest key above a place that stands in the file."""
    nearest = (lines[place[:depth]] for depth in range(len(place), 0, -1) if place[:depth] in lines)
    return next(nearest, None)


def with_line(place: Place, message: str, lines: Mapping[Place, int]) -> Problem:
    """A problem that also names its line, where it stands in the file."""
    line = line_of(place, lines)
    return Problem(place_text(place), message if line is None else f"{message} (line {line})")


def without(raw: Any, places: Iterable[Place]) -> Any:
    """A section without what is wrong in it; a list with a wrong entry goes as a whole."""
    for place in places:
        raw = _pruned(raw, place)
    return raw


def _pruned(raw: Any, place: Place) -> Any:
    if not isinstance(raw, Mapping) or not place or place[0] not in raw:
        return raw
    inner = raw[place[0]]
    if len(place) > 1 and isinstance(inner, Mapping):
        return {**raw, place[0]: _pruned(inner, place[1:])}
    return {key: value for key, value in raw.items() if key != place[0]}


def located(problem: Problem, lines: Mapping[Place, int], prefix: str = "") -> Problem:
    """A problem whose place is a text already, with the line of the nearest key above it."""
    path = problem.path.removeprefix(prefix)
    above = [p for p in lines if _is_above(place_text(p), path)]
    if not above:
        return problem
    return Problem(problem.path, f"{problem.message} (line {lines[max(above, key=len)]})")


def _is_above(place: str, path: str) -> bool:
    return path == place or (path.startswith(place) and path[len(place)] in ".[")
