"""Parameters of a request: declared once, read into values, and every mistake reported with what would be right."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from driftline.durations import duration_ms
from driftline.instants import parse_instant
from driftline.settings import duration_text
from driftline.web.api.problems import Refused

LIMIT, MOST = 1000, 10_000


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an endpoint."""

    name: str
    about: str
    schema: dict[str, Any] = field(default_factory=lambda: {"type": "string"})
    read: Callable[[str], Any] = str
    """Raises ValueError with what would be right."""
    repeats: bool = False
    """Given several times, it selects what any of the values selects."""


def _whole_number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= MOST:
        raise ValueError(f"must be a whole number from 1 to {MOST}, as in limit={LIMIT}")
    return int(text)


def _instant(text: str) -> int:
    try:
        return parse_instant(text.replace(" ", "+"))  # a plus that was not encoded
    except ValueError:
        raise ValueError('must be an RFC 3339 instant, as in "2026-01-31T00:00:00Z"') from None


def _window(text: str) -> str:
    try:
        return duration_text(duration_ms(text))
    except ValueError:
        raise ValueError('must be a duration, as in "24h" or "7d"') from None


def choice(name: str, about: str, values: Sequence[str]) -> Parameter:
    """A parameter with a closed set of values."""

    def read(text: str) -> str:
        if text not in values:
            raise ValueError(f"must be one of {', '.join(values)}{_near(text, values)}")
        return text

    return Parameter(name, about, {"type": "string", "enum": list(values)}, read, repeats=True)


def selects(name: str, about: str) -> Parameter:
    """A parameter that selects by a name."""
    return Parameter(name, about, repeats=True)


MODEL = selects("model", "Name of a model")
VERSION = selects("version", "Version of a model")
WINDOW = Parameter("window", "Length of a window, in any unit: 24h is 1d", read=_window, repeats=True)
FROM = Parameter(
    "from", "First instant, inclusive (RFC 3339)", {"type": "string", "format": "date-time"}, _instant
)
TO = Parameter(
    "to", "Last instant, inclusive (RFC 3339)", {"type": "string", "format": "date-time"}, _instant
)
PAGED = (
    Parameter(
        "limit", "Most items of one answer", {"type": "integer", "minimum": 1, "maximum": MOST, "default": LIMIT}, _whole_number
    ),
    Parameter("cursor", 'Where to go on: from the link with rel="next" of the answer before'),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked for, by parameter."""

    values: dict[str, tuple[Any, ...]]

    def one(self, name: str, default: Any = None) -> Any:
        """The value of a parameter that is given once."""
        return self.values[name][0] if name in self.values else default

    def wants(self, **found: str | None) -> bool:
        """Whether every parameter given has the value found."""
        return all(name not in self.values or value in self.values[name] for name, value in found.items())


def parse(parameters: Sequence[Parameter], given: Iterable[tuple[str, str]]) -> Query:
    """The values of all parameters.

    Raises
    ------
    Refused
        Unknown names, values that cannot be read, parameters given twice: all of them at once.
    """
    known = {p.name: p for p in parameters}
    values: dict[str, list[Any]] = {}
    mistakes: list[tuple[str, str]] = []
    for name, text in given:
        if name not in known:
            mistakes.append((name, _unknown(name, list(known))))
            continue
        if name in values and not known[name].repeats:
            mistakes.append((name, f"{name} is given twice; give it once"))
            continue
        try:
            values.setdefault(name, []).append(known[name].read(text))
        except ValueError as error:
            mistakes.append((name, f"{name}={_shown(text)} {error}"))
    if mistakes:
        raise Refused(mistakes)
    return Query({name: tuple(each) for name, each in values.items()})


def _unknown(name: str, known: Sequence[str]) -> str:
    takes = f"known are {', '.join(known)}" if known else "none is known here"
    return f"unknown parameter {_shown(name)}{_near(name, known)}; {takes}"


def _shown(text: str) -> str:
    return json.dumps(text if len(text) <= 100 else text[:100] + "…", ensure_ascii=False)


def _near(text: str, known: Sequence[str]) -> str:
    found = get_close_matches(text, known, 1, 0.6)
    return f", did you mean {found[0]}?" if found else ""
