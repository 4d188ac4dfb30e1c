"""Readers of single values: durations, sizes, names, addresses, windows. Each raises ValueError in words.

Each kind of value also says how it is written: that is what the JSON Schema and the generated page show.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from driftline.config.messages import shown, unknown_key
from driftline.durations import duration_ms
from driftline.instants import parse_instant
from driftline.settings import duration_text

_SIZE = re.compile(r"(\d+)\s*(B|KiB|MiB|GiB|TiB)?")
_FACTOR = {None: 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_TOPIC = re.compile(r"[a-zA-Z0-9._-]+")
_LONGEST_TOPIC = 249
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


def size_text(size: int) -> str:
    """A size in the largest unit that divides it: ``1048576 -> "1MiB"``."""
    unit = next((u for u in ("TiB", "GiB", "MiB", "KiB") if size and size % _FACTOR[u] == 0), None)
    return f"{size // _FACTOR[unit]}{unit or ''}"


def name(value: Any) -> str:
    """A canonical string: YAML's ``1`` is ``"1"``, its ``true`` is ``"true"``."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, str | int | float) and value != "":
        return str(value)
    raise ValueError(f"found {shown(value)}; write a name")


def topic(value: Any) -> str:
    """A name that Kafka takes for a topic."""
    found = name(value)
    if len(found) > _LONGEST_TOPIC:
        raise ValueError(f"{shown(found)} has {len(found)} characters; Kafka takes {_LONGEST_TOPIC} at most")
    if _TOPIC.fullmatch(found) and found not in (".", ".."):
        return found
    near = re.sub(r"[^a-zA-Z0-9._-]+", "-", found).strip("-.")
    hint = f'write "{near}"' if near else 'write a name, as "predictions"'
    raise ValueError(
        f'{shown(found)} is no name for a topic: Kafka takes letters, digits, ".", "_" and "-"; {hint}'
    )


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


def address_text(value: tuple[str, int]) -> str:
    """An address as it is written."""
    return f"{value[0]}:{value[1]}"


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


_UNITS = "(ms|s|m|h|d|w)"
_LONG = {"type": "string", "pattern": f"^0*[1-9][0-9]*{_UNITS}$", "examples": ["1m", "24h", "7d"]}
_SHORT = {"type": "string", "pattern": f"^[0-9]+{_UNITS}$", "examples": ["0s", "1m", "24h", "7d"]}
_NAME = {"type": ["string", "number", "boolean"], "minLength": 1}
_TOPIC_NAME = {**_NAME, "pattern": f"^{_TOPIC.pattern}$", "maxLength": _LONGEST_TOPIC}
_BYTES = {
    "anyOf": [
        {"type": "string", "pattern": r"^0*[1-9][0-9]*\s*(B|KiB|MiB|GiB|TiB)?$"},
        {"type": "integer", "minimum": 1},
    ]
}
_WINDOW = {
    "anyOf": [
        _LONG,
        {
            "type": "object",
            "properties": {"length": _LONG, "slide": _LONG},
            "required": ["length"],
            "additionalProperties": False,
        },
    ]
}
_START = {"type": "string", "pattern": r"^(earliest|latest|\d{4}-\d\d-\d\d[Tt ].+)$"}
_LISTEN_TEXT = {"type": "string", "pattern": r"^(\[[^\]]+\]|[^:]*):[0-9]{1,5}$"}

_Text = PlainSerializer(duration_text)

Duration = Annotated[int, BeforeValidator(duration_ms), _Text, WithJsonSchema(_SHORT)]
LongDuration = Annotated[int, BeforeValidator(positive_duration), _Text, WithJsonSchema(_LONG)]
MaxFuture = Annotated[
    int | None,
    BeforeValidator(max_future),
    PlainSerializer(lambda value: "none" if value is None else duration_text(value)),
    WithJsonSchema({"anyOf": [_SHORT, {"enum": ["none", None]}]}),
]
Size = Annotated[int, BeforeValidator(size_bytes), PlainSerializer(size_text), WithJsonSchema(_BYTES)]
Name = Annotated[str, BeforeValidator(name), WithJsonSchema(_NAME)]
Topic = Annotated[str, BeforeValidator(topic), WithJsonSchema(_TOPIC_NAME)]
WindowText = Annotated[RawWindow, BeforeValidator(window), WithJsonSchema(_WINDOW)]
Start = Annotated[Any, BeforeValidator(start), WithJsonSchema(_START)]
Address = Annotated[
    tuple[str, int], BeforeValidator(address), PlainSerializer(address_text), WithJsonSchema(_LISTEN_TEXT)
]
