"""``driftline tap``: events as they are decoded beside the raw ones."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import msgspec
from confluent_kafka import Message
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from driftline.cli.replay_inputs import topics_of
from driftline.config.messages import unknown
from driftline.config.model import Config
from driftline.config.parse import load_config
from driftline.errors import UsageError
from driftline.instants import rfc3339
from driftline.onboarding.decoded import Lens, Read
from driftline.pipeline.slots import Registry
from driftline.records import Headers, Kind
from driftline.settings import Limits
from driftline.sources.newest import Look, Start
from driftline.wiring import load_profile

_RAW_SHOWN = 600


@dataclass(frozen=True, slots=True)
class _Where:
    """Which Kafka, and how the topic's records are read."""

    bootstrap_servers: str
    properties: dict[str, Any]
    lens: Lens


@click.command("tap", short_help="Show events of a topic as decoded, beside the raw ones.")
@click.argument("topic")
@click.option(
    "--config",
    "config_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read them as the daemon would by this configuration.",
)
@click.option("--bootstrap-servers", metavar="B", help="host:port.  [the configuration's]")
@click.option(
    "--kind",
    type=click.Choice([k.value for k in Kind]),
    help="What the events are.  [by the configuration, else by their fields]",
)
@click.option("--count", type=click.IntRange(1, 1_000_000), default=10, show_default=True)
@click.option(
    "--from",
    "start",
    type=click.Choice(["earliest", "latest"]),
    default="latest",
    show_default=True,
    help="The oldest COUNT that are there, or the newest.",
)
@click.option("--follow", is_flag=True, help="Then show what comes, until COUNT more or Ctrl-C.")
def tap(
    topic: str, config_path: Path | None, bootstrap_servers: str | None, kind: str | None, count: int, start: Start,
    follow: bool,
) -> None:  # fmt: skip
    """Show what is read of the records of TOPIC: model, version, time, answer, features; or why a record is rejected.

    A table on a terminal, JSON lines otherwise. Nothing is committed, no group is joined, no state is touched.
    """
    config = load_config(config_path, os.environ) if config_path else None
    where = _where(config, topic, bootstrap_servers, kind)
    look = Look(
        bootstrap_servers=where.bootstrap_servers, topics=[topic], properties=where.properties, start=start, count=count
    )  # fmt: skip
    try:
        show = _Shown(where.lens, given=kind is not None or config is not None)
        show.all(look.records())
        if follow:
            for number, message in enumerate(look.follow(), 1):
                show.all([message])
                if number >= count:
                    break
        show.sum_up()
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # the reader of stdout has seen enough
    finally:
        look.close()


def _where(config: Config | None, topic: str, servers: str | None, kind: str | None) -> _Where:
    if config is None:
        if servers is None:
            raise UsageError("where is Kafka? give --bootstrap-servers or --config")
        return _Where(servers, {}, Lens(Kind(kind or Kind.PREDICTION), Limits()))
    topics = {name: (stream, of) for stream in config.streams for name, of in topics_of(stream).items()}
    address = servers or config.kafka.bootstrap_servers
    if topic not in topics and kind is None:
        raise UsageError(
            f"no stream reads {topic}; {unknown(topic, topics)} (or say what its events are with --kind)"
        )
    stream, of = topics.get(topic, (config.streams[0], Kind(kind or Kind.PREDICTION)))
    models = tuple(m for m in config.models if m.stream == stream.name)
    registry = Registry(models, config.limits, load_profile)
    lens = Lens(Kind(kind) if kind else of, config.limits, stream, registry.schema_of)
    return _Where(address, dict(config.kafka.properties), lens)


class _Shown:
    """Writes each record, and counts what became of them."""

    def __init__(self, lens: Lens, *, given: bool) -> None:
        self._lens = lens
        self._given = given
        self._counts: Counter[str] = Counter()
        self._terminal = sys.stdout.isatty()
        self._console = Console(highlight=False)

    def all(self, messages: Iterable[Message]) -> None:
        """Write some, in their order."""
        for message in messages:
            if not self._given:
                self._lens, self._given = Lens(likely_kind(message.value()), self._lens.limits), True
            read = self._lens.read(message.value(), _headers(message), message.timestamp()[1])
            self._counts.update(_outcomes(read))
            if self._terminal:
                self._console.print(_table(message, read))
            else:
                click.echo(msgspec.json.encode(_line(message, read)).decode())

    def sum_up(self) -> None:
        """How many were read, and how."""
        told = ", ".join(f"{count} {what}" for what, count in self._counts.most_common()) or "no records"
        click.echo(f"{told} (read as {self._lens.kind} events)", err=True)


def likely_kind(value: bytes | None) -> Kind:
    """By the fields of a record: a label has ``label``, a prediction an id; anything else is taken as a prediction."""
    try:
        found = msgspec.json.decode(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Kind.PREDICTION
    fields = found.get("data", found) if isinstance(found, dict) else {}
    if not isinstance(fields, dict):
        return Kind.PREDICTION
    if "label" in fields:
        return Kind.LABEL
    return Kind.FEATURES if "features" in fields and "prediction_id" not in fields else Kind.PREDICTION


def _headers(message: Message) -> Headers | None:
    try:
        return message.headers()  # type: ignore[return-value]
    except ValueError:
        return None


def _outcomes(read: Read) -> Iterator[str]:
    if read.rejected:
        yield f"rejected ({read.rejected})"
    else:
        yield from ("unmonitored" if event.get("monitored") is False else "usable" for event in read.events)


def _line(message: Message, read: Read) -> dict[str, Any]:
    key, value = message.key(), message.value()
    return {
        "topic": message.topic(), "partition": message.partition(), "offset": message.offset(),
        "timestamp": _instant(message), "key": _text(key), "raw": _text(value),
        "rejected": read.rejected, "events": read.events,
    }  # fmt: skip


def _instant(message: Message) -> str | None:
    kind, stamp_ms = message.timestamp()
    return rfc3339(stamp_ms) if kind and stamp_ms > 0 else None


def _text(value: bytes | str | None) -> str | None:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value


def _table(message: Message, read: Read) -> Table:
    place = f"{message.topic()}[{message.partition()}] offset {message.offset()}, {_instant(message) or 'no timestamp'}"
    table = Table(box=SIMPLE, title=escape(place), title_justify="left", expand=True)
    for head in ("raw", "as read"):
        table.add_column(head, overflow="fold", ratio=1)
    raw = _text(message.value())
    shown = (
        "(null)"
        if raw is None
        else raw
        if len(raw) <= _RAW_SHOWN
        else f"{raw[:_RAW_SHOWN]}… ({len(raw)} characters)"
    )
    rejected = f"[bold red]rejected: {escape(read.rejected)}[/]\n" if read.rejected else ""
    table.add_row(escape(shown), rejected + "\n".join(map(_event_text, read.events)))
    return table


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
