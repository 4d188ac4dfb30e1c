"""``driftline tap``: events as they are decoded beside the raw ones."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import msgspec
from confluent_kafka import Message
from rich.console import Console

from driftline.cli.option_values import brokers
from driftline.cli.option_values import topic as named_topic
from driftline.cli.tap_lenses import Lenses, Seen
from driftline.cli.tap_shown import line, table
from driftline.config.model import Config
from driftline.config.parse import load_config
from driftline.errors import UsageError
from driftline.records import Kind
from driftline.sources.newest import Look, Start


@click.command("tap", short_help="Show events of a topic as decoded, beside the raw ones.")
@click.argument("topic", type=named_topic)
@click.option(
    "--config",
    "config_path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read them as the daemon would by this configuration.",
)
@click.option("--bootstrap-servers", type=brokers, metavar="B", help="host:port.  [the configuration's]")
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

    A table on a terminal, JSON lines otherwise. A dead letter is shown with where it came from and why it is one.
    Nothing is committed, no group is joined, no state is touched.
    """
    config = load_config(config_path, os.environ) if config_path else None
    lenses = Lenses(config, Kind(kind) if kind else None)
    lenses.check(topic)
    look = Look(
        bootstrap_servers=_servers(config, bootstrap_servers), topics=[topic], start=start, count=count,
        properties=dict(config.kafka.properties) if config else {},
    )  # fmt: skip
    try:
        show = _Shown(lenses)
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


def _servers(config: Config | None, given: str | None) -> str:
    if given is not None:
        return given
    if config is None:
        raise UsageError("where is Kafka? give --bootstrap-servers or --config")
    return config.kafka.bootstrap_servers


class _Shown:
    """Writes each record, and counts what became of them."""

    def __init__(self, lenses: Lenses) -> None:
        self._lenses = lenses
        self._counts: Counter[str] = Counter()
        self._kinds: set[Kind] = set()
        self._terminal = sys.stdout.isatty()
        self._console = Console(highlight=False)

    def all(self, messages: Iterable[Message]) -> None:
        """Write some, in their order."""
        for message in messages:
            seen = self._lenses.look(message)
            self._kinds.add(seen.kind)
            self._counts.update(_outcomes(seen))
            if self._terminal:
                self._console.print(table(message, seen))
            else:
                click.echo(msgspec.json.encode(line(message, seen)).decode())

    def sum_up(self) -> None:
        """How many were read, and how."""
        told = ", ".join(f"{count} {what}" for what, count in self._counts.most_common()) or "no records"
        kinds = f" (read as {' and '.join(sorted(self._kinds))} events)" if self._kinds else ""
        click.echo(told + kinds, err=True)


def _outcomes(seen: Seen) -> Iterator[str]:
    if seen.origin:
        yield f"dead letters ({seen.origin.reason})"
    elif seen.read.rejected:
        yield f"rejected ({seen.read.rejected})"
    else:
        yield from ("unmonitored" if e.get("monitored") is False else "usable" for e in seen.read.events)
