"""What is said about a mistake: where it is, what was found, what would be right.

Nothing below ``kafka.properties`` is ever shown: it may be a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError

from driftline.errors import Problem
from driftline.words import shown, unknown

__all__ = [
    "Origins", "Place", "hidden", "place_text", "problems_of", "shown", "unknown", "unknown_key", "without",
]  # fmt: skip

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
    "int_parsing_size": "a smaller number",
    "finite_number": "a number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
}
_NEEDED = {
    "match": 'a name or a glob, as "fraud-*"',
    "stream": "the name of a stream",
    "task": "binary, multiclass or regression",
}
_KEY = "[key]"
_SECRET = ("kafka", "properties")
_BOUNDS = {"greater_than": ">", "greater_than_equal": "≥", "less_than": "<", "less_than_equal": "≤"}


def place_text(place: Sequence[str | int]) -> str:
    """``("models", 0, "labels") -> "models[0].labels"``."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".")


def unknown_key(key: str, known: Iterable[str]) -> str:
    """The message of a key that nothing reads."""
    return f'unknown key "{key}"; {unknown(key, known)}'


def hidden(place: Place) -> bool:
    """Whether a value that stands here may be, or hold, a secret."""
    shorter = min(len(place), len(_SECRET))
    return place[:shorter] == _SECRET[:shorter]


def problems_of(error: ValidationError, shape: type[BaseModel], place: Place) -> list[tuple[Place, str]]:
    """All mistakes that pydantic found in one section, in our words."""
    found = []
    for detail in error.errors(include_url=False):
        here = (*place, *_inside(detail["loc"]))
        found.append((here, _message(dict(detail), shape, "a value" if hidden(here) else None)))
    return found


def _inside(loc: tuple[str | int, ...]) -> Place:
    """pydantic's place; that of a key itself is where the key stands."""
    return (*loc[:-2], str(loc[-2])) if loc and loc[-1] == _KEY else loc


def _message(detail: Mapping[str, Any], shape: type[BaseModel], instead: str | None) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    found = instead or shown(detail["input"])
    if kind == "extra_forbidden":
        return unknown_key(str(detail["loc"][-1]), _fields(shape, detail["loc"][:-1]))
    if kind == "invalid_key" or _KEY in detail["loc"]:
        return f'the key {found} is not a text; write "{found}"'
    if kind == "missing":
        return f"is missing; write {_NEEDED[str(detail['loc'][-1])]}"
    if kind == "value_error":
        return str(context["error"])
    if kind in _BOUNDS:
        bound = f"{_BOUNDS[kind]} {next(iter(context.values())):g}"
        return f"{found} is out of range; write a number {bound}"
    if kind in ("literal_error", "enum"):
        known = [w.strip("'") for w in context["expected"].replace(" or ", ", ").split(", ")]
        return f"found {found}; {unknown(str(detail['input']), known)}"
    return f"found {found}; write {_SHAPES.get(kind, 'something else')}"


def _fields(shape: type[BaseModel], place: Sequence[str | int]) -> list[str]:
    """Names of the fields of the section that stands at ``place`` inside ``shape``."""
    for part in place:
        inner = _shape_in(shape.model_fields[str(part)].annotation)
        if inner is not None:
            shape = inner
    return list(shape.model_fields)


def _shape_in(annotation: Any) -> type[BaseModel] | None:
    """The section that an annotation such as ``Annotated[Shape, …] | None`` holds."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_shape_in(inner) for inner in getattr(annotation, "__args__", ()))
    return next((inner for inner in found if inner is not None), None)


@dataclass(frozen=True, slots=True)
class Origins:
    """Where each value comes from: the line of a file, or a variable of the environment."""

    lines: dict[Place, int] = field(default_factory=dict)
    variables: dict[Place, str] = field(default_factory=dict)

    def with_file(self, lines: Mapping[Place, int], key: str, place: str) -> Origins:
        """More lines: those below ``key`` of another file, whose list is known as ``place``."""
        more = {(place, *p[1:]): line for p, line in lines.items() if p[0] == key}
        return Origins({**self.lines, **more}, self.variables)

    def line_of(self, place: Place) -> int | None:
        """The line of the nearest key above a place that stands in a file."""
        above = (place[:depth] for depth in range(len(place), 0, -1))
        return next((self.lines[p] for p in above if p in self.lines), None)

    def order(self, place: Place) -> tuple[str, int]:
        """Sorts places: the configuration's own file first, each file by lines."""
        head = str(place[0]) if place else ""
        return head if ": " in head else "", self.line_of(place) or 0

    def problem(self, place: Place, message: str) -> Problem:
        """A problem that also says where its value comes from."""
        variable = next((v for p, v in self.variables.items() if place[: len(p)] == p), None)
        line = self.line_of(place)
        origin = variable or (f"line {line}" if line is not None else None)
        return Problem(place_text(place), message if origin is None else f"{message} ({origin})")

    def located(self, problem: Problem) -> Problem:
        """The same for a problem whose place is a text already."""
        places = [p for p in (*self.variables, *self.lines) if _is_above(place_text(p), problem.path)]
        if not places:
            return problem
        found = self.problem(max(places, key=lambda p: (len(p), p in self.variables)), problem.message)
        return Problem(problem.path, found.message)


def _is_above(place: str, path: str) -> bool:
    return path == place or (path.startswith(place) and path[len(place)] in ".[")


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
