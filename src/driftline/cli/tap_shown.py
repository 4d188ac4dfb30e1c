"""A record and what is read of it, as a table for people and as a line for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from confluent_kafka import Message
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from driftline.cli.tap_lenses import Seen
from driftline.instants import rfc3339

_RAW_SHOWN = 600


def line(message: Message, seen: Seen) -> dict[str, Any]:
    """All of it. ``rejected`` is what becomes of the record now; of a dead letter, ``dead_letter`` what became of it."""
    key, value = message.key(), message.value()
    return {
        "topic": message.topic(), "partition": message.partition(), "offset": message.offset(),
        "timestamp": _instant(message), "key": _text(key), "raw": _text(value),
        **({"dead_letter": asdict(seen.origin)} if seen.origin else {}),
        "rejected": seen.read.rejected, "why": seen.why, "events": seen.read.events,
    }  # fmt: skip


def table(message: Message, seen: Seen) -> Table:
    """The raw value beside what is read of it."""
    place = f"{message.topic()}[{message.partition()}] offset {message.offset()}, {_instant(message) or 'no timestamp'}"
    shown = Table(box=SIMPLE, title=escape(place), title_justify="left", expand=True)
    for head in ("raw", "as read"):
        shown.add_column(head, overflow="fold", ratio=1)
    shown.add_row(escape(_raw(message)), "\n".join([*_rejection(seen), *map(_event_text, seen.read.events)]))
    return shown


def _rejection(seen: Seen) -> list[str]:
    told, origin = [], seen.origin
    if origin:
        place = f"{origin.topic}[{origin.partition}] offset {origin.offset}"
        told.append(f"[bold red]{escape(f'dead letter of {place}: {origin.reason}')}[/]")
    elif seen.read.rejected:
        told.append(f"[bold red]rejected: {escape(seen.read.rejected)}[/]")
    if seen.why:
        told.append(escape(seen.why))
    if origin and not seen.read.rejected and seen.read.events:
        told.append("now it would be read:")
    return told


def _raw(message: Message) -> str:
    raw = _text(message.value())
    if raw is None:
        return "(null)"
    return raw if len(raw) <= _RAW_SHOWN else f"{raw[:_RAW_SHOWN]}… ({len(raw)} characters)"


def _instant(message: Message) -> str | None:
    kind, stamp_ms = message.timestamp()
    return rfc3339(stamp_ms) if kind and stamp_ms > 0 else None


def _text(value: bytes | str | None) -> str | None:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value


def _event_text(event: dict[str, Any]) -> str:
    lines = []
    for name, value in event.items():
        if name == "monitored":
            lines.append(
                "monitored: yes" if value else "[yellow]unmonitored: no entry under models matches[/]"
            )
            continue
        told = ", ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else value
        told = ", ".join(map(str, told)) if isinstance(told, list) else told
        lines.append(f"{name}: {escape(str(told))}")
    return "\n".join(lines)
