"""Words for what was found and what would be right, alike in all messages to users."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

_MOST = 50
"""Names that are listed: all statistics fit, and the features of a wide model do not fill the screen."""

_LONG_DIGITS = 40
_LONG = 10**_LONG_DIGITS
"""Python writes no integer of over 4300 digits, and nobody reads one of over 40."""


def shown(value: Any) -> str:
    """A found value, short and in YAML's words."""
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 60 else f'"{value[:57]}…"'
    if value is None or isinstance(value, bool):
        return {None: "nothing", True: "true", False: "false"}[value]
    if isinstance(value, Mapping):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    if isinstance(value, int) and abs(value) >= _LONG:
        return f"a whole number of over {_LONG_DIGITS} digits"
    return str(value)


def unknown(word: str, known: Iterable[str]) -> str:
    """What is known instead of ``word``: the nearest, or all.

    >>> unknown("stat", ["start", "topics"])
    'did you mean "start"?'
    """
    known = list(known)
    by_case = {k.lower(): k for k in known}
    if near := get_close_matches(word.lower(), by_case, n=1, cutoff=0.65):
        return f'did you mean "{by_case[near[0]]}"?'
    more = f" and {len(known) - _MOST} more" if len(known) > _MOST else ""
    return f"known are: {', '.join(known[:_MOST])}{more}"
