"""Single values of a rule, and the mistakes in them, collected while a rule is read on."""

from __future__ import annotations

from collections.abc import Mapping
from sys import float_info
from typing import Any

from driftline.durations import duration_ms
from driftline.errors import Problem
from driftline.rules.remedies import names_hint, number_hint
from driftline.words import shown, unknown


class Reader:
    """Collects problems while it reads."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def wrong(self, path: str, message: str) -> None:
        """Note a mistake."""
        self.problems.append(Problem(path, message))

    def keys(self, raw: Mapping[str, Any], allowed: tuple[str, ...], path: str) -> None:
        """Note the keys that nothing reads."""
        for key in raw:
            if key not in allowed:
                self.wrong(f"{path}.{key}", f"unknown key; {unknown(str(key), allowed)}")

    def duration(self, raw: Mapping[str, Any], key: str, path: str, default: int) -> int:
        """Milliseconds."""
        if key not in raw:
            return default
        try:
            return duration_ms(raw[key])
        except ValueError as error:
            self.wrong(f"{path}.{key}", str(error))
            return default

    def choice(
        self, raw: Mapping[str, Any], key: str, path: str, allowed: tuple[str, ...], default: str
    ) -> str:
        """One of several words."""
        value = raw.get(key, default)
        if value not in allowed:
            self.wrong(f"{path}.{key}", f"found {shown(value)}; {unknown(str(value), allowed)}")
            return default
        return str(value)

    def number(self, value: object, path: str) -> float | None:
        """A number that is one."""
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124
            self.wrong(path, f"{shown(value)} is not a number{number_hint(value)}")
            return None
        if not abs(value) <= float_info.max:
            self.wrong(path, f"{shown(value)} is beyond float64; write a smaller one")
            return None
        return float(value)

    def names(
        self, raw: Mapping[str, Any], key: str, path: str, default: tuple[str, ...] | None
    ) -> tuple[str, ...] | None:
        """A name, or a list of names."""
        value = raw.get(key, default)
        if value is None or isinstance(value, tuple):
            return default
        values = value if isinstance(value, list) else [value]
        if not values or not all(isinstance(v, str | int) and not isinstance(v, bool) for v in values):
            self.wrong(
                f"{path}.{key}", f"{shown(value)} is not a name or a list of names; {names_hint(value)}"
            )
            return default
        return tuple(str(v) for v in values)
