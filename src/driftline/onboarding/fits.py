"""Whether the values of a place can be a field of an event, and how they are shown."""

from __future__ import annotations

import json
from collections.abc import Sequence

from driftline.decode.times import parse_time
from driftline.onboarding.documents import Spot, is_scalar
from driftline.reference.units import Unit, is_time_text, unit_of_numbers

_LETTERS = {Unit.SECONDS: "s", Unit.MILLISECONDS: "ms", Unit.MICROSECONDS: "us", Unit.NANOSECONDS: "ns"}
_SHOWN, _LISTED = 40, 8


def name(spot: Spot) -> bool:
    """Texts or whole numbers that come again."""
    texts = [v for v in spot.values if isinstance(v, str | int) and not isinstance(v, bool)]
    few = len(set(texts)) <= max(1, len(texts) // 2)
    return len(texts) == len(spot.values) and few


def ident(spot: Spot, documents: int) -> bool:
    """Texts or whole numbers, another in each document."""
    values = [v for v in spot.values if isinstance(v, str | int) and not isinstance(v, bool)]
    return len(set(values)) == documents


def probability(spot: Spot) -> bool:
    """Numbers from 0 to 1; of a list only the second of two, which is by custom the positive class's."""
    return position(spot) is not None and all(_is_share(v) for v in spot.values)


def position(spot: Spot) -> str | None:
    """What is assumed of an item of a list; empty for none, None for one that means nothing."""
    at = spot.steps[-1]
    if isinstance(at, str):
        return ""
    return "; assumed: the second of two is the positive class's" if (at, spot.siblings) == (1, 2) else None


def probabilities(spot: Spot) -> bool:
    """A mapping of names to numbers from 0 to 1."""
    return mapping(spot) and all(v and all(map(_is_share, v.values())) for v in spot.values)


def answer(spot: Spot) -> bool:
    """Single values."""
    return isinstance(spot.steps[-1], str) and all(is_scalar(v) or v is None for v in spot.values)


def mapping(spot: Spot) -> bool:
    """Objects, in every document."""
    return all(isinstance(v, dict) for v in spot.values)


def time(spot: Spot) -> tuple[str | None, str | None]:
    """(unit as in a format, why) of times that can be read; without a reason they cannot."""
    if all(isinstance(v, str) and parse_time(v) > 0 for v in spot.values):
        return None, "RFC 3339"
    numbers = [x for v in spot.values if (x := _number(v)) is not None]
    if not numbers or len(numbers) < len(spot.values):
        return None, None
    unit = unit_of_numbers(min(numbers), max(numbers))
    if unit is None:
        return None, None
    return _LETTERS[unit], f"assumed to be {unit}, by the size of its numbers"


def local_time(spot: Spot) -> bool:
    """Texts of times without an offset."""
    return all(isinstance(v, str) and is_time_text(v) for v in spot.values)


def shown(spot: Spot) -> str:
    """The first value, as JSON, on one line."""
    text = json.dumps(spot.values[0], ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def listed(found: Sequence[str]) -> str:
    """Some of many."""
    more = len(found) - _LISTED
    return ", ".join(found[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _number(value: object) -> float | None:
    """A number, also one in a text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None
