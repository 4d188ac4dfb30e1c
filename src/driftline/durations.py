"""Durations as people write them: ``"90s"``, ``"24h"``, ``"7d"``."""

from __future__ import annotations

import re
from difflib import get_close_matches

from driftline.words import shown

_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_EXACT = re.compile(r"(\d+)(ms|s|m|h|d|w)")
_LOOSE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-zµ]+)\.?\s*", re.IGNORECASE)
_SEVERAL = re.compile(r"(\d+(?:ms|s|m|h|d|w)\s*)+")
_WORDS = {
    "ms": ("ms", "msec", "msecs", "milli", "millis", "millisecond", "milliseconds"),
    "s": ("s", "sec", "secs", "second", "seconds"),
    "m": ("m", "min", "mins", "minute", "minutes"),
    "h": ("h", "hr", "hrs", "hour", "hours"),
    "d": ("d", "day", "days"),
    "w": ("w", "wk", "wks", "week", "weeks"),
}
_CLOSE = 0.7
LONGEST_MS = 365_250 * _UNIT_MS["d"]
"""A thousand years: with any time of an event it is far from the end of 64 bits."""
_MOST_DIGITS = 20


def duration_ms(value: object) -> int:
    """The milliseconds of a whole number with a unit of ms, s, m, h, d or w.

    Raises
    ------
    ValueError
        Anything else, with what would be right: ``"10 min" is not a duration; write "10m"``.
    """
    if isinstance(value, str) and (exact := _EXACT.fullmatch(value)):
        digits = exact[1].lstrip("0") or "0"
        found = int(digits) * _UNIT_MS[exact[2]] if len(digits) < _MOST_DIGITS else LONGEST_MS + 1
        if found > LONGEST_MS:
            raise ValueError(f"{shown(value)} is over a thousand years; write a shorter one")
        return found
    raise ValueError(f"{shown(value)} is not a duration; write {_suggestion(value)}")


def _suggestion(value: object) -> str:
    if isinstance(value, str) and (found := _meant_ms(value)) is not None:
        return f'"{_text(found)}"'
    if isinstance(value, str) and value.startswith("-") and _EXACT.fullmatch(value[1:]):
        return f'"{value[1:]}": no duration is negative'
    if isinstance(value, str) and re.fullmatch(r"\s*\d+\s*(mo\w*|y\w*|M)\s*", value):
        return 'days, as "30d": months and years have no fixed length'
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return f'"{value}s", "{value}m" or "{value}h"'
    return 'a number and a unit of ms, s, m, h, d, w, as "10m"'


def _meant_ms(text: str) -> int | None:
    """What a text surely means: a unit's long or misspelt name, a broken number, several units after each other."""
    if _SEVERAL.fullmatch(text.strip()):
        return sum(int(n) * _UNIT_MS[unit] for n, unit in _EXACT.findall(text))
    loose = _LOOSE.fullmatch(text)
    unit = _unit(loose[2]) if loose else None
    if loose is None or unit is None:
        return None
    exact = float(loose[1]) * _UNIT_MS[unit]
    return int(exact) if exact.is_integer() else None


def _unit(word: str) -> str | None:
    if word == "M":  # a month to some, a minute to others
        return None
    known = {name: unit for unit, names in _WORDS.items() for name in names}
    near = get_close_matches(word.lower(), known, 1, _CLOSE)
    if near and near[0] != word.lower() and (len(word) < 4 or word.lower().startswith("mo")):
        return None
    return known[near[0]] if near else None


def _text(duration: int) -> str:
    unit = next(u for u in ("w", "d", "h", "m", "s", "ms") if duration % _UNIT_MS[u] == 0)
    return f"{duration // _UNIT_MS[unit]}{unit}"
