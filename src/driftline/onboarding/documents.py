"""JSON of a user's own, walked: what stands where, over many documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from driftline.reference import names

Steps = tuple[str | int, ...]

_DEEPEST = 6
_LONGEST_LIST = 4
"""Lists of more items are no places of single values."""


@dataclass(slots=True)
class Spot:
    """One place in the documents."""

    steps: Steps
    values: list[Any] = field(default_factory=list)
    """Of each document that has it, in their order."""
    siblings: int = 0
    """Of an item of a list: how many items the first list had."""

    def rank(self, known: tuple[str, ...]) -> tuple[tuple[int, int], int] | None:
        """How well the keys on the way to it, joined from the last one up, have one of the known names; short ways first."""
        keys = [step for step in self.steps if isinstance(step, str)]
        joined = ("_".join(keys[at:]) for at in range(len(keys)))
        found = [rank for name in joined if (rank := names.rank(name, known)) is not None]
        return (min(found), len(self.steps)) if found else None


def spots_of(documents: Sequence[Mapping[str, Any]]) -> dict[Steps, Spot]:
    """Every place with the values that stand there, objects included, in the order of their first occurrence."""
    found: dict[Steps, Spot] = {}
    for document in documents:
        for steps, value, siblings in _walk(document, (), 0):
            found.setdefault(steps, Spot(steps, siblings=siblings)).values.append(value)
    return found


def _walk(value: Any, steps: Steps, siblings: int) -> Iterator[tuple[Steps, Any, int]]:
    yield steps, value, siblings
    if len(steps) == _DEEPEST:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            if key and not ("'" in key and '"' in key):  # no path can be written to others
                yield from _walk(inner, (*steps, key), 0)
    elif isinstance(value, list) and len(value) <= _LONGEST_LIST:
        for place, inner in enumerate(value):
            yield from _walk(inner, (*steps, place), len(value))


def is_scalar(value: Any) -> bool:
    """Whether it is a single value."""
    return value is not None and not isinstance(value, dict | list)
