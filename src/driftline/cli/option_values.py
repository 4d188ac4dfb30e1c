"""What is written for options of data files, as values."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

import click

from driftline.config.servers import servers
from driftline.config.values import topic as topic_name
from driftline.durations import duration_ms
from driftline.reference.tables import Span

T = TypeVar("T")


def columns(text: str | tuple[str, ...]) -> tuple[str, ...]:
    """Names, separated by commas."""
    return (
        text if isinstance(text, tuple) else tuple(name.strip() for name in text.split(",") if name.strip())
    )


def features(text: str | tuple[str, ...]) -> tuple[str, ...]:
    """All features by name; ``-``: there are none."""
    return () if text == "-" else columns(text)


def rows(text: str) -> Span:
    """``A:B``, half-open."""
    found = re.fullmatch(r"(\d*):(\d*)", text)
    if not found:
        raise click.BadParameter(f'"{text}" is no span of rows; write 0:9072 for the first 9072')
    first, last = int(found[1] or 0), int(found[2]) if found[2] else None
    if last is not None and last < first:
        right = f"write {last}:{first} for rows {last} to {first - 1}"
        raise click.BadParameter(f'"{text}" ends before it begins; {right}')
    if last == first:
        right = f"write {first}:{first + 1} for row {first} alone"
        raise click.BadParameter(f'"{text}" holds no row, since row {last} is not in it; {right}')
    return first, last


def span_of_time(text: str) -> int:
    """A duration in milliseconds."""
    return _tried(duration_ms, text)


def threshold(text: str) -> float:
    """A score that tells two classes apart, from 0 to 1."""
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 1:
        raise click.BadParameter(f'"{text}" is no threshold; write a number from 0 to 1, as 0.5')
    return found


def pair(text: str) -> tuple[str, str]:
    """``key=value``."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise click.BadParameter(f'"{text}" is not key=value')
    return key, value


def brokers(text: str) -> str:
    """Addresses of brokers, as the configuration takes them."""
    return _tried(servers, text)


def topic(text: str) -> str:
    """A name that Kafka takes for a topic."""
    return _tried(topic_name, text)


def _tried(read: Callable[[str], T], text: str) -> T:
    try:
        return read(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error
