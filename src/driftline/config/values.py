"""Readers of single values: durations, sizes, names, addresses, windows. Each raises ValueError in words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator

from driftline.config.messages import shown, unknown_key
from driftline.durations import duration_ms
from driftline.instants import parse_instant

_SIZE = re.compile(r"(\d+)\s*(B|KiB|MiB|GiB|TiB)?")
_FACTOR = {None: 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_LISTEN = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<host>[^:]*)):(?P<port>\d{1,5})")


@dataclass(frozen=True, slots=True)
class RawWindow:
    """A window as written: the slide may be left to the stream's step."""

    length_ms: int
    slide_ms: int | None = None


def positive_duration(value: Any) -> int:
    """A duration that is longer than nothing."""
    found = duration_ms(value)
    if found == 0:
        raise ValueError(f'{shown(value)} is no time at all; write a longer one, as "1m"')
    return found


def size_bytes(value: Any) -> int:
    """Bytes: a whole number, with a unit of B, KiB, MiB, GiB or TiB."""
    found = (
        _SIZE.fullmatch(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else None
    )
    if found is None or found[1].strip("0") == "":
        raise ValueError(f'{shown(value)} is not a size; write bytes or a unit of KiB, MiB, GiB, as "1MiB"')
    return int(found[1]) * _FACTOR[found[2]]


def name(value: Any) -> str:
    """A canonical string: YAML's ``1`` is ``"1"``, its ``true`` is ``"true"``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, str | int | float) and value != "":
        return str(value)
    raise ValueError(f"found {shown(value)}; write a name")


def window(value: Any) -> RawWindow:
    """``"24h"``, or ``{length: 28d, slide: 1d}``."""
    if not isinstance(value, dict):
        return RawWindow(positive_duration(value))
    for key in value:
        if key not in ("length", "slide"):
            raise ValueError(unknown_key(str(key), ("length", "slide")))
    if "length" not in value:
        raise ValueError('has no length; write {length: 28d, slide: 1d}, or "28d" alone')
    slide = value.get("slide")
    return RawWindow(positive_duration(value["length"]), None if slide is None else positive_duration(slide))


def address(value: Any) -> tuple[str, int]:
    """Host and port of ``"127.0.0.1:9464"``, ``":9464"`` (all interfaces) or ``"[::1]:9464"``."""
    found = _LISTEN.fullmatch(value) if isinstance(value, str) else None
    if found is None or int(found["port"]) > 65535:
        raise ValueError(f'{shown(value)} is not an address; write host:port, as "127.0.0.1:9464"')
    return found["six"] or found["host"] or "0.0.0.0", int(found["port"])  # noqa: S104 - asked for by ":9464"


def start(value: Any) -> str | int:
    """``earliest``, ``latest``, or the epoch milliseconds of an instant."""
    if value in ("earliest", "latest"):
        return str(value)
    try:
        return parse_instant(str(value))
    except ValueError:
        raise ValueError(
            f'found {shown(value)}; write earliest, latest or a time as "2026-01-31T00:00:00Z"'
        ) from None


def max_future(value: Any) -> int | None:
    """A duration, or ``none``: nothing is too far in the future."""
    return None if value in (None, "none") else duration_ms(value)


Duration = Annotated[int, BeforeValidator(duration_ms)]
LongDuration = Annotated[int, BeforeValidator(positive_duration)]
Size = Annotated[int, BeforeValidator(size_bytes)]
Name = Annotated[str, BeforeValidator(name)]
WindowText = Annotated[RawWindow, BeforeValidator(window)]
Address = Annotated[tuple[str, int], BeforeValidator(address)]
